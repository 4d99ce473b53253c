"""The whole house over real sockets: a provider that a test plays byte by byte, the proxy, and a client that takes answers to the letter."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import attrs
import trio

from tests.support.clients import Answer, RawClient, connect
from tests.support.houses import snapshot_of
from tests.support.raw_server import RawConnection, RawRequest, RawServer, raw_server
from trioproxy.app import App, run
from trioproxy.config.snapshot import SnapshotCell
from trioproxy.ledger.entry import Settled
from trioproxy.server.listen import Serving, bind

__all__ = ["CHAT", "Answering", "Live", "Provider", "chunk", "live", "request_of", "stream_head"]

CHAT = """
openai-compatibility:
  - name: chat
    base-url: "{url}/v1"
    api-key-entries: [{api-key: k}]
    models: [{name: m}]
"""
"""A house with one provider, of Chat Completions, and its model ``m``."""


def stream_head(status: int = 200, content_type: str = "text/event-stream", *more: str) -> bytes:
    """The head of a chunked answer."""
    lines = [f"HTTP/1.1 {status} X", f"content-type: {content_type}", "transfer-encoding: chunked", *more, "", ""]
    return "\r\n".join(lines).encode()


def chunk(data: bytes) -> bytes:
    """One chunk of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


@attrs.frozen(kw_only=True)
class Answering:
    """What the provider answers every request with: a head, the pieces of a body, and how it goes on after them."""

    pieces: Sequence[bytes] = ()
    status: int = 200
    content_type: str = "text/event-stream"
    headers: Sequence[str] = ()
    end: str = "whole"
    """``whole``, ``cut`` (closed without the last chunk), ``reset``, ``silent`` (until the proxy leaves)."""


@attrs.define(eq=False)
class Provider:
    """A provider that keeps what it was asked. ``left`` is set when the proxy closes a connection that was being answered."""

    answering: Answering
    server: RawServer = attrs.field(init=False)
    requests: list[RawRequest] = attrs.field(factory=list)
    left: trio.Event = attrs.field(factory=trio.Event)

    async def serve(self, connection: RawConnection) -> None:
        """Answer requests until the connection ends."""
        while (request := await connection.read_request()) is not None:
            self.requests.append(request)
            answering = self.answering
            await connection.send(stream_head(answering.status, answering.content_type, *answering.headers))
            for piece in filter(None, answering.pieces):  # an empty chunk would be the last
                await connection.send(chunk(piece))
            match answering.end:
                case "whole":
                    await connection.send(b"0\r\n\r\n")
                case "cut":
                    return
                case "reset":
                    connection.reset()
                    return
                case _:
                    await connection.wait_gone()
                    self.left.set()
                    return


@attrs.define(eq=False)
class Live:
    """A running house."""

    app: App
    serving: Serving
    provider: Provider
    settled: list[Settled]
    changed: trio.lowlevel.ParkingLot

    async def connect(self) -> RawClient:
        """A client's connection."""
        return await connect(self.serving.port)

    async def ask(self, request: bytes) -> Answer:
        """One request on a connection of its own."""
        client = await self.connect()
        try:
            return await client.ask(request)
        finally:
            await client.leave()

    async def wait_settled(self, count: int = 1) -> Settled:
        """The latest account, when there are ``count``."""
        while len(self.settled) < count:
            await self.changed.park()
        return self.settled[-1]


def request_of(target: str, document: Any, *headers: str) -> bytes:
    """A POST of JSON as bytes."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    lines = [f"POST {target} HTTP/1.1", "Host: test", "Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, *headers, "", ""]).encode() + body


@asynccontextmanager
async def live(
    answering: Answering | Callable[[Answering], Provider], config: str, **settings: Any
) -> AsyncIterator[Live]:
    """A house whose every provider is the one that is played; ``{url}`` in ``config`` is where it listens."""
    provider = Provider(answering) if isinstance(answering, Answering) else answering(Answering())
    async with raw_server(provider.serve) as server:
        provider.server = server
        snapshot = snapshot_of(config.replace("{url}", server.url))
        snapshot = attrs.evolve(snapshot, settings=attrs.evolve(snapshot.settings, **settings))
        settled: list[Settled] = []
        changed = trio.lowlevel.ParkingLot()

        def settle(account: Settled) -> None:
            settled.append(account)
            changed.unpark_all()

        app = App(SnapshotCell(snapshot), sinks=(settle,))
        listeners = await bind("127.0.0.1", 0)
        async with trio.open_nursery() as nursery:
            serving: Serving = await nursery.start(partial(run, app, listeners=listeners))
            yield Live(app, serving, provider, settled, changed)
            nursery.cancel_scope.cancel()
