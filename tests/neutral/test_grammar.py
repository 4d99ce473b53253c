from __future__ import annotations

import re
from typing import get_args

import pytest
from hypothesis import given

from tests.neutral.test_fold import INTERLEAVED
from tests.support.events import legal_events
from trioproxy.errors import ErrorKind, Failure
from trioproxy.neutral.events import (
    Event,
    Failed,
    Finished,
    FinishReason,
    Foreign,
    PartFinished,
    PartKind,
    PartStarted,
    RefusalDelta,
    ResponseStarted,
    TextDelta,
    ToolArgsDelta,
    ToolCallStarted,
    UsageReported,
)
from trioproxy.neutral.grammar import PARTS, STREAM, Grammar, PartState, StreamState
from trioproxy.neutral.usage import Usage
from trioproxy.wire.machine import ProtocolViolation

START = ResponseStarted(id="r", model="m")
STOP = Finished(reason=FinishReason.STOP)
TEXT = PartStarted(index=0, kind=PartKind.TEXT)
FAILED = Failed(failure=Failure(kind=ErrorKind.TIMEOUT, message="late"))


def run(events: list[Event]) -> None:
    grammar = Grammar()
    for event in events:
        assert grammar.feed(event) == [event]
    grammar.close()


@pytest.mark.parametrize(
    "events",
    [
        [START, STOP],
        [FAILED],
        [START, TEXT, TextDelta(index=0, text="a"), FAILED],
        [
            START,
            Foreign(index=0, protocol="p", kind="k", payload=1),
            PartStarted(index=1, kind=PartKind.REFUSAL),
            RefusalDelta(index=1, text="no"),
            PartFinished(index=1),
            STOP,
        ],
        INTERLEAVED,
    ],
)
def test_legal(events: list[Event]) -> None:
    run(events)


@pytest.mark.parametrize(
    ("events", "why"),
    [
        ([START], "ended without"),
        ([], "ended without"),
        ([STOP], "Finished is not legal while the stream is idle"),
        ([UsageReported(usage=Usage())], "not legal while the stream is idle"),
        ([START, START], "ResponseStarted is not legal while the stream is open"),
        ([START, STOP, FAILED], "Failed is not legal while the stream is over"),
        ([START, TextDelta(index=0, text="a")], "TextDelta is not legal for part 0, which is absent"),
        ([START, TEXT, TEXT], "PartStarted is not legal for part 0, which is text"),
        ([START, TEXT, ToolArgsDelta(index=0, text="a")], "not legal for part 0, which is text"),
        ([START, TEXT, PartFinished(index=0), TextDelta(index=0, text="a")], "which is closed"),
        ([START, TEXT, STOP], r"Finished while parts \[0\] are open"),
        ([START, ToolCallStarted(index=1, call_id="a", name="f")], "part 1 starts after 0 parts"),
        ([START, Foreign(index=0, protocol="p", kind="k", payload=1), PartFinished(index=0)], "which is closed"),
    ],
)
def test_illegal(events: list[Event], why: str) -> None:
    with pytest.raises(ProtocolViolation, match=why):
        run(events)


@given(legal_events())
def test_drawn_streams_are_legal_and_lose_their_legality_without_an_end(events: list[Event]) -> None:
    run(events)
    with pytest.raises(ProtocolViolation, match=re.escape("ended without")):
        run(events[:-1])


def test_the_tables_speak_of_every_event_and_state() -> None:
    spoken = {kind for row in STREAM.values() for kind in row}

    assert spoken == set(get_args(Event))
    assert set(STREAM) == set(StreamState)
    assert set(PARTS) == set(PartState)
