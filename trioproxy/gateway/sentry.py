"""The task beside a stream: it sees to it that no deadline passes unnoticed and that no silence lasts too long.

A chunk costs a stream two looks at the clock and nothing else: facts go to the tracker, no timer is touched. The sentry sleeps until the next
deadline as it stood when it last looked, but never longer than the shortest limit there is; so whatever was armed while it slept is still to
come when it wakes. Then it looks again, ends what has expired, and fills a silence with a keep-alive.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf
from types import TracebackType

import attrs
import trio

from trioproxy.errors import ClientFault, Failure
from trioproxy.gateway.deadlines import DeadlineTracker, Phase, failure_of
from trioproxy.gateway.outlet import Outlet
from trioproxy.neutral.events import Event
from trioproxy.upstream.base import Headers

__all__ = ["Sentry", "Watched"]


@attrs.define(eq=False)
class Watched:
    """See :class:`~trioproxy.gateway.guard.Pulse`. What runs inside is ended by its sentry."""

    tracker: DeadlineTracker
    provider: str
    sentry: Sentry
    _scope: trio.CancelScope = attrs.field(factory=trio.CancelScope, init=False)
    _phase: Phase | None = attrs.field(default=None, init=False)
    _now: Callable[[], float] = attrs.field(default=trio.current_time, init=False)
    """The clock itself, which is asked three times a chunk, while the scope is open."""

    def __enter__(self) -> Watched:
        self._scope.__enter__()
        self._now = trio.lowlevel.current_clock().current_time
        self.sentry.begin(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self.sentry.end()
        return bool(self._scope.__exit__(kind, error, trace))

    @property
    def expired(self) -> Phase | None:
        """See :class:`~trioproxy.gateway.guard.Pulse`."""
        return self._phase if self._scope.cancelled_caught else None

    def failure(self) -> Failure:
        """See :class:`~trioproxy.gateway.guard.Pulse`."""
        assert self._phase is not None
        return failure_of(self._phase, self.tracker.deadlines, provider=self.provider)

    def received(self, events: Sequence[Event]) -> None:
        """See :class:`~trioproxy.gateway.guard.Pulse`."""
        now = self._now()
        self.tracker.bytes_received(now)
        if events:
            self.tracker.events_seen(events, now)

    def send_started(self) -> None:
        """See :class:`~trioproxy.gateway.guard.Pulse`."""
        self.tracker.send_started(self._now())

    def send_finished(self) -> float:
        """See :class:`~trioproxy.gateway.guard.Pulse`."""
        now = self._now()
        self.tracker.send_finished(now)
        return now

    def expire(self) -> None:
        """End what runs inside: a deadline has passed."""
        self._phase = self.tracker.phase()
        self._scope.cancel(reason=f"the {self._phase.value} deadline passed")


@attrs.define(eq=False)
class Sentry:
    """Watches one stream. ``beat`` is the keep-alive to send after ``interval`` seconds of silence, None for none; ``early`` the head to send
    with it where none was sent by then, None to wait for the answer's own."""

    outlet: Outlet
    beat: bytes | None = None
    interval: float = inf
    early: Headers | None = None
    _watched: Watched | None = attrs.field(default=None, init=False)
    _sleep: trio.CancelScope = attrs.field(factory=trio.CancelScope, init=False)

    def watch(self, tracker: DeadlineTracker, provider: str) -> Watched:
        """A pulse whose deadlines this sentry keeps."""
        return Watched(tracker, provider, self)

    def begin(self, watched: Watched) -> None:
        """Something is to be watched from now on."""
        self._watched = watched
        self._sleep.deadline = -inf

    def end(self) -> None:
        """Nothing is to be watched any more."""
        self._watched = None

    async def keep_watch(self) -> None:
        """Run until cancelled, or until the client can't be reached any more; the account says why."""
        while True:
            now = trio.current_time()
            if self._watched is not None and self._watched.tracker.due() <= now:
                self._watched.expire()
                self.end()
            if (
                self.beat is not None
                and now >= self.outlet.last_sent + self.interval
                and not await self._fill(self.beat)
            ):
                return
            with trio.CancelScope(deadline=self._next(trio.current_time())) as self._sleep:
                await trio.sleep_forever()

    async def _fill(self, beat: bytes) -> bool:
        """Send a keep-alive, if one may stand here; whether the client can still be reached."""
        try:
            return await self.outlet.fill_silence(beat, self.early)
        except ClientFault as error:
            self.outlet.entry.failed(error.failure)
            return False

    def _next(self, now: float) -> float:
        silence = self.outlet.last_sent + self.interval if self.beat is not None else inf
        if self._watched is None:
            return silence
        tracker = self._watched.tracker
        return min(silence, tracker.due(), now + tracker.shortest)
