from __future__ import annotations

import pytest

from trioproxy.errors import ErrorKind
from trioproxy.neutral.events import Failed, Finished, FinishReason
from trioproxy.protocols.openai_responses.ending import INCOMPLETE, ending, incomplete_reason


@pytest.mark.parametrize(
    ("called", "refused", "reason"),
    [
        (False, False, FinishReason.STOP),
        (True, False, FinishReason.TOOL_CALLS),
        (False, True, FinishReason.REFUSAL),
        (True, True, FinishReason.TOOL_CALLS),
    ],
)
def test_a_whole_answer_ends_as_what_it_held(called: bool, refused: bool, reason: FinishReason) -> None:
    assert ending({}, "completed", called=called, refused=refused) == Finished(reason=reason, raw="completed")


@pytest.mark.parametrize("called", [False, True])
def test_a_cut_is_a_cut_whatever_was_called(called: bool) -> None:
    cut = {"incomplete_details": {"reason": "max_output_tokens"}}

    assert ending(cut, "incomplete", called=called, refused=False) == Finished(
        reason=FinishReason.LENGTH, raw="max_output_tokens"
    )


def test_an_error_beats_a_good_status() -> None:
    last = ending({"error": {"code": "server_error", "message": "a"}}, "completed", called=False, refused=False)

    assert isinstance(last, Failed)
    assert last.failure.kind is ErrorKind.INTERNAL


@pytest.mark.parametrize(("word", "reason"), list(INCOMPLETE.items()))
def test_reasons_go_both_ways(word: str, reason: FinishReason) -> None:
    assert incomplete_reason(reason) == word


def test_a_full_context_is_a_limit_of_tokens() -> None:
    assert incomplete_reason(FinishReason.CONTEXT_LENGTH) == "max_output_tokens"
    assert incomplete_reason(FinishReason.STOP) is None
