"""Wildcards and route patterns."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioproxy.config.model import MatchKind
from trioproxy.config.patterns import Globs, PatternInvalid, RoutePattern, is_wild


@pytest.mark.parametrize(
    ("patterns", "name", "fits"),
    [
        (["claude-*"], "Claude-Opus", True),
        (["claude-*"], "x-claude-1", False),
        (["*preview"], "gemini-3-preview", True),
        (["*mid*"], "a/mid/b", True),
        (["a?c"], "abc", True),
        (["a?c"], "ac", False),
        (["a", "b*"], "A", True),
        (["a", "b*"], "bb", True),
        (["a.c"], "abc", False),
        (["[ab]"], "a", False),
        (["[ab]"], "[AB]", True),
        ([], "a", False),
        (["*"], "line\nbreak", True),
    ],
)
def test_wildcards_are_stars_and_question_marks(patterns: list[str], name: str, fits: bool) -> None:
    assert Globs(patterns).match(name) is fits


def test_globs_know_whether_there_are_any() -> None:
    assert not Globs(())
    assert Globs(("a",))
    assert is_wild("a*")
    assert is_wild("a?")
    assert not is_wild("a[b]")


@given(st.text(max_size=20))
def test_a_plain_name_fits_itself(name: str) -> None:
    if not is_wild(name):
        assert Globs([name]).match(name)
    assert Globs(["*"]).match(name)


@pytest.mark.parametrize(
    ("kind", "pattern", "model", "fits"),
    [
        (MatchKind.EXACT, "Claude-Request", "CLAUDE-request", True),
        (MatchKind.EXACT, "glm-*", "glm-5", False),
        (MatchKind.GLOB, "glm-*", "GLM-5.1", True),
        (MatchKind.GLOB, "glm-*", "x-glm-5", False),
        (MatchKind.GLOB, "org/*", "org/a/b", True),
        (MatchKind.GLOB, "m[0-9]", "m5", True),
        (MatchKind.GLOB, "m[!0-9]", "m5", False),
        (MatchKind.GLOB, "m[]x]", "m]", True),
        (MatchKind.GLOB, "m[\\]", "m\\", True),
        (MatchKind.GLOB, "{gpt,o}-?", "o-3", True),
        (MatchKind.GLOB, "{gpt,o}-?", "gpt-33", False),
        (MatchKind.GLOB, "a,b}", "a,b}", True),
        (MatchKind.GLOB, "a\\*", "a\\b", True),
        (MatchKind.REGEX, "gpt", "my-GPT-5", True),
        (MatchKind.REGEX, "^gpt$", "gpt-5", False),
        (MatchKind.REGEX, "(?<name>o[13])", "x-o3", True),
        (MatchKind.REGEX, "[[a]", "[", True),
        (MatchKind.AUTO, "gpt-5", "GPT-5", True),
        (MatchKind.AUTO, "^gpt-(.+)$", "gpt-5.5", True),
        (MatchKind.AUTO, "gpt|o3", "xo3x", True),
        (MatchKind.AUTO, "gpt-5$", "my-gpt-5", True),
        # A star anywhere makes it a glob, whatever else looks like an expression.
        (MatchKind.AUTO, "^gpt-.*$", "gpt-5", False),
        (MatchKind.AUTO, "^gpt-.*$", "^gpt-.x$", True),
    ],
)
def test_a_route_compares_as_its_kind_says(kind: MatchKind, pattern: str, model: str, fits: bool) -> None:
    assert RoutePattern.compile(kind, pattern).matches(model) is fits


@pytest.mark.parametrize(
    ("pattern", "model", "template", "upstream"),
    [
        ("^gpt-(.+)$", "gpt-5.5", "openai/$1", "openai/5.5"),
        ("^gpt-(.+)$", "GPT-5", "${1}x", "5x"),
        ("^gpt-(.+)$", "gpt-5", "$1x", ""),
        ("^(?<family>[a-z]+)-(\\d)", "gpt-5-mini", "$family/${2}", "gpt/5-mini"),
        ("gpt", "gpt-gpt", "o", "o-gpt"),
        ("gpt", "gpt", "a$$b", "a$b"),
        ("(a)?b", "b", "<$1>", "<>"),
        ("b", "b", "$9$name$", "$"),
        ("b", "b", "\\1", "\\1"),
    ],
)
def test_a_regex_rewrites_the_part_that_matched(pattern: str, model: str, template: str, upstream: str) -> None:
    assert RoutePattern.compile(MatchKind.REGEX, pattern).rewrite(model, template) == upstream


@pytest.mark.parametrize("kind", [MatchKind.EXACT, MatchKind.GLOB])
def test_other_kinds_rewrite_to_the_template_itself(kind: MatchKind) -> None:
    assert RoutePattern.compile(kind, "a").rewrite("a", "b/$1") == "b/$1"


@pytest.mark.parametrize(
    ("kind", "pattern", "why"),
    [
        (MatchKind.REGEX, "(", "not a regex pattern"),
        (MatchKind.REGEX, "a{99999999999999}", "not a regex pattern"),
        (MatchKind.GLOB, "a[b", "never closed"),
        (MatchKind.GLOB, "a{b", "never closed"),
        (MatchKind.GLOB, "[z-a]", "not a glob pattern"),
    ],
)
def test_broken_patterns_say_why(kind: MatchKind, pattern: str, why: str) -> None:
    with pytest.raises(PatternInvalid, match=why):
        RoutePattern.compile(kind, pattern)


@given(
    st.sampled_from(MatchKind),
    st.text(alphabet="ab*?[]{}(),|\\^$.-!", max_size=12),
    st.text(alphabet="ab-.", max_size=8),
)
def test_no_pattern_breaks_otherwise(kind: MatchKind, pattern: str, model: str) -> None:
    try:
        compiled = RoutePattern.compile(kind, pattern)
    except PatternInvalid:
        return
    compiled.matches(model)
    compiled.rewrite(model, "$1")
