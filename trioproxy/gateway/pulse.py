"""What happens on the way to a provider and back, told to the deadlines: one cancel scope for what a deadline may end.

A chunk costs two looks at the clock and nothing else: facts go to the tracker, no timer is touched. Who sees to it that no deadline passes
unnoticed is ``sentry.py``. It ends all that runs inside: a read is never cancelled to be tried again, as the next one would report a clean end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Protocol

import attrs
import trio

from trioproxy.errors import Failure
from trioproxy.gateway.deadlines import DeadlineTracker, Phase, failure_of
from trioproxy.neutral.events import Event

__all__ = ["Pulse", "Watcher"]


class Watcher(Protocol):
    """Calls :meth:`Pulse.expire` when a deadline has passed."""

    def begin(self, watched: Pulse, now: float) -> None:
        """``watched`` runs from now on."""
        ...

    def end(self) -> None:
        """It runs no more."""
        ...


@attrs.define(eq=False)
class Pulse:
    """Bounds what runs inside ``with``, and is told what happens there. It is also the :class:`~trioproxy.upstream.base.Progress` of its
    attempt."""

    tracker: DeadlineTracker
    provider: str
    watcher: Watcher
    _scope: trio.CancelScope = attrs.field(factory=trio.CancelScope, init=False)
    _phase: Phase | None = attrs.field(default=None, init=False)
    _now: Callable[[], float] = attrs.field(default=trio.current_time, init=False)
    """The clock itself, which is asked twice a chunk, while the scope is open."""
    at: float = attrs.field(default=0.0, init=False)
    """When something came last."""

    def __enter__(self) -> Pulse:
        self._scope.__enter__()
        self._now = trio.lowlevel.current_clock().current_time
        self.at = self._now()
        self.watcher.begin(self, self.at)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self.watcher.end()
        return bool(self._scope.__exit__(kind, error, trace))

    @property
    def expired(self) -> Phase | None:
        """The phase whose deadline ended what ran inside, None where it ended by itself."""
        return self._phase if self._scope.cancelled_caught else None

    def failure(self) -> Failure:
        """The failure that :attr:`expired` is."""
        assert self._phase is not None
        return failure_of(self._phase, self.tracker.deadlines, provider=self.provider)

    def request_sent(self) -> None:
        """See ``Progress.request_sent``."""
        self.tracker.request_sent(self._now())

    def received(self, events: Sequence[Event]) -> None:
        """Bytes of the answer came, and these events were in them."""
        now = self.at = self.tracker.heard_at = self._now()
        if events:
            self.tracker.events_seen(events, now)

    def seen(self, events: Sequence[Event]) -> None:
        """These events were in bytes that came before."""
        self.tracker.events_seen(events, self._now())

    def send_started(self) -> None:
        """Bytes are being handed to the client: those that came just now."""
        self.tracker.send_started(self.at)

    def send_finished(self) -> float:
        """The client's kernel took them; the time it is now."""
        now = self.at = self._now()
        self.tracker.send_finished(now)
        return now

    def expire(self) -> None:
        """End what runs inside: a deadline has passed."""
        self._phase = self.tracker.phase()
        self._scope.cancel(reason=f"the {self._phase.value} deadline passed")
