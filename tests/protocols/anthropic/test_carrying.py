from __future__ import annotations

from typing import Any

import pytest

from trioproxy.neutral.extras import foreign, spelling
from trioproxy.neutral.parts import NO_EXTRAS
from trioproxy.protocols.anthropic.carrying import carried, given_back

SAID: dict[str, Any] = {"a": 1, "b": False, "c": 0, "d": ""}


@pytest.mark.parametrize("idle", [{"e": None}, {"e": []}, {"e": {}}, {"defer_loading": False}])
def test_what_says_nothing_is_spelling_and_comes_back(idle: dict[str, Any]) -> None:
    extras = carried({**SAID, **idle}, notes={"own": True}, defaults={"defer_loading": False})
    assert [loss.path for loss in foreign(extras, "openai_chat")[0]] == [*SAID]
    assert given_back(extras) == {**SAID, **idle}
    assert spelling(extras, "anthropic")["own"] is True


def test_nothing_is_carried_of_nothing() -> None:
    assert carried({}) is NO_EXTRAS
    assert given_back(NO_EXTRAS) == {}


def test_an_essential_field_that_says_nothing_may_be_dropped() -> None:
    assert foreign(carried({"container": None}, essential=("container",)), "gemini") == ([], ())
    assert foreign(carried({"container": "c"}, essential=("container",)), "gemini") == ([], ("container",))
