"""Nearest names."""

from __future__ import annotations

from trioproxy.config.nearest import Names, nearest, suggestion


def test_best_first_and_in_the_spelling_that_exists() -> None:
    names = ["claude-sonnet-4-6", "claude-opus-4-6", "GPT-5.5", "gemini-2.5-pro"]

    assert Names(names).near("claude-sonet-4-6")[0] == "claude-sonnet-4-6"
    assert Names(names).near("gpt5.5") == ("GPT-5.5",)
    assert Names(names).near("zzzz") == ()
    assert Names(()).near("x") == ()


def test_only_so_many() -> None:
    assert len(Names([f"model-{number}" for number in range(50)]).near("model-x", 2)) == 2


def test_the_one_suggestion() -> None:
    assert suggestion("prefx", ("prefix", "proxy-url")) == "prefix"
    assert suggestion("qqq", ("prefix",)) is None
    assert nearest("PREFIX", ("prefix",)) == ("prefix",)


def test_long_questions_are_cut() -> None:
    assert Names(["abc"]).near("x" * 100_000) == ()
