"""How a client asks for reasoning, in every spelling that servers of this protocol taught their clients.

``reasoning_effort`` is OpenAI's; LiteLLM's clients put the object {effort, summary} of Responses there. ``reasoning`` {effort, max_tokens,
exclude, enabled} is OpenRouter's, ``thinking`` {type, budget_tokens} is
Z.ai's, Moonshot's and DeepSeek's, ``enable_thinking`` and ``thinking_budget`` are Qwen's and SiliconFlow's, ``chat_template_kwargs``
{enable_thinking} or {thinking} is said to vLLM, SGLang and NVIDIA.
"""

from __future__ import annotations

from trioproxy.neutral.extras import packed
from trioproxy.neutral.request import Effort, ReasoningAsk
from trioproxy.protocols.openai_chat.endpoints import NAME
from trioproxy.protocols.openai_chat.fields import Fields, fault
from trioproxy.wire.jsoncodec import JSON, Object

__all__ = ["MEMBERS", "read_reasoning"]

MEMBERS = ("reasoning_effort", "reasoning", "thinking", "enable_thinking", "thinking_budget", "chat_template_kwargs")
"""Request members that say how much to think."""

_EFFORTS = {effort.value: effort for effort in Effort}


def read_reasoning(fields: Fields) -> ReasoningAsk | None:
    """What is asked, None where nothing is.

    The members stay beside it as they were, for this protocol. One that says nothing the hub has a word for is an own field.
    """
    said: Object = {}
    unsaid: Object = {}
    effort: Effort | None = None
    budget: int | None = None
    visible: bool | None = None
    summary: str | None = None
    for name in MEMBERS:
        value = fields.take(name)
        if value is None:
            continue
        asked = _ASKS[name](value)
        if asked is None:
            unsaid[name] = value
            continue
        said[name] = value
        if budget is None and effort in (None, Effort.AUTO):
            # The first that says how much counts; that a model is to think at all leaves the amount to those behind it.
            effort, budget = (asked.effort or (effort if asked.budget is None else None)), asked.budget
        visible = asked.visible if visible is None else visible
        summary = summary or asked.summary
    if not said and not unsaid:
        return None
    return ReasoningAsk(
        effort=effort,
        budget=budget,
        visible=visible,
        summary=summary,
        extras=packed(NAME, unsaid, spelling={"said": said} if said else None),
    )


def _effort(value: JSON) -> ReasoningAsk | None:
    if isinstance(value, dict):
        # What Responses has for `reasoning`, as LiteLLM's clients put it here.
        return _reasoning(value)
    effort = _EFFORTS.get(value) if isinstance(value, str) else None
    return ReasoningAsk(effort=effort) if effort is not None else None


def _reasoning(value: JSON) -> ReasoningAsk | None:
    fields = Fields(value, "reasoning")
    effort = _EFFORTS.get(fields.text("effort") or "")
    budget = fields.integer("max_tokens")
    enabled, exclude, summary = fields.flag("enabled"), fields.flag("exclude"), fields.text("summary")
    if effort is None and budget is None and enabled is not None:
        effort = Effort.AUTO if enabled else Effort.NONE
    if effort is None and budget is None and exclude is None and summary is None:
        return None
    visible = not exclude if exclude is not None else True if summary is not None else None
    return ReasoningAsk(effort=effort, budget=budget, visible=visible, summary=summary)


def _thinking(value: JSON) -> ReasoningAsk | None:
    fields = Fields(value, "thinking")
    kind, budget = fields.text("type"), fields.integer("budget_tokens")
    if kind == "disabled":
        return ReasoningAsk(effort=Effort.NONE)
    if kind is None and budget is None:
        return None
    return ReasoningAsk(budget=budget) if budget is not None else ReasoningAsk(effort=Effort.AUTO)


def _enabled(value: JSON) -> ReasoningAsk | None:
    if not isinstance(value, bool):
        raise fault("enable_thinking", "must be true or false")
    return ReasoningAsk(effort=Effort.AUTO if value else Effort.NONE)


def _budget(value: JSON) -> ReasoningAsk | None:
    return ReasoningAsk(budget=Fields({"thinking_budget": value}).integer("thinking_budget"))


def _template(value: JSON) -> ReasoningAsk | None:
    """What a model's template is told, where that is whether to think and nothing else."""
    match value:
        case {"enable_thinking": bool() as thinks, **rest} | {"thinking": bool() as thinks, **rest} if not rest:
            return ReasoningAsk(effort=Effort.AUTO if thinks else Effort.NONE)
        case _:
            return None


_ASKS = {
    "reasoning_effort": _effort,
    "reasoning": _reasoning,
    "thinking": _thinking,
    "enable_thinking": _enabled,
    "thinking_budget": _budget,
    "chat_template_kwargs": _template,
}
