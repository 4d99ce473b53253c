"""The few lines of trio around the pure deadline tracker: one cancel scope whose deadline is moved.

Moving a deadline costs a fraction of a microsecond; a scope for each read would cost several, and a read that was cancelled may not be tried
again (the next one would report a clean end).
"""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType

import attrs
import trio

from trioproxy.errors import Failure
from trioproxy.gateway.deadlines import DeadlineTracker, Phase, failure_of
from trioproxy.neutral.events import Event

__all__ = ["Guard"]


@attrs.define(eq=False)
class Guard:
    """Bounds what runs inside ``with guard:`` by what the tracker says. It is the :class:`~trioproxy.upstream.base.Progress` of its attempt.

    Whoever tells the tracker a fact calls :meth:`moved` afterwards.
    """

    tracker: DeadlineTracker
    provider: str
    _scope: trio.CancelScope = attrs.field(factory=trio.CancelScope, init=False)

    def __enter__(self) -> Guard:
        self._scope.__enter__()
        self.moved()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        return bool(self._scope.__exit__(kind, error, trace))

    def moved(self) -> None:
        """The tracker learned something."""
        self._scope.deadline = self.tracker.due()

    def attempt_started(self) -> None:
        """A way to the provider is being looked for."""
        self.tracker.attempt_started(trio.current_time())
        self.moved()

    def request_sent(self) -> None:
        """See ``Progress.request_sent``."""
        self.tracker.request_sent(trio.current_time())
        self.moved()

    def received(self, events: Iterable[Event]) -> None:
        """Bytes of the answer came, and these events were in them."""
        now = trio.current_time()
        self.tracker.bytes_received(now)
        self.tracker.events_seen(events, now)
        self.moved()

    def send_started(self) -> None:
        """Bytes are being handed to the client."""
        self.tracker.send_started(trio.current_time())
        self.moved()

    def send_finished(self) -> float:
        """The client's kernel took them; the time it is now."""
        now = trio.current_time()
        self.tracker.send_finished(now)
        self.moved()
        return now

    @property
    def expired(self) -> Phase | None:
        """The phase whose deadline ended what ran inside, None where it ended by itself."""
        return self.tracker.phase() if self._scope.cancelled_caught else None

    def failure(self) -> Failure:
        """The failure that :attr:`expired` is."""
        return failure_of(self.tracker.phase(), self.tracker.deadlines, provider=self.provider)
