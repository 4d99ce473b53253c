"""Nothing gets slower than what it is given grows: counted in calls of functions, which no load on the machine can change."""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Callable
from math import inf
from types import FrameType
from typing import Any

import pytest
import trio

from tests.config.making import made
from trioproxy.bench.requests import body
from trioproxy.config.model import Strategy
from trioproxy.config.routed import Routed
from trioproxy.config.routes import route
from trioproxy.credentials.health import Health
from trioproxy.credentials.selection import Counters
from trioproxy.credentials.sessions import Bindings, Session
from trioproxy.errors import ErrorKind, Failure, Fault
from trioproxy.gateway.choice import Lineup, line_up, pool_of
from trioproxy.gateway.passages import StreamPassage
from trioproxy.gateway.timekeeper import Timekeeper
from trioproxy.protocols.base import Framing, PeekRequest, WriteTarget
from trioproxy.protocols.openai_chat.assembly import AnswerAssembly
from trioproxy.protocols.table import NAMES, match, protocol
from trioproxy.upstream.bodies import ChunkedBody
from trioproxy.upstream.pool import ConnectionPool, Lease
from trioproxy.wire.jsonarray import JSONArrayDecoder
from trioproxy.wire.splice import member_span
from trioproxy.wire.sse import CommentStripper, SSEDecoder


