from __future__ import annotations

import pytest

from trioproxy.neutral.events import FinishReason
from trioproxy.protocols.openai_chat.finish import FAILING, read_finish, write_finish


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("stop", FinishReason.STOP),
        ("STOP", FinishReason.STOP),
        ("length", FinishReason.LENGTH),
        ("max_output_tokens", FinishReason.LENGTH),
        ("model_length", FinishReason.CONTEXT_LENGTH),
        ("content_filter", FinishReason.CONTENT_FILTER),
        ("refusal", FinishReason.REFUSAL),
        ("never heard of", FinishReason.STOP),
        ("", FinishReason.STOP),
        (None, FinishReason.STOP),
        ("tool_calls", FinishReason.STOP),
    ],
)
def test_a_servers_word(raw: str | None, reason: FinishReason) -> None:
    assert read_finish(raw, called=False, refused=False) is reason


def test_what_the_answer_holds_outweighs_stop() -> None:
    assert read_finish("stop", called=True, refused=True) is FinishReason.TOOL_CALLS
    assert read_finish("function_call", called=True, refused=False) is FinishReason.TOOL_CALLS
    assert read_finish("stop", called=False, refused=True) is FinishReason.REFUSAL
    assert read_finish("stop", called=False, refused=False, stop_sequence="x") is FinishReason.STOP_SEQUENCE
    assert read_finish("length", called=True, refused=True, stop_sequence="x") is FinishReason.LENGTH


@pytest.mark.parametrize("reason", list(FinishReason))
def test_every_reason_has_one_of_openais_words(reason: FinishReason) -> None:
    assert write_finish(reason) in {"stop", "length", "tool_calls", "content_filter"}


def test_a_refusal_that_was_worded_is_a_stop() -> None:
    assert write_finish(FinishReason.REFUSAL, refused=True) == "stop"
    assert write_finish(FinishReason.REFUSAL) == "content_filter"


def test_no_failing_reason_is_an_end() -> None:
    assert not any(reason.value in FAILING for reason in FinishReason)
