"""Stop sequences for providers that have none: the answer is cut where one of them appears.

A machine from events to events. It holds back no more text than could be the beginning of a sequence, and says nothing of what the model says
behind one: only the counts and the end are still to come. Sequences are looked for in text, one part at a time, as providers do it; not in
thoughts and arguments.
"""

from __future__ import annotations

from collections.abc import Iterable

from trioproxy.neutral.events import (
    Event,
    Failed,
    Finished,
    FinishReason,
    PartFinished,
    PartStarted,
    ResponseStarted,
    TextDelta,
    ToolCallStarted,
    UsageReported,
)

__all__ = ["StopCutter"]


class StopCutter:
    """Cuts one answer at the first of ``sequences``; empty ones are none."""

    def __init__(self, sequences: Iterable[str]) -> None:
        self._sequences = tuple(dict.fromkeys(each for each in sequences if each))
        self._held: dict[int, str] = {}
        self._open: set[int] = set()
        self._cut_at: int | None = None
        self._hit: str | None = None
        self._called = False

    def feed(self, item: Event) -> list[Event]:
        """The events that are left of this one, behind text that turned out to be none of a sequence."""
        if self._hit is not None:
            return self._behind(item)
        match item:
            case TextDelta(index=index, text=text):
                return self._text(index, self._held.pop(index, "") + text)
            case PartFinished(index=index):
                self._open.discard(index)
                held = self._held.pop(index, "")
                return [TextDelta(index=index, text=held), item] if held else [item]
            case Failed():
                owed: list[Event] = [TextDelta(index=index, text=text) for index, text in self._held.items()]
                return [*owed, item]
            case PartStarted(index=index) | ToolCallStarted(index=index):
                self._called = self._called or isinstance(item, ToolCallStarted)
                self._open.add(index)
                return [item]
            case _:
                return [item]

    def feed_all(self, events: Iterable[Event]) -> list[Event]:
        """Shorthand for feeding many."""
        return [out for event in events for out in self.feed(event)]

    def _text(self, index: int, text: str) -> list[Event]:
        found = [(at, -len(each), each) for each in self._sequences if (at := text.find(each)) >= 0]
        if found:
            at, _, self._hit = min(found)
            self._cut_at = index
            return [TextDelta(index=index, text=text[:at])] if at else []
        kept = self._beginning(text)
        if kept:
            self._held[index] = text[-kept:]
        said = text[: len(text) - kept]
        return [TextDelta(index=index, text=said)] if said else []

    def _beginning(self, text: str) -> int:
        """How many characters at the end of ``text`` may begin a sequence."""
        longest = min(len(text), max(map(len, self._sequences), default=1) - 1)
        return next(
            (size for size in range(longest, 0, -1) if any(each.startswith(text[-size:]) for each in self._sequences)),
            0,
        )

    def _behind(self, item: Event) -> list[Event]:
        """What is still told once a sequence was met: parts that were open, counts, the end. A failure comes too late to spoil it."""
        match item:
            case UsageReported():
                return [item]
            case Finished(reason=reason):
                kept = self._called and reason is FinishReason.TOOL_CALLS
                stopped = Finished(reason=FinishReason.STOP_SEQUENCE, stop_sequence=self._hit)
                return [item if kept else stopped]
            case Failed():
                closing = [PartFinished(index=index) for index in sorted(self._open)]
                self._open.clear()
                return [*closing, Finished(reason=FinishReason.STOP_SEQUENCE, stop_sequence=self._hit)]
            case ResponseStarted():
                return []
            case _ if item.index not in self._open or (
                item.index == self._cut_at and not isinstance(item, PartFinished)
            ):
                return []
            case PartFinished(index=index):
                self._open.discard(index)
                held = self._held.pop(index, "")
                return [TextDelta(index=index, text=held), item] if held else [item]
            case _:
                return [item]
