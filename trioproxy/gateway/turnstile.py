"""Where requests wait for room below a limit on what runs at once: in line, first come, first served, and not for ever.

Knows: who waits, for which of several ways on, and how long. Refuses to know: what the limits are and who is over them
(``credentials/meters.py``).

Whatever gets free is offered to those in line, in their order, before anyone new sees it. Nobody overtakes who wants the same, nobody is kept
waiting by somebody who wants something else, and nobody who leaves takes a place along.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence

import attrs
import trio

from trioproxy.credentials.meters import Demand, Holder, Lease, Measure, Meters, Over

__all__ = ["FREE", "MOST_WAITING", "Pass", "Turnstile"]

MOST_WAITING = 1024
"""How many may wait for the same."""

Way = tuple[Holder, ...]


@attrs.define(eq=False)
class Pass:
    """A request that was let in. End it in every outcome."""

    _lease: Lease
    _ended: Callable[[], None]

    def end(self, tokens: int | None = None) -> None:
        """See ``Lease.end``."""
        self._lease.end(tokens)
        self._ended()

    def undo(self) -> None:
        """See ``Lease.undo``."""
        self._lease.undo()
        self._ended()


FREE = Pass(Lease([]), lambda: None)
"""The pass of a request that no limit is on."""


@attrs.define(eq=False)
class _Waiter:
    ways: Sequence[Way]
    watched: Collection[str]
    demand: Demand
    woken: trio.Event = attrs.field(factory=trio.Event)
    granted: tuple[int, Pass] | None = None


@attrs.define(eq=False)
class Turnstile:
    """Lets requests in below the limits of their holders. ``wall`` is the clock on the wall (``credentials/meters.py``)."""

    wall: Callable[[], float]
    meters: Meters = attrs.field(factory=Meters)
    _waiting: dict[_Waiter, str] = attrs.field(factory=dict, init=False)
    _counts: Counter[str] = attrs.field(factory=Counter, init=False)

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def over(self, way: Way, demand: Demand) -> Over | None:
        """The limit that ``demand`` does not fit under on this way, None where it fits."""
        return self.meters.over(way, demand, trio.current_time(), self.wall()) if way else None

    def take(self, way: Way, demand: Demand) -> Pass | Over:
        """Let a request in, or say which limit it does not fit under."""
        if not way:
            return FREE
        if self._waiting:
            self._serve()  # a minute may have passed for somebody in line
        over = self.over(way, demand)
        return over if over is not None else self._let_in(way, demand)

    async def wait(
        self, ways: Sequence[Way], demand: Demand, seconds: float, *, name: str = "", watched: Collection[str] = ()
    ) -> tuple[int, Pass] | None:
        """Wait in line until one of ``ways`` is free, at most ``seconds``: its number and the pass for it.

        None where the time is over, where too many wait already for the same ``name``, and where something happened to one of ``watched``
        (:meth:`stir`): then look again.
        """
        if self._counts[name] >= MOST_WAITING:
            return None
        waiter = _Waiter(ways, watched, demand)
        self._waiting[waiter] = name
        self._counts[name] += 1
        self._serve()
        try:
            with trio.move_on_after(seconds):
                await waiter.woken.wait()
        except BaseException:
            # Let in while leaving: the place goes to the next.
            if waiter.granted is not None:
                waiter.granted[1].undo()
            raise
        finally:
            self._leave(waiter)
        return waiter.granted

    def stir(self, name: str) -> None:
        """Something became known of ``name``: whoever watches it is to look again."""
        for waiter in [each for each in self._waiting if name in each.watched]:
            self._leave(waiter)
            waiter.woken.set()

    def _let_in(self, way: Way, demand: Demand) -> Pass:
        return Pass(self.meters.take(way, demand, trio.current_time()), self._serve)

    def _serve(self) -> None:
        """Let in whoever fits now, in the order of their coming."""
        full: set[str] = set()  # nobody behind gets a place where somebody before did not
        for waiter in list(self._waiting):
            for number, way in enumerate(waiter.ways):
                if any(holder.key in full for holder in way):
                    continue
                over = self.over(way, waiter.demand)
                if over is None:
                    waiter.granted = number, self._let_in(way, waiter.demand)
                    self._leave(waiter)
                    waiter.woken.set()
                    break
                if over.measure is Measure.CONCURRENT:
                    full.add(over.holder.key)

    def _leave(self, waiter: _Waiter) -> None:
        name = self._waiting.pop(waiter, None)
        if name is not None:
            self._counts[name] -= 1
            if not self._counts[name]:
                del self._counts[name]
