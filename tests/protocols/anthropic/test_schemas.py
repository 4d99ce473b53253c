from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.support.events import json_objects
from trioproxy.protocols.anthropic.schemas import bounded, is_bounded

CLOSED = {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": False}


def test_what_can_be_enforced_stays() -> None:
    schema = {
        "type": "object",
        "properties": {
            "day": {"type": "string", "format": "date"},
            "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "minItems": 1},
            "either": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/x"}]},
        },
        "required": ["day"],
        "additionalProperties": False,
        "$defs": {"x": CLOSED},
    }
    assert bounded(schema) == schema
    assert is_bounded(schema)


def test_limits_go_into_the_description() -> None:
    schema = {
        "type": "object",
        "properties": {
            "n": {"type": "integer", "minimum": 1, "maximum": 9, "description": "A number"},
            "s": {"type": "string", "format": "phone"},
            "l": {"type": "array", "minItems": 2, "items": True},
        },
    }
    assert bounded(schema) == {
        "type": "object",
        "properties": {
            "n": {"type": "integer", "description": "A number\n\n(minimum: 1, maximum: 9)"},
            "s": {"type": "string", "description": "(format: phone)"},
            "l": {"type": "array", "description": "(minItems: 2, items: true)"},
        },
        "additionalProperties": False,
    }
    assert not is_bounded(schema)


def test_objects_are_closed() -> None:
    assert bounded({"type": "object", "additionalProperties": {"type": "string"}}) == {
        "type": "object",
        "properties": {},
        "additionalProperties": False,
    }


def test_references_keep_their_definitions() -> None:
    schema = {"$ref": "#/definitions/x", "description": "gone", "definitions": {"x": {"type": "object"}}}
    assert bounded(schema) == {
        "$ref": "#/definitions/x",
        "definitions": {"x": {"type": "object", "properties": {}, "additionalProperties": False}},
    }


def test_one_of_becomes_any_of() -> None:
    assert bounded({"oneOf": [{"type": "string"}, 7]}) == {"anyOf": [{"type": "string"}, {}]}
    assert bounded({"allOf": [{"type": "string"}]}) == {"allOf": [{"type": "string"}]}


def test_depth_is_bounded() -> None:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(5000):
        schema = {"items": schema}
    assert bounded(schema)["items"]


keywords = st.sampled_from(["type", "properties", "items", "anyOf", "oneOf", "$defs", "$ref", "required", "minLength"])


@given(
    st.dictionaries(
        keywords, json_objects() | st.sampled_from(["object", "array", "string"]) | st.lists(json_objects())
    )
)
def test_any_schema_settles(schema: dict[str, Any]) -> None:
    assert bounded(bounded(schema)) == bounded(schema)
