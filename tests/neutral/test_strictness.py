from __future__ import annotations

from typing import Any

import pytest

from trioproxy.neutral.strictness import is_strict


def closed(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


@pytest.mark.parametrize(
    "schema",
    [
        closed(),
        {"type": "object", "additionalProperties": False},
        closed(a={"type": "string"}, b={"type": ["integer", "null"]}),
        closed(a=closed(b={"type": "array", "items": closed(c={"enum": [1]})})),
        closed(a={"anyOf": [closed(b={}), {"type": "null"}]}),
        {**closed(a={"$ref": "#/$defs/b"}), "$defs": {"b": closed()}, "definitions": {"c": {"type": "string"}}},
    ],
)
def test_closed_schemas_with_nothing_optional_are_taken(schema: dict[str, Any]) -> None:
    assert is_strict(schema)


@pytest.mark.parametrize(
    "schema",
    [
        None,
        {},
        {"type": "string"},
        {"type": "object"},
        {**closed(a={}), "required": []},
        {**closed(a={}), "required": None},
        {**closed(a={}), "properties": []},
        {**closed(), "anyOf": [closed()]},
        {**closed(), "allOf": []},
        closed(a={"type": "object", "properties": {}}),
        closed(a={"type": "array", "items": {"type": "object"}}),
        closed(a={"anyOf": [{"properties": {"b": {}}}]}),
        closed(a=True),
        {**closed(), "$defs": {"b": {"type": "object"}}},
    ],
)
def test_any_other_schema_is_not(schema: dict[str, Any] | None) -> None:
    assert not is_strict(schema)


def test_the_deepest_schema_is_not_followed_for_ever() -> None:
    deep: dict[str, Any] = {"type": "string"}
    for _ in range(200):
        deep = {"type": "array", "items": deep}
    assert not is_strict(closed(a=deep))
