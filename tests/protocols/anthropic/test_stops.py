from __future__ import annotations

import pytest

from trioproxy.neutral.events import FinishReason
from trioproxy.protocols.anthropic.stops import STOPS, stop_read, stop_written


@pytest.mark.parametrize("raw", sorted(STOPS))
def test_a_word_of_the_api_comes_back(raw: str) -> None:
    assert stop_written(stop_read(raw, called=raw == "tool_use"), raw=raw) == raw


@pytest.mark.parametrize("reason", list(FinishReason))
def test_every_reason_has_a_word_of_the_api(reason: FinishReason) -> None:
    assert stop_written(reason) in STOPS


def test_a_filtered_answer_is_a_refusal() -> None:
    assert stop_written(FinishReason.CONTENT_FILTER, raw="content_filter") == "refusal"


@pytest.mark.parametrize("raw", [None, "end_turn", "tool_use", "new_word"])
def test_whether_a_stop_is_one_for_tools_is_told_by_the_calls(raw: str | None) -> None:
    assert stop_read(raw, called=True) is FinishReason.TOOL_CALLS
    assert stop_read(raw, called=False) is FinishReason.STOP
    assert stop_read("max_tokens", called=True) is FinishReason.LENGTH


def test_a_plain_stop_behind_calls_or_a_refusal() -> None:
    assert stop_written(FinishReason.STOP, called=True, raw="stop") == "tool_use"
    assert stop_written(FinishReason.STOP, refused=True) == "refusal"
    assert stop_written(FinishReason.LENGTH, called=True) == "max_tokens"


def test_another_vendors_word_for_another_reason_is_not_taken() -> None:
    assert stop_written(FinishReason.LENGTH, raw="end_turn") == "max_tokens"
