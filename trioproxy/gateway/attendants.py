"""Who looks after an exchange while it runs: for its client's leaving, and for its deadlines and silences.

One task does so for all exchanges of a house (``timekeeper.py``), and the carrier tells of its client's leaving by itself where it can. Where
one of these is missing (an exchange of a test, a turn on a WebSocket, a system without epoll), a nursery of the exchange's own has tasks for
it. What they find out is entered in the account before the exchange is cancelled, so that whoever cleans up knows why.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf

import attrs
import trio

from trioproxy.config.model import Settings
from trioproxy.gateway.answers import stream_head
from trioproxy.gateway.outlet import Outlet
from trioproxy.gateway.sentry import Sentry
from trioproxy.gateway.stages import Admitted
from trioproxy.gateway.timekeeper import Timekeeper
from trioproxy.protocols.base import Framing

__all__ = ["Attendants"]


@attrs.define(eq=False)
class Attendants:
    """Looks after one exchange."""

    outlet: Outlet
    keeper: Timekeeper
    _cancel: Callable[[], None] | None = attrs.field(default=None, init=False)
    """Ends the exchange."""
    _nursery: trio.Nursery | None = attrs.field(default=None, init=False)
    _sentry: Sentry | None = attrs.field(default=None, init=False)
    _watching: bool = attrs.field(default=False, init=False)
    _left: bool = attrs.field(default=False, init=False)

    def stand_ready(self) -> bool:
        """Whether nobody else is needed; else :meth:`have_tasks` comes next."""
        self._cancel = self.outlet.exchange.on_disconnect(self._leave)
        return self._cancel is not None and self.keeper.at_work

    def have_tasks(self, nursery: trio.Nursery) -> None:
        """Have tasks in ``nursery``, which is the exchange's own, do what nobody else does."""
        if self._cancel is None:
            self._nursery, self._cancel = nursery, nursery.cancel_scope.cancel
        if not self.keeper.at_work:
            self.keeper = Timekeeper()
            nursery.start_soon(self.keeper.run)

    def watch_client(self) -> None:
        """Cancel the exchange when the client leaves. Only after the request's body was received."""
        self._watching = True
        if self._left:
            self._leave()
        elif self._nursery is not None:
            self._nursery.start_soon(self._wait)

    def keep_watch(self, admitted: Admitted, settings: Settings) -> Sentry:
        """Have deadlines seen to, and a stream's silences."""
        asked, beat = admitted.asked, admitted.protocol.keepalive
        early, interval = None, inf
        if beat is None or not asked.stream or asked.framing is not Framing.SSE or not 0 < settings.keepalive < inf:
            beat = None
        else:
            interval = settings.keepalive
            early = stream_head(admitted, self.outlet.entry.id) if settings.early_head else None
        self._sentry = Sentry(self.outlet, self.keeper, self._give_up, beat, interval, early)
        return self._sentry

    def dismiss(self) -> None:
        """The exchange is over."""
        sentry, self._sentry = self._sentry, None  # which know each other, and all that was asked
        if sentry is not None:
            sentry.leave()

    async def _wait(self) -> None:
        await self.outlet.exchange.wait_disconnected()
        self._leave()

    def _leave(self) -> None:
        """The client has gone."""
        self._left = True
        if not self._watching:
            return
        if self.outlet.over:
            self.outlet.entry.complete()  # it left with the whole answer
        else:
            self.outlet.entry.client_gone()
        self._give_up()

    def _give_up(self) -> None:
        assert self._cancel is not None, "somebody stands ready"
        self._cancel()
