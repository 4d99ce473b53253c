"""Every call has one result, directly behind it.

OpenAI refuses a history in which a result names no call of the message before it, or a call stays unanswered. Clients of other protocols
send such histories after an interruption or a compaction. What can't be paired is said in words, so that the conversation goes on and
nothing is hidden.
"""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from trioproxy.neutral.parts import Part, Text, ToolCall, ToolKind, ToolResult
from trioproxy.neutral.request import Role, Turn
from trioproxy.protocols.openai_chat.draft import Draft

__all__ = ["paired"]

_NO_RESULT = "No result was given for this call."


def paired(turns: Iterable[Turn], draft: Draft) -> list[Turn]:
    """The turns with results that belong to calls only, calls that all have one, and instructions behind the results they interrupted."""
    out: list[Turn] = []
    asking: list[Turn] = []
    answering: list[Turn] = []
    for turn in turns:
        if turn.role is Role.ASSISTANT and answering:
            out += _exchange(asking, answering, draft, at=len(out))
            asking, answering = [], []
        (asking if turn.role is Role.ASSISTANT else answering).append(turn)
    return [*out, *_exchange(asking, answering, draft, at=len(out))]


def _exchange(asking: list[Turn], answering: list[Turn], draft: Draft, *, at: int) -> list[Turn]:
    """What an assistant said, and what followed until it spoke again."""
    open_calls: dict[str, list[ToolCall]] = {}
    asking = [_told_apart(turn, open_calls) for turn in asking]
    following: list[Turn] = []
    for offset, turn in enumerate(answering):
        path = f"messages[{at + len(asking) + offset}]"
        parts = [each for part in turn.parts for each in _answered(part, open_calls, draft, path)]
        following.append(attrs.evolve(turn, parts=tuple(parts)))
    left = [call for calls in open_calls.values() for call in calls]
    if left:
        named = ", ".join(call.call_id for call in left)
        draft.lose(_place(left[0], asking, at), f"calls without a result were answered: {named}")
        missing = tuple(_missing(call.call_id, call.kind) for call in left)
        if following and following[0].role is Role.USER:
            # Behind what is in the turn that is there, so that turns and parts keep their numbers.
            following[0] = attrs.evolve(following[0], parts=(*following[0].parts, *missing))
        else:
            following.insert(0, Turn(role=Role.USER, parts=missing))
    return [*asking, *_results_first(following)]


def _place(call: ToolCall, asking: list[Turn], at: int) -> str:
    """Where a call stands, in the hub's numbers."""
    places = (
        f"messages[{at + offset}].content[{number}]"
        for offset, turn in enumerate(asking)
        for number, part in enumerate(turn.parts)
        if part is call
    )
    return next(places)


def _told_apart(turn: Turn, open_calls: dict[str, list[ToolCall]]) -> Turn:
    """The turn with ids of its own for calls that came under one; ``open_calls`` are the calls by the id they came with."""
    parts: list[Part] = []
    for part in turn.parts:
        if isinstance(part, ToolCall):
            alike = open_calls.setdefault(part.call_id, [])
            if alike:
                part = attrs.evolve(part, call_id=f"{part.call_id}_{len(alike) + 1}")
            alike.append(part)
        parts.append(part)
    return attrs.evolve(turn, parts=tuple(parts))


def _answered(part: Part, open_calls: dict[str, list[ToolCall]], draft: Draft, path: str) -> tuple[Part, ...]:
    if not isinstance(part, ToolResult):
        return (part,)
    waiting = open_calls.get(part.call_id)
    if waiting:
        return (attrs.evolve(part, call_id=waiting.pop(0).call_id),)
    draft.lose(path, f"the result of {part.call_id} belongs to no call of the message before it: it is told as text")
    draft.own(part.extras, path)
    said = "Error of" if part.is_error else "Result of"
    return (Text(text=f"{said} tool call {part.call_id or part.name or 'unknown'}:"), *part.content)


def _missing(call_id: str, kind: ToolKind) -> ToolResult:
    return ToolResult(call_id=call_id, content=(Text(text=_NO_RESULT),), kind=kind)


def _results_first(turns: list[Turn]) -> list[Turn]:
    """Instructions that stand between calls and their results are moved behind them."""
    last = max(
        (at for at, turn in enumerate(turns) if any(isinstance(part, ToolResult) for part in turn.parts)), default=-1
    )
    before = turns[: last + 1]
    instructions = [turn for turn in before if turn.role is Role.SYSTEM]
    return [*(turn for turn in before if turn.role is not Role.SYSTEM), *instructions, *turns[last + 1 :]]
