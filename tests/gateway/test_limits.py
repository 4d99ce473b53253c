"""Limits, as clients and providers see them."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.support.answers import ANSWERS
from tests.support.exchanges import MemoryExchange
from tests.support.houses import SIMPLE, Bench, ask
from tests.support.upstreams import Delay, Script
from trioproxy.config.model import NO_LIMITS
from trioproxy.credentials.meters import Reading
from trioproxy.gateway.limits import client_key, credential_key, demand_of, group_key, holder_keys
from trioproxy.ledger.entry import Outcome
from trioproxy.protocols.base import Asked, Endpoint, ModelSpot, Operation

CHAT = ANSWERS["openai_chat"]
GOOD = Script(chunks=CHAT.frames)
SLOW = Script(chunks=[*CHAT.frames[:1], Delay(4), *CHAT.frames[1:]])
USED = Script(
    headers=((b"content-type", b"application/json"),),
    chunks=[
        json.dumps(
            {
                "id": "c",
                "object": "chat.completion",
                "created": 1,
                "model": "chat-up",
                "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hi"}}],
                "usage": {"prompt_tokens": 700, "completion_tokens": 50, "total_tokens": 750},
            }
        ).encode()
    ],
)
"""An answer that says what it took: 750 tokens."""

TWO = """
openai-compatibility:
  - name: chat
    base-url: http://chat.test/v1
    {group}
    api-key-entries: [{{api-key: ONE, {one}}}, {{api-key: TWO}}]
    models: [{{name: chat-up, alias: chat-m}}]
