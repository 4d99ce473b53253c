"""The Exchange of one turn on a WebSocket: a request that came as a message, an answer that goes as messages.

Knows: the rules of ``gateway.exchange.Exchange``, and that the socket outlives the turn. How an answer's bytes become messages is a
:class:`Teller`'s business. An aborted turn leaves the socket as it is: what is still to be said there, its session says.
"""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable
from typing import Protocol

import attrs
import trio

from trioproxy.errors import ClientFault, ErrorKind, ProxyFault
from trioproxy.gateway.exchange import RequestHead
from trioproxy.server.answer import OWN_FIELDS, Framing, Headers, write_head
from trioproxy.websocket.link import LinkClosed

__all__ = ["Teller", "WebSocketTurn"]


class Teller(Protocol):
    """Says an answer in messages. Each method raises :class:`~trioproxy.websocket.link.LinkClosed` when nobody is there."""

    async def begin(self, status: int, headers: Headers) -> None:
        """The answer's head. Nothing need be sent."""
        ...

    async def say(self, data: bytes) -> None:
        """Bytes of the body; returns when what they complete is with the kernel."""
        ...

    async def end(self) -> None:
        """The body is whole."""
        ...


class _Phase(enum.Enum):
    FRESH = enum.auto()
    RUNNING = enum.auto()
    FINISHED = enum.auto()
    ABORTED = enum.auto()


@attrs.define(eq=False)
class WebSocketTurn:
    """One request on a WebSocket and its answer. ``gone`` is set when the client has left."""

    head: RequestHead
    _body: bytes
    _teller: Teller
    _gone: trio.Event
    _phase: _Phase = attrs.field(default=_Phase.FRESH, init=False)
    _body_asked: bool = attrs.field(default=False, init=False)
    _held: tuple[int, Headers] | None = attrs.field(default=None, init=False)
    _left: int | None = attrs.field(default=None, init=False)
    _bodiless: bool = attrs.field(default=False, init=False)

    @property
    def started(self) -> bool:
        """See ``Exchange.started``."""
        return self._phase is not _Phase.FRESH

    @property
    def over(self) -> bool:
        """Whether the exchange was finished or aborted."""
        return self._phase in (_Phase.FINISHED, _Phase.ABORTED)

    @property
    def whole(self) -> bool:
        """Whether the exchange was finished."""
        return self._phase is _Phase.FINISHED

    async def receive_body(self, limit: int) -> bytes:
        """See ``Exchange.receive_body``."""
        if self._body_asked:
            raise RuntimeError("the body of this request was received before")
        self._body_asked = True
        await trio.lowlevel.checkpoint()
        if len(self._body) > limit:
            raise ClientFault(ErrorKind.TOO_LARGE, f"the request body is larger than {limit} bytes")
        return self._body

    async def start(self, status: int, headers: Headers, *, flush: bool = True) -> None:
        """See ``Exchange.start``."""
        if self._phase is not _Phase.FRESH:
            raise RuntimeError("the answer was started before")
        # Judged as the other exchanges judge it, though it is not written: a handler's mistake shows on every transport.
        answer = write_head(status, headers, method=self.head.method, version="1.1", keep_alive=True)
        self._bodiless = answer.framing is Framing.BODILESS
        self._left = answer.length if answer.framing is Framing.LENGTH else None
        self._phase = _Phase.RUNNING
        self._held = (status, tuple(field for field in headers if _is_an_answers(field[0].lower())))
        if flush:
            await self._flush()

    async def send(self, data: bytes) -> None:
        """See ``Exchange.send``."""
        self._check_running()
        if self._bodiless:
            data = b""
        if self._left is not None and len(data) > self._left:
            await self.abort()
            raise ProxyFault(ErrorKind.INTERNAL, "the answer is longer than its declared content-length")
        await self._flush()
        if data:
            try:
                await self._teller.say(data)
            except LinkClosed:
                raise _gone() from None
        if self._left is not None:
            self._left -= len(data)

    def offer(self, data: bytes) -> Awaitable[None] | None:
        """See ``Exchange.offer``."""
        return self.send(data)

    async def finish(self, data: bytes = b"") -> None:
        """See ``Exchange.finish``."""
        if self.over:
            return
        if data:
            await self.send(data)
        self._check_running()
        if self._left:
            await self.abort()
            raise ProxyFault(ErrorKind.INTERNAL, "the answer is shorter than its declared content-length")
        await self._flush()
        try:
            await self._teller.end()
        except LinkClosed:
            raise _gone() from None
        self._phase = _Phase.FINISHED

    def offer_last(self, data: bytes) -> Awaitable[None] | None:
        """See ``Exchange.offer_last``."""
        return self.finish(data)

    async def abort(self) -> None:
        """See ``Exchange.abort``."""
        if not self.over:
            self._phase = _Phase.ABORTED

    def on_disconnect(self, left: Callable[[], None]) -> None:
        """See ``Exchange.on_disconnect``: a task waits."""

    async def wait_disconnected(self) -> None:
        """See ``Exchange.wait_disconnected``."""
        await self._gone.wait()

    async def _flush(self) -> None:
        if self._gone.is_set():
            raise _gone()
        if self._held is not None:
            status, headers = self._held
            try:
                await self._teller.begin(status, headers)
            except LinkClosed:
                raise _gone() from None
            self._held = None

    def _check_running(self) -> None:
        if self._phase is _Phase.FRESH:
            raise RuntimeError("the answer was not started")
        if self._phase is not _Phase.RUNNING:
            raise ClientFault(ErrorKind.CLIENT_GONE, "the exchange is over")


def _is_an_answers(name: bytes) -> bool:
    return name == b"content-length" or name not in OWN_FIELDS


def _gone() -> ClientFault:
    return ClientFault(ErrorKind.CLIENT_GONE, "the client left before its answer was whole")
