"""Coming back after a rest: one request tries, the others go elsewhere or wait for its verdict, and nobody runs a provider over."""

from __future__ import annotations

import json

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.gateway.test_limits import keys, two
from tests.support.answers import ANSWERS
from tests.support.exchanges import MemoryExchange
from tests.support.houses import Bench, ask
from tests.support.upstreams import Script
from trioproxy.credentials.health import Readiness
from trioproxy.errors import ErrorKind, Failure, Fault
from trioproxy.gateway.grants import NOTHING_HELD, Grant
from trioproxy.upstream.base import UpstreamRequest

CHAT = ANSWERS["openai_chat"]
GOOD = Script(chunks=CHAT.frames)
SLOW = Script(head_delay=3, chunks=CHAT.frames)
ONE = "openai-compatibility: [{name: chat, base-url: 'http://chat.test/v1', api-key-entries: [{api-key: ONE}], models: [{name: chat-m}]}]\n"


def limited(seconds: float) -> Script:
    headers = ((b"content-type", b"application/json"), (b"retry-after", b"%d" % seconds))
    return Script(status=429, headers=headers, chunks=[b'{"error": {"message": "slow down"}}'])


async def herd(bench: Bench, count: int, pause: float = 0.0) -> list[MemoryExchange]:
    """So many requests at once, each to its end."""
    exchanges = [ask("openai_chat") for _ in range(count)]
    async with trio.open_nursery() as nursery:
        for exchange in exchanges:
            nursery.start_soon(bench.gateway.handle, exchange)
            if pause:
                await trio.sleep(pause)
    return exchanges


async def test_one_tries_while_the_others_go_elsewhere(autojump_clock: MockClock) -> None:
    def play(request: UpstreamRequest) -> Script:
        if trio.current_time() < 30 and dict(request.headers)[b"authorization"].endswith(b"ONE"):
            return limited(30)
        return SLOW

    bench = Bench(play, config=two(), repeat_last=True)
    await bench.serve(ask("openai_chat"))
    await trio.sleep(40)
    before = len(keys(bench))
    exchanges = await herd(bench, 20)
    assert {exchange.status for exchange in exchanges} == {200}
    asked = keys(bench)[before:]
    assert (asked.count("ONE"), asked.count("TWO")) == (1, 19)
    await herd(bench, 4)
    assert sorted(keys(bench)[-4:]) == ["ONE", "ONE", "TWO", "TWO"]


async def test_with_nobody_else_the_herd_waits_for_the_verdict(autojump_clock: MockClock) -> None:
    bench = Bench(limited(30), SLOW, GOOD, config=ONE, repeat_last=True)
    await bench.serve(ask("openai_chat"))
    await trio.sleep(30)
    exchanges = [ask("openai_chat") for _ in range(20)]
    async with trio.open_nursery() as nursery:
        for exchange in exchanges:
            nursery.start_soon(bench.gateway.handle, exchange)
        await wait_all_tasks_blocked()
        assert len(bench.upstream.requests) == 2
    assert {exchange.status for exchange in exchanges} == {200}


async def test_a_try_that_fails_spares_the_herd(autojump_clock: MockClock) -> None:
    again = Script(status=429, headers=limited(50).headers, head_delay=2, chunks=[b"{}"])
    bench = Bench(limited(30), again, config=ONE)
    await bench.serve(ask("openai_chat"))
    await trio.sleep(30)
    exchanges = await herd(bench, 20)
    assert {exchange.status for exchange in exchanges} == {429}
    assert len(bench.upstream.requests) == 2
    told = [json.loads(exchange.body)["error"] for exchange in exchanges]
    assert [each.get("code") for each in told].count("model_cooldown") == 19


async def test_a_verdict_that_does_not_come_refuses_nobody(autojump_clock: MockClock) -> None:
    thinking = Script(head_delay=60, chunks=CHAT.frames)
    bench = Bench(limited(30), thinking, config=ONE, repeat_last=True)
    await bench.serve(ask("openai_chat"))
    await trio.sleep(30)
    exchanges = await herd(bench, 3)
    assert {exchange.status for exchange in exchanges} == {200}
    assert trio.current_time() == 100  # ten seconds of waiting beside the minute of thinking


