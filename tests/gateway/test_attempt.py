"""One attempt: whatever ends it, what was opened is closed."""

from __future__ import annotations

import trio
from trio.testing import MockClock

from tests.support.answers import ANSWERS
from tests.support.houses import Bench, ask
from tests.support.upstreams import Delay, Script

CHAT = ANSWERS["openai_chat"]


async def test_a_client_that_leaves_before_the_first_content_leaves_nothing_open(autojump_clock: MockClock) -> None:
    bench = Bench(Script(chunks=[b": thinking\n\n", Delay(), *CHAT.frames]))
    exchange = ask("openai_chat")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(bench.gateway.handle, exchange)
        await trio.sleep(1)
        assert bench.upstream.closed == [False]
        exchange.disconnect()
    assert bench.upstream.all_closed
    assert bench.health.spotless
