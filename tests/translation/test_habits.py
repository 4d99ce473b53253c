"""Every habit of every provider, told by the gateway to clients of the three other protocols, as a stream and as a whole body."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from tests.support.houses import Bench, ask
from tests.support.upstreams import Script
from tests.translation.crossings import legal, read_frames
from tests.translation.gists import Gist, expected, gist_of
from tests.translation.habits import HABITS, Habit
from trioproxy.ledger.entry import Outcome
from trioproxy.neutral.fold import fold
from trioproxy.protocols.table import NAMES, protocol
from trioproxy.wire.jsoncodec import loads_object
from trioproxy.wire.sse import SSEDecoder

CASES = [
    pytest.param(habit, client, id=f"{habit.provider}-{client}-{habit.name}")
    for habit in HABITS
    for client in NAMES
    if client != habit.provider
]
of_each_habit = pytest.mark.parametrize(("habit", "client"), CASES)


async def heard(habit: Habit, client: str, *, stream: bool, size: int) -> tuple[Bench, int | None, Gist]:
    """What the client reads in the answer, the provider's bytes coming ``size`` at a time."""
    pieces = [habit.stream[at : at + size] for at in range(0, len(habit.stream), size)]
    bench = Bench(Script(chunks=pieces))
    counting: dict[str, Any] = {"stream_options": {"include_usage": True}} if client == "openai_chat" and stream else {}
    exchange = await bench.serve(ask(client, of=habit.provider, stream=stream, **counting))
    if exchange.status == 200 and stream:
        answer = fold(read_frames(SSEDecoder().feed(exchange.body), client))
    else:
        answer = fold(legal(protocol(client).read_body(loads_object(exchange.body))))
    return bench, exchange.status, gist_of(answer)


@of_each_habit
@pytest.mark.parametrize("size", [100_000, 7])
async def test_as_a_stream(habit: Habit, client: str, size: int) -> None:
    bench, status, gist = await heard(habit, client, stream=True, size=size)
    assert status == 200
    should = expected(habit.gist, client, "stream")
    if habit.failed is not None:
        assert gist.failed is not None
        assert habit.failed in gist.failed
        gist, should = (attrs.evolve(each, failed=None, usage=should.usage, finish=None) for each in (gist, should))
        assert bench.last.outcome is Outcome.FAILED
    assert gist == should


@of_each_habit
async def test_as_a_whole_body(habit: Habit, client: str) -> None:
    bench, status, gist = await heard(habit, client, stream=False, size=100_000)
    if habit.failed is not None:
        assert status is not None
        assert status >= 500
        assert gist.failed is not None
        assert habit.failed in gist.failed
        return
    assert status == 200
    assert gist == expected(habit.gist, client, "whole")
    assert bench.last.outcome is Outcome.COMPLETE