async def test_a_client_that_leaves_gives_the_try_back(autojump_clock: MockClock) -> None:
    bench = Bench(limited(30), Script(head_delay=60), GOOD, config=ONE)
    await bench.serve(ask("openai_chat"))
    await trio.sleep(30)
    first, second = ask("openai_chat"), ask("openai_chat")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(bench.gateway.handle, first)
        await wait_all_tasks_blocked()
        nursery.start_soon(bench.gateway.handle, second)
        await wait_all_tasks_blocked()
        first.disconnect()
    assert second.status == 200
    assert bench.health.spotless


async def test_a_long_hint_is_tried_early(autojump_clock: MockClock) -> None:
    bench = Bench(limited(495_669), GOOD, config=two(), repeat_last=True)
    await bench.serve(ask("openai_chat"))
    await trio.sleep(299)
    for _ in range(2):
        await bench.serve(ask("openai_chat"))
    assert keys(bench) == ["ONE", "TWO", "TWO", "TWO"]
    await trio.sleep(1)
    for _ in range(2):
        await bench.serve(ask("openai_chat"))
    assert "ONE" in keys(bench)[-2:]
    assert bench.health.spotless


async def test_the_verdict_is_waited_for_where_the_rest_is_busy_too(autojump_clock: MockClock) -> None:
    config = two(group="limits: {concurrent: 1}")
    bench = Bench(limited(30), SLOW, config=config, repeat_last=True)
    await bench.serve(ask("openai_chat"))  # ONE rests, TWO answers
    await trio.sleep(40)
    exchanges = await herd(bench, 3, pause=0.5)
    assert [exchange.status for exchange in exchanges] == [200, 200, 200]


async def test_who_starts_to_rest_meanwhile_is_not_asked(autojump_clock: MockClock) -> None:
    slow_refusal = Script(status=429, headers=limited(50).headers, head_delay=3, chunks=[b"{}"])
    config = ONE.replace("models:", "limits: {concurrent: 1}, models:")
    bench = Bench(slow_refusal, config=config)
    exchanges = await herd(bench, 3)
    assert [exchange.status for exchange in exchanges] == [429, 429, 429]
    assert len(bench.upstream.requests) == 1
    turnstile = bench.gateway.failover.turnstile
    reading = turnstile.meters.reading("group:chat", trio.current_time(), 0)
    assert (reading.running, reading.requests) == (0, 1)


async def test_waiting_for_a_cooling_credential_is_a_round(autojump_clock: MockClock) -> None:
    bench = Bench(limited(20), GOOD, config=ONE, settings={"request_retry": 1})
    bench.health.failed(bench.snapshot.credentials[0].id, "chat-m", _quota(12), 0)
    exchange = await bench.serve(ask("openai_chat"))
    assert exchange.status == 429  # the one round was spent on waiting for the first rest
    assert trio.current_time() == 12
    bench.health.clear()
    bench.health.failed(bench.snapshot.credentials[0].id, "chat-m", _quota(31), 12)
    assert (await bench.serve(ask("openai_chat"))).status == 429
    assert trio.current_time() == 12  # longer than max-retry-interval


async def test_the_total_deadline_bounds_the_waiting(autojump_clock: MockClock) -> None:
    bench = Bench(config=ONE, settings={"request_retry": 5})
    bench.shorten(total=10)
    bench.health.failed(bench.snapshot.credentials[0].id, "chat-m", _quota(12), 0)
    assert (await bench.serve(ask("openai_chat"))).status == 429
    assert trio.current_time() == 0


async def test_a_quota_without_a_hint_is_waited_out_in_rounds(autojump_clock: MockClock) -> None:
    refused = Script(status=429, chunks=[b"{}"])
    bench = Bench(refused, refused, GOOD, config=ONE, settings={"request_retry": 2})
    assert (await bench.serve(ask("openai_chat"))).status == 200
    assert trio.current_time() == 3  # one second, then two


