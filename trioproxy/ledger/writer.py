"""The way of settled accounts to the disk: a bounded queue, and one task that empties it into a ``store.Store``, in a thread.

A stream pays for putting its account into a list and for nothing else. What is put there is on the disk within a second (:data:`PAUSE` and the
writing), which is all that a kill can take. While the disk is full or another process keeps the file locked, accounts wait here, up to
:data:`MOST_WAITING`; further ones are counted as dropped, and one log line in :data:`QUIET` seconds says so. Where the folder can't be written
at all, nothing is kept, that is said once, and the proxy serves.

Knows: when to write and what to do where that fails. Refuses to know: SQL. The wall clock decides which rows are old and nothing else; one that
went more than a day away from the monotonic clock since the start decides nothing: whoever sets it right again finds all rows there.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import attrs
import trio

from trioproxy.config.model import Settings
from trioproxy.ledger.entry import Settled
from trioproxy.ledger.prices import Prices

if TYPE_CHECKING:
    from trioproxy.ledger.store import Store

__all__ = ["Books", "BooksState"]

_log = logging.getLogger("trioproxy.ledger")

PAUSE = 0.5
MOST_WAITING = 8_192
MOST_AT_ONCE = 2_048
LONGEST_PAUSE = 15.0
QUIET = 60.0
PRUNE_EVERY = 600.0
CLOCK_STRAYS = 86_400.0
LAST_WRITE = 3.0
"""Seconds: between a settlement and its writing, at most between tries of a disk that refuses, between log lines about it, between two looks for
old rows, the step of the wall clock after which it is believed no longer, and for the last write of a process that ends."""


_T = TypeVar("_T")


class InThread(Protocol):
    """Runs what blocks where it holds nobody up."""

    async def __call__(self, sync_fn: Callable[..., _T], *args: Any) -> _T:
        """What ``sync_fn(*args)`` returns."""
        ...


@attrs.frozen(kw_only=True)
class BooksState:
    """What has become of the accounts so far. ``trouble`` is what keeps rows from the disk now, None where nothing does."""

    written: int
    waiting: int
    dropped: int
    failures: int
    pruned: int
    trouble: str | None


@attrs.define(eq=False, kw_only=True)
class Books:
    """A sink that keeps accounts in ``folder``. ``settings`` gives what is in force, ``wall`` is Unix time, ``in_thread`` is for tests alone.

    Only requests that were let in are kept (``operation`` is set by then): what anybody may send without a key could otherwise push the
    accounts of others out of a file of bounded size.
    """

    folder: Path
    settings: Callable[[], Settings]
    prices: Prices
    wall: Callable[[], float]
    in_thread: InThread = trio.to_thread.run_sync
    _waiting: list[Settled] = attrs.field(factory=list, init=False)
    _wake: trio.Event = attrs.field(factory=trio.Event, init=False)
    _store: Store | None = attrs.field(default=None, init=False)
    _closed: bool = attrs.field(default=False, init=False)
    _hopeless: bool = attrs.field(default=False, init=False)
    _written: int = attrs.field(default=0, init=False)
    _dropped: int = attrs.field(default=0, init=False)
    _failures: int = attrs.field(default=0, init=False)
    _pruned: int = attrs.field(default=0, init=False)
    _trouble: str | None = attrs.field(default=None, init=False)
    _next_line: float = attrs.field(default=float("-inf"), init=False)
    _next_prune: float = attrs.field(default=float("-inf"), init=False)
    _began: float = attrs.field(default=0.0, init=False)
    _began_wall: float = attrs.field(default=0.0, init=False)

    @property
    def state(self) -> BooksState:
        """What has become of the accounts so far."""
        return BooksState(
            written=self._written,
            waiting=len(self._waiting),
            dropped=self._dropped,
            failures=self._failures,
            pruned=self._pruned,
            trouble=self._trouble,
        )

    def resume(self, state: BooksState) -> None:
        """Count on from what an earlier process counted in this one's place."""
        self._written += state.written
        self._dropped += state.dropped
        self._failures += state.failures
        self._pruned += state.pruned

    def keep(self, settled: Settled) -> None:
        """The sink."""
        if settled.operation is None or not self.settings().ledger:
            return
        if self._closed or len(self._waiting) >= MOST_WAITING:
            self._dropped += 1
            return
        self._waiting.append(settled)
        if len(self._waiting) == 1:
            self._wake.set()

    async def run(self) -> None:
        """Write until cancelled; what is still waiting then is written first, for as long as :data:`LAST_WRITE` allows. The file is opened at
        once, so that a folder that can't be written is complained of before anybody relies on it."""
        self._began, self._began_wall = trio.current_time(), self.wall()
        try:
            if await self._started():
                await self._write_on()
        finally:
            self._closed = True
            with trio.CancelScope(shield=True, deadline=trio.current_time() + LAST_WRITE):
                if not self._hopeless:
                    await self._write()
            self._dropped += len(self._waiting)
            self._waiting.clear()
            if self._store is not None:
                with trio.CancelScope(shield=True):
                    await self.in_thread(self._store.close)

    async def _started(self) -> bool:
        """Open the file; False where there is no hope of ever writing to it."""
        refused = await self.in_thread(self._opened)
        if refused is None:
            return True
        self._trouble, self._hopeless = refused, True
        _log.error(
            "%s; nothing is kept of what is asked and what it costs. `state-dir: off` says that this is meant", refused
        )
        return False

    async def _write_on(self) -> None:
        pause = PAUSE
        while True:
            await self._wake.wait()
            await trio.sleep(pause)
            if await self._write():
                pause = PAUSE
                self._wake = trio.Event()
                await self._prune()
            else:
                pause = min(pause * 2, LONGEST_PAUSE)

    async def _write(self) -> bool:
        """Write what waits; whether nothing is left."""
        while self._waiting:
            batch = self._waiting[:MOST_AT_ONCE]
            done = await self.in_thread(self._written_down, batch)
            if isinstance(done, str):
                self._failed(done)
                return False
            del self._waiting[: len(batch)]
            self._written += done
            self._dropped += len(batch) - done
        if self._trouble is not None:
            self._trouble = None
            _log.warning("the ledger is written again; %d accounts were dropped so far", self._dropped)
        return True

    async def _prune(self) -> None:
        now = trio.current_time()
        if now < self._next_prune:
            return None
        self._next_prune = now + PRUNE_EVERY
        settings, wall = self.settings(), self.wall()
        strayed = abs((wall - self._began_wall) - (now - self._began)) > CLOCK_STRAYS
        before = float("-inf") if strayed else wall - settings.ledger_age
        gone = await self.in_thread(self._pruned_now, before, settings.ledger_size)
        if isinstance(gone, str):
            return self._failed(gone)
        self._pruned += gone
        return None

    def _failed(self, trouble: str) -> None:
        self._failures += 1
        self._trouble = trouble
        now = trio.current_time()
        if now >= self._next_line:
            self._next_line = now + QUIET
            _log.error(
                "the ledger can't be written now (%s): requests are served all the same; %d accounts wait, %d were dropped",
                trouble,
                len(self._waiting),
                self._dropped,
            )

    # What follows runs in a thread, never twice at once.

    def _opened(self) -> str | None:
        """Why there can be no ledger, None where there is one or may be one later."""
        import sqlite3

        from trioproxy.ledger.store import Store, StoreUnusable

        try:
            self._store = Store.open(self.folder)
        except StoreUnusable as error:
            return str(error)
        except sqlite3.Error:
            pass  # somebody holds it, or there is no room: later it may do
        if self.settings().ledger:
            self.prices.load()
        return None

    def _written_down(self, batch: list[Settled]) -> int | str:
        """How many of ``batch`` are on the disk now, or why none is."""
        import sqlite3

        from trioproxy.ledger.store import Store, StoreUnusable, row_of

        try:
            if self._store is not None and self._store.moved:
                self._store.close()
                self._store = None
            if self._store is None:
                self._store = Store.open(self.folder)
            return self._store.add([row_of(settled, self._cost(settled)) for settled in batch])
        except (StoreUnusable, sqlite3.Error) as error:
            return str(error)

    def _cost(self, settled: Settled) -> float | None:
        try:
            return self.prices.cost(settled)
        except Exception:
            _log.exception("%s could not be priced; its cost is unknown", settled.upstream_model)
            return None

    def _pruned_now(self, before: float, size: int) -> int | str:
        import sqlite3

        assert self._store is not None, "pruning follows writing"
        try:
            return self._store.prune(before=before, size=size)
        except sqlite3.Error as error:
            return str(error)
