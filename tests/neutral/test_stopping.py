from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.events import legal_events
from trioproxy.errors import ErrorKind, Failure, Fault
from trioproxy.neutral.events import (
    Event,
    Failed,
    Finished,
    FinishReason,
    Foreign,
    PartFinished,
    PartKind,
    PartStarted,
    ReasoningDelta,
    ResponseStarted,
    TextDelta,
    ToolArgsDelta,
    ToolCallStarted,
    UsageReported,
)
from trioproxy.neutral.grammar import Grammar
from trioproxy.neutral.stopping import StopCutter
from trioproxy.neutral.usage import Usage

BEGUN = ResponseStarted(id="r", model="m")
OVER = Finished(reason=FinishReason.STOP)
TEXT = PartStarted(index=0, kind=PartKind.TEXT)
USED = UsageReported(usage=Usage(input=1, output=2))
FAILED = Failed(failure=Failure(kind=ErrorKind.TRUNCATED, message="x", fault=Fault.UPSTREAM))


def say(*pieces: str, index: int = 0) -> list[Event]:
    return [TextDelta(index=index, text=piece) for piece in pieces]


def cut(events: list[Event], *sequences: str) -> list[Event]:
    """The events that are left, in legal order."""
    cutter, grammar = StopCutter(sequences), Grammar()
    out = cutter.feed_all(events)
    for event in out:
        grammar.feed(event)
    grammar.close()
    return out


def text_of(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def test_an_answer_ends_where_a_sequence_begins() -> None:
    out = cut([BEGUN, TEXT, *say("one ST", "OP two"), *say("three"), PartFinished(index=0), USED, OVER], "STOP")
    assert out == [
        BEGUN,
        TEXT,
        *say("one "),
        PartFinished(index=0),
        USED,
        Finished(reason=FinishReason.STOP_SEQUENCE, stop_sequence="STOP"),
    ]


def test_no_more_is_held_back_than_may_be_a_sequence() -> None:
    cutter = StopCutter(["\n\nHuman:"])
    assert cutter.feed_all(say("a\n")) == say("a")
    assert cutter.feed_all(say("\nHum")) == []
    assert cutter.feed_all(say("ble")) == say("\n\nHumble")
    assert cutter.feed_all([*say("x\n"), PartFinished(index=0)]) == [*say("x"), *say("\n"), PartFinished(index=0)]


def test_the_first_of_several_counts_and_the_longer_of_two_in_one_place() -> None:
    events = [BEGUN, TEXT, *say("abcd"), PartFinished(index=0), OVER]
    assert text_of(cut(events, "c", "bc", "b")) == "a"
    assert cut(events, "c", "bc", "b")[-1] == Finished(reason=FinishReason.STOP_SEQUENCE, stop_sequence="bc")
    assert cut(events, "", "zz") == events
    assert cut(events) == events


def test_a_sequence_at_the_very_beginning_leaves_no_text() -> None:
    out = cut([BEGUN, TEXT, *say("STOP"), PartFinished(index=0), OVER], "STOP")
    assert text_of(out) == ""


def test_what_comes_behind_is_not_told() -> None:
    events: list[Event] = [
        BEGUN,
        TEXT,
        *say("a|b"),
        PartFinished(index=0),
        PartStarted(index=1, kind=PartKind.REASONING),
        ReasoningDelta(index=1, text="hm"),
        PartFinished(index=1),
        ToolCallStarted(index=2, call_id="c", name="f"),
        ToolArgsDelta(index=2, text="{}"),
        PartFinished(index=2),
        Foreign(index=3, protocol="gemini", kind="x", payload={}),
        Finished(reason=FinishReason.TOOL_CALLS),
    ]
    out = cut(events, "|")
    assert [type(event) for event in out] == [ResponseStarted, PartStarted, TextDelta, PartFinished, Finished]
    assert out[-1] == Finished(reason=FinishReason.STOP_SEQUENCE, stop_sequence="|")


def test_parts_that_were_open_go_on_and_calls_before_it_stay_the_reason() -> None:
    events: list[Event] = [
        BEGUN,
        ToolCallStarted(index=0, call_id="c", name="f"),
        PartStarted(index=1, kind=PartKind.TEXT),
        PartStarted(index=2, kind=PartKind.TEXT),
        *say("held|", index=2),
        *say("a|b", index=1),
        ToolArgsDelta(index=0, text="{}"),
        PartFinished(index=0),
        PartFinished(index=1),
        *say("never", index=2),
        PartFinished(index=2),
        Finished(reason=FinishReason.TOOL_CALLS),
    ]
    out = cut(events, "||", "b")
    assert text_of([event for event in out if isinstance(event, TextDelta) and event.index == 1]) == "a|"
    assert ToolArgsDelta(index=0, text="{}") in out
    assert out[-1] == Finished(reason=FinishReason.TOOL_CALLS)


def test_a_failure_behind_it_comes_too_late() -> None:
    out = cut([BEGUN, TEXT, *say("a|b"), FAILED], "|")
    assert out[-2:] == [PartFinished(index=0), Finished(reason=FinishReason.STOP_SEQUENCE, stop_sequence="|")]
    assert cut([BEGUN, TEXT, *say("a|"), FAILED], "||") == [BEGUN, TEXT, *say("a", "|"), FAILED]


def test_what_another_protocol_said_before_it_is_no_open_part() -> None:
    odd = Foreign(index=0, protocol="elsewhere", kind="odd_item", payload={})
    text = PartStarted(index=1, kind=PartKind.TEXT)
    out = cut([BEGUN, odd, text, *say("a|b", index=1), FAILED], "|")
    assert out[1:] == [odd, text, *say("a", index=1), PartFinished(index=1), out[-1]]


def test_a_second_beginning_behind_it_is_nothing() -> None:
    cutter = StopCutter(["|"])
    cutter.feed_all([BEGUN, TEXT, *say("a|")])
    assert cutter.feed(BEGUN) == []


@given(
    text=st.text(alphabet="ab|", max_size=20),
    sequences=st.lists(st.text(alphabet="ab|", min_size=1, max_size=4), max_size=3),
    cuts=st.lists(st.integers(0, 20), max_size=6),
)
def test_any_split_is_cut_in_the_same_place(text: str, sequences: list[str], cuts: list[int]) -> None:
    borders = sorted({0, len(text), *(at for at in cuts if at < len(text))})
    pieces = [text[low:high] for low, high in itertools.pairwise(borders)]
    out = cut([BEGUN, TEXT, *say(*pieces), PartFinished(index=0), OVER], *sequences)
    places = [at for each in sequences if (at := text.find(each)) >= 0]
    # Where one sequence begins inside another, whichever is whole first ends the answer, as with any provider.
    first = min((text.find(each) + len(each) for each in sequences if each in text), default=None)
    assert text_of(out) in {text[:at] for at in places} if first is not None else text_of(out) == text


@pytest.mark.parametrize("sequences", [("0",), ("nothing that is said",)])
@given(events=legal_events(interleaved=True))
def test_what_is_left_of_any_answer_is_legal(sequences: tuple[str, ...], events: list[Event]) -> None:
    out = cut(events, *sequences)
    if sequences != ("0",):
        texts = {event.index for event in events if isinstance(event, TextDelta)}
        assert [event for event in out if not isinstance(event, TextDelta)] == [
            event for event in events if not isinstance(event, TextDelta)
        ]
        for index in texts:
            whole = [event for event in events if isinstance(event, TextDelta)]
            said = "".join(event.text for event in whole if event.index == index)
            assert "".join(event.text for event in out if isinstance(event, TextDelta) and event.index == index) == said
