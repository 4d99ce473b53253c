from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from tests.protocols.gemini.test_schema import _schemas
from trioproxy.protocols.gemini.response_schema import clean_response

_TAKEN = {
    "$id", "$defs", "$ref", "$anchor", "type", "format", "title", "description", "enum", "items", "prefixItems", "minItems",
    "maxItems", "minimum", "maximum", "anyOf", "properties", "additionalProperties", "required", "propertyOrdering",
}  # fmt: skip


@pytest.mark.parametrize(
    ("schema", "cleaned"),
    [
        (
            {
                "$schema": "x",
                "type": "object",
                "title": "T",
                "properties": {
                    "a": {"type": ["string", "null"], "format": "date"},
                    "title": {"$ref": "#/$defs/X"},
                    "any": True,
                },
                "required": ["a"],
                "additionalProperties": False,
                "$defs": {"X": {"type": "integer", "minimum": 1, "exclusiveMaximum": 5}},
            },
            {
                "type": "object",
                "title": "T",
                "properties": {
                    "a": {"type": ["string", "null"], "format": "date"},
                    "title": {"$ref": "#/$defs/X"},
                    "any": {},
                },
                "required": ["a"],
                "additionalProperties": False,
                "$defs": {"X": {"type": "integer", "minimum": 1, "description": "(exclusiveMaximum: 5)"}},
            },
        ),
        (
            {"oneOf": [{"const": "a"}, {"const": 2}, {"const": True, "type": "boolean"}, {"enum": [None, "b"]}]},
            {"anyOf": [{"enum": ["a"]}, {"enum": [2]}, {"type": "boolean"}, {"enum": ["b"]}]},
        ),
        (
            {"$ref": "#/definitions/X", "description": "d", "definitions": {"X": {"not": {}}}},
            {"$ref": "#/$defs/X", "$defs": {"X": {}}},
        ),
        ({"allOf": [{"$ref": "#/$defs/X"}], "description": "d"}, {"$ref": "#/$defs/X"}),
        (
            {
                "properties": {"a": {"type": "string"}},
                "required": ["a"],
                "allOf": [
                    {"properties": {"b": {}}, "required": ["b", "a"], "allOf": [{"type": "object"}]},
                    {"$ref": "#/$defs/X"},
                    True,
                ],
            },
            {"properties": {"b": {}, "a": {"type": "string"}}, "required": ["a", "b"], "type": "object"},
        ),
        (
            {
                "$defs": {"X/y": {"properties": {"x": {}}}, "Z": {"$ref": "#/$defs/gone", "type": "object"}},
                "allOf": [
                    {"$ref": "#/$defs/X~1y"},
                    {"$ref": "#/$defs/Z"},
                    {"$ref": "#/$defs/gone/far"},
                    {"properties": {"p": {}}},
                ],
                "required": ["x"],
            },
            {
                "$defs": {"X/y": {"properties": {"x": {}}}, "Z": {"$ref": "#/$defs/gone"}},
                "required": ["x"],
                "properties": {"p": {}, "x": {}},
                "type": "object",
            },
        ),
        (
            {
                "allOf": [{"$ref": "#/$defs/A"}, {}],
                "$defs": {"A": {"allOf": [{"$ref": "#/$defs/A"}, {"type": "object"}]}},
            },
            None,
        ),
        ({"allOf": 3}, {}),
        (
            {
                "type": "array",
                "items": {"pattern": "^a$"},
                "prefixItems": [{"x": 1}],
                "uniqueItems": True,
                "description": "d",
            },
            {
                "type": "array",
                "items": {"description": "(pattern: ^a$)"},
                "prefixItems": [{}],
                "description": "d (uniqueItems: true)",
            },
        ),
        (
            {"properties": 1, "anyOf": 2, "items": 3, "enum": 4, "default": "x", "description": None},
            {"description": "(default: x)"},
        ),
    ],
)
def test_rules(schema: dict[str, Any], cleaned: dict[str, Any] | None) -> None:
    if cleaned is None:
        # A schema that contains itself has no form; that it ends is what matters.
        assert clean_response(schema)["type"] == "object"
    else:
        assert clean_response(schema) == cleaned


def test_it_ends() -> None:
    deep: dict[str, Any] = {}
    for _ in range(300):
        deep = {"items": deep}
    assert clean_response(deep)["items"]


def _walk(schema: Any) -> list[dict[str, Any]]:
    found = [schema]
    for name in ("properties", "$defs"):
        for each in schema.get(name, {}).values():
            found += _walk(each)
    for name in ("anyOf", "prefixItems"):
        for each in schema.get(name, []):
            found += _walk(each)
    return found + (_walk(schema["items"]) if "items" in schema else [])


@given(_schemas())
def test_only_what_google_takes_is_left_and_once_is_enough(schema: Any) -> None:
    cleaned = clean_response(schema)
    for node in _walk(cleaned):
        assert node.keys() <= _TAKEN
    assert clean_response(cleaned) == cleaned