def calls(work: Callable[[], Any]) -> int:
    """How many functions, of Python and of C, ``work`` calls."""
    count = 0

    def note(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    gc.disable()
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
        gc.enable()
    return count


def linear(work: Callable[[int], Any], small: int, factor: int = 10) -> None:
    """Ten times as much may take ten times as many calls, and what every call takes anyhow."""
    work(small * factor)  # imports, memos
    few, many = calls(lambda: work(small)), calls(lambda: work(small * factor))
    assert many <= few * factor * 1.2 + 50, (few, many)


EVENT = b'data: {"choices":[{"index":0,"delta":{"content":"a"}}],"object":"chat.completion.chunk"}\n\n'


MACHINES: dict[str, tuple[Callable[[], Any], Callable[[int], bytes]]] = {
    "sse": (SSEDecoder, lambda count: EVENT * count),
    "comments": (CommentStripper, lambda count: (b": c\n" + EVENT) * count),
    "chunks": (ChunkedBody, lambda count: b"%x\r\n%b\r\n" % (len(EVENT), EVENT) * count),
    "array": (JSONArrayDecoder, lambda count: b'[{"a": 1}' + b',{"a": 1}' * count),
    "passage": (
        lambda: StreamPassage(protocol("openai_chat"), Framing.SSE, max_event=1 << 20),
        lambda count: EVENT * count,
    ),
}


@pytest.mark.parametrize("size", [1, 7, 4096])
@pytest.mark.parametrize("name", MACHINES)
def test_streams_in_pieces_of_any_size(name: str, size: int) -> None:
    make, raw = MACHINES[name]

    def fed(count: int) -> None:
        machine, whole = make(), raw(count)
        for at in range(0, len(whole), size):
            machine.feed(whole[at : at + size])

    linear(fed, 10)


def test_one_long_event_in_small_pieces() -> None:
    def fed(kilobytes: int) -> None:
        decoder = SSEDecoder()
        for _ in range(kilobytes):
            decoder.feed(b"data: " + b"x" * 1000)

    linear(fed, 20)


def test_the_place_of_the_model_in_a_body() -> None:
    def sought(count: int) -> None:
        member_span(
            json.dumps({"messages": [{"role": "user", "content": "x"}] * count, "model": "m"}).encode(), "model"
        )

    linear(sought, 50)


@pytest.mark.parametrize("outbound", NAMES)
@pytest.mark.parametrize(
    ("door", "kind"), [("chat", "messages"), ("chat", "tools"), ("messages", "messages"), ("messages", "tools")]
)
def test_requests_that_are_translated(door: str, kind: str, outbound: str) -> None:
    found = match({"chat": "/v1/chat/completions", "messages": "/v1/messages"}[door])[0]

    def translated(count: int) -> None:
        raw = body(door, "m", f"{kind}-{count}", stream=False)
        asked = found.protocol.peek(
            PeekRequest(endpoint=found.endpoint, params={}, query="", content_type="", body=raw)
        )
        assert asked.document is not None
        conversation = found.protocol.read_request(asked.document, asked)
        protocol(outbound).write_request(conversation, WriteTarget(model="m"))

    linear(translated, 20)


def test_tool_calls_of_one_answer() -> None:
    def called(count: int) -> None:
        assembly = AnswerAssembly()
        for number in range(count):
            function = {"name": "f", "arguments": "{}"}
            assembly.calls.feed([{"index": number, "id": f"c{number}", "function": function}])
        assembly.finish()

    linear(called, 10)


async def test_a_pool_does_not_mind_how_many_connections_lie_idle() -> None:
    class Connection:
        def is_dead(self) -> bool:
            return False

        def close(self) -> None:
            pass

    costs: list[int] = []
    for idle in (2, 1000):
        pool: ConnectionPool[str, Connection] = ConnectionPool()
        for origin in ("origin", *(f"other-{number}" for number in range(idle))):
            leases = [await pool.acquire(origin, limit=2000) for _ in range(idle if origin == "origin" else 1)]
            for lease in leases:
                lease.connection = Connection()
                lease.release(reusable=True, keep_alive=2000)

        def used(pool: ConnectionPool[str, Connection] = pool) -> None:
            with pytest.raises(StopIteration) as done:  # nobody is waited for: one step is all of it
                pool.acquire("origin", limit=2000).send(None)
            taken: Lease[str, Connection] = done.value.value
            assert taken.reused
            taken.release(reusable=True, keep_alive=2000)

        used()
        costs.append(calls(used))
    assert costs[0] == costs[1]


async def test_looking_at_the_clock_for_many_costs_a_heaps_height() -> None:
    class Kept:
        look_at = inf

        def look(self, now: float, nursery: trio.Nursery) -> float:
            return inf

    costs: list[int] = []
    for many in (10, 10_000):
        keeper = Timekeeper()
        others = [Kept() for _ in range(many)]
        for number, each in enumerate(others):
            keeper.look_by(each, 1000.0 + number)

        def kept(keeper: Timekeeper = keeper) -> None:
            for _ in range(50):
                one = Kept()
                keeper.look_by(one, 500.0)
                keeper.forget(one)

        costs.append(calls(kept))
    assert costs[0] == costs[1]


@pytest.mark.parametrize("kind", ["routes", "credentials"])
def test_a_route_that_was_taken_before_costs_the_same_however_many_there_are(kind: str) -> None:
    costs: list[int] = []
    for count in (1, 1000):
        keys = "\n".join(f"    - {{api-key: key-{number}}}" for number in range(count if kind == "credentials" else 1))
        rules = "\n".join(
            f"    - {{name: r{number}, match-kind: exact, model-pattern: m{number}, provider: p}}"
            for number in range(count if kind == "routes" else 1)
        )
        snapshot = made(
            f"openai-compatibility:\n- name: p\n  base-url: http://127.0.0.1:1/v1\n  api-key-entries:\n{keys}\nrouting:\n  routes:\n{rules}\n"
        )
        route(snapshot, protocol="openai_chat", model="x")
        costs.append(calls(lambda snapshot=snapshot: route(snapshot, protocol="openai_chat", model="x")))  # type: ignore[misc]
    assert costs[0] == costs[1]


def _keys(count: int) -> Routed:
    keys = "\n".join(f"    - {{api-key: key-{number}}}" for number in range(count))
    snapshot = made(
        f"openai-compatibility:\n- name: p\n  base-url: http://127.0.0.1:1/v1\n  api-key-entries:\n{keys}\n  models: [{{name: m}}]\n"
    )
    return route(snapshot, protocol="openai_chat", model="m")


@pytest.mark.parametrize("strategy", [Strategy.ROUND_ROBIN, Strategy.FILL_FIRST, Strategy.WEIGHTED])
@pytest.mark.parametrize("resting", [0, 2])
@pytest.mark.parametrize("bound", [False, True])
def test_a_choice_among_thousands_of_keys_asks_no_more_of_them_than_one_among_few(
    strategy: Strategy, resting: int, bound: bool
) -> None:
    costs: list[int] = []
    for count in (4, 4000):
        routed, health, counters = _keys(count), Health(), Counters()
        for candidate in routed.candidates[:resting]:
            failure = Failure(kind=ErrorKind.RATE_LIMITED, message="m", fault=Fault.UPSTREAM, retry_after=60)
            health.failed(candidate.credential.id, "m", failure, 0.0)
        session = Session(bindings=Bindings(), names=("s",) if bound else ())
        session.worked(pool_of(routed, routed.candidates[0]), routed.candidates[-1].credential.id, 0.0)

        def chosen(
            routed: Routed = routed, health: Health = health, counters: Counters = counters, session: Session = session
        ) -> Lineup:
            return line_up(routed, strategy, counters, health, 1.0, session=session)

        lineup = chosen()  # what a route knows of its keys is found out once
        assert (len(lineup.queue), len(lineup.barred)) == (count - resting, resting)
        assert not bound or lineup.queue[0] is routed.candidates[-1]
        costs.append(calls(chosen))
    assert costs[0] == costs[1]
