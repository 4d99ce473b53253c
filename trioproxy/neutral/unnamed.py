"""Calls of tools that nobody named, kept from those who are told an answer.

A provider may send arguments before it says whose they are. Such a call is read at once, because a stall has to be noticed, and read once more,
whole, when its name comes. A client can do nothing with the first of the two.

Knows: which parts are calls without a name. Refuses to know: what becomes of an answer that ends with one (its reader calls that a failure).
"""

from __future__ import annotations

from trioproxy.neutral.events import Event, Growth, ToolCallStarted

__all__ = ["Unnamed"]


class Unnamed:
    """Remembers the parts of one answer that are calls without a name."""

    def __init__(self) -> None:
        self._hidden: set[int] = set()

    def hides(self, told: Event | Growth) -> bool:
        """Whether this is of a call without a name."""
        if isinstance(told, ToolCallStarted) and not told.name:
            self._hidden.add(told.index)
        return bool(self._hidden) and getattr(told, "index", None) in self._hidden
