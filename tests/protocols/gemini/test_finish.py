from __future__ import annotations

import pytest

from trioproxy.errors import ErrorKind
from trioproxy.neutral.events import Finished, FinishReason
from trioproxy.protocols.gemini.finish import BREAKDOWNS, FINISHES, finish_of, finish_word


@pytest.mark.parametrize("reason", list(FinishReason))
def test_every_reason_has_a_word_that_google_has(reason: FinishReason) -> None:
    assert finish_word(Finished(reason=reason)) in FINISHES


@pytest.mark.parametrize("word", FINISHES)
def test_googles_own_word_comes_back(word: str) -> None:
    for calls in (False, True):
        assert finish_word(Finished(reason=finish_of(word, calls=calls), raw=word)) == word


def test_a_stop_behind_calls_is_for_the_calls() -> None:
    assert finish_of("STOP", calls=True) is FinishReason.TOOL_CALLS
    assert finish_of("STOP", calls=False) is FinishReason.STOP
    assert finish_of("MAX_TOKENS", calls=True) is FinishReason.LENGTH
    assert finish_of("A_NEW_REASON", calls=False) is FinishReason.STOP


def test_another_vendors_word_is_not_repeated() -> None:
    assert finish_word(Finished(reason=FinishReason.LENGTH, raw="length")) == "MAX_TOKENS"
    assert finish_word(Finished(reason=FinishReason.LENGTH, raw="STOP")) == "MAX_TOKENS"
    assert finish_word(Finished(reason=FinishReason.REFUSAL)) == "SAFETY"


def test_breakdowns_are_no_finishes() -> None:
    assert not BREAKDOWNS.keys() & FINISHES.keys()
    assert BREAKDOWNS["MALFORMED_FUNCTION_CALL"] is ErrorKind.MALFORMED
