"""An exchange's deadlines and silences: no deadline passes unnoticed, and no silence of a stream lasts too long.

A chunk costs two looks at the clock and nothing else: facts go to the tracker, no timer is touched. The sentry is looked at when the next
deadline falls as it stood at the last look, but never later than the shortest limit there is; so whatever was armed in between is still to come.
Then it ends what has expired, and has a silence filled with a keep-alive. Who looks is ``timekeeper.py``.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from math import inf

import attrs
import trio

from trioproxy.errors import ClientFault
from trioproxy.gateway.deadlines import DeadlineTracker
from trioproxy.gateway.outlet import Outlet
from trioproxy.gateway.pulse import Pulse
from trioproxy.gateway.timekeeper import Timekeeper
from trioproxy.upstream.base import Headers

__all__ = ["Sentry"]

_log = logging.getLogger("trioproxy.gateway")


@attrs.define(eq=False)
class Sentry:
    """Watches one exchange. ``beat`` is the keep-alive to send after ``interval`` seconds of silence, None for none; ``early`` the head to send
    with it where none was sent by then, None to wait for the answer's own. ``unreachable`` is called when the client takes no keep-alive."""

    outlet: Outlet
    keeper: Timekeeper
    unreachable: Callable[[], None]
    beat: bytes | None = None
    interval: float = inf
    early: Headers | None = None
    look_at: float = attrs.field(default=inf, init=False)
    _watched: Pulse | None = attrs.field(default=None, init=False)
    _filling: trio.CancelScope | None = attrs.field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        if self.beat is not None:
            self.keeper.look_by(self, self.outlet.last_sent + self.interval)

    def watch(self, tracker: DeadlineTracker, provider: str, *, cuttable: bool = False) -> Pulse:
        """A pulse whose deadlines this sentry keeps."""
        return Pulse(tracker, provider, self, cuttable)

    def begin(self, watched: Pulse, now: float) -> None:
        """Something is to be watched from now on."""
        self._watched = watched
        self.keeper.look_by(self, self._next(now))

    def end(self) -> None:
        """Nothing is to be watched any more."""
        self._watched = None

    def leave(self) -> None:
        """The exchange is over."""
        self._watched = None
        self.keeper.forget(self)
        if self._filling is not None:
            self._filling.cancel(reason="the exchange is over")

    def look(self, now: float, nursery: trio.Nursery) -> float:
        """See :class:`~trioproxy.gateway.timekeeper.Kept`."""
        if self._watched is not None and self._watched.tracker.due() <= now:
            self._watched.expire()
            self.end()
        if self.beat is not None and self._filling is None and now >= self.outlet.last_sent + self.interval:
            self._filling = trio.CancelScope()
            self.outlet.last_sent = now
            nursery.start_soon(self._fill, self.beat, self._filling)
        return self._next(now)

    async def _fill(self, beat: bytes, scope: trio.CancelScope) -> None:
        """Send a keep-alive, if one may stand here. Where the client can't be reached any more, the account says why."""
        reached = True
        with scope:
            try:
                reached = await self.outlet.fill_silence(beat, self.early)
            except ClientFault as error:
                self.outlet.entry.failed(error.failure)
                reached = False
            except Exception:
                _log.exception("a keep-alive could not be sent")
                reached = False
        self._filling = None
        if not scope.cancel_called:
            self.keeper.look_by(self, self._next(trio.current_time()))
        if not reached and not scope.cancel_called:
            self.unreachable()

    def _next(self, now: float) -> float:
        filled = self.beat is None or self._filling is not None
        silence = inf if filled else self.outlet.last_sent + self.interval
        if self._watched is None:
            return silence
        tracker = self._watched.tracker
        return min(silence, tracker.due(), now + tracker.shortest)
