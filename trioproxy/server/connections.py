"""All connections of one server together: how many, which of them idle, and how they end when the server does.

Knows: counts, cancel scopes, the drain. Refuses to know: HTTP.

A drain is a server's honest end. From :meth:`Drain.begin` on nothing new is accepted, idle connections close at once, answers carry
``Connection: close`` and running ones go on. At the deadline the handlers that still run are cancelled, which tells each of them to end its
answer in words its client understands (see ``gateway/exchange.py``); a little later the sockets close.
"""

from __future__ import annotations

from math import inf

import attrs
import trio

from trioproxy.server.hangups import Hangups, Line
from trioproxy.server.limits import ServerLimits
from trioproxy.server.streams import ClientStream

__all__ = ["ConnectionStatistics", "Connections", "Drain"]

_DRAIN_REASON = "the server is shutting down"
_IDLE_REASON = "nothing was asked for too long"
_EVICTION_REASON = "an idle connection makes room for a new one"


@attrs.define(eq=False)
class Drain:
    """The switch that ends a server."""

    _begun: trio.Event = attrs.field(factory=trio.Event, init=False)
    _patience: trio.CancelScope = attrs.field(factory=trio.CancelScope, init=False)

    @property
    def begun(self) -> bool:
        """Whether the server is shutting down."""
        return self._begun.is_set()

    def begin(self, grace: float = inf) -> None:
        """Shut down; running handlers have ``grace`` seconds. Said again, only an earlier deadline counts."""
        self._patience.deadline = min(self._patience.deadline, trio.current_time() + grace)
        self._begun.set()

    async def wait_begun(self) -> None:
        """Return when the server is shutting down."""
        await self._begun.wait()

    async def wait_while_patient(self, connections: Connections) -> None:
        """Return when no connection is left, or the handlers' time is up. Once a drain."""
        with self._patience:
            await connections.wait_none()


@attrs.frozen(kw_only=True)
class ConnectionStatistics:
    """``accepted`` connections and ``requests`` since the start; ``open`` connections, ``idle`` ones among them and ``active`` exchanges
    now; ``refused`` requests that no handler saw."""

    accepted: int
    open: int
    idle: int
    active: int
    requests: int
    refused: int


@attrs.define(eq=False)
class Connections:
    """The connections of one server, for the loops to report to."""

    limits: ServerLimits = attrs.field(factory=ServerLimits)
    drain: Drain = attrs.field(factory=Drain)
    hangups: Hangups = attrs.field(factory=Hangups)
    attended: bool = attrs.field(default=False, init=False)
    """Whether :meth:`attend` runs: then nobody else need look at the clock for an idle connection, or out for a client's leaving."""
    _accepted: int = attrs.field(default=0, init=False)
    _requests: int = attrs.field(default=0, init=False)
    _refused: int = attrs.field(default=0, init=False)
    _streams: dict[ClientStream, Line] = attrs.field(factory=dict, init=False)
    _idle: dict[trio.CancelScope, None] = attrs.field(factory=dict, init=False)
    _resting: dict[trio.CancelScope, float] = attrs.field(factory=dict, init=False)
    """Those of the idle that are closed when they have waited for ``limits.idle_seconds``, and until when; the first come first."""
    _reaper: trio.CancelScope = attrs.field(factory=trio.CancelScope, init=False)
    _active: set[trio.CancelScope] = attrs.field(factory=set, init=False)
    _changes: trio.lowlevel.ParkingLot = attrs.field(factory=trio.lowlevel.ParkingLot, init=False)

    def statistics(self) -> ConnectionStatistics:
        """How things stand."""
        return ConnectionStatistics(
            accepted=self._accepted,
            open=len(self._streams),
            idle=len(self._idle),
            active=len(self._active),
            requests=self._requests,
            refused=self._refused,
        )

    # What the loops report.

    def opened(self, stream: ClientStream) -> Line:
        """A connection is served from now on."""
        self._accepted += 1
        line = self._streams[stream] = self.hangups.watch(stream)
        return line

    def closed(self, stream: ClientStream) -> None:
        """A connection is over."""
        line = self._streams.pop(stream, None)
        if line is not None:
            self.hangups.forget(line)
        self._changes.unpark_all()

    def went_idle(self, scope: trio.CancelScope, *, until: float = inf) -> None:
        """A connection waits for a request within ``scope``; cancelling that closes it, which is done at ``until`` by whoever attends to all."""
        self._idle[scope] = None
        if until != inf:
            if not self._resting and until < self._reaper.deadline:
                self._reaper.deadline = until
            self._resting[scope] = until
        if self._changes:
            self._changes.unpark_all()
        if self.drain.begun:
            scope.cancel(reason=_DRAIN_REASON)

    def woke(self, scope: trio.CancelScope) -> None:
        """It waits no more."""
        self._idle.pop(scope, None)
        self._resting.pop(scope, None)

    def exchange_began(self, scope: trio.CancelScope) -> None:
        """A handler runs within ``scope``."""
        self._requests += 1
        self._active.add(scope)

    def exchange_ended(self, scope: trio.CancelScope) -> None:
        """It runs no more."""
        self._active.discard(scope)

    def request_refused(self) -> None:
        """A request was answered without a handler."""
        self._refused += 1

    # What the listener asks and orders.

    async def attend(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """See to idle connections that have waited too long, and to clients that hang up, until cancelled."""
        async with trio.open_nursery() as nursery:
            await nursery.start(self.hangups.run)
            self.attended = True
            task_status.started()
            try:
                while True:
                    with self._reaper:
                        await trio.sleep_forever()
                    self._reaper = trio.CancelScope(deadline=self._reap(trio.current_time()))
            finally:
                self.attended = False

    def _reap(self, now: float) -> float:
        """Close the connections whose time is up; when the next one's is."""
        while self._resting:
            scope, until = next(iter(self._resting.items()))
            if until > now:
                return until
            del self._resting[scope]
            scope.cancel(reason=_IDLE_REASON)
        return inf

    async def wait_room(self) -> None:
        """Return when another connection may be opened. The one that was idle longest makes room for it; where none is, this waits."""
        while len(self._streams) >= self.limits.connections:
            self.evict_idle()
            await self._changes.park()

    async def wait_none(self) -> None:
        """Return when no connection is open."""
        while self._streams:
            await self._changes.park()

    def evict_idle(self) -> bool:
        """Close the connection that was idle longest; False where none is idle."""
        for scope in self._idle:
            del self._idle[scope]
            scope.cancel(reason=_EVICTION_REASON)
            return True
        return False

    def close_idle(self) -> None:
        """Close all connections on which nothing is asked."""
        for scope in self._idle:
            scope.cancel(reason=_DRAIN_REASON)

    def cancel_active(self) -> None:
        """Tell all running handlers that the server is shutting down."""
        for scope in self._active:
            scope.cancel(reason=_DRAIN_REASON)

    async def close_all(self) -> None:
        """Close every connection, whatever runs on it: a handler that shields itself finds its client gone."""
        for stream in list(self._streams):
            await stream.reset()
