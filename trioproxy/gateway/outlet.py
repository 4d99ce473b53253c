"""The client's end of one exchange: head, bytes, keep-alives, the end.

Knows: that one task at a time may write, that a keep-alive may stand only between two frames, and how long a client may take no byte. Refuses to
know: what the bytes mean.
"""

from __future__ import annotations

import attrs
import trio

from trioproxy.config.model import Deadlines
from trioproxy.errors import ClientFault
from trioproxy.gateway.carriers import Carrier
from trioproxy.gateway.deadlines import Phase, failure_of
from trioproxy.gateway.exchange import Exchange
from trioproxy.gateway.guard import Guard
from trioproxy.gateway.refusal import Reply
from trioproxy.ledger.entry import Entry
from trioproxy.upstream.base import Headers
from trioproxy.wire.headers import header

__all__ = ["Outlet"]


@attrs.define(eq=False)
class Outlet:
    """Writes one exchange's answer and keeps its account."""

    exchange: Exchange
    entry: Entry
    deadlines: Deadlines
    in_midst: bool = attrs.field(default=False, init=False)
    """Handing bytes over failed or was cancelled: what the client has may end anywhere."""
    border: bool = attrs.field(default=False, init=False)
    """What the client has ends between two frames."""
    over: bool = attrs.field(default=False, init=False)
    """The client has the answer's own end."""
    _lock: trio.Lock = attrs.field(factory=trio.Lock, init=False)
    _last: float = attrs.field(factory=trio.current_time, init=False)

    @property
    def started(self) -> bool:
        """Whether the head went out."""
        return self.exchange.started

    async def start(self, status: int, headers: Headers, *, flush: bool = False) -> None:
        """Send the answer's head."""
        self.entry.answered(status)
        await self.exchange.start(status, headers, flush=flush)

    async def give(self, data: bytes, guard: Guard, carrier: Carrier) -> None:
        """Hand bytes of ``carrier`` to the client within its deadline, which ``guard`` keeps.

        Raises:
            ClientFault: CLIENT_GONE.
        """
        guard.send_started()
        try:
            self._lock.acquire_nowait()
        except trio.WouldBlock:
            await self._lock.acquire()
        try:
            await self._send(data)
            self._last = guard.send_finished()
        finally:
            self._lock.release()
        self.border, self.over = carrier.at_border, carrier.over
        self.entry.sent(len(data))

    async def reply(self, reply: Reply) -> None:
        """Send a whole answer of our own, with an id to find it in the log by, and end the exchange."""
        headers = (*reply.headers, (b"content-length", b"%d" % len(reply.body)))
        if header(headers, b"x-request-id") is None:
            headers += ((b"x-request-id", self.entry.id.encode()),)
        with self._patience() as scope:
            await self.start(reply.status, headers)
            if reply.body:
                await self.exchange.send(reply.body)
                self.entry.sent(len(reply.body))
            await self.exchange.finish()
        if scope.cancelled_caught:
            await self.leave()

    async def finish(self, tail: bytes = b"") -> None:
        """End the exchange well, after ``tail``."""
        with self._patience() as scope:
            async with self._lock:
                if tail:
                    await self.exchange.send(tail)
                    self.entry.sent(len(tail))
                await self.exchange.finish()
        if scope.cancelled_caught:
            await self.leave()

    async def leave(self) -> None:
        """The client stopped reading: break the transfer off."""
        self.entry.client_slow(failure_of(Phase.CLIENT_SEND, self.deadlines, provider="the client"))
        await self.exchange.abort()

    async def abort(self) -> None:
        """Break the transfer off, so that nobody takes it for whole."""
        await self.exchange.abort()

    async def keep_alive(self, data: bytes, interval: float, early: Headers | None) -> None:
        """Send ``data`` whenever nothing was sent for ``interval`` seconds and what was sent ends at a border. Returns when the client can't be
        reached any more; the account says why.

        ``early`` is the head to send where none was sent by then; with None, silence lasts until the answer begins.
        """
        while True:
            now = trio.current_time()
            if now < self._last + interval:
                await trio.sleep_until(self._last + interval)
                continue
            self._last = now
            if self.over or self._lock.locked():
                continue
            if not self.started and early is None:
                continue
            if self.started and not self.border:
                continue
            try:
                reached = await self._beat(data, early)
            except ClientFault as error:
                self.entry.failed(error.failure)
                return
            if not reached:
                return

    async def _beat(self, data: bytes, early: Headers | None) -> bool:
        async with self._lock:
            with self._patience() as scope:
                if not self.started and early is not None:
                    self.border = True
                    await self.start(200, early)
                await self._send(data)
            if scope.cancelled_caught:
                await self.leave()
            self._last = trio.current_time()
        return not scope.cancelled_caught

    async def _send(self, data: bytes) -> None:
        try:
            await self.exchange.send(data)
        except BaseException:
            self.in_midst = True
            raise

    def _patience(self) -> trio.CancelScope:
        return trio.move_on_after(self.deadlines.client_send)