"""


def two(*, one: str = "weight: 1", group: str = "priority: 0") -> str:
    return TWO.format(one=one, group=group)


def client(limits: str, more: str = "") -> str:
    return f"{SIMPLE}api-keys: [{{key: LAPTOP, name: laptop, limits: {{{limits}}}}}, {{key: FREE}}]\n{more}"


def asked(protocol: str = "openai_chat", key: str = "LAPTOP", **more: Any) -> MemoryExchange:
    return ask(protocol, headers={"authorization": f"Bearer {key}"}, **more)


def keys(bench: Bench) -> list[str]:
    return [dict(each.headers)[b"authorization"].decode().removeprefix("Bearer ") for each in bench.upstream.requests]


def reading(bench: Bench, key: str) -> Reading:
    turnstile = bench.gateway.failover.turnstile
    return turnstile.meters.reading(key, trio.current_time(), turnstile.wall())


@pytest.mark.parametrize("protocol", list(ANSWERS))
async def test_a_client_over_its_limit_gets_429_in_its_own_words(protocol: str, autojump_clock: MockClock) -> None:
    bench = Bench(Script(chunks=ANSWERS[protocol].frames), config=client("requests-per-minute: 1"), repeat_last=True)
    assert (await bench.serve(asked(protocol))).status == 200
    await trio.sleep(20)
    exchange = await bench.serve(asked(protocol))
    assert exchange.status == 429
    assert exchange.header(b"retry-after") == b"40"
    error = json.loads(exchange.body)["error"]
    assert "laptop" in error["message"]
    assert "requests-per-minute" in error["message"]
    expected = {
        "openai_chat": ("code", "rate_limit_exceeded"),
        "openai_responses": ("code", "rate_limit_exceeded"),
        "anthropic": ("type", "rate_limit_error"),
        "gemini": ("status", "RESOURCE_EXHAUSTED"),
    }
    name, value = expected[protocol]
    assert error[name] == value
    assert len(bench.upstream.requests) == 1
    assert bench.last.outcome is Outcome.REFUSED
    assert (await bench.serve(asked(protocol, "FREE"))).status == 200
    await trio.sleep(40)
    assert (await bench.serve(asked(protocol))).status == 200


async def test_tokens_count_as_the_provider_counted_them(autojump_clock: MockClock) -> None:
    bench = Bench(USED, config=client("tokens-per-minute: 1000"), repeat_last=True)
    assert (await bench.serve(asked(stream=False))).status == 200
    assert reading(bench, client_key(bench.snapshot.clients[0].id)).tokens == 750
    assert (await bench.serve(asked(stream=False))).status == 200
    exchange = await bench.serve(asked(stream=False))
    assert exchange.status == 429
    assert exchange.header(b"retry-after") == b"60"
    await trio.sleep(60)
    assert (await bench.serve(asked(stream=False))).status == 200


async def test_the_estimate_holds_until_the_count_is_there(autojump_clock: MockClock) -> None:
    bench = Bench(SLOW, config=client("tokens-per-minute: 1000"), repeat_last=True)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(bench.gateway.handle, asked(messages=[{"role": "user", "content": "x" * 3800}]))
        await wait_all_tasks_blocked()
        exchange = asked(messages=[{"role": "user", "content": "x" * 400}])
        await bench.gateway.handle(exchange)
        assert exchange.status == 429


@pytest.mark.parametrize(
    ("protocol", "more"),
    [
        ("openai_chat", {"max_tokens": 11}),
        ("openai_chat", {"max_completion_tokens": 11}),
        ("openai_responses", {"max_output_tokens": 11}),
        ("anthropic", {"max_tokens": 11}),
        ("gemini", {"generationConfig": {"maxOutputTokens": 11}}),
        ("gemini", {"generation_config": {"max_output_tokens": 11}}),
    ],
)
async def test_asking_for_more_output_than_allowed_is_over_a_limit_that_lasts(protocol: str, more: dict) -> None:
    bench = Bench(config=client("max-tokens-per-request: 10"))
    exchange = await bench.serve(asked(protocol, **more))
    assert exchange.status == 429
    assert b"max-tokens-per-request" in exchange.body
    assert (exchange.header(b"retry-after"), exchange.header(b"x-should-retry")) == (b"60", b"false")
    assert bench.upstream.requests == []


async def test_as_much_output_as_allowed_is_fine() -> None:
    bench = Bench(GOOD, config=client("max-tokens-per-request: 10"))
    assert (await bench.serve(asked(max_tokens=10))).status == 200


async def test_a_client_waits_for_its_own_streams_in_line(autojump_clock: MockClock) -> None:
    bench = Bench(SLOW, config=client("concurrent: 1"), repeat_last=True)
    exchanges = [asked() for _ in range(4)]
    async with trio.open_nursery() as nursery:
        for exchange in exchanges:
            nursery.start_soon(bench.gateway.handle, exchange)
            await wait_all_tasks_blocked()
        assert len(bench.upstream.requests) == 1
    # Four seconds each: the second and third get their turn within the ten seconds of ``connect``, the fourth does not.
    assert [exchange.status for exchange in exchanges] == [200, 200, 200, 429]
    assert exchanges[3].header(b"retry-after") == b"1"
    assert b"concurrent" in exchanges[3].body
    assert reading(bench, client_key(bench.snapshot.clients[0].id)).running == 0


async def test_a_client_that_leaves_the_line_or_its_stream_gives_its_place_back(autojump_clock: MockClock) -> None:
    endless = Script(chunks=[CHAT.frames[0], Delay()])
    bench = Bench(endless, endless, GOOD, config=client("concurrent: 1"))
    first, second = asked(), asked()
    async with trio.open_nursery() as nursery:
        for exchange in (first, second):
            nursery.start_soon(bench.gateway.handle, exchange)
            await wait_all_tasks_blocked()
        second.disconnect()
        await wait_all_tasks_blocked()
        assert bench.gateway.failover.turnstile.waiting == 0
        first.disconnect()
    assert reading(bench, client_key(bench.snapshot.clients[0].id)).running == 0
    assert bench.upstream.all_closed


async def test_the_process_as_a_whole_has_a_bound(autojump_clock: MockClock) -> None:
    bench = Bench(
        Script(chunks=[CHAT.frames[0], Delay(30), *CHAT.frames[1:]]), config=SIMPLE, settings={"max_concurrent": 1}
    )
    first, second = ask("openai_chat"), ask("openai_chat")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(bench.gateway.handle, first)
        await wait_all_tasks_blocked()
        await bench.gateway.handle(second)
        assert second.status == 503
        assert second.header(b"retry-after") == b"1"
        assert b"max-concurrent-requests" in second.body
    assert first.status == 200


async def test_a_key_may_be_bound_to_models() -> None:
    bench = Bench(GOOD, config=f"{SIMPLE}api-keys: [{{key: LAPTOP, models: [chat-*], excluded-models: ['*-x']}}]\n")
    assert (await bench.serve(asked())).status == 200
    assert (await bench.serve(asked("anthropic"))).status == 403
    assert len(bench.upstream.requests) == 1


# Of credentials and providers.


async def test_a_credential_over_its_limit_is_passed_over() -> None:
    bench = Bench(GOOD, config=two(one="limits: {requests-per-minute: 1}"), repeat_last=True)
    for _ in range(4):
        assert (await bench.serve(ask("openai_chat"))).status == 200
    assert keys(bench) == ["ONE", "TWO", "TWO", "TWO"]


async def test_when_all_are_over_their_limits_the_soonest_is_told(autojump_clock: MockClock) -> None:
    config = two(group="limits: {requests-per-minute: 2}")
    bench = Bench(GOOD, config=config, repeat_last=True)
    for _ in range(2):
        assert (await bench.serve(ask("openai_chat"))).status == 200
    await trio.sleep(15)
    exchange = await bench.serve(ask("openai_chat"))
    assert exchange.status == 429
    assert exchange.header(b"retry-after") == b"45"
    error = json.loads(exchange.body)["error"]
    assert error["code"] == "model_cooldown"
    assert "over requests-per-minute" in error["message"]
    assert len(bench.upstream.requests) == 2


async def test_what_a_credential_may_do_at_once_is_held_to_the_end_of_the_stream(autojump_clock: MockClock) -> None:
    config = two(one="limits: {concurrent: 1}")
    bench = Bench(SLOW, config=config + "routing: {strategy: fill-first}\n", repeat_last=True)
    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(bench.gateway.handle, ask("openai_chat"))
            await wait_all_tasks_blocked()
    assert keys(bench) == ["ONE", "TWO", "TWO"]
    assert reading(bench, credential_key(bench.snapshot.credentials[0].id)).running == 0
    await bench.serve(ask("openai_chat"))
    assert keys(bench)[-1] == "ONE"


async def test_where_all_are_busy_one_waits_in_line_and_not_for_ever(autojump_clock: MockClock) -> None:
    bench = Bench(SLOW, config=two(group="limits: {concurrent: 1}"), repeat_last=True)
    exchanges = [ask("openai_chat") for _ in range(4)]
    async with trio.open_nursery() as nursery:
        for exchange in exchanges:
            nursery.start_soon(bench.gateway.handle, exchange)
            await wait_all_tasks_blocked()
    assert [exchange.status for exchange in exchanges] == [200, 200, 200, 429]
    assert exchanges[3].header(b"retry-after") == b"1"
    assert reading(bench, group_key("chat")).running == 0


@pytest.mark.parametrize(
    "down", [Script(status=503, chunks=[b"{}"]), Script(chunks=[CHAT.error]), Script(chunks=[])], ids=str
)
async def test_a_failed_attempt_gives_its_place_back_and_costs_no_tokens(
    down: Script, autojump_clock: MockClock
) -> None:
    bench = Bench(down, GOOD, config=two(one="limits: {concurrent: 1, tokens-per-minute: 100000}"))
    assert (await bench.serve(ask("openai_chat"))).status == 200
    assert reading(bench, credential_key(bench.snapshot.credentials[0].id)) == Reading(requests=1)


async def test_output_beyond_every_credential_is_over_a_limit() -> None:
    bench = Bench(GOOD, config=two(group="limits: {max-tokens-per-request: 10}"), repeat_last=True)
    exchange = await bench.serve(ask("openai_chat", max_tokens=11))
    assert exchange.status == 429
    assert bench.upstream.requests == []
    bench = Bench(GOOD, config=two(one="limits: {max-tokens-per-request: 10}"), repeat_last=True)
    for _ in range(2):
        assert (await bench.serve(ask("openai_chat", max_tokens=11))).status == 200
    assert keys(bench) == ["TWO", "TWO"]


async def test_a_session_goes_elsewhere_while_its_credential_is_over_its_limit(autojump_clock: MockClock) -> None:
    config = two(one="limits: {requests-per-minute: 1}") + "routing: {session-affinity: true}\n"
    bench = Bench(GOOD, config=config, repeat_last=True)
    for _ in range(2):
        await bench.serve(ask("openai_chat", headers={"session-id": "a"}))
    assert keys(bench) == ["ONE", "TWO"]


async def test_over_limits_rounds_wait_where_that_is_soon_enough(autojump_clock: MockClock) -> None:
    bench = Bench(
        GOOD, config=two(group="limits: {requests-per-minute: 1}"), repeat_last=True, settings={"request_retry": 1}
    )
    await bench.serve(ask("openai_chat"))
    assert (await bench.serve(ask("openai_chat"))).status == 429
    await trio.sleep(40)
    assert (await bench.serve(ask("openai_chat"))).status == 200
    assert trio.current_time() == 60


async def test_nothing_is_left_taken_however_exchanges_end(autojump_clock: MockClock) -> None:
    scripts = [
        GOOD,
        SLOW,
        Script(status=500, chunks=[b"{}"]),
        Script(chunks=[CHAT.frames[0], Delay()]),
        Script(connect_delay=1000),
        Script(chunks=[CHAT.error]),
        Script(chunks=[]),
    ]
    config = two(one="limits: {concurrent: 2}", group="limits: {concurrent: 3}")
    config += "api-keys: [{key: LAPTOP, limits: {concurrent: 5}}]\n"
    turn = iter(range(10**6))
    bench = Bench(lambda request: scripts[next(turn) % len(scripts)], config=config, repeat_last=True)
    bench.shorten(connect=3, idle=4, first_byte=4)
    async with trio.open_nursery() as nursery:
        for number in range(140):
            exchange = asked()
            nursery.start_soon(bench.gateway.handle, exchange)
            if number % 3 == 0:
                nursery.start_soon(partial(_leave, exchange, number / 10))
            await trio.sleep(0.7)
    assert bench.upstream.all_closed
    turnstile = bench.gateway.failover.turnstile
    assert turnstile.waiting == 0
    for key in holder_keys(bench.snapshot):
        assert reading(bench, key).running == 0, key
    assert len({each.outcome for each in bench.settled}) > 2


async def _leave(exchange: MemoryExchange, after: float) -> None:
    await trio.sleep(after % 7)
    exchange.disconnect()


def test_what_a_request_asks_for() -> None:
    endpoint = Endpoint(method="POST", path="/x", operation=Operation.GENERATE)

    def demand(document: dict | None, body: bytes = b"x" * 40) -> tuple[int, int | None]:
        found = demand_of(
            Asked(
                protocol="x",
                endpoint=endpoint,
                model="m",
                stream=False,
                body=body,
                spot=ModelSpot.JSON,
                document=document,
            )
        )
        return found.tokens, found.output

    assert demand(None) == (10, None)
    assert demand({"max_tokens": True, "generationConfig": 7}) == (10, None)
    assert demand({"max_tokens": 5, "max_completion_tokens": 9}) == (10, 9)


def test_who_has_no_limits_has_the_very_same_none() -> None:
    snapshot = Bench(config=two(group="limits: {}")).snapshot
    assert all(each.limits is NO_LIMITS and each.group_limits is NO_LIMITS for each in snapshot.credentials)
