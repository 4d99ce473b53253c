from __future__ import annotations

import pytest

from trioproxy.errors import ErrorKind, Failure
from trioproxy.neutral.bare import Barer
from trioproxy.neutral.events import Event, Failed, PartFinished, PartKind, PartStarted, TextDelta

STARTED = PartStarted(index=0, kind=PartKind.TEXT)
FINISHED = PartFinished(index=0)


def said(*texts: str) -> list[Event]:
    return Barer().feed_all([STARTED, *(TextDelta(index=0, text=text) for text in texts), FINISHED])


@pytest.mark.parametrize(
    ("texts", "word"),
    [
        (['"Oboe"'], "Oboe"),
        (['"O', "bo", 'e"'], "Oboe"),
        (['"a\\u00e4"'], "a\u00e4"),
        (["Oboe"], "Oboe"),
        (['{"a": 1}'], '{"a": 1}'),
        (['"Obo'], '"Obo'),
    ],
)
def test_a_word_is_taken_out_of_its_quotes(texts: list[str], word: str) -> None:
    assert said(*texts) == [STARTED, TextDelta(index=0, text=word), FINISHED]


def test_what_says_nothing_stays_nothing() -> None:
    assert said() == [STARTED, FINISHED]
    assert said('""') == [STARTED, FINISHED]


def test_what_was_held_is_told_before_a_failure() -> None:
    failed = Failed(failure=Failure(kind=ErrorKind.TRUNCATED, message="torn"))
    assert Barer().feed_all([STARTED, TextDelta(index=0, text='"Ob'), failed]) == [
        STARTED,
        TextDelta(index=0, text='"Ob'),
        failed,
    ]
