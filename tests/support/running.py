"""The whole proxy over real sockets, in this process, and requests for it as bytes.

    async with running_proxy(config_of(upstream.url)) as proxy:
        client = await connect(proxy.port)
        answer = await client.ask(asking("openai_chat", "m-1", wire="anthropic"))

Every wire of :func:`config_of` has a prefix and no list of models, so that a model's name can tell an upstream what to play.
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import attrs
import trio

from tests.support.clients import post
from tests.support.houses import snapshot_of
from trioproxy.app import App, run
from trioproxy.config.model import Settings, Snapshot
from trioproxy.config.snapshot import SnapshotCell
from trioproxy.gateway.limits import holder_keys
from trioproxy.ledger.entry import Settled
from trioproxy.ledger.lines import write_line
from trioproxy.server.listen import Serving, bind

__all__ = ["PATIENT", "WIRES", "Proxy", "asking", "config_of", "json_request", "open_files", "running_proxy"]

WIRES = {"openai_chat": "chat", "openai_responses": "responses", "anthropic": "claude", "gemini": "gemini"}
"""Protocols, and the prefix under which a provider that speaks it is reached."""

PATIENT = "timeouts: {connect: off, first-byte: off, response: off, idle: off}\n"
"""No wait for a provider is too long: how long one takes is the machine's doing, and a busy one is no failure of the proxy."""

_ENTRIES = """
openai-compatibility:
  - name: chat
    prefix: chat
    base-url: {url}/v1
    api-key-entries: [{{api-key: UPKEY}}]
    max-connections: {connections}
openai-api-key:
  - api-key: UPKEY
    prefix: responses
    base-url: {url}/v1
    max-connections: {connections}
claude-api-key:
  - api-key: UPKEY
    prefix: claude
    base-url: {url}
    max-connections: {connections}
gemini-api-key:
  - api-key: UPKEY
    prefix: gemini
    base-url: {url}
    max-connections: {connections}
"""


def config_of(url: str, *, connections: int = 1000, more: str = "") -> str:
    """A configuration with one provider a protocol, all at ``url``, which makes them one origin with one bound of connections."""
    return _ENTRIES.format(url=url, connections=connections) + more


def asking(protocol: str, model: str, *, wire: str | None = None, stream: bool = True, **body: Any) -> bytes:
    """A small request in ``protocol`` for ``model`` of the provider that speaks ``wire`` (else the same protocol)."""
    name = f"{WIRES[wire or protocol]}/{model}"
    said: Any = [{"role": "user", "content": "hi"}]
    match protocol:
        case "gemini":
            verb = "streamGenerateContent?alt=sse" if stream else "generateContent"
            body = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}], **body}
            return json_request(f"/v1beta/models/{name}:{verb}", body)
        case "openai_responses":
            return json_request("/v1/responses", {"model": name, "input": "hi", "stream": stream, **body})
        case "anthropic":
            body = {"max_tokens": 64, **body}
            return json_request("/v1/messages", {"model": name, "messages": said, "stream": stream, **body})
        case _:
            return json_request("/v1/chat/completions", {"model": name, "messages": said, "stream": stream, **body})


def json_request(target: str, body: Any) -> bytes:
    """A POST of a document."""
    return post(json.dumps(body).encode(), "Content-Type: application/json", target=target)


@attrs.define(eq=False, kw_only=True)
class Proxy:
    """A running proxy. ``settled`` are the accounts of its exchanges, in order."""

    app: App
    serving: Serving
    settled: list[Settled]

    @property
    def port(self) -> int:
        """Where it listens on the loopback."""
        return self.serving.port

    async def wait_quiet(self) -> None:
        """Return when no client is connected."""
        with trio.fail_after(30):
            await self.serving.connections.wait_none()

    def assert_nothing_held(self) -> None:
        """No exchange, no connection of a client, no slot of a pool, no wait for one, no place below a limit."""
        statistics = self.serving.connections.statistics()
        assert (statistics.open, statistics.active, self.app.gateway.ledger.open) == (0, 0, 0)
        pools = self.app.http.statistics().values()
        assert [(each.active, each.waiting) for each in pools if each.active or each.waiting] == []
        turnstile = self.app.turnstile
        now, wall = trio.current_time(), turnstile.wall()
        keys = holder_keys(self.app.cell.current)
        assert (turnstile.waiting, sum(turnstile.meters.reading(key, now, wall).running for key in keys)) == (0, 0)

    @property
    def idle_upstream(self) -> int:
        """How many connections to providers are kept warm."""
        return sum(each.idle for each in self.app.http.statistics().values())


@asynccontextmanager
async def running_proxy(config: str, **settings: Any) -> AsyncIterator[Proxy]:
    """Serve on a free port of the loopback; ``settings`` are fields of :class:`Settings`, which win over the text."""
    snapshot: Snapshot = snapshot_of(config)
    changed: Settings = attrs.evolve(snapshot.settings, **settings)
    settled: list[Settled] = []
    app = App(SnapshotCell(attrs.evolve(snapshot, settings=changed)), sinks=(settled.append, write_line))
    listeners = await bind("127.0.0.1", 0)
    async with trio.open_nursery() as nursery:
        serving: Serving = await nursery.start(partial(run, app, listeners=listeners))
        yield Proxy(app=app, serving=serving, settled=settled)
        nursery.cancel_scope.cancel()


def open_files() -> int:
    """How many descriptors this process has."""
    return len(os.listdir("/dev/fd"))
