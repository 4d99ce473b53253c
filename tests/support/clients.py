"""A client that says exactly what it is told to, and takes answers apart to the letter."""

from __future__ import annotations

import socket

import attrs
import trio

__all__ = ["Answer", "RawClient", "connect", "get", "post"]


def get(target: str = "/", *headers: str, version: str = "1.1") -> bytes:
    """A GET request."""
    return "\r\n".join([f"GET {target} HTTP/{version}", "Host: test", *headers, "", ""]).encode("latin-1")


def post(body: bytes, *headers: str, target: str = "/", version: str = "1.1") -> bytes:
    """A POST request with a declared length."""
    lines = [f"POST {target} HTTP/{version}", "Host: test", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


@attrs.frozen(kw_only=True)
class Answer:
    """One answer. ``whole`` is False where the transfer broke before the end that its framing promised; ``chunks`` are those of a chunked
    body, ``interim`` the 1xx answers before it."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    whole: bool
    chunks: tuple[bytes, ...] = ()
    interim: tuple[int, ...] = ()

    def header(self, name: str) -> str | None:
        """The value of a header (lower-case name). A repeated one is an error."""
        values = [value for key, value in self.headers if key == name]
        assert len(values) < 2, f"{name} came {len(values)} times"
        return values[0] if values else None


class _Broken(Exception):
    """The server ended the transfer before its end."""


@attrs.define(eq=False)
class RawClient:
    """One connection, seen from the client's side."""

    stream: trio.abc.Stream
    arrived: bytearray = attrs.field(factory=bytearray)
    reset: bool = False

    async def send(self, data: bytes) -> None:
        """Send bytes as they are; a server that closed is not an error."""
        try:
            await self.stream.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            self.reset = True

    async def ask(self, request: bytes, method: str = "GET") -> Answer:
        """Send one request and take its answer."""
        await self.send(request)
        return await self.answer(method)

    async def head(self) -> tuple[int, tuple[tuple[str, str], ...]]:
        """The next head. Raises EOFError where none comes."""
        while b"\r\n\r\n" not in self.arrived:
            if not await self.more():
                raise EOFError(f"the server closed the connection after {bytes(self.arrived[:100])!r}")
        raw, _, rest = bytes(self.arrived).partition(b"\r\n\r\n")
        self.arrived[:] = rest
        first, *lines = raw.decode("latin-1").split("\r\n")
        version, status, _ = first.split(" ", 2)
        assert version == "HTTP/1.1"
        fields = tuple(line.partition(":") for line in lines)
        assert all(name == name.strip() and "\n" not in value for name, _, value in fields)
        return int(status), tuple((name.lower(), value.strip()) for name, _, value in fields)

    async def answer(self, method: str = "GET") -> Answer:
        """The next final answer to a request made with ``method``."""
        interim: list[int] = []
        status, headers = await self.head()
        while status < 200:
            interim.append(status)
            status, headers = await self.head()
        said = dict(headers)
        parts: list[bytes] = []
        whole = True
        chunked = said.get("transfer-encoding") == "chunked"
        try:
            if method == "HEAD" or status in (204, 304):
                pass
            elif chunked:
                assert "content-length" not in said
                while chunk := await self.chunk():
                    parts.append(chunk)
            elif "content-length" in said:
                parts.append(await self._exactly(int(said["content-length"])))
            else:
                assert said.get("connection") == "close"
                parts.append(await self.rest())
                whole = not self.reset
        except _Broken:
            whole = False
        return Answer(
            status=status,
            headers=headers,
            body=b"".join(parts),
            whole=whole,
            chunks=tuple(parts) if chunked else (),
            interim=tuple(interim),
        )

    async def rest(self) -> bytes:
        """Everything up to the end of the connection."""
        while await self.more():
            pass
        data = bytes(self.arrived)
        self.arrived.clear()
        return data

    async def leave(self) -> None:
        """Close the connection."""
        await trio.aclose_forcefully(self.stream)

    async def more(self) -> bool:
        """Wait for more bytes; False at the end."""
        try:
            data = await self.stream.receive_some()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            self.reset = True
            return False
        self.arrived += data
        return bool(data)

    async def _exactly(self, size: int) -> bytes:
        while len(self.arrived) < size:
            if not await self.more():
                raise _Broken
        data = bytes(self.arrived[:size])
        del self.arrived[:size]
        return data

    async def chunk(self) -> bytes:
        """The next chunk of a chunked body, b"" for the last."""
        while b"\r\n" not in self.arrived:
            if not await self.more():
                raise _Broken
        line, _, rest = bytes(self.arrived).partition(b"\r\n")
        self.arrived[:] = rest
        data = await self._exactly(int(line, 16))
        assert await self._exactly(2) == b"\r\n"
        return data


async def connect(port: int, host: str = "127.0.0.1", *, receive_buffer: int | None = None) -> RawClient:
    """A connection to ``host``; ``receive_buffer`` in bytes makes a client that soon stops taking."""
    sock = trio.socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    if receive_buffer is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    try:
        await sock.connect((host, port))
    except BaseException:
        sock.close()
        raise
    return RawClient(trio.SocketStream(sock))
