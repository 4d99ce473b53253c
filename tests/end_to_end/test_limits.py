"""Limits and budgets in the whole house, over sockets, and over a restart."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import trio

from tests.gateway.test_limits import USED
from tests.support.clients import connect, get
from tests.support.houses import snapshot_of
from tests.support.live import request_of
from tests.support.upstreams import ScriptedUpstream
from trioproxy.app import App, run
from trioproxy.config.snapshot import SnapshotCell
from trioproxy.server.listen import Serving, bind

CONFIG = """
api-keys: [{key: LAPTOP, name: laptop, limits: {daily-budget-usd: 1}}, {key: FREE}]
openai-compatibility:
  - {name: chat, base-url: "http://chat.test/v1", api-key-entries: [{api-key: K}], models: [{name: chat-up, alias: chat-m}]}
prices: {chat-up: {input: 1000000, output: 0}}
"""
BODY = json.dumps({"model": "chat-m", "messages": [{"role": "user", "content": "hi"}]}).encode()


async def statuses(folder: Path, *keys: str) -> list[int]:
    """What a proxy that keeps its ledger in ``folder`` answers to requests of these clients, one after the other."""
    upstream = ScriptedUpstream(USED, repeat_last=True)
    app = App(SnapshotCell(snapshot_of(CONFIG)), folder=folder, over=lambda inner: upstream)
    listeners = await bind("127.0.0.1", 0)
    got: list[int] = []
    async with trio.open_nursery() as nursery:
        serving: Serving = await nursery.start(partial(run, app, listeners=listeners))
        client = await connect(serving.port)
        for key in keys:
            request = request_of("/v1/chat/completions", BODY)
            head, _, body = request.partition(b"\r\n\r\n")
            answer = await client.ask(head + f"\r\nAuthorization: Bearer {key}\r\n\r\n".encode() + body)
            got.append(answer.status)
        explained = await client.ask(get("/v1/routing/explain?model=chat-m", "Authorization: Bearer FREE"))
        assert json.loads(explained.body)["candidates"][0]["place"] == 1
        await client.leave()
        nursery.cancel_scope.cancel()
    return got


async def test_a_budget_outlives_the_process(tmp_path: Path) -> None:
    with trio.fail_after(60):
        assert await statuses(tmp_path, "LAPTOP", "LAPTOP", "FREE") == [200, 429, 200]
        assert await statuses(tmp_path, "LAPTOP", "FREE") == [429, 200]
