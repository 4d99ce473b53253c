from __future__ import annotations

import pytest
from hypothesis import given

from tests.support.events import legal_events
from trioproxy.errors import ErrorKind, Failure
from trioproxy.neutral.events import (
    Event,
    Failed,
    Finished,
    FinishReason,
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
from trioproxy.neutral.extras import packed
from trioproxy.neutral.fold import Folder, fold, unfold
from trioproxy.neutral.grammar import Grammar
from trioproxy.neutral.parts import Opaque, Reasoning, Text, ToolCall
from trioproxy.neutral.usage import Usage

INTERLEAVED: list[Event] = [
    ResponseStarted(id="r1", model="m", created=7),
    PartStarted(index=0, kind=PartKind.REASONING),
    ReasoningDelta(index=0, text="why", summary=1),
    ReasoningDelta(index=0, text="first", summary=0),
    ReasoningDelta(index=0, text="full"),
    PartFinished(index=0),
    ToolCallStarted(index=1, call_id="a", name="f"),
    ToolCallStarted(index=2, call_id="b", name="g"),
    ToolArgsDelta(index=2, text="{"),
    ToolArgsDelta(index=1, text="[1"),
    ToolArgsDelta(index=2, text="}"),
    ToolArgsDelta(index=1, text="]"),
    PartFinished(index=2),
    PartFinished(index=1),
    UsageReported(usage=Usage(input=5)),
    UsageReported(usage=Usage(output=3, cache_read=2)),
    Finished(reason=FinishReason.TOOL_CALLS, raw="tool_use"),
]


def test_interleaved_parts_fold_in_order_of_appearance() -> None:
    answer = fold(INTERLEAVED)

    assert answer.parts == (
        Reasoning(text="full", summary=("first", "why")),
        ToolCall(call_id="a", name="f", arguments="[1]"),
        ToolCall(call_id="b", name="g", arguments="{}"),
    )
    assert answer.usage == Usage(input=5, output=3, cache_read=2)
    assert (answer.id, answer.model, answer.created) == ("r1", "m", 7)
    assert (answer.finish, answer.finish_raw, answer.failure) == (FinishReason.TOOL_CALLS, "tool_use", None)


def test_a_failed_stream_keeps_what_came_before() -> None:
    failure = Failure(kind=ErrorKind.TRUNCATED, message="cut")
    folder = Folder()
    before: list[Event] = [
        ResponseStarted(id="", model=""),
        PartStarted(index=0, kind=PartKind.TEXT),
        TextDelta(index=0, text="hal"),
    ]
    over = []
    for event in [*before, Failed(failure=failure)]:
        folder.feed(event)
        over.append(folder.over)

    assert over == [False, False, False, True]
    assert folder.answer().parts == (Text(text="hal"),)
    assert folder.answer().failure is failure
    assert folder.answer().finish is None


def test_an_answer_without_a_reason_unfolds_to_stop() -> None:
    answer = fold([ResponseStarted(id="", model="")])

    assert unfold(answer)[-1] == Finished(reason=FinishReason.STOP)


@given(legal_events())
def test_unfolding_is_legal_and_folds_to_the_same_answer(events: list[Event]) -> None:
    answer = fold(events)
    grammar = Grammar()
    again = [passed for event in unfold(answer) for passed in grammar.feed(event)]
    grammar.close()

    assert fold(again) == answer


def test_what_is_no_event_is_our_bug() -> None:
    with pytest.raises(AssertionError):
        Folder().feed("text")  # type: ignore[arg-type]


def test_a_tool_calls_own_fields_survive_both_ways() -> None:
    extras = packed("anthropic", {"caller": {"type": "direct"}})
    started = ToolCallStarted(index=0, call_id="a", name="f", extras=extras)
    events: list[Event] = [ResponseStarted(id="", model=""), started, PartFinished(index=0)]

    answer = fold([*events, Finished(reason=FinishReason.TOOL_CALLS)])

    assert answer.parts == (ToolCall(call_id="a", name="f", arguments="", extras=extras),)
    assert started in unfold(answer)


@pytest.mark.parametrize("kind", list(PartKind))
def test_a_parts_own_fields_survive_both_ways(kind: PartKind) -> None:
    extras = packed("openai_responses", {"phase": "commentary"})
    started = PartStarted(index=0, kind=kind, extras=extras)
    events: list[Event] = [ResponseStarted(id="", model=""), started, PartFinished(index=0)]

    answer = fold([*events, Finished(reason=FinishReason.STOP)])

    assert [part.extras for part in answer.parts if not isinstance(part, Opaque)] == [extras]
    assert started in unfold(answer)
