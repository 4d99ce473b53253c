"""An exchange without a connection: :class:`MemoryExchange` answers into lists and can be told to lose its client.

    exchange = MemoryExchange(body=b'{"model":"m"}')
    await handler(exchange)
    assert exchange.status == 200
    assert exchange.body == b"..."

It passes the same contract suite as the exchanges that clients meet (``tests/contracts/test_exchange.py``).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import attrs
import trio

from trioproxy.errors import ClientFault, ErrorKind, ProxyFault
from trioproxy.gateway.exchange import RequestHead

__all__ = ["Headers", "MemoryExchange", "request_head"]

Headers = tuple[tuple[bytes, bytes], ...]

_BODILESS = frozenset({204, 304})
_FRAMING = frozenset({b"connection", b"keep-alive", b"transfer-encoding", b"date"})


def request_head(method: str = "POST", target: str = "/", headers: Headers = ()) -> RequestHead:
    """A head as a client on loopback would send it."""
    return RequestHead(method=method, target=target, headers=headers, peer="127.0.0.1:50000")


def _gone() -> ClientFault:
    return ClientFault(ErrorKind.CLIENT_GONE, "the client left")


@attrs.define(eq=False)
class MemoryExchange:
    """An ``Exchange`` whose client is the test.

    What was answered: ``status``, ``headers`` (but for framing, which is not the handler's), ``chunks`` (one a ``send``), ``finished``,
    ``aborted``. What the client does: :meth:`disconnect`, :meth:`stall` and :meth:`resume`; ``body_error`` is raised by ``receive_body``.
    The ``wait_*`` methods are for tests that watch a handler at work.
    """

    head: RequestHead = attrs.field(factory=request_head)
    request_body: bytes = attrs.field(default=b"", alias="body")
    body_error: ClientFault | None = None
    status: int | None = None
    headers: Headers = ()
    chunks: list[bytes] = attrs.field(factory=list)
    finished: bool = False
    aborted: bool = False
    flushed: bool = False
    body_asked: bool = False
    _gone: trio.Event = attrs.field(factory=trio.Event, init=False)
    _stalled: bool = attrs.field(default=False, init=False)
    _changes: trio.lowlevel.ParkingLot = attrs.field(factory=trio.lowlevel.ParkingLot, init=False)

    # What the handler sees.

    @property
    def started(self) -> bool:
        """See ``Exchange.started``."""
        return self.status is not None

    async def receive_body(self, limit: int) -> bytes:
        """See ``Exchange.receive_body``."""
        await trio.lowlevel.checkpoint()
        if self.body_asked:
            raise RuntimeError("the body of this request was received before")
        self.body_asked = True
        if self.body_error is not None:
            raise self.body_error
        if self._gone.is_set():
            raise _gone()
        if len(self.request_body) > limit:
            raise ClientFault(ErrorKind.TOO_LARGE, f"the request body is larger than {limit} bytes")
        return self.request_body

    async def start(self, status: int, headers: Headers, *, flush: bool = True) -> None:
        """See ``Exchange.start``."""
        if self.status is not None or self.over:
            raise RuntimeError("the answer was started before")
        if not 200 <= status <= 999:
            raise ProxyFault(ErrorKind.INTERNAL, f"{status} is no final HTTP status")
        for name, value in headers:
            if any(byte in name + value for byte in (b"\r", b"\n", b"\0")):
                raise ProxyFault(ErrorKind.INTERNAL, f"the answer's header {name!r} holds a control character")
        self.status = status
        self.headers = tuple(field for field in headers if field[0].lower() not in _FRAMING)
        if flush:
            await self._hand_over(None)

    async def send(self, data: bytes) -> None:
        """See ``Exchange.send``."""
        self._check_running()
        left = self._length_left
        if left is not None and len(data) > left:
            self.aborted = True
            raise ProxyFault(ErrorKind.INTERNAL, "the answer is longer than its declared content-length")
        await self._hand_over(None if self._bodiless else data)

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
        if self._length_left:
            self.aborted = True
            self._changes.unpark_all()
            raise ProxyFault(ErrorKind.INTERNAL, "the answer is shorter than its declared content-length")
        await self._hand_over(None)
        self.finished = True
        self._changes.unpark_all()

    def offer_last(self, data: bytes) -> Awaitable[None] | None:
        """See ``Exchange.offer_last``."""
        return self.finish(data)

    async def abort(self) -> None:
        """See ``Exchange.abort``."""
        if not self.over:
            self.aborted = True
            self._changes.unpark_all()

    def on_disconnect(self, left: Callable[[], None]) -> None:
        """See ``Exchange.on_disconnect``: a task waits."""

    async def wait_disconnected(self) -> None:
        """See ``Exchange.wait_disconnected``."""
        await self._gone.wait()

    # What the test does and sees.

    @property
    def body(self) -> bytes:
        """The answer's body so far."""
        return b"".join(self.chunks)

    @property
    def over(self) -> bool:
        """Whether the exchange was finished or aborted."""
        return self.finished or self.aborted

    def header(self, name: bytes) -> bytes | None:
        """The first value of one of the answer's headers (lower-case name), None where absent."""
        for key, value in self.headers:
            if key.lower() == name:
                return value
        return None

    def disconnect(self) -> None:
        """The client leaves."""
        self._gone.set()
        self._changes.unpark_all()

    def stall(self) -> None:
        """The client stops reading: whatever is sent waits."""
        self._stalled = True

    def resume(self) -> None:
        """The client reads again."""
        self._stalled = False
        self._changes.unpark_all()

    async def wait_started(self) -> None:
        """Return when the answer's head was given."""
        await self._wait(lambda: self.started)

    async def wait_chunks(self, count: int) -> None:
        """Return when ``count`` chunks of the body, or more, were sent."""
        await self._wait(lambda: len(self.chunks) >= count)

    async def wait_over(self) -> None:
        """Return when the exchange was finished or aborted."""
        await self._wait(lambda: self.over)

    async def _wait(self, condition: Callable[[], bool]) -> None:
        while not condition():
            await self._changes.park()

    @property
    def _bodiless(self) -> bool:
        return self.head.method == "HEAD" or self.status in _BODILESS

    @property
    def _length_left(self) -> int | None:
        declared = self.header(b"content-length")
        if declared is None or self._bodiless:
            return None
        return int(declared) - len(self.body)

    def _check_running(self) -> None:
        if self.status is None:
            raise RuntimeError("the answer was not started")
        if self.over:
            raise _gone()

    async def _hand_over(self, data: bytes | None) -> None:
        # As a socket does: nobody there is noticed first, and a full buffer makes the sender wait with nothing sent.
        await trio.lowlevel.checkpoint()
        while self._stalled and not self._gone.is_set() and not self.over:
            await self._changes.park()
        if self._gone.is_set() or self.over:
            raise _gone()
        self.flushed = True
        if data:
            self.chunks.append(data)
        self._changes.unpark_all()
