from __future__ import annotations

from hypothesis import given, settings

from tests.support.events import legal_events
from trioproxy.errors import ErrorKind, Failure
from trioproxy.neutral.events import (
    Event,
    Failed,
    PartFinished,
    PartKind,
    PartStarted,
    ReasoningDelta,
    ResponseStarted,
    TextDelta,
    ToolCallStarted,
)
from trioproxy.neutral.fold import fold
from trioproxy.protocols.openai_chat.sequencer import Sequencer


def _text(index: int) -> tuple[PartStarted, TextDelta, PartFinished]:
    return (
        PartStarted(index=index, kind=PartKind.TEXT),
        TextDelta(index=index, text=str(index)),
        PartFinished(index=index),
    )


def test_what_is_in_order_passes_at_once() -> None:
    sequencer = Sequencer()
    events: list[Event] = [
        ResponseStarted(id="", model=""),
        *_text(0)[:2],
        PartStarted(index=1, kind=PartKind.REASONING),
        ReasoningDelta(index=1, text="x"),
        ToolCallStarted(index=2, call_id="a", name="f"),
        _text(0)[2],
        *_text(3),
    ]
    assert [sequencer.feed(event) for event in events] == [[event] for event in events]
    assert sequencer.close() == []


def test_a_second_text_waits_for_the_first() -> None:
    sequencer = Sequencer()
    first, second, third = _text(0), _text(1), _text(2)
    event: Event
    for event in first[:2]:
        sequencer.feed(event)
    for event in (*second, *third[:2]):
        assert sequencer.feed(event) == []
    assert sequencer.feed(first[2]) == [first[2], *second, *third[:2]]
    assert sequencer.feed(third[2]) == [third[2]]


def test_a_part_that_waits_with_nothing_said() -> None:
    sequencer = Sequencer()
    first, second = _text(0), _text(1)
    sequencer.feed(first[0])
    sequencer.feed(second[0])
    assert sequencer.feed(first[2]) == [first[2], second[0]]
    assert sequencer.feed(second[1]) == [second[1]]


def test_a_failure_lets_everything_through() -> None:
    sequencer = Sequencer()
    sequencer.feed(_text(0)[0])
    sequencer.feed(_text(1)[0])
    sequencer.feed(_text(1)[1])
    failed = Failed(failure=Failure(kind=ErrorKind.TRUNCATED, message="m"))
    assert sequencer.feed(failed) == [*_text(1)[:2], failed]


@settings(max_examples=60, deadline=None)
@given(legal_events())
def test_nothing_is_lost_and_no_two_of_a_kind_are_open(events: list[Event]) -> None:
    sequencer = Sequencer()
    passed = [event for each in events for event in sequencer.feed(each)]
    assert len(passed) == len(events)
    assert fold(passed) == fold(events)
    if isinstance(events[-1], Failed):
        return
    open_kinds: dict[int, PartKind] = {}
    for event in passed:
        if isinstance(event, PartStarted):
            assert event.kind not in open_kinds.values()
            open_kinds[event.index] = event.kind
        elif isinstance(event, PartFinished):
            open_kinds.pop(event.index, None)
