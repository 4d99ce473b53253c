from __future__ import annotations

from typing import Any

import pytest

from trioproxy.protocols.gemini.openapi import DEPTH, json_schema_of


def test_googles_dialect_in_json_schema() -> None:
    assert json_schema_of(
        {
            "type": "OBJECT",
            "nullable": True,
            "properties": {
                "b": {"type": "STRING", "format": "enum", "enum": ["X"], "nullable": True},
                "type": {
                    "type": "ARRAY",
                    "items": {"type": "INTEGER"},
                    "max_items": "5",
                    "minItems": 1,
                    "minimum": "1",
                    "maximum": "2.5",
                },
                "a": {"any_of": [{"type": "NUMBER"}, {"type": "TYPE_UNSPECIFIED"}]},
            },
            "property_ordering": ["a", "b", "gone", 3],
            "required": ["a"],
        }
    ) == {
        "type": ["object", "null"],
        "properties": {
            "a": {"anyOf": [{"type": "number"}, {}]},
            "b": {"type": ["string", "null"], "enum": ["X", None]},
            "type": {
                "type": "array",
                "items": {"type": "integer"},
                "maxItems": 5,
                "minItems": 1,
                "minimum": 1,
                "maximum": 2.5,
            },
        },
        "required": ["a"],
    }


def test_a_keyword_that_is_null_is_none() -> None:
    said = {
        "type": "OBJECT",
        "items": None,
        "any_of": None,
        "properties": {"a": {"type": "STRING", "enum": None, "default": None}},
    }
    assert json_schema_of(said) == {"type": "object", "properties": {"a": {"type": "string", "default": None}}}


def test_references_of_vertex() -> None:
    said = {"type": "OBJECT", "properties": {"a": {"ref": "#/defs/A"}}, "defs": {"A": {"type": "STRING"}}}
    assert json_schema_of(said) == {
        "type": "object",
        "properties": {"a": {"$ref": "#/$defs/A"}},
        "$defs": {"A": {"type": "string"}},
    }


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": ["string", "null"], "format": "date"},
        {
            "type": "object",
            "properties": {"a": True},
            "additionalProperties": False,
            "$defs": {"X": {"type": "string"}},
        },
        {"enum": ["OBJECT", {"type": "OBJECT"}], "default": {"type": "STRING"}, "title": "OBJECT"},
        {"type": {"odd": 1}, "properties": [], "anyOf": "x", "maxItems": "many"},
        {"nullable": True},
    ],
)
def test_plain_json_schema_passes(schema: dict[str, Any]) -> None:
    assert json_schema_of(schema) == {name: value for name, value in schema.items() if name != "nullable"}


@pytest.mark.parametrize(
    ("schema", "read"),
    [
        ({"type": "STRING", "enum": ["X", None]}, {"type": ["string", "null"], "enum": ["X", None]}),
        ({"anyOf": [{"type": "STRING"}]}, {"anyOf": [{"type": "string"}, {"type": "null"}]}),
        ({"$ref": "#/$defs/A"}, {"anyOf": [{"$ref": "#/$defs/A"}, {"type": "null"}]}),
        ({"type": ["STRING", "NULL"]}, {"type": ["string", "null"]}),
    ],
)
def test_nullable_beside_anything(schema: dict[str, Any], read: dict[str, Any]) -> None:
    assert json_schema_of({**schema, "nullable": True}) == read


def test_it_ends() -> None:
    deep: dict[str, Any] = {"type": "STRING"}
    for _ in range(DEPTH * 3):
        deep = {"items": deep}
    read = json_schema_of(deep)
    for _ in range(DEPTH * 3):
        read = read["items"]
    assert read == {"type": "STRING"}
