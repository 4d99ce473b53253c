"""An answer that is no object is asked for in one, and told as what it is, however it is cut."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioproxy.errors import ErrorKind, Failure, Fault
from trioproxy.neutral.boxing import Unboxer, boxed
from trioproxy.neutral.events import (
    Event,
    Failed,
    Finished,
    FinishReason,
    PartFinished,
    PartKind,
    PartStarted,
    TextDelta,
)
from trioproxy.neutral.request import Conversation, OutputFormat, OutputKind

LIST = {"type": "array", "items": {"type": "string"}}


def asking(schema: Any) -> Conversation:
    return Conversation(
        model="m", output=OutputFormat(kind=OutputKind.JSON_SCHEMA, schema=schema, name="n", strict=True)
    )


def told(*texts: str, end: Event | None = None) -> str:
    unboxer = Unboxer()
    events: list[Event] = [PartStarted(index=0, kind=PartKind.TEXT), *(TextDelta(index=0, text=t) for t in texts)]
    last: list[Event] = [end] if end is not None else [PartFinished(index=0), Finished(reason=FinishReason.STOP)]
    left = unboxer.feed_all([*events, *last])
    assert left[-len(last) :] == last
    said = [event.text for event in left if isinstance(event, TextDelta)]
    assert all(said)
    return "".join(said)


@pytest.mark.parametrize(
    "schema",
    [
        LIST,
        {"type": "string", "enum": ["a"]},
        {"anyOf": [{"type": "object"}, {"type": "null"}]},
        {"enum": ["a", "b"]},
        {"type": ["object", "null"]},
    ],
)
def test_what_is_no_object_is_put_in_a_box(schema: dict[str, Any]) -> None:
    output = boxed(asking(schema)).output
    assert output is not None
    assert output.schema == {
        "type": "object",
        "properties": {"answer": schema},
        "required": ["answer"],
        "additionalProperties": False,
    }
    assert (output.name, output.strict) == ("n", True)


def test_definitions_stay_where_references_look_for_them() -> None:
    shared = {"R": {"type": "object", "properties": {"r": {"$ref": "#/$defs/R"}}}}
    output = boxed(asking({"$schema": "x", "type": "array", "items": {"$ref": "#/$defs/R"}, "$defs": shared})).output
    assert output is not None
    assert output.schema is not None
    assert output.schema["$defs"] == shared
    assert output.schema["properties"] == {"answer": {"type": "array", "items": {"$ref": "#/$defs/R"}}}


@pytest.mark.parametrize(
    "conversation",
    [
        Conversation(model="m"),
        Conversation(model="m", output=OutputFormat(kind=OutputKind.JSON)),
        Conversation(model="m", output=OutputFormat(kind=OutputKind.JSON_SCHEMA)),
        asking({"type": "object"}),
        asking({"properties": {}}),
        asking({"type": "array", "items": {"$ref": "#"}}),
        asking({"type": "array", "items": {"anyOf": [{"$ref": "#/items/x"}]}}),
    ],
)
def test_what_needs_no_box_or_fits_in_none(conversation: Conversation) -> None:
    assert boxed(conversation) is conversation


VALUES = ['[{"a": "}"}, {"b": {}}]', "[]", '"a}"', "5", "null", '{"x": [1, {}]}', '"{\\"answer\\":"']


@given(st.sampled_from(VALUES), st.sampled_from(['{"answer":@}', ' {\n "answer" : @ } \n']), st.data())
def test_a_box_is_taken_off_however_it_is_cut(value: str, box: str, data: st.DataObject) -> None:
    text = box.replace("@", value)
    cuts = data.draw(st.lists(st.integers(0, len(text)), max_size=len(text)))
    places = [0, *sorted(cuts), len(text)]
    assert told(*(text[a:b] for a, b in itertools.pairwise(places))) == value


@pytest.mark.parametrize("text", [*VALUES, "", "{", '{"answer"', '{"answers": 1}', "words", " {} "])
def test_what_is_in_no_box_is_left_as_it_is(text: str) -> None:
    assert told(text) == text
    assert told(*text) == text


def test_an_answer_that_breaks_off_keeps_its_braces() -> None:
    assert told('{"answer": [{"a": {}}') == '[{"a": {}}'
    failed = Failed(failure=Failure(kind=ErrorKind.TRUNCATED, message="x", fault=Fault.UPSTREAM))
    assert told('{"answer": [{"a": {}}', end=failed) == '[{"a": {}}'


def test_texts_are_told_as_they_come() -> None:
    unboxer = Unboxer()
    assert unboxer.feed(TextDelta(index=0, text='{"answer":')) == []
    assert unboxer.feed(TextDelta(index=0, text=' [1, "a')) == [TextDelta(index=0, text='[1, "a')]
    assert unboxer.feed(TextDelta(index=0, text='"]}')) == [TextDelta(index=0, text='"]')]
    assert unboxer.feed(PartFinished(index=0)) == [PartFinished(index=0)]
