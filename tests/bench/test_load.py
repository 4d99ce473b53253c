"""The load, the floor and the origin against each other, in this process."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing

from trioproxy.bench.floor import relay
from trioproxy.bench.load import Job, carry_out
from trioproxy.bench.origin import answer


@asynccontextmanager
async def listening(serve: Callable[[trio.SocketStream], Awaitable[None]]) -> AsyncIterator[int]:
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")

    async def guarded(stream: trio.SocketStream) -> None:
        async with stream:
            await serve(stream)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, guarded, listeners)
        yield listeners[0].socket.getsockname()[1]
        nursery.cancel_scope.cancel()


def job(port: int, model: str, *, stream: bool = False) -> Job:
    return Job(port=port, model=model, stream=stream, connections=2, requests=6)


@pytest.mark.parametrize("through_floor", [False, True])
async def test_every_answer_and_every_event_is_counted_once(through_floor: bool) -> None:
    async with listening(answer) as origin, listening(lambda client: relay(client, origin)) as floor:
        port = floor if through_floor else origin
        seen = await carry_out(job(port, "bench-json"))
        assert seen.count == 6
        assert 0 < seen.p50 <= seen.seconds

        seen = await carry_out(job(port, "bench-paced-7-10", stream=True))
        # A timestamp that falls apart between two reads is not counted.
        assert 6 * 7 - 6 <= seen.count <= 6 * 7
        assert 0 < seen.p50 <= seen.seconds


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "said", [b"HTTP/1.1 500 No\r\ncontent-length: 2\r\n\r\nno0\r\n\r\n", b"HTTP/1.1 200 OK\r\n", b""]
)
async def test_a_wrong_answer_is_no_measurement(stream: bool, said: bytes) -> None:
    async def wrong(client: trio.SocketStream) -> None:
        await client.receive_some()
        await client.send_all(said)

    async with listening(wrong) as port:
        with pytest.RaisesGroup(
            pytest.RaisesExc(RuntimeError, match=re.compile("not expected|ended in the midst")),
        ):
            await carry_out(Job(port=port, model="bench-json", stream=stream, connections=1, requests=1))


async def test_the_origin_answers_requests_that_come_in_pieces() -> None:
    async with listening(answer) as port, await trio.open_tcp_stream("127.0.0.1", port) as client:
        for piece in (b"POST / HTTP/1.1\r\ncontent-le", b"ngth: 22\r\n\r\n", b'{"model":', b'"bench-json"}'):
            await client.send_all(piece)
            await trio.testing.wait_all_tasks_blocked()
        assert (await client.receive_some()).startswith(b"HTTP/1.1 200 OK\r\n")
        await client.send_eof()
        assert await client.receive_some() == b""
