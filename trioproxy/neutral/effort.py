"""Reasoning effort, budget and level: three spellings of how much a model is to think, and the way between them.

The table (budget in tokens): none 0, auto -1, minimal 512, low 1024, medium 8192, high 24576, xhigh 32768, max 128000; the way back takes
the lowest level whose budget is not below. A target's own limits decide what is sent: budgets are clamped to its range, levels to the
nearest it has, a tie to the lower.
"""

from __future__ import annotations

from trioproxy.neutral.request import Effort, ReasoningAsk

__all__ = ["BUDGETS", "DYNAMIC", "LADDER", "budget_of", "clamp_budget", "effort_of", "nearest_level"]

DYNAMIC = -1
"""A budget that leaves the amount to the model."""

BUDGETS: dict[Effort, int] = {
    Effort.NONE: 0,
    Effort.AUTO: DYNAMIC,
    Effort.MINIMAL: 512,
    Effort.LOW: 1024,
    Effort.MEDIUM: 8192,
    Effort.HIGH: 24576,
    Effort.XHIGH: 32768,
    Effort.MAX: 128000,
}

LADDER: tuple[Effort, ...] = (Effort.MINIMAL, Effort.LOW, Effort.MEDIUM, Effort.HIGH, Effort.XHIGH, Effort.MAX)
"""The levels that mean some thinking, from least to most."""

# Above what "high" stands for, a budget means xhigh; nothing short of saying so means max.
_CEILINGS = ((512, Effort.MINIMAL), (1024, Effort.LOW), (8192, Effort.MEDIUM), (24576, Effort.HIGH))


def effort_of(ask: ReasoningAsk) -> Effort | None:
    """The effort that is asked for, from the level where one is given, else from the budget; None where neither is."""
    if ask.effort is not None:
        return ask.effort
    if ask.budget is None:
        return None
    if ask.budget == 0:
        return Effort.NONE
    if ask.budget < 0:
        return Effort.AUTO
    return next((effort for ceiling, effort in _CEILINGS if ask.budget <= ceiling), Effort.XHIGH)


def budget_of(ask: ReasoningAsk) -> int | None:
    """The budget in tokens that is asked for (-1 dynamic, 0 none), from the budget where one is given, else from the level."""
    if ask.budget is not None:
        return ask.budget
    return BUDGETS[ask.effort] if ask.effort is not None else None


def clamp_budget(
    budget: int, *, minimum: int, maximum: int, zero_allowed: bool = True, dynamic_allowed: bool = False
) -> int:
    """A budget the target takes: inside [minimum, maximum], 0 and -1 only where it allows them.

    Where "none" is not allowed it becomes the minimum; where "dynamic" is not, the middle of the range.
    """
    if budget == 0:
        return 0 if zero_allowed else minimum
    if budget < 0:
        return DYNAMIC if dynamic_allowed else (minimum + maximum) // 2
    return max(minimum, min(budget, maximum))


def nearest_level(effort: Effort, levels: tuple[str, ...]) -> str | None:
    """The level among ``levels`` (a target's own names) nearest to ``effort``; None where nothing fits.

    NONE is only ever ``none`` (a target without it can't be told not to think: its lowest level is nearest). AUTO is ``auto`` where the
    target has it, else medium or what is nearest to it.
    """
    if effort.value in levels:
        return effort.value
    if effort is Effort.AUTO:
        effort = Effort.MEDIUM
    known = [rung for rung in LADDER if rung.value in levels]
    if not known:
        return None
    if effort is Effort.NONE:
        return known[0].value
    at = LADDER.index(effort)
    return min(known, key=lambda rung: (abs(LADDER.index(rung) - at), LADDER.index(rung))).value
