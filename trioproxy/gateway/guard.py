"""The few lines of trio around the pure deadline tracker: one cancel scope for what a deadline may end.

:class:`Guard` moves its scope's deadline with every fact. That is right for an attempt and for a whole body, which have few of them. A stream of
many small chunks has a :class:`~trioproxy.gateway.sentry.Sentry` look instead. Neither ever cancels a read to try it again: the next one
would report a clean end.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Protocol

import attrs
import trio

from trioproxy.errors import Failure
from trioproxy.gateway.deadlines import DeadlineTracker, Phase, failure_of
from trioproxy.neutral.events import Event

__all__ = ["Guard", "Pulse"]


class Pulse(Protocol):
    """Bounds what runs inside ``with``, and is told what happens there."""

    def __enter__(self) -> Pulse: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool: ...

    @property
    def expired(self) -> Phase | None:
        """The phase whose deadline ended what ran inside, None where it ended by itself."""
        ...

    def failure(self) -> Failure:
        """The failure that :attr:`expired` is."""
        ...

    def received(self, events: Sequence[Event]) -> None:
        """Bytes of the answer came, and these events were in them."""
        ...

    def send_started(self) -> None:
        """Bytes are being handed to the client."""
        ...

    def send_finished(self) -> float:
        """The client's kernel took them; the time it is now."""
        ...


@attrs.define(eq=False)
class Guard:
    """See :class:`Pulse`. It is also the :class:`~trioproxy.upstream.base.Progress` of its attempt."""

    tracker: DeadlineTracker
    provider: str
    _scope: trio.CancelScope = attrs.field(factory=trio.CancelScope, init=False)

    def __enter__(self) -> Guard:
        self._scope.__enter__()
        self._move()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        return bool(self._scope.__exit__(kind, error, trace))

    @property
    def expired(self) -> Phase | None:
        """See :class:`Pulse`."""
        return self.tracker.phase() if self._scope.cancelled_caught else None

    def failure(self) -> Failure:
        """See :class:`Pulse`."""
        return failure_of(self.tracker.phase(), self.tracker.deadlines, provider=self.provider)

    def request_sent(self) -> None:
        """See ``Progress.request_sent``."""
        self.tracker.request_sent(trio.current_time())
        self._move()

    def received(self, events: Sequence[Event]) -> None:
        """See :class:`Pulse`."""
        now = trio.current_time()
        self.tracker.bytes_received(now)
        self.tracker.events_seen(events, now)
        self._move()

    def send_started(self) -> None:
        """See :class:`Pulse`."""
        self.tracker.send_started(trio.current_time())
        self._move()

    def send_finished(self) -> float:
        """See :class:`Pulse`."""
        now = trio.current_time()
        self.tracker.send_finished(now)
        self._move()
        return now

    def _move(self) -> None:
        self._scope.deadline = self.tracker.due()
