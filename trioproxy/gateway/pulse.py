"""What happens on the way to a provider and back, told to the deadlines: one cancel scope for what a deadline may end.

A chunk costs two looks at the clock and nothing else: facts go to the tracker, no timer is touched. Who sees to it that no deadline passes
unnoticed is ``sentry.py``. It ends all that runs inside: a read is never cancelled to be tried again, as the next one would report a clean end.

What runs inside is ended by a cancel scope, or where it can be by cutting its connection off (``upstream/base.py``): a scope costs a small
answer a twentieth of its time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
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


class _Expired(Exception):
    """A deadline has passed while something was waited for that can't be cut off."""


@attrs.define(eq=False)
class Pulse:
    """Bounds what runs inside ``with``, and is told what happens there. It is also the :class:`~trioproxy.upstream.base.Progress` of its
    attempt. ``cuttable`` says that what runs inside says itself how it is ended: by :meth:`cut_by`, :meth:`waiting` and :meth:`bound_by`."""

    tracker: DeadlineTracker
    provider: str
    watcher: Watcher
    cuttable: bool = False
    _scope: trio.CancelScope | None = attrs.field(default=None, init=False)
    """What is to be cancelled, as long as there is something."""
    _cut: Callable[[], None] | None = attrs.field(default=None, init=False)
    _ended: bool = attrs.field(default=False, init=False)
    _phase: Phase | None = attrs.field(default=None, init=False)
    now: Callable[[], float] = attrs.field(default=trio.current_time, init=False)
    """The clock itself, which is asked twice a chunk, while the scope is open."""
    at: float = attrs.field(default=0.0, init=False)
    """When something came last."""

    def __enter__(self) -> Pulse:
        if not self.cuttable:
            self._scope = trio.CancelScope()
            self._scope.__enter__()
        self.now = trio.lowlevel.current_clock().current_time
        self.at = self.now()
        self.watcher.begin(self, self.at)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self.watcher.end()
        self._cut = None
        scope = self._scope
        caught = False
        if scope is None:
            caught = self._ended = self._phase is not None and isinstance(error, (_Expired, trio.ClosedResourceError))
        else:
            if not self.cuttable:
                caught = bool(scope.__exit__(kind, error, trace))
            self._ended = self._phase is not None and scope.cancelled_caught
        return caught

    @property
    def expired(self) -> Phase | None:
        """The phase whose deadline ended what ran inside, None where it ended by itself."""
        return self._phase if self._ended else None

    def failure(self) -> Failure:
        """The failure that :attr:`expired` is."""
        assert self._phase is not None
        return failure_of(self._phase, self.tracker.deadlines, provider=self.provider)

    def request_sent(self) -> None:
        """See ``Progress.request_sent``."""
        self.tracker.request_sent(self.now())

    def cut_by(self, cut: Callable[[], None]) -> None:
        """See ``Progress.cut_by``."""
        self._cut = cut

    def waiting(self) -> AbstractContextManager[object]:
        """See ``Progress.waiting``."""
        return nullcontext() if self._scope is not None else _Waiting(self)

    def bound_by(self, scope: trio.CancelScope) -> None:
        """``scope``, which is the caller's, is around all that is waited for from now on."""
        self._scope = scope

    def received(self, events: Sequence[Event]) -> None:
        """Bytes of the answer came, and these events were in them."""
        now = self.at = self.tracker.heard_at = self.now()
        if events:
            self.tracker.events_seen(events, now)

    def seen(self, events: Sequence[Event]) -> None:
        """These events were in bytes that came before."""
        self.tracker.events_seen(events, self.now())

    def send_started(self) -> None:
        """Bytes are being handed to the client: those that came just now."""
        self.tracker.send_started(self.at)

    def send_finished(self) -> float:
        """The client's kernel took them; the time it is now."""
        now = self.at = self.now()
        self.tracker.send_finished(now)
        return now

    def expire(self) -> None:
        """End what runs inside: a deadline has passed."""
        self._phase = self.tracker.phase()
        if self._scope is not None:
            self._scope.cancel(reason=f"the {self._phase.value} deadline passed")
        elif self._cut is not None:
            self._cut()


@attrs.define(eq=False)
class _Waiting:
    """A cancel scope for a part of what a pulse bounds. Where that was cancelled, :class:`_Expired` is raised."""

    pulse: Pulse
    _scope: trio.CancelScope = attrs.field(factory=trio.CancelScope, init=False)

    def __enter__(self) -> None:
        self.pulse._scope = self._scope
        self._scope.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self.pulse._scope = None
        caught = bool(self._scope.__exit__(kind, error, trace))
        if self._scope.cancelled_caught:
            raise _Expired
        return caught
