"""How much the model is to think, for a request: ``thinking`` and ``output_config.effort``.

Models differ: up to 4.5 they take a budget in tokens, 4.6 takes budgets and the adaptive mode, later ones the adaptive mode alone, with
named levels of effort. What this API's own client said is kept where the model takes it. Source: platform.claude.com, "Extended thinking",
"Adaptive thinking", "Effort".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from trioproxy.neutral.effort import BUDGETS, budget_of, clamp_budget, effort_of
from trioproxy.neutral.extras import settled, spelling
from trioproxy.neutral.request import Effort, ReasoningAsk
from trioproxy.protocols.anthropic.draft import Draft
from trioproxy.protocols.anthropic.endpoints import NAME
from trioproxy.wire.jsoncodec import Object

__all__ = ["MIN_BUDGET", "ThinkingFacts", "adaptive_alone", "write_thinking"]

MIN_BUDGET = 1024
"""The least budget the API takes, in tokens."""

_MAX_BUDGET = 128000


class ThinkingFacts(Protocol):
    """What :class:`~trioproxy.protocols.base.WriteTarget` says of the model in ``thinking`` (``providers.model.Thinking``)."""

    @property
    def minimum(self) -> int | None:
        """Least budget in tokens, None where the model takes no budgets."""
        ...

    @property
    def maximum(self) -> int | None:
        """Greatest budget in tokens."""
        ...

    @property
    def zero_allowed(self) -> bool:
        """Whether thinking can be turned off."""
        ...

    @property
    def dynamic_allowed(self) -> bool:
        """Whether a budget may be left to the model."""
        ...

    @property
    def levels(self) -> tuple[str, ...]:
        """Names of effort the model takes."""
        ...

    @property
    def adaptive(self) -> bool:
        """Whether the model takes the adaptive mode."""
        ...


# The first name the model has is taken.
_LEVELS: dict[Effort, tuple[str, ...]] = {
    Effort.MINIMAL: ("low",),
    Effort.LOW: ("low",),
    Effort.MEDIUM: ("medium", "low"),
    Effort.HIGH: ("high", "medium"),
    Effort.XHIGH: ("xhigh", "max", "high"),
    Effort.MAX: ("max", "high"),
    Effort.AUTO: ("high",),
    Effort.NONE: ("low",),
}


def adaptive_alone(facts: ThinkingFacts | None) -> bool:
    """Whether this is one of the models, from Opus 4.7 on, that take neither budgets nor sampling settings; all of them know ``xhigh``."""
    return facts is not None and facts.adaptive and (facts.minimum is None or "xhigh" in facts.levels)


def write_thinking(ask: ReasoningAsk | None, draft: Draft) -> None:
    """Fill in ``thinking`` and the effort of ``output_config``.

    Raises:
        ClientFault: a field of it may not be dropped.
    """
    if ask is None:
        return
    draft.losses += settled(ask.extras, NAME, path="reasoning")
    facts: ThinkingFacts | None = draft.target.thinking
    notes = spelling(ask.extras, NAME)
    if notes and _taken(notes, facts):
        draft.own_thinking = True
        if "thinking" in notes:
            draft.top["thinking"] = dict(notes["thinking"])
        _write_effort(notes.get("effort"), draft)
        return
    if ask.summary is not None and ask.summary != "auto":
        draft.lose("reasoning.summary", "summaries of thinking have one form only")
    if facts is not None and facts.adaptive:
        _adaptive(ask, facts, draft)
    else:
        _budgeted(ask, facts, draft)


def _taken(notes: Mapping[str, Any], facts: ThinkingFacts | None) -> bool:
    """Whether the model takes what the client said, in its own words."""
    if facts is None:
        return True
    kind = notes.get("thinking", {}).get("type")
    fits = {
        "enabled": facts.minimum is not None and not adaptive_alone(facts),
        "adaptive": facts.adaptive,
        "disabled": facts.zero_allowed,
    }
    effort = notes.get("effort")
    return fits.get(kind, True) and (effort is None or not facts.levels or effort in facts.levels)


def _adaptive(ask: ReasoningAsk, facts: ThinkingFacts, draft: Draft) -> None:
    effort = effort_of(ask)
    if effort is Effort.NONE and facts.zero_allowed:
        draft.top["thinking"] = {"type": "disabled"}
        return
    thinking: Object = {"type": "adaptive"}
    if ask.visible is not None:
        thinking["display"] = "summarized" if ask.visible else "omitted"
    draft.top["thinking"] = thinking
    if effort is not None:
        level = _level(effort, facts.levels)
        if ask.effort not in (None, Effort.AUTO) and level != effort.value:
            draft.lose("reasoning.effort", f"the model has no effort {effort.value}: {level} was asked for")
        _write_effort(level, draft)


def _level(effort: Effort, levels: tuple[str, ...]) -> str | None:
    if not levels:
        return next(name for name in _LEVELS[effort] if name != "xhigh")
    return next((name for name in _LEVELS[effort] if name in levels), None)


def _budgeted(ask: ReasoningAsk, facts: ThinkingFacts | None, draft: Draft) -> None:
    asked = budget_of(ask)
    if asked is None and ask.visible and facts is not None:
        # Who asks to see thoughts asks for some: other vendors' models think unasked.
        asked = budget_of(ReasoningAsk(effort=Effort.AUTO))
    if asked is None:
        if ask.visible:
            draft.lose("reasoning.visible", "nobody knows whether this model thinks: it is not asked to")
        return
    least = max(MIN_BUDGET, facts.minimum or 0) if facts else MIN_BUDGET
    most = (facts.maximum if facts else None) or _MAX_BUDGET
    if asked < 0 and (facts is None or facts.minimum is None or facts.maximum is None):
        asked = BUDGETS[Effort.MEDIUM]
    budget = clamp_budget(asked, minimum=least, maximum=most, zero_allowed=facts is None or facts.zero_allowed)
    if budget == 0:
        draft.top["thinking"] = {"type": "disabled"}
    else:
        draft.top["thinking"] = {"type": "enabled", "budget_tokens": budget}


def _write_effort(effort: str | None, draft: Draft) -> None:
    if effort is not None:
        draft.top["output_config"] = {**draft.top.get("output_config", {}), "effort": effort}
