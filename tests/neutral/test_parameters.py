from __future__ import annotations

from typing import Any

import pytest

from trioproxy.neutral.parameters import parameters_of, spelled_out

EMPTY: dict[str, Any] = {"type": "object", "properties": {}}
LIST: dict[str, Any] = {"type": "array"}
WHOLE: dict[str, Any] = {"type": "array", "items": {}}


def with_(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        (None, EMPTY),
        ({}, EMPTY),
        ({"type": "object"}, EMPTY),
        ({"type": "object", "properties": None, "description": "d"}, {**EMPTY, "description": "d"}),
        ({"properties": {"a": {"type": "string"}}}, with_(a={"type": "string"})),
        (with_(a=LIST), with_(a=WHOLE)),
        (with_(a={"type": ["array", "null"], "items": None}), with_(a={"type": ["array", "null"], "items": {}})),
        (with_(a={"type": "array", "items": LIST}), with_(a={"type": "array", "items": WHOLE})),
        (with_(a={"anyOf": [LIST, {"type": "null"}]}), with_(a={"anyOf": [WHOLE, {"type": "null"}]})),
        (
            {**EMPTY, "$defs": {"X": with_(a=LIST)}, "additionalProperties": LIST},
            {**EMPTY, "$defs": {"X": with_(a=WHOLE)}, "additionalProperties": WHOLE},
        ),
        ({"anyOf": [EMPTY, EMPTY]}, {"type": "object", "properties": {}, "anyOf": [EMPTY, EMPTY]}),
        ({"type": ["object", "null"], "properties": {}}, EMPTY),
        ({"$ref": "#/$defs/X", "$defs": {"X": with_(a={})}}, {**with_(a={}), "$defs": {"X": with_(a={})}}),
        (with_(type=LIST, items={"const": LIST}), with_(type=WHOLE, items={"const": LIST})),
    ],
)
def test_what_a_schema_leaves_unsaid(schema: Any, told: Any) -> None:
    assert parameters_of(schema) == (told, False)


@pytest.mark.parametrize(
    "schema",
    [
        with_(a={"type": "string"}, b={"type": "array", "items": {"type": "string"}}),
        {**EMPTY, "anyOf": [EMPTY, EMPTY]},
        {"type": "string"},
        {**EMPTY, "properties": 7, "$defs": 7, "anyOf": 7, "items": 7},
    ],
)
def test_a_schema_that_says_all_is_itself(schema: Any) -> None:
    assert parameters_of(schema)[0] is schema


def test_a_schema_of_anything_stays_one() -> None:
    assert spelled_out({}) == {}
    assert spelled_out({"type": "object"}) == EMPTY


def test_a_schema_without_a_floor() -> None:
    deep: Any = LIST
    for _ in range(100):
        deep = {"type": "array", "items": deep}
    assert parameters_of(with_(a=deep)) == (with_(a=deep), False)


@pytest.mark.parametrize(
    ("schema", "told", "merged"),
    [
        (None, EMPTY, False),
        (with_(a=LIST), with_(a=WHOLE), False),
        ({"anyOf": [with_(a=LIST), with_(b={})]}, with_(a=WHOLE, b={}), True),
        ({**EMPTY, "not": {}, "enum": []}, EMPTY, True),
    ],
)
def test_what_openai_itself_takes(schema: Any, told: Any, merged: bool) -> None:
    assert parameters_of(schema, plain=True) == (told, merged)
