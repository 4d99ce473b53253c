"""Ids of calls that no earlier call of the conversation has.

A result names its call by the id alone, and clients keep calls of a whole session by it. Some servers count the calls of each answer from 0
anew. A call whose id the history has already is told under one of its own, which the provider gets back with the result. Refuses to know: which
ids a protocol takes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar, cast

import attrs

from trioproxy.neutral.events import Event, Growth, ToolCallStarted
from trioproxy.neutral.parts import ToolCall
from trioproxy.neutral.request import Conversation

__all__ = ["TakenIds"]

_Told = TypeVar("_Told", bound=Event | Growth)


@attrs.define(eq=False)
class TakenIds:
    """The ids of a conversation's calls, looked for when the first call of the answer comes."""

    _conversation: Conversation | None
    _taken: set[str] | None = attrs.field(default=None, init=False)
    _given: dict[str, str] = attrs.field(factory=dict, init=False)
    """A call may be begun twice in an answer: without its name, then with it."""

    def told_apart(self, told: Sequence[_Told]) -> Sequence[_Told]:
        """What is told, the very same where no call of a known id begins in it."""
        if self._conversation is None or not any(type(each) is ToolCallStarted for each in told):
            return told
        return [cast("_Told", self._apart(each)) if isinstance(each, ToolCallStarted) else each for each in told]

    def _apart(self, call: ToolCallStarted) -> ToolCallStarted:
        if self._taken is None:
            assert self._conversation is not None
            turns = self._conversation.turns
            self._taken = {part.call_id for turn in turns for part in turn.parts if isinstance(part, ToolCall)}
        if call.call_id not in self._given:
            unique, number = call.call_id, 2
            while unique in self._taken:
                unique, number = f"{call.call_id}_{number}", number + 1
            self._taken.add(unique)
            self._given[call.call_id] = unique
        unique = self._given[call.call_id]
        return call if unique == call.call_id else attrs.evolve(call, call_id=unique)
