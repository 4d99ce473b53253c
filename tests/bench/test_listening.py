from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest
import trio
import trio.testing

from trioproxy.bench.listening import serve_until_terminated


async def test_it_says_where_and_a_client_that_breaks_off_ends_nothing(
    capsys: pytest.CaptureFixture[str], nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def echo(stream: trio.SocketStream) -> None:
        data = await stream.receive_some()
        if data == b"break":
            raise trio.BrokenResourceError
        await stream.send_all(data)

    started: list[Callable[[], Awaitable[None]]] = []

    def note(serve: Callable[..., Awaitable[None]], *rest: Any) -> None:
        started.append(partial(serve, *rest))

    monkeypatch.setattr(trio, "run", note)
    serve_until_terminated(echo)
    nursery.start_soon(started[0])
    await trio.testing.wait_all_tasks_blocked()
    found = re.fullmatch(r"listening on http://127\.0\.0\.1:(\d+)\n", capsys.readouterr().out)
    assert found is not None
    for said, heard in ((b"break", b""), (b"hello", b"hello")):
        async with await trio.open_tcp_stream("127.0.0.1", int(found[1])) as client:
            await client.send_all(said)
            assert await client.receive_some() == heard
    nursery.cancel_scope.cancel()
