"""Who would be asked, in which order, and why not the others: in words, and over HTTP."""

from __future__ import annotations

import json
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from tests.support.answers import ANSWERS
from tests.support.exchanges import MemoryExchange, request_head
from tests.support.houses import Bench, ask
from tests.support.upstreams import Script
from trioproxy.config.routes import route
from trioproxy.credentials.meters import Demand
from trioproxy.credentials.selection import Counters
from trioproxy.errors import ErrorKind, Failure, Fault
from trioproxy.gateway.limits import holders_at
from trioproxy.upstream.base import UpstreamRequest

GOOD = Script(chunks=ANSWERS["openai_chat"].frames)
FIVE = """
openai-compatibility:
  - name: chat
    base-url: http://chat.test/v1
    api-key-entries:
      - api-key: A
      - api-key: B
      - api-key: C
      - {api-key: D, limits: {requests-per-minute: 1}}
      - {api-key: E, limits: {concurrent: 1}}
    models: [{name: chat-m}]
  - {name: off, base-url: "http://off.test/v1", disabled: true, models: [{name: chat-m}]}
routing: {strategy: fill-first}
"""
WEIGHTS = """
openai-compatibility:
  - name: chat
    base-url: http://chat.test/v1
    api-key-entries: [{api-key: A, weight: 0}, {api-key: B, weight: %d}]
    models: [{name: chat-m}]
routing: {strategy: weighted}
"""


async def explained(bench: Bench, query: str = "model=chat-m") -> dict[str, Any]:
    exchange = MemoryExchange(head=request_head("GET", f"/v1/routing/explain?{query}"))
    await bench.gateway.handle(exchange)
    document: dict[str, Any] = json.loads(exchange.body)
    return {"status": exchange.status, **document}


def lines(document: dict[str, Any]) -> list[str]:
    return [line for line in document["lines"] if line[0].isdigit() or line.startswith("not ")]


def reasons(document: dict[str, Any]) -> dict[str, tuple[int | None, str]]:
    return {each["credential"]: (each["place"], each["reason"]) for each in document["candidates"]}


def fail(bench: Bench, number: int, kind: ErrorKind, after: float | None = None) -> None:
    credential = bench.snapshot.credentials[number]
    failure = Failure(kind=kind, message="m", fault=Fault.UPSTREAM, retry_after=after)
    bench.health.failed(credential.id, "chat-m", failure, trio.current_time())


async def test_every_candidate_has_its_place_and_its_reason(autojump_clock: MockClock) -> None:
    bench = Bench(config=FIVE)
    fail(bench, 0, ErrorKind.RATE_LIMITED, 40)
    fail(bench, 1, ErrorKind.TIMEOUT)
    fail(bench, 2, ErrorKind.UNAUTHENTICATED)
    turnstile, failover = bench.gateway.failover.turnstile, bench.gateway.failover
    for number in (3, 4):
        candidate = route(bench.snapshot, protocol="openai_chat", model="chat-m").candidates[number]
        turnstile.take(holders_at(candidate), Demand())
    await trio.sleep(10)
    document = await explained(bench)
    assert reasons(document) == {
        "chat#5": (1, "chat#5 is at its limits.concurrent of 1: its turn comes when somebody is done"),
        "chat#2": (2, "stumbled (timeout): it is asked after all others for 50 s yet"),
        "chat#1": (None, "rests for 30 s yet (rate_limited)"),
        "chat#3": (None, "rests for 1790 s yet (unauthenticated, the whole account)"),
        "chat#4": (None, "chat#4 is at its limits.requests-per-minute of 1, for 50 s yet"),
    }
    assert (document["served"], document["strategy"], document["error"]) == (True, "fill-first", None)
    assert "not off#1 (config.yaml:12): disabled" in document["lines"]
    assert "chat#1" in lines(document)[-3]
    await trio.sleep(40)
    assert reasons(await explained(bench))["chat#1"][1] == (
        "its rest is over (rate_limited): the next request tries it, the others go elsewhere"
    )
    trial = bench.health.begin(bench.snapshot.credentials[0].id, "chat-m", trio.current_time())
    assert reasons(await explained(bench))["chat#1"] == (
        1,
        "its rest is over (rate_limited): a request is trying it now",
    )
    trial.end()
    assert failover.health is bench.health


