from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioproxy.neutral.effort import BUDGETS, DYNAMIC, LADDER, budget_of, clamp_budget, effort_of, nearest_level
from trioproxy.neutral.request import Effort, ReasoningAsk


@pytest.mark.parametrize(
    ("budget", "effort"),
    [
        (0, Effort.NONE),
        (-1, Effort.AUTO),
        (1, Effort.MINIMAL),
        (512, Effort.MINIMAL),
        (513, Effort.LOW),
        (1024, Effort.LOW),
        (1025, Effort.MEDIUM),
        (8192, Effort.MEDIUM),
        (8193, Effort.HIGH),
        (24576, Effort.HIGH),
        (24577, Effort.XHIGH),
        (128000, Effort.XHIGH),
    ],
)
def test_effort_of_a_budget(budget: int, effort: Effort) -> None:
    assert effort_of(ReasoningAsk(budget=budget)) is effort


@pytest.mark.parametrize("effort", list(Effort))
def test_every_effort_has_a_budget_and_wins_over_one(effort: Effort) -> None:
    assert budget_of(ReasoningAsk(effort=effort)) == BUDGETS[effort]
    assert effort_of(ReasoningAsk(effort=effort, budget=7)) is effort
    assert budget_of(ReasoningAsk(effort=effort, budget=7)) == 7


def test_nothing_asked_is_nothing() -> None:
    assert effort_of(ReasoningAsk()) is None
    assert budget_of(ReasoningAsk(visible=True)) is None


@pytest.mark.parametrize(
    ("budget", "allowed", "expected"),
    [
        (0, {}, 0),
        (0, {"zero_allowed": False}, 128),
        (-1, {"dynamic_allowed": True}, DYNAMIC),
        (-1, {}, 564),
        (1, {}, 128),
        (500, {}, 500),
        (5000, {}, 1000),
    ],
)
def test_a_budget_is_clamped_to_what_the_target_takes(budget: int, allowed: dict[str, bool], expected: int) -> None:
    assert clamp_budget(budget, minimum=128, maximum=1000, **allowed) == expected


@pytest.mark.parametrize(
    ("effort", "levels", "expected"),
    [
        (Effort.HIGH, ("low", "medium", "high"), "high"),
        (Effort.XHIGH, ("low", "medium", "high"), "high"),
        (Effort.MEDIUM, ("low", "high"), "low"),
        (Effort.MINIMAL, ("low", "high"), "low"),
        (Effort.NONE, ("none", "low"), "none"),
        (Effort.NONE, ("low", "high"), "low"),
        (Effort.AUTO, ("auto", "low"), "auto"),
        (Effort.AUTO, ("low", "medium"), "medium"),
        (Effort.HIGH, (), None),
        (Effort.HIGH, ("thorough",), None),
    ],
)
def test_the_nearest_level_a_tie_to_the_lower(effort: Effort, levels: tuple[str, ...], expected: str | None) -> None:
    assert nearest_level(effort, levels) == expected


@given(
    st.sampled_from(list(LADDER)), st.lists(st.sampled_from([rung.value for rung in LADDER]), min_size=1, unique=True)
)
def test_a_level_the_target_has_is_always_found(effort: Effort, levels: list[str]) -> None:
    assert nearest_level(effort, tuple(levels)) in levels
