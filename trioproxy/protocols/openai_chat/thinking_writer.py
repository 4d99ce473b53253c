"""How an upstream is asked for reasoning, in its own spelling."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from trioproxy.neutral.effort import budget_of, clamp_budget, effort_of, nearest_level
from trioproxy.neutral.extras import spelling
from trioproxy.neutral.request import Effort, ReasoningAsk
from trioproxy.protocols.openai_chat.draft import Draft
from trioproxy.protocols.openai_chat.endpoints import NAME
from trioproxy.protocols.openai_chat.quirks import (
    ENABLE_THINKING,
    NO_REASONING_EFFORT,
    REASONING_OBJECT,
    REASONING_SPLIT,
    SMALL_BUDGET,
    THINKING_SWITCH,
)
from trioproxy.wire.jsoncodec import Object

__all__ = ["SPOKEN_OTHERWISE", "write_reasoning"]

_SMALL = (128, 32768)
"""docs.siliconflow.com, "Create chat completion": the range of `thinking_budget`."""

_LEVELS = ("low", "medium", "high")
"""What a target takes of which nothing is known."""


def write_reasoning(ask: ReasoningAsk | None, draft: Draft) -> Object:
    """The request members that say how much to think; none where nothing was asked."""
    if ask is None:
        return {}
    own = draft.own(ask.extras, "reasoning")
    said: Object = spelling(ask.extras, NAME).get("said", {})
    if said or own:
        return {**said, **own}
    effort = effort_of(ask)
    if ask.summary is not None:
        draft.lose("reasoning.summary", "the target shows its thoughts in one form only")
    if draft.has(NO_REASONING_EFFORT):
        if effort is not None:
            draft.lose("reasoning", "the target can't be told how much to think")
        return {}
    writer = next((write for quirk, write in _WRITERS.items() if draft.has(quirk)), _effort)
    if ask.visible is False and writer is not _object:
        draft.lose("reasoning.visible", "the target can't be told to hide its thoughts")
    return writer(ask, effort, draft)


def _effort(ask: ReasoningAsk, effort: Effort | None, draft: Draft) -> Object:
    levels = _levels(draft.target.thinking)
    if effort is None or (effort is Effort.AUTO and effort.value not in levels):
        return {}
    if effort is Effort.NONE and effort.value not in levels:
        draft.lose("reasoning", "the target can't be told not to think")
        return {}
    level = nearest_level(effort, levels)
    if ask.effort not in (None, Effort.AUTO) and level != effort.value:
        draft.lose("reasoning.effort", f"the model has no effort {effort.value}: {level} was asked for")
    return {"reasoning_effort": level} if level is not None else {}


def _levels(thinking: Any) -> tuple[str, ...]:
    levels: tuple[str, ...] = thinking.levels if thinking is not None else ()
    return levels or _LEVELS


def _object(ask: ReasoningAsk, effort: Effort | None, draft: Draft) -> Object:
    """OpenRouter: {effort | max_tokens, exclude}, or {enabled} where the amount is left to the model."""
    inner: Object = {}
    if ask.budget is not None and ask.budget > 0:
        inner["max_tokens"] = ask.budget
    elif effort is Effort.AUTO:
        inner["enabled"] = True
    elif effort is not None:
        inner["effort"] = (
            effort.value if effort in (Effort.NONE, Effort.MINIMAL) else nearest_level(effort, _OPENROUTER)
        )
    if ask.visible is False:
        inner["exclude"] = True
    return {"reasoning": inner} if inner else {}


_OPENROUTER = (*_LEVELS, "xhigh")


def _switch(ask: ReasoningAsk, effort: Effort | None, draft: Draft) -> Object:
    """Z.ai, Moonshot, DeepSeek; the last takes an effort beside the switch."""
    if effort is None:
        return {}
    members: Object = {"thinking": {"type": "disabled" if effort is Effort.NONE else "enabled"}}
    if effort in (Effort.NONE, Effort.AUTO):
        return members
    levels: tuple[str, ...] = draft.target.thinking.levels if draft.target.thinking is not None else ()
    level = nearest_level(effort, levels)
    if level is None:
        draft.lose("reasoning.effort", "the target can be told whether to think, not how much")
        return members
    if ask.effort is not None and level != effort.value:
        draft.lose("reasoning.effort", f"the model has no effort {effort.value}: {level} was asked for")
    return {**members, "reasoning_effort": level}


def _enable(ask: ReasoningAsk, effort: Effort | None, draft: Draft) -> Object:
    budget = budget_of(ask)
    if effort is None or budget is None:
        return {}
    members: Object = {"enable_thinking": effort is not Effort.NONE}
    if budget > 0:
        known = draft.target.thinking
        if known is not None and known.maximum is not None:
            budget = clamp_budget(budget, minimum=known.minimum or 0, maximum=known.maximum)
        if draft.has(SMALL_BUDGET):
            budget = clamp_budget(budget, minimum=_SMALL[0], maximum=_SMALL[1])
        members["thinking_budget"] = budget
    return members


def _split(ask: ReasoningAsk, effort: Effort | None, draft: Draft) -> Object:
    """MiniMax: it always thinks; what can be had is its thoughts in a place of their own."""
    if effort is None:
        return {}
    if effort is not Effort.AUTO:
        draft.lose("reasoning.effort", "the target always thinks, as much as it likes")
    return {"reasoning_split": effort is not Effort.NONE}


_WRITERS: dict[str, Callable[[ReasoningAsk, Effort | None, Draft], Object]] = {
    REASONING_OBJECT: _object,
    THINKING_SWITCH: _switch,
    ENABLE_THINKING: _enable,
    REASONING_SPLIT: _split,
}

SPOKEN_OTHERWISE = frozenset({*_WRITERS, NO_REASONING_EFFORT})
"""Quirks of targets that are not asked by ``reasoning_effort`` alone."""
