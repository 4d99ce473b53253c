"""How much a client asks the model to think: ``thinking`` and ``output_config.effort`` of a request.

Source: platform.claude.com, "Extended thinking", "Adaptive thinking" and "Effort".
"""

from __future__ import annotations

from trioproxy.neutral.request import Effort, ReasoningAsk
from trioproxy.protocols.anthropic.carrying import carried
from trioproxy.protocols.anthropic.fields import Fields
from trioproxy.wire.jsoncodec import Object

__all__ = ["read_thinking"]

_VISIBLE = {"summarized": True, "updates": True, "omitted": False}
_EFFORTS = {each.value: each for each in Effort}


def read_thinking(thinking: Fields | None, effort: str | None, *, now: str | None = None) -> ReasoningAsk | None:
    """What is asked, None where nothing is. The two fields themselves are its spelling; ``now`` is the effort of this turn alone, where a
    message asks for one.

    Raises:
        ClientFault: ``thinking`` has no type.
    """
    if thinking is None and effort is None and now is None:
        return None
    notes: Object = {name: said for name, said in (("effort", effort), ("now", now)) if said is not None}
    said = now or effort or ""
    level = _EFFORTS.get(said)
    # A level of later years.
    odd: Object = {"effort": said} if said and level is None else {}
    if thinking is None:
        return ReasoningAsk(effort=level, extras=carried(odd, notes=notes))
    notes["thinking"] = thinking.rest()
    kind = thinking.need("type")
    display = thinking.text("display")
    budget: int | None = None
    match kind:
        case "enabled":
            # Compatible providers (DeepSeek, MiniMax, Z.ai) want none, and their clients say none: then the amount is the model's.
            budget = thinking.integer("budget_tokens")
            level = level or Effort.AUTO
        case "disabled":
            level = Effort.NONE
        case "adaptive":
            level = level or Effort.AUTO
        case _:
            # Between tools alone, or a type of later years.
            level = level or Effort.AUTO
            odd["type"] = kind
    return ReasoningAsk(
        effort=level if budget is None else None,
        budget=budget,
        # Thoughts that were switched on are shown unless they are omitted; the adaptive mode's only by some models.
        visible=_VISIBLE.get(display or "", True if kind == "enabled" else None),
        extras=carried({**thinking.rest(), **odd}, notes=notes),
    )
