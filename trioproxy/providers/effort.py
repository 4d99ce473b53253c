"""The effort that a model's name asks for, written into a body of each protocol.

Knows: where each protocol keeps it, and what a model's own limits make of it. Refuses to know: how a name is taken apart
(``config/suffix.py``). Sources: platform.openai.com "Reasoning", platform.claude.com "Extended thinking" and "Effort", ai.google.dev
"Thinking".
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from trioproxy.neutral.effort import budget_of, clamp_budget, effort_of, nearest_level
from trioproxy.neutral.loss import Loss
from trioproxy.neutral.request import Effort, ReasoningAsk
from trioproxy.protocols.anthropic.draft import Draft as MessagesDraft
from trioproxy.protocols.anthropic.rules import (
    budget_below_max_tokens,
    sampling_beside_thinking,
    thinking_or_forced_tool,
)
from trioproxy.protocols.anthropic.thinking_writer import write_thinking
from trioproxy.protocols.base import WriteTarget
from trioproxy.protocols.openai_chat.draft import Draft
from trioproxy.protocols.openai_chat.thinking_writer import SPOKEN_OTHERWISE, write_reasoning
from trioproxy.providers.model import ModelFacts, Thinking, ThinkingSuffix
from trioproxy.wire.jsoncodec import Object

__all__ = ["ask_of", "suffixed"]

_ANY_THINKING = Thinking(minimum=None, maximum=None, dynamic_allowed=True)
# What the rules look at. Where the client wrote something else there, the provider says so.
_RULED: Mapping[str, type | tuple[type, ...]] = {
    "output_config": dict,
    "tool_choice": dict,
    "max_tokens": int,
    "temperature": (int, float),
    "top_p": (int, float),
    "top_k": (int, float),
}
_UNKNOWN_LEVELS = ("none", "minimal", "low", "medium", "high", "xhigh")
_RESPONSES_LEVELS = (*_UNKNOWN_LEVELS, "max")


def ask_of(suffix: ThinkingSuffix) -> ReasoningAsk:
    """The suffix in neutral words, for the lane that translates."""
    if suffix.level is not None:
        return ReasoningAsk(effort=Effort(suffix.level))
    return ReasoningAsk(budget=suffix.budget)


def suffixed(
    protocol: str,
    body: Object,
    suffix: ThinkingSuffix,
    facts: ModelFacts | None,
    *,
    quirks: Collection[str] = (),
    losses: list[Loss] | None = None,
) -> Object | None:
    """``body`` with the effort of ``suffix`` in place of what it says; None where that changes nothing.

    A model that is known not to think gets a body that does not ask for it. Of a model that is not known nothing is assumed. ``quirks`` are the
    provider's: some servers of Chat Completions have words of their own for effort. What they have no word for goes to ``losses``.
    """
    changed = _CLEAR[protocol](body)
    thinking = facts.thinking if facts is not None else None
    if facts is not None and facts.thinks is False:
        return changed if changed != body else None
    lost: list[Loss] = [] if losses is None else losses
    if protocol == "openai_chat" and not SPOKEN_OTHERWISE.isdisjoint(quirks):
        draft = Draft(target=WriteTarget(model="", quirks=frozenset(quirks), thinking=thinking), native=False)
        changed = {**changed, **write_reasoning(ask_of(suffix), draft)}
        lost += draft.losses
    elif protocol == "anthropic":
        changed = _write_anthropic(changed, ask_of(suffix), facts, lost)
    else:
        changed = _WRITE[protocol](changed, ask_of(suffix), thinking or _ANY_THINKING)
    return changed if changed != body else None


def _level(ask: ReasoningAsk, thinking: Thinking, unknown: tuple[str, ...]) -> str | None:
    effort = effort_of(ask)
    return nearest_level(effort, thinking.levels or unknown) if effort is not None else None


def _budget(ask: ReasoningAsk, thinking: Thinking) -> int:
    budget = budget_of(ask) or 0
    if thinking.minimum is None or thinking.maximum is None:
        return budget
    return clamp_budget(
        budget,
        minimum=thinking.minimum,
        maximum=thinking.maximum,
        zero_allowed=thinking.zero_allowed,
        dynamic_allowed=thinking.dynamic_allowed,
    )


def _without(body: Object, *names: str) -> Object:
    return {name: value for name, value in body.items() if name not in names}


def _member(body: Object, name: str, value: Object) -> Object:
    """``body`` with ``value`` as its member ``name``; without the member where the value is empty."""
    return {**body, name: value} if value else _without(body, name)


def _object(body: Object, name: str) -> Object:
    value = body.get(name)
    return value if isinstance(value, dict) else {}


def _clear_chat(body: Object) -> Object:
    return _without(body, "reasoning_effort", "reasoning", "thinking", "enable_thinking", "thinking_budget")


def _write_chat(body: Object, ask: ReasoningAsk, thinking: Thinking) -> Object:
    level = _level(ask, thinking, _UNKNOWN_LEVELS)
    return body if level is None else {**body, "reasoning_effort": level}


def _clear_responses(body: Object) -> Object:
    if "reasoning" not in body:
        return body
    return _member(body, "reasoning", _without(_object(body, "reasoning"), "effort"))


def _write_responses(body: Object, ask: ReasoningAsk, thinking: Thinking) -> Object:
    level = _level(ask, thinking, _RESPONSES_LEVELS)
    return body if level is None else {**body, "reasoning": {**_object(body, "reasoning"), "effort": level}}


def _clear_anthropic(body: Object) -> Object:
    cleared = _without(body, "thinking")
    if "output_config" not in cleared:
        return cleared
    return _member(cleared, "output_config", _without(_object(cleared, "output_config"), "effort"))


def _write_anthropic(body: Object, ask: ReasoningAsk, facts: ModelFacts | None, losses: list[Loss]) -> Object:
    """By the tables and rules of the lane that translates: models differ too much to have them twice."""
    thinking = facts.thinking if facts is not None else None
    ruled = {name: body[name] for name, kind in _RULED.items() if isinstance(body.get(name), kind)}
    draft = MessagesDraft(target=WriteTarget(model="", thinking=thinking), top=dict(ruled))
    write_thinking(ask, draft)
    for rule in (thinking_or_forced_tool, budget_below_max_tokens, sampling_beside_thinking):
        rule(draft)
    losses += draft.losses
    return {name: value for name, value in body.items() if name not in ruled or name in draft.top} | draft.top


def _config_name(body: Object) -> str:
    return "generation_config" if "generation_config" in body and "generationConfig" not in body else "generationConfig"


def _clear_gemini(body: Object) -> Object:
    name = _config_name(body)
    if name not in body:
        return body
    config = _object(body, name)
    kept = _without(config, "thinkingConfig", "thinking_config")
    shown = {
        member: value
        for spelling in ("thinkingConfig", "thinking_config")
        for member, value in _object(config, spelling).items()
        if member in {"includeThoughts", "include_thoughts"}
    }
    return _member(body, name, _member(kept, "thinkingConfig", shown))


def _write_gemini(body: Object, ask: ReasoningAsk, thinking: Thinking) -> Object:
    name = _config_name(body)
    config = _object(body, name)
    asked = dict(_object(config, "thinkingConfig"))
    if thinking.levels:
        level = _level(ask, thinking, ())
        if effort_of(ask) is not Effort.AUTO or not thinking.dynamic_allowed:
            asked["thinkingLevel"] = level
    else:
        asked["thinkingBudget"] = _budget(ask, thinking)
    if effort_of(ask) is Effort.NONE:
        asked = _without(asked, "include_thoughts") | {"includeThoughts": False}
    return _member(body, name, _member(config, "thinkingConfig", asked))


_CLEAR: Mapping[str, Callable[[Object], Object]] = {
    "openai_chat": _clear_chat,
    "openai_responses": _clear_responses,
    "anthropic": _clear_anthropic,
    "gemini": _clear_gemini,
}
_WRITE: Mapping[str, Callable[[Object, ReasoningAsk, Thinking], Object]] = {
    "openai_chat": _write_chat,
    "openai_responses": _write_responses,
    "gemini": _write_gemini,
}
