"""How much happened in the last minute: a sliding window that says when more would fit. Pure; ``now`` is any one clock in seconds.

What is added counts for ``span`` seconds, so that no stretch of that length, wherever it begins, holds more than was allowed. Things that come
within a tenth of a second share an entry, which leaves when the last of them does: memory is bounded however much comes, and the bound is
kept, at worst a tenth of a second too strictly.
"""

from __future__ import annotations

from collections import deque

import attrs

__all__ = ["Charge", "Window"]

GRAIN = 0.1


@attrs.define(eq=False)
class _Entry:
    began: float
    at: float
    amount: int
    gone: bool = False


@attrs.define(eq=False)
class Charge:
    """An amount in a window, which may turn out to be another."""

    _window: Window
    _entry: _Entry
    _amount: int

    @property
    def amount(self) -> int:
        """What it counts as."""
        return self._amount

    def correct(self, amount: int) -> None:
        """It was ``amount``. What has left the window by now is left alone."""
        if not self._entry.gone:
            self._entry.amount += amount - self._amount
            self._window.total += amount - self._amount
        self._amount = amount


@attrs.define(eq=False)
class Window:
    """See the file's words. ``total`` is what counts as of the last look."""

    span: float = 60.0
    total: int = attrs.field(default=0, init=False)
    _entries: deque[_Entry] = attrs.field(factory=deque, init=False)

    def used(self, now: float) -> int:
        """What counts now."""
        while self._entries and self._entries[0].at + self.span <= now:
            gone = self._entries.popleft()
            gone.gone = True
            self.total -= gone.amount
        return self.total

    def add(self, amount: int, now: float) -> Charge:
        """``amount`` happens now, whether it fits or not."""
        self.used(now)
        last = self._entries[-1] if self._entries else None
        if last is None or now - last.began >= GRAIN:
            last = _Entry(now, now, 0)
            self._entries.append(last)
        last.at = now
        last.amount += amount
        self.total += amount
        return Charge(self, last, amount)

    def wait(self, amount: int, most: int, now: float) -> float:
        """In how many seconds ``amount`` more fits below ``most``, 0 for now. More than ``most`` fits into an empty window."""
        room = max(most - amount, 0)
        left = self.used(now)
        if left <= room:
            return 0.0
        for entry in self._entries:
            left -= entry.amount
            if left <= room:
                return entry.at + self.span - now
        return self.span  # only where corrections took more out than there was
