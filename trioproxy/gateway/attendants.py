"""The tasks beside an exchange: one waits for the client to leave, one keeps a stream's deadlines and fills its silences.

They belong to the exchange's nursery and end with it. What they find out is entered in the account before the exchange is cancelled, so that
whoever cleans up knows why.
"""

from __future__ import annotations

from math import inf

import attrs
import trio

from trioproxy.config.model import Settings
from trioproxy.gateway.answers import stream_head
from trioproxy.gateway.outlet import Outlet
from trioproxy.gateway.sentry import Sentry
from trioproxy.gateway.stages import Admitted
from trioproxy.protocols.base import Framing

__all__ = ["Attendants"]


@attrs.define(eq=False)
class Attendants:
    """Starts the tasks beside one exchange."""

    outlet: Outlet
    nursery: trio.Nursery

    def watch_client(self) -> None:
        """Cancel the exchange when the client leaves. Only after the request's body was received."""
        self.nursery.start_soon(self._watch)

    def keep_watch(self, admitted: Admitted, settings: Settings) -> Sentry | None:
        """Have a stream's deadlines and silences seen to; None where no stream is asked for."""
        asked, beat = admitted.asked, admitted.protocol.keepalive
        if not asked.stream:
            return None
        sentry = Sentry(self.outlet)
        if asked.framing is Framing.SSE and 0 < settings.keepalive < inf:
            early = stream_head(admitted, self.outlet.entry.id) if settings.early_head and beat is not None else None
            sentry = Sentry(self.outlet, beat, settings.keepalive, early)
        self.nursery.start_soon(self._keep_watch, sentry)
        return sentry

    async def _watch(self) -> None:
        await self.outlet.exchange.wait_disconnected()
        if self.outlet.over:
            self.outlet.entry.complete()  # it left with the whole answer
        else:
            self.outlet.entry.client_gone()
        self.nursery.cancel_scope.cancel(reason="the client left")

    async def _keep_watch(self, sentry: Sentry) -> None:
        await sentry.keep_watch()
        self.nursery.cancel_scope.cancel(reason="the client can't be reached")
