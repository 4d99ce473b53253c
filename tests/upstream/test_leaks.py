"""Thousands of exchanges that end in every way at every moment, and what is left of them: nothing."""

from __future__ import annotations

import contextlib
import os
import random
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from tests.support.raw_server import RawConnection, chunked, raw_server
from tests.support.tls import client_context, server_context
from tests.support.upstreams import RecordedProgress
from trioproxy.errors import UpstreamFault
from trioproxy.upstream.base import UpstreamRequest
from trioproxy.upstream.http import HttpUpstream

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="open files are counted in /proc"),
]

LIMIT = 20
WORKERS = 40


def open_files() -> set[str]:
    """What this process has open, by identity: ``socket:[4711]``, ``/dev/null`` ..."""
    found: set[str] = set()
    for number in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):  # the listing itself was one
            found.add(os.readlink(f"/proc/self/fd/{number}"))
    return found


def erratic(choices: random.Random) -> Callable[[RawConnection], Awaitable[None]]:
    """A provider that answers, stalls, cuts and resets as it pleases; ``/calm`` it always answers."""

    async def answer(connection: RawConnection) -> None:
        while request := await connection.read_request():
            mood = 0 if request.target == b"/calm" else choices.randrange(8)
            if mood == 1:
                return
            if mood == 2:
                connection.reset()
                return
            if mood == 3:
                await connection.wait_gone()
                return
            await connection.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
            for _ in range(choices.randrange(6)):
                await connection.send(chunked(b"data: x\n\n", last=False))
                await trio.lowlevel.checkpoint()
            if mood == 4:
                return
            if mood in (5, 6):
                connection.reset()
                return
            await connection.send(b"0\r\n\r\n")

    return answer


@pytest.mark.parametrize(("tls", "exchanges"), [(False, 3000), (True, 400)], ids=["tcp", "tls"])
async def test_nothing_is_left_of_exchanges_that_were_cut_short(tls: bool, exchanges: int) -> None:
    choices = random.Random(20)
    upstream = HttpUpstream(ssl_context=client_context)
    server_side = server_context() if tls else None
    async with raw_server(erratic(choices), ssl_context=server_side) as server:

        def request(path: str) -> UpstreamRequest:
            return UpstreamRequest(
                method="POST", url=server.url + path, headers=(), body=b"{}" * 50, max_connections=LIMIT
            )

        async def exchange(path: str) -> bytes:
            received = b""
            response = await upstream.open(request(path), RecordedProgress())
            try:
                while piece := await response.receive_some():
                    received += piece
            finally:
                await response.aclose()
            return received

        async def cancel_after(turns: int, scope: trio.CancelScope) -> None:
            for _ in range(turns):
                await trio.lowlevel.checkpoint()
            scope.cancel()

        async def cut_short() -> None:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(cancel_after, choices.randrange(60), nursery.cancel_scope)
                with contextlib.suppress(UpstreamFault):
                    await exchange("/")
                nursery.cancel_scope.cancel()

        await exchange("/calm")
        await wait_all_tasks_blocked()
        before = open_files()
        remaining = iter(range(exchanges))

        async def work() -> None:
            for _ in remaining:
                await cut_short()

        async with trio.open_nursery() as workers:
            for _ in range(WORKERS):
                workers.start_soon(work)

        statistics = upstream.statistics()
        assert all(each.active == each.waiting == 0 for each in statistics.values())
        idle = sum(each.idle for each in statistics.values())
        assert idle <= LIMIT
        await server.wait_open(idle)

        async with trio.open_nursery() as workers:
            for _ in range(WORKERS):
                workers.start_soon(exchange, "/calm")
        assert all(each.active == each.waiting == 0 for each in upstream.statistics().values())

        upstream.close()
        assert upstream.statistics() == {}
        # Connections that were given up before the server accepted them are accepted, and found closed, only now.
        await wait_all_tasks_blocked(0.05)
        await server.wait_open(0)
        assert open_files() <= before


async def test_a_cancelled_exchange_is_gone_from_the_provider_at_once() -> None:
    async def stall(connection: RawConnection) -> None:
        await connection.read_request()
        await connection.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n")
        await connection.wait_gone()

    upstream = HttpUpstream()
    async with raw_server(stall) as server:
        async with trio.open_nursery() as nursery:

            async def exchange() -> None:
                request = UpstreamRequest(method="GET", url=server.url, headers=(), body=b"")
                response = await upstream.open(request, RecordedProgress())
                while await response.receive_some():
                    pass

            for _ in range(10):
                nursery.start_soon(exchange)
            await server.wait_open(10)
            nursery.cancel_scope.cancel()

        # Nobody called aclose: the cancelled read itself has closed the connection.
        assert upstream.statistics() == {}
        await server.wait_open(0)
