"""Many clients that leave at any moment: nothing of theirs stays, and what ran for them is let go."""

from __future__ import annotations

import os
import random
from collections import Counter
from typing import Any

import trio
import trio.testing

from tests.support.clients import connect, get, post
from trioproxy.errors import ClientFault
from trioproxy.gateway.exchange import Exchange
from trioproxy.server.listen import Serving, serve

_RESET = b"\1\0\0\0\0\0\0\0"


def open_descriptors() -> int:
    return len(os.listdir("/dev/fd"))


async def test_five_hundred_leaving_clients_leave_nothing() -> None:
    upstreams: Counter[str] = Counter()

    async def handler(exchange: Exchange) -> None:
        """Streams until its client leaves, as a gateway would."""
        try:
            await exchange.receive_body(1_000_000)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(watch, exchange, nursery.cancel_scope)
                upstreams["opened"] += 1
                try:
                    await exchange.start(200, ())
                    while True:
                        await exchange.send(b"data: {}\n\n")
                        await trio.sleep(0.001)
                finally:
                    upstreams["closed"] += 1
        except* ClientFault:
            pass
        await exchange.abort()

    async def watch(exchange: Exchange, scope: trio.CancelScope) -> None:
        await exchange.wait_disconnected()
        scope.cancel()

    async def visit(port: int, seed: int) -> None:
        choose = random.Random(seed)
        client = await connect(port)
        request = (
            post(bytes(choose.randrange(2000))) if seed % 2 else get("/", "Upgrade: websocket", "Connection: upgrade")
        )
        match seed % 5:
            case 0:
                await client.send(request[: choose.randrange(len(request))])
            case 1:
                await client.send(request)
            case _:
                await client.send(request + (get() if seed % 3 else b""))
                for _ in range(choose.randrange(1, 5)):
                    await client.more()
        if seed % 4 < 2:
            stream: Any = client.stream
            stream.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_LINGER, _RESET)
        await client.leave()

    async def visit_in_turn(port: int, seeds: range) -> None:
        for seed in seeds:
            await visit(port, seed)

    async with trio.open_nursery() as nursery:
        server: Serving = await nursery.start(lambda task_status: serve(handler, task_status=task_status))
        before = (trio.lowlevel.current_statistics().tasks_living, open_descriptors())
        with trio.fail_after(50):
            async with trio.open_nursery() as visitors:
                for start in range(20):
                    visitors.start_soon(visit_in_turn, server.port, range(start, 500, 20))
            await server.connections.wait_none()
            await trio.testing.wait_all_tasks_blocked()
        after = (trio.lowlevel.current_statistics().tasks_living, open_descriptors())
        statistics = server.connections.statistics()
        nursery.cancel_scope.cancel()
    assert after == before
    assert (statistics.accepted, statistics.idle, statistics.active) == (500, 0, 0)
    assert upstreams["opened"] == upstreams["closed"] > 250
