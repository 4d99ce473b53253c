"""A dialled connection as the stream under a WebSocket."""

from __future__ import annotations

import attrs
import trio

from trioproxy.upstream.stream import ByteStream

__all__ = ["Dialed"]


@attrs.define(eq=False)
class Dialed:
    """See ``websocket.link.Bytes``."""

    stream: ByteStream

    async def send_all(self, data: bytes) -> None:
        """See ``Bytes.send_all``."""
        await self.stream.send_all(data)

    async def receive_some(self) -> bytes:
        """See ``Bytes.receive_some``."""
        return await self.stream.receive()

    async def send_eof(self) -> None:
        """See ``Bytes.send_eof``. TLS over memory buffers has none."""

    async def aclose(self) -> None:
        """See ``Bytes.aclose``."""
        self.stream.close()
        await trio.lowlevel.checkpoint()
