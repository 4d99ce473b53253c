"""The legal order of events, as a table.

Every reader's output and every writer's input obeys it; tests wrap both in :class:`Grammar`. Two machines run side by side: one for the
stream (:data:`STREAM`), one for each part (:data:`PARTS`). A pair that a table lacks is illegal.
"""

from __future__ import annotations

import enum

from trioproxy.neutral.events import (
    CitationAdded,
    Event,
    Failed,
    Finished,
    Foreign,
    PartFinished,
    PartKind,
    PartSigned,
    PartStarted,
    ReasoningDelta,
    RefusalDelta,
    ResponseStarted,
    TextDelta,
    ToolArgsDelta,
    ToolCallStarted,
    UsageReported,
)
from trioproxy.wire.machine import ProtocolViolation

__all__ = ["PARTS", "STREAM", "Grammar", "PartState", "StreamState"]


class StreamState(enum.Enum):
    """Where a stream is."""

    IDLE = "idle"
    OPEN = "open"
    OVER = "over"


class PartState(enum.Enum):
    """Where a part is, by what it is."""

    ABSENT = "absent"
    TEXT = "text"
    REASONING = "reasoning"
    REFUSAL = "refusal"
    TOOL = "tool"
    CLOSED = "closed"


_PART_EVENTS = (
    PartStarted,
    TextDelta,
    ReasoningDelta,
    RefusalDelta,
    PartSigned,
    CitationAdded,
    ToolCallStarted,
    ToolArgsDelta,
    PartFinished,
    Foreign,
)

STREAM: dict[StreamState, dict[type, StreamState]] = {
    # A failure may be all there is: the provider died before it said who it was.
    StreamState.IDLE: {ResponseStarted: StreamState.OPEN, Failed: StreamState.OVER},
    StreamState.OPEN: {
        **dict.fromkeys(_PART_EVENTS, StreamState.OPEN),
        UsageReported: StreamState.OPEN,
        Finished: StreamState.OVER,
        Failed: StreamState.OVER,
    },
    StreamState.OVER: {},
}

PARTS: dict[PartState, dict[type, PartState]] = {
    # PartStarted's next state depends on its kind: see Grammar.feed.
    PartState.ABSENT: {
        PartStarted: PartState.TEXT,
        ToolCallStarted: PartState.TOOL,
        Foreign: PartState.CLOSED,
    },
    PartState.TEXT: {
        TextDelta: PartState.TEXT,
        CitationAdded: PartState.TEXT,
        PartSigned: PartState.TEXT,
        PartFinished: PartState.CLOSED,
    },
    PartState.REASONING: {
        ReasoningDelta: PartState.REASONING,
        PartSigned: PartState.REASONING,
        PartFinished: PartState.CLOSED,
    },
    PartState.REFUSAL: {
        RefusalDelta: PartState.REFUSAL,
        PartSigned: PartState.REFUSAL,
        PartFinished: PartState.CLOSED,
    },
    PartState.TOOL: {
        ToolArgsDelta: PartState.TOOL,
        PartSigned: PartState.TOOL,
        PartFinished: PartState.CLOSED,
    },
    PartState.CLOSED: {},
}

_STATE_OF_KIND = {
    PartKind.TEXT: PartState.TEXT,
    PartKind.REASONING: PartState.REASONING,
    PartKind.REFUSAL: PartState.REFUSAL,
}


class Grammar:
    """A machine that passes legal events on unchanged and stops at the first illegal one."""

    def __init__(self) -> None:
        self._stream = StreamState.IDLE
        self._parts: dict[int, PartState] = {}

    @property
    def over(self) -> bool:
        """Whether the stream had its one Finished or Failed."""
        return self._stream is StreamState.OVER

    def feed(self, item: Event) -> list[Event]:
        """The event itself.

        Raises:
            ProtocolViolation: the event is not legal here.
        """
        kind = type(item)
        following = STREAM[self._stream].get(kind)
        if following is None:
            raise ProtocolViolation(f"{kind.__name__} is not legal while the stream is {self._stream.value}")
        if isinstance(item, _PART_EVENTS):
            self._part(item.index, item)
        if isinstance(item, Finished):
            still_open = sorted(index for index, state in self._parts.items() if state is not PartState.CLOSED)
            if still_open:
                raise ProtocolViolation(f"Finished while parts {still_open} are open")
        self._stream = following
        return [item]

    def close(self) -> list[Event]:
        """Nothing is owed.

        Raises:
            ProtocolViolation: the stream had no end.
        """
        if not self.over:
            raise ProtocolViolation("the stream ended without Finished or Failed")
        return []

    def _part(self, index: int, item: Event) -> None:
        state = self._parts.get(index, PartState.ABSENT)
        if state is PartState.ABSENT and index != len(self._parts):
            raise ProtocolViolation(f"part {index} starts after {len(self._parts)} parts: indexes count up from 0")
        following = PARTS[state].get(type(item))
        if following is None:
            raise ProtocolViolation(f"{type(item).__name__} is not legal for part {index}, which is {state.value}")
        self._parts[index] = _STATE_OF_KIND[item.kind] if isinstance(item, PartStarted) else following
