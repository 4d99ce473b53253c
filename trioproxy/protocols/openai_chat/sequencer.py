"""One text, one reasoning and one refusal at a time.

A chat message has a single string for each of the three. Where a provider has two parts of one kind open at once, their words would run
into each other; here the later one waits until the earlier one is whole. No provider is known to do that, so nothing waits in practice.
"""

from __future__ import annotations

from collections import deque

from trioproxy.neutral.events import (
    Event,
    Failed,
    Finished,
    PartFinished,
    PartKind,
    PartStarted,
    ResponseStarted,
    UsageReported,
)

__all__ = ["Sequencer"]


class Sequencer:
    """A machine from events to the same events in an order that a message can hold."""

    def __init__(self) -> None:
        self._kinds: dict[int, PartKind] = {}
        self._lines: dict[PartKind, deque[int]] = {kind: deque() for kind in PartKind}
        self._held: dict[int, list[Event]] = {}

    def feed(self, item: Event) -> list[Event]:
        """The events whose turn it is."""
        if isinstance(item, ResponseStarted | UsageReported | Finished):
            return [item]
        if isinstance(item, Failed):
            # What came before the failure stands, waiting or not.
            return [*(event for held in self._held.values() for event in held), item]
        if isinstance(item, PartStarted):
            self._kinds[item.index] = item.kind
            self._lines[item.kind].append(item.index)
        kind = self._kinds.get(item.index)
        if kind is None:
            return [item]
        line = self._lines[kind]
        if line[0] != item.index:
            self._held.setdefault(item.index, []).append(item)
            return []
        return [item, *self._next(kind)] if isinstance(item, PartFinished) else [item]

    def passes(self, index: int) -> bool:
        """Whether more of this part would be let through at once, and nothing with it."""
        kind = self._kinds.get(index)
        return kind is None or self._lines[kind][0] == index

    def close(self) -> list[Event]:
        """Nothing is owed: a stream that ends without an end has failed."""
        return []

    def _next(self, kind: PartKind) -> list[Event]:
        """What waited behind the part that just ended, up to one that is still open."""
        line = self._lines[kind]
        del self._kinds[line.popleft()]
        released: list[Event] = []
        while line:
            held = self._held.pop(line[0], [])
            released += held
            if not held or not isinstance(held[-1], PartFinished):
                break
            del self._kinds[line.popleft()]
        return released
