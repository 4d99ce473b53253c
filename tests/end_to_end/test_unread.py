"""A client that does not read holds its provider up, and the proxy keeps a few buffers of what lies between: counted, not timed."""

from __future__ import annotations

import gc
import json
import tracemalloc
from math import inf

import pytest
import trio
import trio.testing

from tests.support.clients import connect
from tests.support.live import CHAT, Provider, chunk, live, request_of, stream_head
from tests.support.raw_server import RawConnection
from trioproxy.config.model import Deadlines

MIB = 2**20
PATHS = {"passing": "/v1/chat/completions", "translating": "/v1/messages"}
MOST_KERNEL = 24 * MIB
"""What four sockets' buffers may take by themselves (``tcp(7)``: a few megabytes each, as the system tunes them)."""


class Talker(Provider):
    """Says the same event for ever; counts what its kernel took."""

    sent = 0

    async def serve(self, connection: RawConnection) -> None:
        while await connection.read_request() is not None:
            await connection.send(stream_head())
            delta = {"index": 0, "delta": {"content": "word " * 200}, "finish_reason": None}
            event = {"id": "1", "object": "chat.completion.chunk", "choices": [delta]}
            piece = chunk(b"data: " + json.dumps(event).encode() + b"\n\n") * 64
            while True:
                await connection.send(piece)
                self.sent += len(piece)


@pytest.mark.parametrize("lane", PATHS)
async def test_who_does_not_read_holds_the_provider_up(lane: str) -> None:
    deadlines = Deadlines(client_send=inf, idle=inf, total=inf, first_byte=inf)
    async with live(lambda answering: Talker(answering), CHAT, deadlines=deadlines, keepalive=0.0) as house:
        provider = house.provider
        assert isinstance(provider, Talker)
        asked = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "talk"}], "stream": True}
        client = await connect(house.serving.port, receive_buffer=16 * 1024)
        await client.send(request_of(PATHS[lane], asked))
        await client.head()
        while not provider.sent:
            await trio.testing.wait_all_tasks_blocked()
        gc.collect()
        tracemalloc.start()
        try:
            # Provider, proxy and client run in one loop: where all are blocked nothing goes on.
            stalled = -1
            while stalled != provider.sent:
                stalled = provider.sent
                assert stalled < MOST_KERNEL
                await trio.testing.wait_all_tasks_blocked(0.05)
            held = tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()
        assert held < 2 * MIB
        # And it goes on where the client reads on.
        while provider.sent == stalled:
            assert await client.more()
        await client.leave()
