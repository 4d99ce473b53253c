"""The client's end of one exchange: head, bytes, keep-alives, the end.

Knows: that one task at a time may write, that a keep-alive may stand only between two frames, and how long a client may take no byte. Refuses to
know: what the bytes mean.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import attrs
import trio

from trioproxy.config.model import Deadlines
from trioproxy.gateway.carriers import Carrier
from trioproxy.gateway.deadlines import Phase, failure_of
from trioproxy.gateway.exchange import Exchange
from trioproxy.gateway.pulse import Pulse
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
    last_sent: float = attrs.field(
        default=attrs.Factory(lambda self: self.entry.opened_at, takes_self=True), init=False
    )
    """When bytes went to the client last, or would have if a keep-alive could have stood there."""
    _giving: bool = attrs.field(default=False, init=False)
    _filling: trio.Event | None = attrs.field(default=None, init=False)
    _carrier: Carrier | None = attrs.field(default=None, init=False)
    """Whose bytes the client has. Between two of its frames it is asked how they end, and not with every one of them."""

    @property
    def over(self) -> bool:
        """The client has the answer's own end."""
        return self._carrier is not None and not self._giving and self._carrier.over

    @property
    def _border(self) -> bool:
        """What the client has ends between two frames, as it does where it has none."""
        return self._carrier is None or self._carrier.at_border

    @property
    def started(self) -> bool:
        """Whether the head went out."""
        return self.exchange.started

    async def start(self, status: int, headers: Headers, *, flush: bool = False) -> None:
        """Send the answer's head."""
        self.entry.answered(status)
        await self.exchange.start(status, headers, flush=flush)

    def give(self, data: bytes, pulse: Pulse, carrier: Carrier) -> Awaitable[None] | None:
        """Hand bytes of ``carrier`` to the client within its deadline, which ``pulse`` keeps. None where that is done, as nearly always;
        otherwise what is to be awaited.

        Raises:
            ClientFault: CLIENT_GONE.
        """
        if self._filling is not None:
            return self._give_later(data, pulse, carrier)
        self._carrier = carrier
        try:
            rest = self.exchange.offer(data)
        except BaseException:
            self.in_midst = True
            raise
        if rest is not None:
            return self._give_rest(rest, data, pulse)
        self.last_sent = pulse.at
        entry = self.entry
        if entry.first_byte is None:
            entry.sent(len(data))
        else:
            entry.bytes_out += len(data)
        return None

    async def _give_later(self, data: bytes, pulse: Pulse, carrier: Carrier) -> None:
        pulse.send_started()
        self._giving = True
        while self._filling is not None:
            await self._filling.wait()
        rest = self.give(data, pulse, carrier)
        if rest is not None:
            await rest
        else:
            self._giving = False
            pulse.send_finished()

    async def _give_rest(self, rest: Awaitable[None], data: bytes, pulse: Pulse) -> None:
        pulse.send_started()
        self._giving = True
        try:
            await rest
        except BaseException:
            self.in_midst = True
            raise
        self._giving = False
        self.last_sent = pulse.send_finished()
        self.entry.sent(len(data))

    async def reply(self, reply: Reply) -> None:
        """Send a whole answer of our own, with an id to find it in the log by, and end the exchange."""
        headers = (*reply.headers, (b"content-length", b"%d" % len(reply.body)))
        if header(headers, b"x-request-id") is None:
            headers += ((b"x-request-id", self.entry.id.encode()),)
        with self._patience() as scope:
            await self.start(reply.status, headers)
            await self.exchange.finish(reply.body)
            if reply.body:
                self.entry.sent(len(reply.body))
        if scope.cancelled_caught:
            await self.leave()

    async def finish(self, tail: bytes = b"", watch: Callable[[], Pulse] | None = None) -> Pulse | None:
        """End the exchange well, after ``tail``. Where the client doesn't take it at once, the pulse that ``watch`` makes keeps its deadline and
        is given back where that passed.

        Raises:
            ClientFault: CLIENT_GONE.
        """
        rest: Awaitable[None] | None
        if self._filling is not None:
            rest = self._finish_filled(tail)
        else:
            self._giving = True
            rest = self.exchange.offer_last(tail)
        if rest is None:
            self._finished(tail)
            return None
        if watch is None:
            with self._patience() as scope:
                await rest
                self._finished(tail)
            if scope.cancelled_caught:
                await self.leave()
            return None
        with (pulse := watch()):
            pulse.send_started()
            await rest
            pulse.send_finished()
            self._finished(tail)
        return pulse if pulse.expired is not None else None

    async def _finish_filled(self, tail: bytes) -> None:
        while self._filling is not None:
            await self._filling.wait()
        self._giving = True
        await self.exchange.finish(tail)

    def _finished(self, tail: bytes) -> None:
        if tail:
            self.entry.sent(len(tail))

    async def leave(self) -> None:
        """The client stopped reading: break the transfer off."""
        self.entry.client_slow(failure_of(Phase.CLIENT_SEND, self.deadlines, provider="the client"))
        await self.exchange.abort()

    async def abort(self) -> None:
        """Break the transfer off, so that nobody takes it for whole."""
        await self.exchange.abort()

    async def fill_silence(self, data: bytes, early: Headers | None) -> bool:
        """Send a keep-alive where one may stand: between two frames, while nobody else writes. Whether the client still takes bytes.

        ``early`` is the head to send where none was sent; with None the silence is kept until the answer begins.

        Raises:
            ClientFault: CLIENT_GONE.
        """
        self.last_sent = trio.current_time()
        may_begin = self.started or early is not None
        if self.over or self._giving or not may_begin or (self.started and not self._border):
            return True
        self._filling = trio.Event()
        try:
            with self._patience() as scope:
                if not self.started and early is not None:
                    await self.start(200, early)
                try:
                    await self.exchange.send(data)
                except BaseException:
                    self.in_midst = True
                    raise
        finally:
            self._filling.set()
            self._filling = None
        self.last_sent = trio.current_time()
        if scope.cancelled_caught:
            await self.leave()
        return not scope.cancelled_caught

    def _patience(self) -> trio.CancelScope:
        return trio.move_on_after(self.deadlines.client_send)
