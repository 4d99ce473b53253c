"""A TCP server for tests whose every connection is served by a plain function, byte by byte as the test wants it.

    async def answer(connection: RawConnection) -> None:
        request = await connection.read_request()
        await connection.send(b"HTTP/1.1 200 OK\\r\\ncontent-length: 2\\r\\n\\r\\nok")

    async with raw_server(answer) as server:
        ... server.url, server.accepted, server.open

A handler that returns closes its connection; :meth:`RawConnection.reset` breaks it. ``server.open`` counts the handlers that run.
"""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import attrs
import trio

__all__ = ["RawConnection", "RawRequest", "RawServer", "chunked", "raw_server", "refusing_port"]


@attrs.frozen(kw_only=True)
class RawRequest:
    """A request as it came. Header names are lower-case."""

    method: str
    target: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes

    def header(self, name: bytes) -> bytes | None:
        """The first value of a header."""
        return next((value for key, value in self.headers if key == name), None)


@attrs.define(eq=False)
class RawConnection:
    """The server's end of one connection."""

    stream: trio.abc.Stream
    transport: trio.SocketStream
    number: int
    requests: int = 0
    _buffer: bytes = b""

    async def read_request(self) -> RawRequest | None:
        """The next request, None when the client closed."""
        while b"\r\n\r\n" not in self._buffer:
            if not await self._more():
                return None
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        first, *lines = head.split(b"\r\n")
        method, target, _ = first.split(b" ", 2)
        pairs = [line.partition(b":")[::2] for line in lines]
        headers = tuple((name.lower(), value.strip()) for name, value in pairs)
        length = int(next((value for name, value in headers if name == b"content-length"), b"0"))
        while len(self._buffer) < length:
            if not await self._more():
                return None
        body, self._buffer = self._buffer[:length], self._buffer[length:]
        self.requests += 1
        return RawRequest(method=method.decode(), target=target, headers=headers, body=body)

    async def receive_exactly(self, count: int) -> bytes:
        """``count`` raw bytes."""
        while len(self._buffer) < count:
            if not await self._more():
                raise EOFError("the client closed")
        taken, self._buffer = self._buffer[:count], self._buffer[count:]
        return taken

    async def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        await self.stream.send_all(data)

    async def wait_gone(self) -> None:
        """Return when the client has closed or reset its end."""
        while await self._more():
            pass

    def reset(self) -> None:
        """Close with RST: what was sent but not read is lost to the client."""
        self.transport.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.socket.close()

    async def _more(self) -> bool:
        try:
            data = await self.stream.receive_some(65536)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return False
        self._buffer += data
        return bool(data)


@attrs.define(eq=False)
class RawServer:
    """What a test sees of a running server."""

    port: int
    scheme: str
    accepted: int = 0
    open: int = 0
    connections: list[RawConnection] = attrs.field(factory=list)
    _changed: trio.Condition = attrs.field(factory=trio.Condition)

    @property
    def authority(self) -> str:
        """``host:port``."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """The base URL."""
        return f"{self.scheme}://{'localhost' if self.scheme == 'https' else '127.0.0.1'}:{self.port}"

    async def wait_open(self, count: int) -> None:
        """Return when exactly ``count`` connections are open."""
        async with self._changed:
            while self.open != count:
                await self._changed.wait()

    async def _count(self, step: int) -> None:
        self.open += step
        with trio.CancelScope(shield=True):
            async with self._changed:
                self._changed.notify_all()


Handler = Callable[[RawConnection], Awaitable[None]]


@asynccontextmanager
async def raw_server(handler: Handler, *, ssl_context: ssl.SSLContext | None = None) -> AsyncIterator[RawServer]:
    """Serve on a free port of the loopback; ends every connection on leaving."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    listener.setblocking(False)
    server = RawServer(port=listener.getsockname()[1], scheme="https" if ssl_context else "http")

    async def serve(transport: trio.SocketStream) -> None:
        server.accepted += 1
        stream: trio.abc.Stream = transport
        if ssl_context is not None:
            stream = trio.SSLStream(transport, ssl_context, server_side=True, https_compatible=True)
        connection = RawConnection(stream, transport, server.accepted)
        server.connections.append(connection)
        await server._count(1)
        try:
            await handler(connection)
        except (trio.BrokenResourceError, trio.ClosedResourceError, EOFError):
            pass
        finally:
            await server._count(-1)
            await trio.aclose_forcefully(stream)

    async with trio.open_nursery() as nursery:
        sockets = trio.SocketListener(trio.socket.from_stdlib_socket(listener))
        await nursery.start(trio.serve_listeners, serve, [sockets])
        yield server
        nursery.cancel_scope.cancel()


def chunked(*pieces: bytes, last: bool = True) -> bytes:
    """Pieces in chunked framing, with the last chunk or without."""
    framed = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return framed + (b"0\r\n\r\n" if last else b"")


def refusing_port() -> int:
    """A port on which nobody listens: it was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port
