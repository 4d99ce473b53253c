"""Deltas that are written in one step are written as they are one by one."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.events import legal_events
from trioproxy.neutral.events import (
    Event,
    Growth,
    PartKind,
    PartStarted,
    ReasoningDelta,
    ResponseStarted,
    TextDelta,
    ToolArgsDelta,
    ToolCallStarted,
)
from trioproxy.neutral.extras import packed
from trioproxy.neutral.request import Conversation, Tool
from trioproxy.protocols.base import Operation, WriteContext, Writer
from trioproxy.protocols.table import NAMES, protocol
from trioproxy.wire.frames import Frame, Row
from trioproxy.wire.jsoncodec import Object
from trioproxy.wire.sse import around, encode, encode_row

CONTEXT = WriteContext(model="asked", now=1_700_000_000, token="c0ffee")
WRITERS: dict[str, Callable[[WriteContext], Writer]] = {
    **{name: protocol(name).stream_writer for name in NAMES},
    "completions": protocol("openai_chat").emulations[Operation.COMPLETIONS].stream_writer,
}


def growth(event: Event, texts: list[str]) -> Growth | None:
    """The event with so many texts, where it may go in one step."""
    if isinstance(event, TextDelta | ToolArgsDelta) or (isinstance(event, ReasoningDelta) and event.summary is None):
        return Growth(event.index, texts, type(event))
    return None


@pytest.mark.parametrize("name", WRITERS)
@settings(max_examples=200, deadline=None)
@given(events=legal_events(interleaved=True), texts=st.lists(st.text(min_size=1, max_size=6), min_size=1, max_size=4))
def test_many_are_written_as_each_is(name: str, events: list[Event], texts: list[str]) -> None:
    one, many = WRITERS[name](CONTEXT), WRITERS[name](CONTEXT)
    for event in events:
        grown = growth(event, texts)
        deltas = grown.deltas() if grown is not None else [event]
        expected = [frame for delta in deltas for frame in one.feed(delta)]
        row = many.more(grown) if grown is not None else None
        if row is not None:
            assert row.frames() == expected
            assert encode_row(row) == encode(expected)
        else:
            assert [frame for delta in deltas for frame in many.feed(delta)] == expected
        assert many.losses == one.losses
    assert many.close() == one.close()


@pytest.mark.parametrize("name", WRITERS)
@settings(max_examples=200, deadline=None)
@given(events=legal_events(interleaved=True), texts=st.lists(st.text(min_size=1, max_size=6), min_size=1, max_size=4))
def test_what_is_pressed_is_what_is_fed(name: str, events: list[Event], texts: list[str]) -> None:
    fed, pressed = WRITERS[name](CONTEXT), WRITERS[name](CONTEXT)
    for event in events:
        grown = growth(event, texts[:1])
        row = pressed.more(grown) if grown is not None else None
        if grown is None or row is None:
            for delta in [event] if grown is None else grown.deltas():
                assert pressed.feed(delta) == fed.feed(delta)
            continue
        assert row.frames() == [frame for delta in grown.deltas() for frame in fed.feed(delta)]
        press = pressed.press(grown)
        for text in texts:
            further = Growth(grown.index, [text], grown.kind)
            expected = [frame for delta in further.deltas() for frame in fed.feed(delta)]
            if press is None:
                assert [frame for delta in further.deltas() for frame in pressed.feed(delta)] == expected
            else:
                assert around(row.event) % press(text) == encode(expected)
        assert pressed.losses == fed.losses
    assert pressed.close() == fed.close()


@pytest.mark.parametrize("item_id", [None, "i"])
@pytest.mark.parametrize("kind", [PartKind.TEXT, PartKind.REASONING])
@pytest.mark.parametrize("name", NAMES)
def test_text_that_goes_on_goes_in_one_step(name: str, kind: PartKind, item_id: str | None) -> None:
    writer = WRITERS[name](CONTEXT)
    writer.feed(ResponseStarted(id="r", model="m"))
    writer.feed(PartStarted(index=0, kind=kind, item_id=item_id))
    more = Growth(0, ["a", "b"], ReasoningDelta if kind is PartKind.REASONING else TextDelta)
    for delta in more.deltas():
        writer.feed(delta)
    row = writer.more(more)
    assert row is not None
    assert writer.press(more) is not None
    assert len(row.data) == 2
    assert all(isinstance(frame, Frame) for frame in row.frames())


@pytest.mark.parametrize(
    ("name", "note"), [("openai_chat", {"legacy": True}), ("openai_responses", {"declared": {"type": "apply_patch"}})]
)
def test_arguments_of_calls_in_another_form_are_fed(name: str, note: Object) -> None:
    """The deprecated ``function_call``, and tools of OpenAI's own, whose calls are told whole."""
    tool = Tool(name="apply_patch", extras=packed(name, {}, spelling=note))
    conversation = Conversation(model="m", turns=(), tools=(tool,))
    writer = WRITERS[name](attrs.evolve(CONTEXT, conversation=conversation))
    writer.feed(ResponseStarted(id="r", model="m"))
    writer.feed(ToolCallStarted(index=0, call_id="c", name="apply_patch"))
    assert writer.more(Growth(0, ["{"], ToolArgsDelta)) is None
    assert writer.press(Growth(0, ["{"], ToolArgsDelta)) is None
    plain = WRITERS[name](CONTEXT)
    plain.feed(ResponseStarted(id="r", model="m"))
    plain.feed(ToolCallStarted(index=0, call_id="c", name="apply_patch"))
    assert plain.more(Growth(0, ["{"], ToolArgsDelta)) is not None


def test_a_row_of_frames() -> None:
    assert encode_row(Row([b"{}", b"[]"])) == b"data: {}\n\ndata: []\n\n"
    assert encode_row(Row([b"{}"], "x")) == b"event: x\ndata: {}\n\n"
    assert around(None) % b"{}" == b"data: {}\n\n"
    assert around("50%") % b"{}" == b"event: 50%\ndata: {}\n\n"
