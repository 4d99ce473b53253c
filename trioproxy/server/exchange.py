"""The Exchange over an HTTP/1 connection.

Knows: how a body is asked for and read, how an answer's chunks are framed, and which connection may carry another request afterwards.
Refuses to know: what is asked and answered.

The client's leaving. Whoever attends to all connections sees it (``hangups.py``). Where nobody does, one task receives while an answer
runs, the watcher in :meth:`H11Exchange.wait_disconnected`. What arrives there is the next request, sent ahead; it is kept for the loop, so that
the end behind it can be seen. A client that sends more ahead than ``ServerLimits.pipelined`` is not read from any further, and only its hang-up
is waited for, which Linux can tell behind unread bytes; elsewhere the next ``send`` finds out. The end of the client's sending counts as
leaving: no client of ours half-closes.
"""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import assert_never

import attrs
import trio

from trioproxy.errors import ClientFault, ErrorKind, ProxyFault
from trioproxy.gateway.exchange import RequestHead
from trioproxy.server.answer import Framing, Headers, write_head
from trioproxy.server.body import BodyReader, ChunkedBody, LengthBody
from trioproxy.server.connections import Connections
from trioproxy.server.hangups import Line
from trioproxy.server.head import ParsedHead
from trioproxy.server.intake import BodyGatherer, is_encoded, pour
from trioproxy.server.streams import SENDS_BETWEEN_CHECKPOINTS, ClientStream, Inbox, ReplayedStream
from trioproxy.wire.machine import ProtocolViolation

__all__ = ["H11Exchange"]

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_LAST_CHUNK = b"0\r\n\r\n"


class _Phase(enum.Enum):
    __hash__ = object.__hash__  # members are looked up with every request; Enum's own is a function of Python

    FRESH = enum.auto()
    RUNNING = enum.auto()
    FINISHED = enum.auto()
    ABORTED = enum.auto()
    HANDED_OVER = enum.auto()


def _gone() -> ClientFault:
    return ClientFault(ErrorKind.CLIENT_GONE, "the client left before its answer was whole")


_OVER = frozenset({_Phase.FINISHED, _Phase.ABORTED, _Phase.HANDED_OVER})


