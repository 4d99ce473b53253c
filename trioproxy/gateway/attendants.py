"""The tasks beside an exchange: one waits for the client to leave, one keeps a silent stream alive.

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
from trioproxy.gateway.stages import Admitted
from trioproxy.protocols.base import Framing
from trioproxy.upstream.base import Headers

__all__ = ["Attendants"]


@attrs.define(eq=False)
class Attendants:
    """Starts the tasks beside one exchange."""

    outlet: Outlet
    nursery: trio.Nursery

    def watch_client(self) -> None:
        """Cancel the exchange when the client leaves. Only after the request's body was received."""
        self.nursery.start_soon(self._watch)

    def keep_alive(self, admitted: Admitted, settings: Settings) -> None:
        """Send keep-alives while a stream is silent, where the client's protocol bears them."""
        asked, data = admitted.asked, admitted.protocol.keepalive
        if data is None or not asked.stream or asked.framing is not Framing.SSE or not 0 < settings.keepalive < inf:
            return
        early = stream_head(admitted, self.outlet.entry.id) if settings.early_head else None
        self.nursery.start_soon(self._beat, data, settings.keepalive, early)

    async def _watch(self) -> None:
        await self.outlet.exchange.wait_disconnected()
        if self.outlet.over:
            self.outlet.entry.complete()  # it left with the whole answer
        else:
            self.outlet.entry.client_gone()
        self.nursery.cancel_scope.cancel(reason="the client left")

    async def _beat(self, data: bytes, interval: float, early: Headers | None) -> None:
        await self.outlet.keep_alive(data, interval, early)
        self.nursery.cancel_scope.cancel(reason="the client can't be reached")
