"""A gateway on a bench: a configuration as text, upstreams from a script, exchanges in memory, settled accounts in a list."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any

import attrs
import trio

from tests.support.exchanges import MemoryExchange, request_head
from tests.support.upstreams import Script, ScriptedUpstream
from trioproxy.config.load import build, load
from trioproxy.config.model import Snapshot
from trioproxy.credentials.health import Health
from trioproxy.gateway.control import House
from trioproxy.gateway.failover import Failover
from trioproxy.gateway.handler import Gateway
from trioproxy.ledger.entry import Ledger, Settled
from trioproxy.providers.catalog import catalogue
from trioproxy.upstream.base import Upstream, UpstreamRequest

__all__ = ["PATHS", "SIMPLE", "Bench", "ask", "snapshot_of"]

SIMPLE = """
openai-compatibility:
  - name: chat
    base-url: http://chat.test/v1
    api-key-entries: [{api-key: UPKEY}]
    models: [{name: chat-up, alias: chat-m}]
codex-api-key:
  - api-key: UPKEY
    base-url: http://responses.test/v1
    models: [{name: responses-up, alias: responses-m}]
claude-api-key:
  - api-key: UPKEY
    base-url: http://anthropic.test
    models: [{name: anthropic-up, alias: anthropic-m}]
gemini-api-key:
  - api-key: UPKEY
    base-url: http://gemini.test
    models: [{name: gemini-up, alias: gemini-m}]
"""

PATHS = {
    "openai_chat": "/v1/chat/completions",
    "openai_responses": "/v1/responses",
    "anthropic": "/v1/messages",
}
_MODELS = {
    "openai_chat": "chat-m",
    "openai_responses": "responses-m",
    "anthropic": "anthropic-m",
    "gemini": "gemini-m",
}


def snapshot_of(text: str) -> Snapshot:
    """The snapshot of a YAML text."""
    return build(load(text), catalogue(), {})


def ask(
    protocol: str,
    *,
    of: str | None = None,
    stream: bool = True,
    headers: dict[str, str] | None = None,
    **body: Any,
) -> MemoryExchange:
    """A small request in a protocol, for the model that :data:`SIMPLE` has in it (or in the protocol ``of``)."""
    model = _MODELS[of or protocol]
    if protocol == "gemini":
        body = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}], **body}
        target = f"/v1beta/models/{model}:" + ("streamGenerateContent?alt=sse" if stream else "generateContent")
    else:
        target = PATHS[protocol]
        key = "input" if protocol == "openai_responses" else "messages"
        said: Any = "hi" if protocol == "openai_responses" else [{"role": "user", "content": "hi"}]
        body = {"model": model, key: said, "stream": stream, **body}
        if protocol == "anthropic":
            body.setdefault("max_tokens", 10)
    return posted(target, json.dumps(body).encode(), headers)


def posted(target: str, body: bytes, headers: dict[str, str] | None = None) -> MemoryExchange:
    """A POST of JSON."""
    lines = {"content-type": "application/json", **(headers or {})}
    pairs = tuple((name.lower().encode(), value.encode()) for name, value in lines.items())
    return MemoryExchange(head=request_head("POST", target, pairs), body=body)


@attrs.define(eq=False, init=False)
class Bench:
    """Serves exchanges from scripts. ``settled`` are the accounts, in order."""

    snapshot: Snapshot
    upstream: ScriptedUpstream
    settled: list[Settled]
    health: Health
    gateway: Gateway

    def __init__(
        self,
        *scripts: Script | Callable[[UpstreamRequest], Script],
        config: str = SIMPLE,
        settings: dict[str, Any] | None = None,
        repeat_last: bool = False,
        upstream: Upstream | None = None,
    ) -> None:
        made = snapshot_of(config)
        self.snapshot = attrs.evolve(made, settings=attrs.evolve(made.settings, **(settings or {})))
        self.upstream = ScriptedUpstream(*scripts, repeat_last=repeat_last)
        self.settled = []
        self.health = Health()
        ids = itertools.count(1)
        failover = Failover(
            reach=lambda credential: upstream or self.upstream,
            wall=lambda: 1_700_000_000.0,
            token=lambda: "0123456789abcdef" * 2,
            health=self.health,
        )
        self.gateway = Gateway(
            current=lambda: self.snapshot,
            failover=failover,
            house=House(now=trio.current_time, health=self.health, outlook=failover.outlook),
            ledger=Ledger(
                clock=trio.current_time,
                wall=lambda: 1_700_000_000.0,
                token=lambda: f"id{next(ids)}",
                sinks=(self.settled.append,),
            ),
        )

    async def serve(self, exchange: MemoryExchange) -> MemoryExchange:
        """Handle one exchange to its end; nothing may be left open behind it."""
        await self.gateway.handle(exchange)
        assert self.upstream.all_closed
        assert exchange.over
        return exchange

    def shorten(self, **seconds: float) -> None:
        """Set deadlines of every credential."""
        settings = attrs.evolve(
            self.snapshot.settings, deadlines=attrs.evolve(self.snapshot.settings.deadlines, **seconds)
        )
        credentials = tuple(
            attrs.evolve(credential, deadlines=attrs.evolve(credential.deadlines, **seconds))
            for credential in self.snapshot.credentials
        )
        self.snapshot = attrs.evolve(self.snapshot, settings=settings, credentials=credentials)

    @property
    def last(self) -> Settled:
        """The latest settled account."""
        return self.settled[-1]

    @property
    def sent(self) -> Any:
        """The body of the latest request to a provider, parsed."""
        return json.loads(self.upstream.requests[-1].body)
