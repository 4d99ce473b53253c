"""Requests for what is answered here, put to a whole house without sockets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs

from tests.support.exchanges import Headers, MemoryExchange, request_head
from tests.support.houses import snapshot_of
from trioproxy.app import App
from trioproxy.config.model import Snapshot
from trioproxy.config.snapshot import SnapshotCell

NEAR, FAR = "127.0.0.1:5000", "192.0.2.7:5000"
CONFIG = """
api-keys: [{key: demo-client-key, name: laptop}, {key: k-two, models: ["chat-*"]}]
remote-management: {secret-key: open-sesame}
claude-api-key: [{api-key: UPKEY-THREE, base-url: "http://anthropic.test"}]
groq: [{api-key: UPKEY-FOUR, enabled: false}]
openai-compatibility:
  - name: Chat
    prefix: p
    base-url: http://chat.test/v1
    api-key-entries: [{api-key: UPKEY-ONE}, {api-key: UPKEY-TWO}]
    models: [{name: chat-up, alias: chat-m, supports-functions: true}]
providers:
  drawn: {type: custom, endpoint: "http://drawn.test", api-key: UPKEY-FIVE, models: [{name: paint}], features: {vision: true}}
"""
KEY = ((b"authorization", b"Bearer demo-client-key"),)
MANAGER = ((b"authorization", b"Bearer open-sesame"),)


@attrs.define(eq=False)
class Desk:
    """A house that is only asked what it answers itself."""

    app: App

    @classmethod
    def of(cls, text: str = CONFIG, folder: Path | None = None) -> Desk:
        return cls(App(SnapshotCell(snapshot_of(text)), folder=folder))

    @property
    def snapshot(self) -> Snapshot:
        return self.app.cell.current

    async def ask(
        self, method: str, target: str, headers: Headers = KEY, *, body: bytes = b"", peer: str = NEAR
    ) -> MemoryExchange:
        head = attrs.evolve(request_head(method, target, headers), peer=peer)
        exchange = MemoryExchange(head=head, body=body)
        await self.app.gateway.handle(exchange)
        for credential in self.snapshot.credentials:
            assert credential.key is None or credential.key.reveal().encode() not in exchange.body
        return exchange

    async def got(self, target: str, headers: Headers = KEY, **more: Any) -> Any:
        exchange = await self.ask("GET", target, headers, **more)
        assert exchange.status == 200, exchange.body
        return json.loads(exchange.body)

    async def put(self, target: str, document: Any, headers: Headers = KEY) -> Any:
        exchange = await self.ask("PUT", target, headers, body=json.dumps(document).encode())
        assert exchange.status == 200, exchange.body
        return json.loads(exchange.body)
