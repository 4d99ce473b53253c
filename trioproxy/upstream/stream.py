"""Lean byte streams over TCP and TLS.

Knows: sockets, TLS records, how to reach a host. Refuses to know: HTTP.

``trio.SocketStream`` tries ``recv`` first, which fails on every paced chunk, and gives the scheduler a turn after every success: six
system calls a chunk. Here a read waits first and then receives, a write sends first and waits only when the kernel is full: four.
``receive`` always passes through the scheduler once; ``send_all`` may not. One task at a time uses a stream, in one direction at a time.

TLS runs over memory buffers for the same reason, and so that closing is a plain function: a stream can be closed from anywhere, at once.
The peer is told (``close_notify``) where the kernel takes it without waiting; HTTP's own framing tells a whole body from a cut one.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
from collections.abc import Awaitable, Callable
from functools import partial
from typing import NoReturn, Protocol

import attrs
import trio

__all__ = ["ByteStream", "TcpStream", "TlsStream", "connect_tcp", "start_tls"]

RECEIVE_BYTES = 64 * 1024
"""One ``recv``. Smaller ones cost up to three times as much in bursts, larger ones gain nothing."""

_ENCRYPT_BYTES = 256 * 1024
"""Of a large body, encrypted at a time: it is not held twice."""

_KEEPALIVE_IDLE_S = 60
_KEEPALIVE_INTERVAL_S = 15
# A model may think for minutes: probes keep the address translations on the way from forgetting the connection.
_KEEPALIVE_OPTIONS = [
    (socket.IPPROTO_TCP, getattr(socket, name), seconds)
    for name, seconds in (
        ("TCP_KEEPIDLE", _KEEPALIVE_IDLE_S),  # Linux
        ("TCP_KEEPALIVE", _KEEPALIVE_IDLE_S),  # macOS
        ("TCP_KEEPINTVL", _KEEPALIVE_INTERVAL_S),
    )
    if hasattr(socket, name)
]

_poll = getattr(select, "poll", None)
_READABLE = getattr(select, "POLLIN", 0)


class ByteStream(Protocol):
    """A connected, reliable stream of bytes."""

    async def receive(self) -> bytes:
        """What has arrived, at least one byte; ``b""`` at the peer's end.

        Raises:
            OSError: the connection broke.
            trio.ClosedResourceError: it was closed on this side.
        """
        ...

    def ready(self) -> Awaitable[None]:
        """To be awaited before each :meth:`take`: something may have arrived. Always passes through the scheduler.

        Raises:
            trio.ClosedResourceError: it was closed on this side.
        """
        ...

    @property
    def pull(self) -> Callable[[int], bytes]:
        """What receives so many bytes at most without waiting, as ``socket.recv`` does it: where nothing is there as yet it raises
        ``BlockingIOError``. It is good until the stream is closed."""
        ...

    async def send_all(self, data: bytes) -> None:
        """Hand all of ``data`` to the kernel. After any error, cancellation too, the stream is good for closing only.

        Raises:
            OSError: the connection broke.
            trio.ClosedResourceError: it was closed on this side.
        """
        ...

    def send_nowait(self, data: bytes) -> None:
        """Hand ``data`` to the kernel if it takes it at once: for last words before :meth:`close`. Raises nothing."""
        ...

    def close(self) -> None:
        """Close at once. Idempotent; wakes a task that waits on the stream."""
        ...

    def is_dead(self) -> bool:
        """Whether an idle stream is of no more use: closed by the peer, or holding bytes that nobody asked for."""
        ...


@attrs.define(eq=False)
class TcpStream:
    """A :class:`ByteStream` over a connected, non-blocking socket."""

    socket: socket.socket
    ready: Callable[[], Awaitable[None]] = attrs.field(init=False)
    """See :meth:`ByteStream.ready`. It and ``pull`` are no functions of this class: to look whether the stream is closed cost every piece of an
    answer two functions."""
    pull: Callable[[int], bytes] = attrs.field(init=False)
    """See :attr:`ByteStream.pull`."""
    _closed: bool = attrs.field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        self.ready = partial(trio.lowlevel.wait_readable, self.socket)
        self.pull = self.socket.recv

    async def receive(self) -> bytes:
        """See :meth:`ByteStream.receive`."""
        while True:
            await self.ready()
            try:
                return self.pull(RECEIVE_BYTES)
            except (BlockingIOError, InterruptedError):  # a spurious wake-up
                continue

    async def send_all(self, data: bytes) -> None:
        """See :meth:`ByteStream.send_all`."""
        self._check_open()
        sent = self._send_now(data)
        if sent < len(data):
            with memoryview(data) as view:
                while sent < len(view):
                    await trio.lowlevel.wait_writable(self.socket)
                    sent += self._send_now(view[sent:])

    def send_nowait(self, data: bytes) -> None:
        """See :meth:`ByteStream.send_nowait`."""
        if data and not self._closed:
            with contextlib.suppress(OSError):
                self.socket.send(data)

    def close(self) -> None:
        """See :meth:`ByteStream.close`."""
        if not self._closed:
            self._closed = True
            self.ready = self.pull = _closed_here
            trio.lowlevel.notify_closing(self.socket)
            self.socket.close()

    def is_dead(self) -> bool:
        """See :meth:`ByteStream.is_dead`. One system call."""
        if self._closed:
            return True
        if _poll is None:
            return self._has_something()
        # An exception that says "nothing is here", as almost always, takes longer than the question.
        asked = _poll()
        asked.register(self.socket.fileno(), _READABLE)
        return bool(asked.poll(0))

    def _has_something(self) -> bool:
        """Bytes, an end or an error."""
        try:
            self.socket.recv(1, socket.MSG_PEEK)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            return True
        return True

    def _send_now(self, data: bytes | memoryview) -> int:
        try:
            return self.socket.send(data) if data else 0
        except (BlockingIOError, InterruptedError):
            return 0

    def _check_open(self) -> None:
        if self._closed:
            _closed_here()


def _closed_here(*_: object) -> NoReturn:
    raise trio.ClosedResourceError("this connection was closed")


@attrs.define(eq=False)
class TlsStream:
    """A :class:`ByteStream` that encrypts over another one. Make it with :func:`start_tls`."""

    transport: ByteStream
    _tls: ssl.SSLObject
    _incoming: ssl.MemoryBIO
    _outgoing: ssl.MemoryBIO
    _failure: ssl.SSLError | None = attrs.field(default=None, init=False)
    _buffered: bool = attrs.field(default=False, init=False)
    """More may be had without the transport: records that are here, or how the stream ended."""
    _closed: bool = attrs.field(default=False, init=False)

    @property
    def ssl_object(self) -> ssl.SSLObject:
        """The session: certificate, protocol, cipher."""
        return self._tls

    async def handshake(self) -> None:
        """Agree on keys and check the peer's certificate.

        Raises:
            ssl.SSLError: the peer is not who it should be, or speaks no TLS.
            OSError: the connection broke.
        """
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush()
                await self._fill()
            except ssl.SSLError:
                with contextlib.suppress(OSError):
                    await self._flush()  # the alert that tells the peer why
                raise
            else:
                return await self._flush()

    async def receive(self) -> bytes:
        """See :meth:`ByteStream.receive`. An end without ``close_notify`` counts as the end, as many servers make none."""
        while True:
            await self.ready()
            data = self._take()
            if data is not None:
                return data

    def ready(self) -> Awaitable[None]:
        """See :meth:`ByteStream.ready`."""
        if self._outgoing.pending:
            return self._answered()
        return trio.lowlevel.checkpoint() if self._buffered else self.transport.ready()  # noqa: ASYNC105 - the caller awaits it

    def pull(self, size: int) -> bytes:
        """See :attr:`ByteStream.pull`. It may be some more than ``size``."""
        data = self._take()
        if data is None:
            raise BlockingIOError
        return data

    def _take(self) -> bytes | None:
        """What has come; None where it is no whole record."""
        if not self._buffered and not self._closed:
            try:
                sealed = self.transport.pull(RECEIVE_BYTES)
            except (BlockingIOError, InterruptedError):
                return None
            self._put(sealed)
        self._buffered = False
        data = self._record()
        if not data or not self._incoming.pending:
            return data
        # One TLS record holds at most 16 KiB: take every record that is here, as one recv of clear text would.
        parts = [data]
        size = len(data)
        while size < RECEIVE_BYTES and self._incoming.pending:
            try:
                more = self._record()
            except ssl.SSLError:  # what came before was good; the next call tells
                break
            if not more:
                break
            parts.append(more)
            size += len(more)
        self._buffered = self._buffered or size >= RECEIVE_BYTES
        return b"".join(parts)

    async def send_all(self, data: bytes) -> None:
        """See :meth:`ByteStream.send_all`."""
        if self._closed:
            raise trio.ClosedResourceError("this connection was closed")
        with memoryview(data) as view:
            sent = 0
            while sent < len(view):
                try:
                    sent += self._tls.write(view[sent : sent + _ENCRYPT_BYTES])
                except ssl.SSLWantReadError:  # a renegotiation under TLS 1.2
                    await self._flush()
                    await self._fill()
                else:
                    await self._flush()

    def send_nowait(self, data: bytes) -> None:
        """See :meth:`ByteStream.send_nowait`."""
        if not self._closed:
            with contextlib.suppress(ssl.SSLError):
                self._tls.write(data)
            self.transport.send_nowait(self._outgoing.read())

    def close(self) -> None:
        """See :meth:`ByteStream.close`."""
        if self._closed:
            return
        self._closed = True
        with contextlib.suppress(ssl.SSLError):  # it always asks for the peer's answer, which nobody waits for
            self._tls.unwrap()
        self.transport.send_nowait(self._outgoing.read())
        self.transport.close()

    def is_dead(self) -> bool:
        """See :meth:`ByteStream.is_dead`."""
        return self._closed or self._incoming.pending > 0 or self.transport.is_dead()

    def _record(self) -> bytes | None:
        """The bytes of one record; ``b""`` at the end, None where more must come."""
        if self._closed:
            raise trio.ClosedResourceError("this connection was closed")
        if self._failure is not None:  # OpenSSL tells a broken record once and an end from then on
            self._buffered = True
            raise self._failure
        try:
            return self._tls.read(RECEIVE_BYTES)
        except ssl.SSLWantReadError:
            return None
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
            self._buffered = True
            return b""
        except ssl.SSLError as exc:
            self._failure = exc
            self._buffered = True
            raise

    async def _flush(self) -> None:
        if self._outgoing.pending:
            await self.transport.send_all(self._outgoing.read())

    async def _answered(self) -> None:
        """What TLS has to say of its own accord goes out before anything is waited for. A connection that takes nothing more shows so when it
        is read."""
        with contextlib.suppress(OSError):
            await self._flush()
        await self.ready()

    async def _fill(self) -> None:
        self._put(await self.transport.receive())
        self._buffered = True

    def _put(self, data: bytes) -> None:
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()


async def connect_tcp(host: str, port: int) -> TcpStream:
    """Connect to the first address of ``host`` that answers (RFC 8305, as trio does it).

    Ends with a checkpoint, and closes the socket when it is cancelled there: what is returned belongs to a caller who is still wanted.

    Raises:
        OSError: no address, or none that answers.
    """
    connected = await trio.open_tcp_stream(host, port)
    outer = connected.socket
    family, kind, protocol = outer.family, outer.type, outer.proto
    stream = TcpStream(socket.socket(family, kind, protocol, fileno=outer.detach()))
    try:
        stream.socket.setblocking(False)
        stream.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option in _KEEPALIVE_OPTIONS:
            stream.socket.setsockopt(*option)
        await trio.lowlevel.checkpoint()
    except BaseException:
        stream.close()
        raise
    return stream


async def start_tls(transport: ByteStream, context: ssl.SSLContext, server_hostname: str) -> TlsStream:
    """Encrypt over ``transport``, which is closed when that fails or is cancelled.

    Raises:
        ssl.SSLError: see :meth:`TlsStream.handshake`.
        OSError: the connection broke.
    """
    try:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(incoming, outgoing, server_side=False, server_hostname=server_hostname)
        stream = TlsStream(transport, tls, incoming, outgoing)
        await stream.handshake()
    except BaseException:
        transport.close()
        raise
    return stream
