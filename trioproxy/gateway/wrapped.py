"""An exchange around another one: everything is passed on, and who wraps it says what differs.

Refuses to know: what is wanted of what passes (a recording, a memory, a test's account).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import attrs

from trioproxy.gateway.exchange import Exchange, RequestHead
from trioproxy.upstream.base import Headers

__all__ = ["WrappedExchange"]


@attrs.define(eq=False)
class WrappedExchange:
    """See :class:`~trioproxy.gateway.exchange.Exchange`. Who looks at bytes that pass looks at ``send`` and ``offer``, ``finish`` and
    ``offer_last``: each pair is two ways to hand over the same."""

    _inner: Exchange

    @property
    def head(self) -> RequestHead:
        """See ``Exchange.head``."""
        return self._inner.head

    @property
    def started(self) -> bool:
        """See ``Exchange.started``."""
        return self._inner.started

    async def receive_body(self, limit: int) -> bytes:
        """See ``Exchange.receive_body``."""
        return await self._inner.receive_body(limit)

    async def start(self, status: int, headers: Headers, *, flush: bool = True) -> None:
        """See ``Exchange.start``."""
        await self._inner.start(status, headers, flush=flush)

    async def send(self, data: bytes) -> None:
        """See ``Exchange.send``."""
        await self._inner.send(data)

    def offer(self, data: bytes) -> Awaitable[None] | None:
        """See ``Exchange.offer``."""
        return self._inner.offer(data)

    async def finish(self, data: bytes = b"") -> None:
        """See ``Exchange.finish``."""
        await self._inner.finish(data)

    def offer_last(self, data: bytes) -> Awaitable[None] | None:
        """See ``Exchange.offer_last``."""
        return self._inner.offer_last(data)

    async def abort(self) -> None:
        """See ``Exchange.abort``."""
        await self._inner.abort()

    def on_disconnect(self, left: Callable[[], None]) -> Callable[[], None] | None:
        """See ``Exchange.on_disconnect``."""
        return self._inner.on_disconnect(left)

    async def wait_disconnected(self) -> None:
        """See ``Exchange.wait_disconnected``."""
        await self._inner.wait_disconnected()
