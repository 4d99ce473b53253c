"""Which connections stay warm, and who may open one more.

Knows: slots, idle connections, who waits. Refuses to know: what a connection is (anything that closes and can tell whether it is dead).

An exchange holds a :class:`Lease`. The lease is a slot: it ends exactly once, with a connection that is fit for another exchange, or with
nothing, and then what it held is closed. There is no third way out, so a cancelled exchange leaks no slot and no socket. All decisions are
plain functions; the one await is the wait for a slot.

Acquire and release are O(1) however many connections are idle: the youngest is taken (its socket is the likeliest to live, and the others may
age out), only that one is asked whether it is dead, and only the oldest one is asked whether its time is up.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Mapping
from typing import Generic, Protocol, TypeVar

import attrs
import trio

__all__ = ["ConnectionPool", "Lease", "OriginStatistics", "Pooled"]


class Pooled(Protocol):
    """What a pool keeps."""

    def is_dead(self) -> bool:
        """Whether an idle connection is of no more use. Cheap, without waiting."""
        ...

    def close(self) -> None:
        """Close at once. Idempotent."""
        ...


C = TypeVar("C", bound=Pooled)
K = TypeVar("K", bound=Hashable)


@attrs.frozen(kw_only=True)
class OriginStatistics:
    """One origin at one moment: connections kept warm, exchanges running, exchanges that wait for a slot."""

    idle: int
    active: int
    waiting: int


@attrs.define(eq=False)
class _Waiter:
    limit: int
    woken: trio.Event = attrs.field(factory=trio.Event)
    granted: bool = False


@attrs.define(eq=False)
class _Shelf(Generic[C]):
    """The connections of one key. ``idle`` is youngest last, each with the time at which it expires."""

    idle: deque[tuple[float, C]] = attrs.field(factory=deque)
    active: int = 0
    waiting: deque[_Waiter] = attrs.field(factory=deque)


@attrs.define(eq=False)
class Lease(Generic[K, C]):
    """The right to one connection. ``connection`` is a warm one, or None: then the holder makes one and puts it here.

    End it with :meth:`release` in every outcome; ending it twice does nothing.
    """

    key: K
    connection: C | None
    reused: bool
    _pool: ConnectionPool[K, C]
    _ended: bool = False

    def release(self, *, reusable: bool, keep_alive: int = 0) -> None:
        """End the lease: keep the connection when it is ``reusable`` and fewer than ``keep_alive`` are idle, close it otherwise."""
        if self._ended:
            return
        self._ended = True
        connection, self.connection = self.connection, None
        self._pool._release(self.key, connection, keep_alive if reusable else 0)

    def cut(self) -> None:
        """Close the connection, so that whoever waits on it gets to know; where the lease has ended it is another's, and nothing is done. The
        lease is still to be ended."""
        if self.connection is not None:
            self.connection.close()

    def discard(self) -> None:
        """Close the connection and keep the slot, to make a fresh one."""
        connection, self.connection = self.connection, None
        self.reused = False
        if connection is not None:
            connection.close()


@attrs.define(eq=False)
class ConnectionPool(Generic[K, C]):
    """Warm connections by key. ``idle_seconds`` is how long one may wait for its next exchange; servers commonly hang up after 60 to 75."""

    idle_seconds: float = 45.0
    now: Callable[[], float] = trio.current_time
    _shelves: dict[K, _Shelf[C]] = attrs.field(factory=dict)
    _closed: bool = False

    async def acquire(self, key: K, *, limit: int) -> Lease[K, C]:
        """Wait until fewer than ``limit`` exchanges run on ``key``, first come, first served. At most ``limit`` connections exist."""
        lease = self.acquire_nowait(key, limit=limit)
        if lease is not None:
            return lease
        shelf = self._shelves[key]
        await self._wait(key, shelf, limit)
        return self._lease(key, shelf)

    def acquire_nowait(self, key: K, *, limit: int) -> Lease[K, C] | None:
        """As :meth:`acquire`; None where that would wait."""
        shelf = self._shelves.get(key)
        if shelf is None:
            shelf = self._shelves[key] = _Shelf()
        if shelf.waiting or shelf.active >= limit:
            return None
        shelf.active += 1
        return self._lease(key, shelf)

    def statistics(self) -> Mapping[K, OriginStatistics]:
        """What is going on, by key; keys with nothing to tell are left out."""
        return {
            key: OriginStatistics(idle=len(shelf.idle), active=shelf.active, waiting=len(shelf.waiting))
            for key, shelf in self._shelves.items()
        }

    def close_expired(self) -> None:
        """Close what waited too long, on every key. Acquire and release do it for their own key."""
        for key, shelf in list(self._shelves.items()):
            self._expire(shelf, self.now())
            self._forget_if_bare(key, shelf)

    def close(self) -> None:
        """Close every idle connection, and from now on every one that comes back. Running exchanges go on."""
        self._closed = True
        for key, shelf in list(self._shelves.items()):
            while shelf.idle:
                shelf.idle.pop()[1].close()
            self._forget_if_bare(key, shelf)

    async def _wait(self, key: K, shelf: _Shelf[C], limit: int) -> None:
        waiter = _Waiter(limit)
        shelf.waiting.append(waiter)
        try:
            await waiter.woken.wait()
        except BaseException:
            # The grant may have crossed the cancellation: then the slot is ours to give on.
            if waiter.granted:
                self._release(key, None, 0)
            else:
                shelf.waiting.remove(waiter)
                # Whoever stood behind may be content with a limit that ours was not.
                self._grant(shelf)
                self._forget_if_bare(key, shelf)
            raise

    def _lease(self, key: K, shelf: _Shelf[C]) -> Lease[K, C]:
        connection = self._take(shelf)
        return Lease(key, connection, connection is not None, self)

    def _take(self, shelf: _Shelf[C]) -> C | None:
        if shelf.idle:
            self._expire(shelf, self.now())
        while shelf.idle:
            _, connection = shelf.idle.pop()
            if not connection.is_dead():
                return connection
            connection.close()
        return None

    def _release(self, key: K, connection: C | None, keep_alive: int) -> None:
        shelf = self._shelves[key]
        shelf.active -= 1
        now = self.now()
        self._expire(shelf, now)
        if connection is not None:
            if len(shelf.idle) < keep_alive and not self._closed:
                shelf.idle.append((now + self.idle_seconds, connection))
            else:
                connection.close()
        self._grant(shelf)
        self._forget_if_bare(key, shelf)

    @staticmethod
    def _expire(shelf: _Shelf[C], now: float) -> None:
        while shelf.idle and shelf.idle[0][0] <= now:
            shelf.idle.popleft()[1].close()

    def _forget_if_bare(self, key: K, shelf: _Shelf[C]) -> None:
        if not shelf.active and not shelf.idle and not shelf.waiting:
            self._shelves.pop(key, None)

    @staticmethod
    def _grant(shelf: _Shelf[C]) -> None:
        while shelf.waiting and shelf.active < shelf.waiting[0].limit:
            waiter = shelf.waiting.popleft()
            waiter.granted = True
            shelf.active += 1
            waiter.woken.set()
