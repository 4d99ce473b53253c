"""WebSockets between two ends of a test: links over memory streams, and a client that sends frames byte by byte."""

from __future__ import annotations

import base64
import os
import struct

import attrs
import trio
from trio.testing import memory_stream_pair

from trioproxy.websocket.handshake import accept, connect
from trioproxy.websocket.link import Link

__all__ = ["KEY", "Frames", "StreamBytes", "frame", "link_pair", "upgrade_lines"]

KEY = base64.b64encode(bytes(16)).decode()


@attrs.define(eq=False)
class StreamBytes:
    """A trio stream as the stream under a link."""

    stream: trio.abc.Stream

    async def send_all(self, data: bytes) -> None:
        await self.stream.send_all(data)

    async def receive_some(self) -> bytes:
        return bytes(await self.stream.receive_some())

    async def send_eof(self) -> None:
        if isinstance(self.stream, trio.abc.HalfCloseableStream):
            await self.stream.send_eof()

    async def aclose(self) -> None:
        await trio.aclose_forcefully(self.stream)


async def link_pair(limit: int = 1024 * 1024) -> tuple[Link, Link]:
    """A client's and a server's end of one WebSocket."""
    near, far = memory_stream_pair()
    made: dict[str, Link] = {}

    async def serve() -> None:
        made["server"] = await accept(StreamBytes(far), limit=limit)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve)
        made["client"] = await connect(StreamBytes(near), host="test", target="/", limit=1 << 30)
    return made["client"], made["server"]


def upgrade_lines(*more: str, key: str = KEY) -> tuple[str, ...]:
    """The headers of a request to speak WebSocket."""
    return (
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {key}",
        *more,
    )


def frame(
    opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0, masked: bool = True, length: int | None = None
) -> bytes:
    """One frame as a client sends it (RFC 6455 section 5.2). ``length`` is what it claims to have."""
    first = (0x80 if fin else 0) | rsv << 4 | opcode
    size = len(payload) if length is None else length
    mark = 0x80 if masked else 0
    if size < 126:
        head = struct.pack("!BB", first, mark | size)
    elif size < 1 << 16:
        head = struct.pack("!BBH", first, mark | 126, size)
    else:
        head = struct.pack("!BBQ", first, mark | 127, size)
    if not masked:
        return head + payload
    mask = os.urandom(4)
    return head + mask + bytes(byte ^ mask[n % 4] for n, byte in enumerate(payload))


@attrs.define(eq=False)
class Frames:
    """What a server sends, frame by frame: opcode, FIN and RSV bits, payload."""

    stream: trio.abc.Stream
    arrived: bytearray = attrs.field(factory=bytearray)

    async def head(self) -> tuple[int, dict[str, str]]:
        """Status and headers of the answer to the handshake."""
        while b"\r\n\r\n" not in self.arrived:
            data = await self.stream.receive_some()
            if not data:
                raise EOFError
            self.arrived += data
        raw, _, rest = bytes(self.arrived).partition(b"\r\n\r\n")
        self.arrived[:] = rest
        first, *lines = raw.decode("latin-1").split("\r\n")
        fields = dict(line.split(": ", 1) for line in lines)
        return int(first.split(" ")[1]), {name.lower(): value for name, value in fields.items()}

    async def next(self) -> tuple[int, int, bytes] | None:
        """The next frame as (opcode, first byte's high bits, payload), None at the end of the stream."""
        while True:
            found = self._take()
            if found is not None:
                return found
            try:
                data = await self.stream.receive_some()
            except trio.BrokenResourceError:
                return None
            if not data:
                return None
            self.arrived += data

    async def close_code(self) -> tuple[int, str] | None:
        """Read on to the close frame: its code and reason, None where the stream ends without one."""
        while (got := await self.next()) is not None:
            if got[0] == 8:
                return (struct.unpack("!H", got[2][:2])[0], got[2][2:].decode()) if got[2] else (1005, "")
        return None

    def _take(self) -> tuple[int, int, bytes] | None:
        data = bytes(self.arrived)
        if len(data) < 2:
            return None
        size, at = data[1] & 0x7F, 2
        assert not data[1] & 0x80, "a server never masks"
        if size == 126:
            size, at = struct.unpack("!H", data[2:4])[0] if len(data) >= 4 else 1 << 40, 4
        elif size == 127:
            size, at = struct.unpack("!Q", data[2:10])[0] if len(data) >= 10 else 1 << 40, 10
        if len(data) < at + size:
            return None
        del self.arrived[: at + size]
        return data[0] & 0x0F, data[0] & 0xF0, data[at : at + size]
