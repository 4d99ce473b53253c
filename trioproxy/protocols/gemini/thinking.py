"""``thinkingConfig``: a budget for Gemini 2.5, a level from Gemini 3 on, never both
(https://ai.google.dev/gemini-api/docs/thinking)."""

from __future__ import annotations

from typing import Any

from trioproxy.neutral.effort import BUDGETS, DYNAMIC, budget_of, clamp_budget, effort_of, nearest_level
from trioproxy.neutral.extras import own, settled, spelling
from trioproxy.neutral.loss import Loss
from trioproxy.neutral.request import Effort, ReasoningAsk
from trioproxy.protocols.base import WriteTarget
from trioproxy.protocols.gemini.endpoints import NAME
from trioproxy.protocols.gemini.generations import NEWEST, generation, levels_of, thinks
from trioproxy.wire.jsoncodec import Object

__all__ = ["write_thinking"]

# For a model the catalogue does not know: the budget that every 2.5 model takes.
_LARGEST_BUDGET = BUDGETS[Effort.HIGH]


def write_thinking(ask: ReasoningAsk | None, target: WriteTarget) -> tuple[Object, list[Loss]]:
    """The ``thinkingConfig`` that asks for the same as far as the target can; empty for nothing to ask."""
    if ask is None:
        return {}, []
    losses = settled(ask.extras, NAME, path="reasoning")
    effort = effort_of(ask)
    if target.thinking is None and not thinks(target.model):
        return {}, [*losses, Loss("reasoning", f"{target.model} does not think")]
    amount: Object = {}
    if effort is not None:
        amount, lost = _as_asked(ask, target.model) if target.thinking is None else _fitted(ask, effort, target)
        losses += lost
    config: Object = {**own(ask.extras, NAME), **amount}
    visible = _visible(ask, effort)
    if visible is not None:
        config["includeThoughts"] = visible
    return config, losses


def _visible(ask: ReasoningAsk, effort: Effort | None) -> bool | None:
    if "includeThoughts" in spelling(ask.extras, NAME):
        return None
    if effort is Effort.NONE:
        return False
    if ask.visible is not None:
        return ask.visible
    # Who asks another protocol for reasoning expects to see it where there is some.
    return True if effort is not None or ask.summary is not None else None


def _as_asked(ask: ReasoningAsk, model: str) -> tuple[Object, list[Loss]]:
    """For a model nobody described: the client's own word, a level for Gemini 3 and a budget for the rest where it has to be translated."""
    if ask.budget is not None:
        return {"thinkingBudget": ask.budget}, []
    effort = ask.effort or Effort.AUTO
    if generation(model) >= NEWEST:
        return ({}, []) if effort is Effort.AUTO else _level(effort, levels_of(model))
    return {"thinkingBudget": min(BUDGETS[effort], _LARGEST_BUDGET)}, []


def _fitted(ask: ReasoningAsk, effort: Effort, target: WriteTarget) -> tuple[Object, list[Loss]]:
    thinking: Any = target.thinking
    if thinking.levels:
        dynamic = effort is Effort.AUTO and thinking.dynamic_allowed
        return ({}, []) if dynamic else _level(effort, thinking.levels)
    if thinking.maximum is None:
        return {}, [Loss("reasoning", f"{target.model} does not take an amount of thinking")]
    asked = budget_of(ask)
    asked = DYNAMIC if asked is None else asked
    budget = clamp_budget(
        asked,
        minimum=thinking.minimum or 0,
        maximum=thinking.maximum,
        zero_allowed=thinking.zero_allowed,
        dynamic_allowed=thinking.dynamic_allowed,
    )
    lost = (
        []
        if budget == asked
        else [Loss("reasoning.budget", f"{asked} is not a budget of {target.model}: {budget} asked for")]
    )
    return {"thinkingBudget": budget}, lost


def _level(effort: Effort, levels: tuple[str, ...]) -> tuple[Object, list[Loss]]:
    level = nearest_level(effort, levels)
    if level is None:
        return {}, [Loss("reasoning.effort", f"the model has no level near {effort.value}")]
    lost = (
        []
        if level == effort.value
        else [Loss("reasoning.effort", f"the model has no level {effort.value}: {level} asked for")]
    )
    return {"thinkingLevel": level}, lost