@pytest.mark.parametrize("protocol", list(ANSWERS))
async def test_a_cooldown_is_told_in_the_clients_words(protocol: str, autojump_clock: MockClock) -> None:
    bench = Bench(limited(30))
    await bench.serve(ask(protocol))
    exchange = await bench.serve(ask(protocol))
    assert exchange.status == 429
    assert exchange.header(b"retry-after") == b"30"
    error = json.loads(exchange.body)["error"]
    assert error["reset_seconds"] == 30
    assert error["reset_time"] == "2023-11-14T22:13:50Z"
    assert error["model"].endswith("-m")
    assert error["provider"] in {"chat", "codex", "claude", "gemini"}
    told = {"openai_chat": "code", "openai_responses": "code", "anthropic": "type", "gemini": "status"}[protocol]
    assert error[told] in {"model_cooldown", "rate_limit_error", "RESOURCE_EXHAUSTED"}


@pytest.mark.parametrize(
    ("status", "headers", "body", "is_challenge"),
    [
        (403, {b"cf-mitigated": b"challenge"}, b"<html>", True),
        (503, {}, b"<html><title>Just a moment...</title>", True),
        (403, {}, b"<script src='/cdn-cgi/challenge-platform/h/b'>", True),
        (403, {}, b"<html>forbidden", False),
        (500, {b"cf-mitigated": b"challenge"}, b"<html>", False),
    ],
)
async def test_a_browser_check_is_a_rate_limit(
    status: int, headers: dict[bytes, bytes], body: bytes, is_challenge: bool, autojump_clock: MockClock
) -> None:
    page = ((b"content-type", b"text/html"), *headers.items())
    bench = Bench(Script(status=status, headers=page, chunks=[body]), config=ONE)
    exchange = await bench.serve(ask("openai_chat"))
    [rest] = bench.health.cooling(trio.current_time())
    if is_challenge:
        assert exchange.status == 429
        assert exchange.header(b"retry-after") == b"10"
        assert (rest.kind.value, rest.until) == ("rate_limited", 10)
        assert b"Cloudflare" in exchange.body
    else:
        assert exchange.status == status


async def test_a_plan_that_is_used_up_rests_the_other_models_too(autojump_clock: MockClock) -> None:
    error = {"type": "usage_limit_reached", "message": "m", "plan_type": "pro", "resets_in_seconds": 90}
    spent = Script(status=429, headers=limited(1).headers[:1], chunks=[json.dumps({"error": error}).encode()])
    config = ONE.replace("[{name: chat-m}]", "[{name: chat-m}, {name: other-m}]")
    bench = Bench(spent, config=config)
    await bench.serve(ask("openai_chat"))
    exchange = await bench.serve(ask("openai_chat", model="other-m"))
    assert exchange.status == 429
    assert exchange.header(b"retry-after") == b"90"


async def test_a_grant_ends_as_often_as_one_likes() -> None:
    NOTHING_HELD.end()
    grant = Grant()
    for _ in range(2):
        grant.judged()
        grant.undo()
        grant.end(5)


async def test_the_line_may_be_full(autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trioproxy.gateway.turnstile.MOST_WAITING", 1)
    config = ONE.replace("models:", "limits: {concurrent: 1}, models:")
    bench = Bench(SLOW, config=config, repeat_last=True)
    exchanges = await herd(bench, 3, pause=0.1)
    assert [exchange.status for exchange in exchanges] == [200, 200, 429]
    assert trio.current_time() == 6


def _quota(seconds: float) -> Failure:
    return Failure(kind=ErrorKind.RATE_LIMITED, message="m", fault=Fault.UPSTREAM, retry_after=seconds)


def test_the_states_are_in_order() -> None:
    assert Readiness.READY < Readiness.HALF_OPEN < Readiness.TRIED < Readiness.RESTING
