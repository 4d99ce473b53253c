"""Sockets of the Responses API on a bench: the server's loop over memory streams, a gateway with scripted upstreams, a client in words."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import attrs
import trio
from trio.testing import memory_stream_pair

from tests.support.answers import sse
from tests.support.houses import Bench
from tests.support.links import StreamBytes
from tests.support.upstreams import Script
from trioproxy.protocols.openai_responses.conversations import Conversations
from trioproxy.server.connections import Connections, Drain
from trioproxy.server.h11_loop import serve_connection
from trioproxy.server.limits import ServerLimits
from trioproxy.server.upgrade import Upgrades
from trioproxy.upstream.http import HttpUpstream
from trioproxy.websocket.handshake import connect
from trioproxy.websocket.link import Link, LinkClosed

__all__ = ["Socket", "SocketBench", "response_script"]

TERMINAL = frozenset({"response.completed", "response.incomplete", "response.failed", "error"})


def response_script(response_id: str, *output: Any, text: str = "hello") -> Script:
    """A Responses stream with these items, or a message that says ``text``."""
    items = list(output) or [
        {
            "id": f"msg_{response_id}",
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": text, "annotations": []}],
        }
    ]
    body = {"id": response_id, "object": "response", "created_at": 1, "model": "responses-up"}
    events = [
        {"type": "response.created", "response": {**body, "status": "in_progress", "output": []}},
        *({"type": "response.output_item.added", "output_index": n, "item": item} for n, item in enumerate(items)),
        *({"type": "response.output_item.done", "output_index": n, "item": item} for n, item in enumerate(items)),
        {
            "type": "response.completed",
            "response": {
                **body,
                "status": "completed",
                "output": items,
                "usage": {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2},
            },
        },
    ]
    return Script(chunks=[sse({**event, "sequence_number": n}, event["type"]) for n, event in enumerate(events)])


@attrs.define(eq=False)
class Socket:
    """A client's end."""

    link: Link
    stream: trio.abc.Stream
    heard: list[Any] = attrs.field(factory=list)

    async def say(self, **event: Any) -> None:
        """Send an event."""
        await self.link.send(json.dumps(event))

    async def create(self, *, model: str = "responses-m", **members: Any) -> None:
        """Ask for a response."""
        await self.say(type="response.create", model=model, **members)

    async def hear(self) -> Any:
        """The next event."""
        message = await self.link.receive()
        assert isinstance(message, str)
        self.heard.append(json.loads(message))
        return self.heard[-1]

    async def end(self) -> Any:
        """Read on to the last event of a response."""
        while (event := await self.hear())["type"] not in TERMINAL:
            pass
        return event

    async def turn(self, **members: Any) -> Any:
        """Ask, and take the last event of the answer."""
        await self.create(**members)
        return await self.end()

    async def closed(self) -> LinkClosed:
        """Read on to the end of the socket."""
        try:
            while True:
                await self.hear()
        except LinkClosed as closed:
            return closed

    async def vanish(self) -> None:
        """Leave without a word."""
        await trio.aclose_forcefully(self.stream)


@attrs.define(eq=False)
class SocketBench:
    """``bench`` behind a server that speaks WebSocket."""

    bench: Bench
    limits: ServerLimits = attrs.field(factory=lambda: ServerLimits(linger_seconds=1))
    drain: Drain = attrs.field(factory=Drain)
    conversations: Conversations = attrs.field(factory=lambda: Conversations(limit=0, owner_limit=0, seconds=0))
    streams: Callable[[], tuple[trio.abc.Stream, trio.abc.Stream]] = memory_stream_pair
    http: HttpUpstream = attrs.field(factory=HttpUpstream)
    house: Connections = attrs.field(init=False)
    upgrades: Upgrades = attrs.field(init=False)
    _tokens: int = 0

    def __attrs_post_init__(self) -> None:
        self.house = Connections(self.limits, self.drain)
        self.upgrades = Upgrades(
            gateway=self.bench.gateway,
            handler=self.bench.gateway.handle,
            current=lambda: self.bench.snapshot,
            token=self.token,
            http=self.http,
            conversations=self.conversations,
        )

    def token(self) -> str:
        self._tokens += 1
        return f"t{self._tokens}"

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[trio.abc.Stream]:
        """A client's stream to the server. At the end the server must have let go of it."""
        near, far = self.streams()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(lambda: serve_connection(far, self.upgrades.handle, connections=self.house))
            try:
                yield near
            finally:
                await trio.aclose_forcefully(near)

    @asynccontextmanager
    async def socket(self, path: str = "/v1/responses", **headers: str) -> AsyncIterator[Socket]:
        """An open socket."""
        async with self.connection() as stream:
            fields = tuple((name.replace("_", "-").encode(), value.encode()) for name, value in headers.items())
            link = await connect(StreamBytes(stream), host="127.0.0.1", target=path, limit=1 << 30, headers=fields)
            yield Socket(link, stream)
        assert self.bench.upstream.all_closed