@attrs.define(eq=False)
class H11Exchange:
    """One request on a connection and its answer. See ``gateway.exchange.Exchange``; made by the connection loop."""

    _parsed: ParsedHead
    _raw: bytes
    _inbox: Inbox
    _connections: Connections
    _transport: trio.abc.Stream
    _line: Line = attrs.field(factory=Line)
    _phase: _Phase = attrs.field(default=_Phase.FRESH, init=False)
    _body: BodyReader = attrs.field(init=False)
    _body_asked: bool = attrs.field(default=False, init=False)
    _body_spoilt: bool = attrs.field(default=False, init=False)
    _held: bytes = attrs.field(default=b"", init=False)
    _chunked: ClientStream | None = attrs.field(default=None, init=False)
    """Where chunks go, while such an answer runs."""
    _framing: Framing = attrs.field(default=Framing.BODILESS, init=False)
    _length_left: int = attrs.field(default=0, init=False)
    _keep_alive: bool = attrs.field(default=False, init=False)
    _sends: int = attrs.field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        length = self._parsed.length
        self._body = ChunkedBody() if length is None else LengthBody(length)

    @property
    def head(self) -> RequestHead:
        """See ``Exchange.head``."""
        return self._parsed.request

    @property
    def started(self) -> bool:
        """See ``Exchange.started``."""
        return self._phase is not _Phase.FRESH

    @property
    def upgrade(self) -> bytes | None:
        """What the client asks to speak instead of HTTP/1 (the Upgrade header), None where nothing. See :meth:`take_over`."""
        return self._parsed.upgrade

    @property
    def connections(self) -> Connections:
        """The connections of the server, this one among them."""
        return self._connections

    @property
    def over(self) -> bool:
        """Whether the exchange was finished, aborted or handed over."""
        return self._phase in _OVER

    @property
    def whole(self) -> bool:
        """Whether the exchange was finished."""
        return self._phase is _Phase.FINISHED

    @property
    def keep_alive(self) -> bool:
        """Whether the answer promised that the connection may carry another request."""
        return self._keep_alive

    @property
    def unread_body(self) -> BodyReader:
        """What is left of the request's body."""
        return self._body

    # The request.

    async def receive_body(self, limit: int) -> bytes:
        """See ``Exchange.receive_body``. A body that fails costs the connection."""
        if self._body_asked:
            raise RuntimeError("the body of this request was received before")
        self._body_asked = True
        try:
            return await self._receive_body(limit)
        except BaseException:
            self._body_spoilt = True
            raise

    async def _receive_body(self, limit: int) -> bytes:
        if self._body.done:
            return b""
        left = self._body.left
        if left is not None and left <= min(limit, len(self._inbox.pending)) and not is_encoded(self.head):
            return self._body.take(self._inbox.pending)  # as nearly always: it came with its head, and as it is
        gatherer = BodyGatherer(self.head, self._body, limit)
        if self._parsed.expects_continue and not self._inbox.pending:
            await self._write(_CONTINUE)
        try:
            await pour(self._body, self._inbox, self._connections.limits, gatherer.add)
            return gatherer.whole()
        except ProtocolViolation as exc:
            raise ClientFault(ErrorKind.INVALID_REQUEST, f"the request body can't be read: {exc}") from None

    def on_disconnect(self, left: Callable[[], None]) -> Callable[[], None] | None:
        """See ``Exchange.on_disconnect``."""
        if not self._line.watched:
            return None
        self._line.tell(left)
        return self._line.cut

    async def wait_disconnected(self) -> None:
        """See ``Exchange.wait_disconnected``, and the head of this module."""
        while len(self._inbox.pending) < self._connections.limits.pipelined:
            if not await self._inbox.receive():
                return
        with suppress(trio.ClosedResourceError):
            await self._inbox.stream.wait_hangup()

    # The answer.

    async def start(self, status: int, headers: Headers, *, flush: bool = True) -> None:
        """See ``Exchange.start``."""
        if self._phase is not _Phase.FRESH:
            raise RuntimeError("the answer was started before")
        answer = write_head(
            status,
            headers,
            method=self.head.method,
            version=self.head.version,
            keep_alive=self._parsed.keep_alive and not self._connections.drain.begun and self._body_can_be_passed(),
        )
        self._phase = _Phase.RUNNING
        self._framing = answer.framing
        self._length_left = answer.length
        self._keep_alive = answer.keep_alive
        self._held = answer.wire
        self._chunked = self._inbox.stream if answer.framing is Framing.CHUNKED else None
        if flush:
            await self._write(b"")

    async def send(self, data: bytes) -> None:
        """See ``Exchange.send``. Who never has to wait would never let others run."""
        self._sends += 1
        if self._sends % SENDS_BETWEEN_CHECKPOINTS == 0:
            await trio.lowlevel.checkpoint()
        rest = self.offer(data)
        if rest is not None:
            await rest

    def offer(self, data: bytes) -> Awaitable[None] | None:
        """See ``Exchange.offer``."""
        stream = self._chunked
        if stream is None or stream.torn or not data:
            return self._send(data)
        wire = b"%b%x\r\n%b\r\n" % (self._held, len(data), data)
        try:
            sent = stream.push(wire)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError:
            stream.tear()
            raise _gone() from None
        except trio.ClosedResourceError:
            raise _gone() from None
        if sent < len(wire):
            return self._send_rest(wire, sent)
        self._held = b""
        return None

    async def _send_rest(self, wire: bytes, sent: int) -> None:
        try:
            await self._inbox.stream.send_rest(wire, sent)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            raise _gone() from None
        self._held = b""

    async def _send(self, data: bytes) -> None:
        """Send what needs no chunk around it."""
        self._check_running()
        match self._framing:
            case Framing.CHUNKED:
                await self._write(b"")
            case Framing.LENGTH:
                if len(data) > self._length_left:
                    await self.abort()
                    raise ProxyFault(ErrorKind.INTERNAL, "the answer is longer than its declared content-length")
                await self._write(data)
                self._length_left -= len(data)
            case Framing.UNTIL_CLOSE:
                await self._write(data)
            case Framing.BODILESS:
                await self._write(b"")
            case never:
                assert_never(never)

    async def finish(self, data: bytes = b"") -> None:
        """See ``Exchange.finish``."""
        if self.over:
            return
        self._check_running()
        if self._framing is Framing.CHUNKED or (self._framing is Framing.LENGTH and len(data) == self._length_left):
            rest = self.offer_last(data)
            if rest is not None:
                await rest
            return
        if data:
            await self.send(data)
        if self._length_left:
            await self.abort()
            raise ProxyFault(ErrorKind.INTERNAL, "the answer is shorter than its declared content-length")
        await self._write(b"")
        self._finished()

    def offer_last(self, data: bytes) -> Awaitable[None] | None:
        """See ``Exchange.offer_last``."""
        stream = self._inbox.stream
        whole = len(data) == self._length_left if self._framing is Framing.LENGTH else self._framing is Framing.CHUNKED
        if self._phase is not _Phase.RUNNING or stream.torn or not whole:
            return self.finish(data)
        if self._framing is Framing.CHUNKED:
            chunk = b"%x\r\n%b\r\n" % (len(data), data) if data else b""
            data = b"%b%b" % (chunk, _LAST_CHUNK)
        wire = self._held + data
        try:
            sent = stream.offer(wire)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            raise _gone() from None
        if sent < len(wire):
            return self._finish_rest(wire, sent)
        self._finished()
        return None

    async def _finish_rest(self, wire: bytes, sent: int) -> None:
        await self._send_rest(wire, sent)
        self._finished()

    def _finished(self) -> None:
        self._held = b""
        self._phase = _Phase.FINISHED
        self._chunked = None

    async def abort(self) -> None:
        """See ``Exchange.abort``. An answer that shows its own end is left without it and the connection closed, so that what was sent
        still arrives; any other is reset, as is one whose client does not read."""
        if self.over:
            return
        stream = self._inbox.stream
        ends_visibly = self._framing is Framing.CHUNKED or self._length_left > 0
        self._phase = _Phase.ABORTED
        self._chunked = None
        if ends_visibly and not stream.torn:
            await stream.aclose()
        else:
            await stream.reset()

    def take_over(self) -> ReplayedStream:
        """Hand the connection to another protocol: a stream that begins with this very request. The caller owns it and must close it;
        it lives no longer than the handler.

        Raises:
            RuntimeError: the request has no Upgrade header, or the answer was started.
        """
        if self.upgrade is None or self._phase is not _Phase.FRESH:
            raise RuntimeError("only a request to upgrade that has no answer yet can be handed over")
        self._phase = _Phase.HANDED_OVER
        return ReplayedStream(self._raw + bytes(self._inbox.pending), self._transport)

    def _check_running(self) -> None:
        if self._phase is _Phase.FRESH:
            raise RuntimeError("the answer was not started")
        if self._phase is not _Phase.RUNNING:
            raise ClientFault(ErrorKind.CLIENT_GONE, "the exchange is over")
        if self._inbox.stream.torn:
            raise ClientFault(ErrorKind.CLIENT_GONE, "the client was cut off in the midst of a chunk")

    async def _write(self, data: bytes) -> None:
        if self._held:
            data = self._held + data
        if data:
            try:
                await self._inbox.stream.send_all(data)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                raise _gone() from None
            self._held = b""

    def _body_can_be_passed(self) -> bool:
        """Whether the connection can go on behind what is unread of the body: it is whole, or worth reading for that."""
        if self._body.done:
            return True
        left = self._body.left
        if left is None or self._body_spoilt or self._parsed.expects_continue:
            return False
        return left <= self._connections.limits.discard
