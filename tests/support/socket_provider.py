"""A provider that takes Responses over WebSocket, on a real socket, and over POST where it is asked that way."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import attrs
import trio

from tests.support.links import StreamBytes
from tests.support.tls import server_context
from trioproxy.server.streams import ReplayedStream
from trioproxy.websocket.handshake import accept
from trioproxy.websocket.link import Link, LinkClosed

__all__ = ["SocketProvider", "answers", "events_of", "provider"]

Answerer = Callable[[Link, dict[str, Any], int], Awaitable[None]]


def events_of(response_id: str, *output: Any) -> list[dict[str, Any]]:
    """The events of a small response."""
    items = list(output) or [
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": response_id}]}
    ]
    body = {"id": response_id, "object": "response", "model": "up"}
    return [
        {"type": "response.created", "response": {**body, "status": "in_progress", "output": []}},
        {"type": "response.output_text.delta", "delta": "…"},
        *({"type": "response.output_item.done", "output_index": n, "item": item} for n, item in enumerate(items)),
        {"type": "response.completed", "response": {**body, "status": "completed", "output": items}},
    ]


async def answers(link: Link, message: dict[str, Any], number: int) -> None:
    """Answer with a small response."""
    for event in events_of(f"resp_up_{number}"):
        await link.send(json.dumps(event))


@attrs.define(eq=False)
class SocketProvider:
    """What it does is data: ``handshake`` is an answer of HTTP instead of 101, ``answer`` what becomes of each message."""

    handshake: bytes | None = None
    answer: Answerer = answers
    port: int = 0
    opened: int = 0
    heads: list[bytes] = attrs.field(factory=list)
    messages: list[dict[str, Any]] = attrs.field(factory=list)
    posts: list[dict[str, Any]] = attrs.field(factory=list)
    closes: list[LinkClosed] = attrs.field(factory=list)

    async def serve(self, stream: trio.abc.Stream) -> None:
        """One connection."""
        try:
            async with stream:
                await self._serve(stream)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass

    async def _serve(self, stream: trio.abc.Stream) -> None:
        raw = b""
        while b"\r\n\r\n" not in raw:
            data = await stream.receive_some()
            if not data:
                return None
            raw += data
        if raw.startswith(b"POST"):
            return await self._post(stream, raw)
        self.heads.append(raw)
        if self.handshake is not None:
            await stream.send_all(self.handshake)
            return None
        self.opened += 1
        link = await accept(StreamBytes(ReplayedStream(raw, stream)), limit=1 << 26)
        try:
            while True:
                message = json.loads(await link.receive())
                self.messages.append(message)
                await self.answer(link, message, len(self.messages))
        except LinkClosed as closed:
            self.closes.append(closed)
        return None

    async def _post(self, stream: trio.abc.Stream, raw: bytes) -> None:
        head, _, body = raw.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
        while len(body) < length:
            body += await stream.receive_some()
        self.posts.append(json.loads(body))
        stream_ = b"".join(b"data: %b\n\n" % json.dumps(each).encode() for each in events_of("resp_post"))
        await stream.send_all(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n"
            b"content-length: %d\r\n\r\n%b" % (len(stream_), stream_)
        )


@asynccontextmanager
async def provider(*, tls: bool = False, **more: Any) -> AsyncIterator[SocketProvider]:
    """A provider at work on ``port``."""
    made = SocketProvider(**more)
    serve: Callable[..., Awaitable[Any]] = trio.serve_tcp
    if tls:
        serve = partial(trio.serve_ssl_over_tcp, ssl_context=server_context(), https_compatible=True)
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(serve, made.serve, 0, host="127.0.0.1"))
        listener = listeners[0].transport_listener if tls else listeners[0]
        made.port = listener.socket.getsockname()[1]
        yield made
        nursery.cancel_scope.cancel()