async def test_looking_takes_no_turn() -> None:
    bench = Bench(GOOD, config=FIVE.replace("fill-first", "round-robin"), repeat_last=True)
    await bench.serve(ask("openai_chat"))
    for _ in range(3):
        assert reasons(await explained(bench))["chat#2"][0] == 1
    await bench.serve(ask("openai_chat"))
    assert reasons(await explained(bench))["chat#3"][0] == 1


@pytest.mark.parametrize(("weight", "place"), [(2, 1), (0, None)])
async def test_a_weight_of_nothing_takes_out(weight: int, place: int | None) -> None:
    document = await explained(Bench(config=WEIGHTS % weight))
    assert reasons(document)["chat#1"] == (None, "its weight is 0, which takes it out of weighted rotation")
    assert reasons(document)["chat#2"][0] == place
    if place:
        assert reasons(document)["chat#2"][1] == "ready; tier 0, weighted-round-robin with weight 2"


def test_a_copy_of_the_counters_is_its_own() -> None:
    counters = Counters()
    counters.turn(("m", 0))
    counters.credits(("m", 0), [("a", "m")])[("a", "m")] = 5
    copy = counters.copy()
    copy.credits(("m", 0), [("a", "m")])[("a", "m")] = 7
    assert (copy.turn(("m", 0)), copy.turn(("m", 0)), counters.turn(("m", 0))) == (1, 2, 1)
    assert counters.credits(("m", 0), [("a", "m")]) == {("a", "m"): 5}


@pytest.mark.parametrize("word", ["chat", "messages", "responses", "gemini", "anthropic_messages", ""])
async def test_protocols_may_be_named_as_elsewhere(word: str) -> None:
    document = await explained(Bench(config=FIVE), f"model=chat-m&protocol={word}")
    assert document["status"] == 200
    assert len(document["candidates"]) == 5


@pytest.mark.parametrize(("query", "status"), [("", 400), ("model=chat-m&protocol=smoke", 400)])
async def test_what_is_asked_must_be_said(query: str, status: int) -> None:
    assert (await explained(Bench(config=FIVE), query))["status"] == status


async def test_nobody_serves_it() -> None:
    document = await explained(Bench(config=FIVE), "model=nope")
    assert (document["served"], document["candidates"]) == (False, [])
    assert "no configured provider serves model 'nope'" in document["error"]


TWO_ACCOUNTS = """
api-keys: [demo-client-key]
codex-api-key:
  - {api-key: GOOD, prefix: codex, base-url: "http://codex.test/v1"}
  - {api-key: INVALID, prefix: codex, base-url: "http://codex.test/v1"}
"""


@pytest.mark.parametrize("status", [401, 403])
async def test_six_requests_over_two_accounts_of_which_one_is_bad(status: int, autojump_clock: MockClock) -> None:
    answer = ANSWERS["openai_responses"]

    def play(request: UpstreamRequest) -> Script:
        json_headers = ((b"content-type", b"application/json"),)
        if dict(request.headers)[b"authorization"] == b"Bearer GOOD":
            return Script(headers=json_headers, chunks=[answer.whole])
        return Script(
            status=status, headers=json_headers, chunks=[b'{"error": {"message": "account suspended", "type": "t"}}']
        )

    bench = Bench(play, config=TWO_ACCOUNTS, repeat_last=True)
    key = {"authorization": "Bearer demo-client-key"}
    for _ in range(6):
        exchange = await bench.serve(
            ask("openai_responses", stream=False, headers=key, model="codex/codex-latest", input="lb check")
        )
        assert exchange.status == 200
        assert json.loads(exchange.body)["object"] == "response"
    assert len(bench.upstream.requests) == 7  # the bad account was asked once, and not again
    exchange = MemoryExchange(
        head=request_head(
            "GET",
            "/v1/routing/explain?model=codex/codex-latest&protocol=responses",
            ((b"authorization", b"Bearer demo-client-key"),),
        )
    )
    await bench.gateway.handle(exchange)
    told = reasons(json.loads(exchange.body))
    assert told["codex#1"][0] == 1
    kind = {401: "unauthenticated, the whole account", 403: "forbidden"}[status]
    assert told["codex#2"] == (None, f"rests for 1800 s yet ({kind})")
