"""One task that looks at the clock for all exchanges.

Knows: who is to be looked at, and when at the latest. Refuses to know: what there is to see (``sentry.py``).

A cancel scope with a deadline of its own, moved with every fact, costs a small answer as much as all of its routing; a task beside every stream
costs four KiB. Here an exchange costs one entry of a heap. An entry is not taken out when it is of no more use: it is passed over when its time
comes, and when half of them are such, all of these are dropped at once, so the heap is never longer than twice the exchanges that run. It lets
go at once of whom it was for: an exchange holds all that it was asked.
"""

from __future__ import annotations

import heapq
import itertools
import logging
from collections.abc import Callable, Iterator
from math import inf
from typing import Protocol

import attrs
import trio

__all__ = ["Kept", "Timekeeper"]

_log = logging.getLogger("trioproxy.gateway")

_FEW = 64
"""Useless entries that are not worth a look at all of them."""


class Kept(Protocol):
    """Somebody who is looked at. ``look_at`` belongs to the keeper: when the next look is due, ``inf`` for none."""

    look_at: float

    def look(self, now: float, nursery: trio.Nursery) -> float:
        """Do what is due at ``now``; when the next look is, ``inf`` for none before :meth:`Timekeeper.look_by` says so. What takes time is
        started in ``nursery`` and raises nothing."""
        ...


@attrs.define(eq=False)
class _Wish:
    """Who is to be looked at; None is nobody any more."""

    kept: Kept | None


@attrs.define(eq=False)
class _Once:
    """Something to be called, and no exchange."""

    call: Callable[[], None]
    look_at: float = attrs.field(default=inf, init=False)

    def look(self, now: float, nursery: trio.Nursery) -> float:
        """See :class:`Kept`."""
        self.call()
        return inf


@attrs.define(eq=False)
class Timekeeper:
    """Looks at whoever asked for it, while :meth:`run` runs."""

    at_work: bool = attrs.field(default=False, init=False)
    _heap: list[tuple[float, int, _Wish]] = attrs.field(factory=list, init=False)
    _wishes: dict[Kept, _Wish] = attrs.field(factory=dict, init=False)
    _useless: int = attrs.field(default=0, init=False)
    _numbers: Iterator[int] = attrs.field(factory=itertools.count, init=False)
    _sleep: trio.CancelScope = attrs.field(factory=trio.CancelScope, init=False)

    def __len__(self) -> int:
        """How many entries are kept, useless ones among them."""
        return len(self._heap)

    def look_by(self, kept: Kept, at: float) -> None:
        """Look at ``kept`` at that time of trio's clock or sooner."""
        if at >= kept.look_at:
            return
        self._drop(kept)
        kept.look_at = at
        wish = self._wishes[kept] = _Wish(kept)
        heapq.heappush(self._heap, (at, next(self._numbers), wish))
        if at < self._sleep.deadline:
            self._sleep.deadline = at

    def call_within(self, seconds: float, call: Callable[[], None]) -> None:
        """Call it once, so many seconds from now or sooner; at once where nobody looks at the clock."""
        if self.at_work:
            self.look_by(_Once(call), trio.current_time() + seconds)
        else:
            call()

    def forget(self, kept: Kept) -> None:
        """Look at it no more."""
        self._drop(kept)
        kept.look_at = inf
        if self._useless > _FEW and 2 * self._useless > len(self._heap):
            self._heap = [entry for entry in self._heap if entry[2].kept is not None]
            heapq.heapify(self._heap)
            self._useless = 0

    async def run(self) -> None:
        """Look until cancelled."""
        async with trio.open_nursery() as nursery:
            self.at_work = True
            try:
                while True:
                    due = self._look(trio.current_time(), nursery)
                    with trio.CancelScope(deadline=due) as self._sleep:
                        await trio.sleep_forever()
            finally:
                self.at_work = False

    def _look(self, now: float, nursery: trio.Nursery) -> float:
        """Look at everybody whose time has come; when the next one's does."""
        while self._heap and self._heap[0][0] <= now:
            kept = heapq.heappop(self._heap)[2].kept
            if kept is None:
                self._useless -= 1
                continue
            del self._wishes[kept]
            kept.look_at = inf
            try:
                again = kept.look(now, nursery)
            except Exception:
                _log.exception("an exchange's deadlines are not kept any more")
            else:
                self.look_by(kept, again)
        return self._heap[0][0] if self._heap else inf

    def _drop(self, kept: Kept) -> None:
        wish = self._wishes.pop(kept, None)
        if wish is not None:
            wish.kept = None
            self._useless += 1
