"""The strategies of the configuration, as a provider sees them."""

from __future__ import annotations

import json

import pytest
import trio
from trio.testing import MockClock

from tests.support.answers import ANSWERS
from tests.support.houses import Bench, ask
from tests.support.upstreams import Script
from trioproxy.upstream.base import UpstreamRequest

CHAT = ANSWERS["openai_chat"]
GOOD = Script(chunks=CHAT.frames)

KEYS = """
openai-compatibility:
  - name: chat
    base-url: http://chat.test/v1
    api-key-entries: [{{api-key: ONE{one}}}, {{api-key: TWO{two}}}]
    models: [{{name: chat-m}}]
routing: {{strategy: {strategy}}}
"""
FEATURES = """
openai-compatibility:
  - {name: plain, base-url: "http://plain.test/v1", api-key-entries: [{api-key: PLAIN}], models: [{name: chat-m}]}
  - name: able
    base-url: http://able.test/v1
    api-key-entries: [{api-key: ABLE}]
    models: [{name: chat-m, supports-functions: true, supports-streaming: true}]
routing: {strategy: capability}
"""


def keys(bench: Bench) -> list[str]:
    """Which key each request to the provider carried."""
    return [key_of(request) for request in bench.upstream.requests]


def key_of(request: UpstreamRequest) -> str:
    return dict(request.headers)[b"authorization"].decode().removeprefix("Bearer ")


def one_is_bad(request: UpstreamRequest) -> Script:
    if key_of(request) == "TWO":
        return GOOD
    error = json.dumps({"error": {"message": "bad key", "type": "t"}}).encode()
    return Script(status=401, headers=((b"content-type", b"application/json"),), chunks=[error])


@pytest.mark.parametrize("strategy", ["round-robin", "weighted-round-robin", "fill-first", "capability"])
async def test_of_two_keys_one_may_be_bad(strategy: str) -> None:
    bench = Bench(one_is_bad, config=KEYS.format(one="", two="", strategy=strategy), repeat_last=True)
    for _ in range(6):
        exchange = await bench.serve(ask("openai_chat"))
        assert (exchange.status, exchange.body) == (200, CHAT.stream)
    assert keys(bench) == ["ONE", *["TWO"] * 6]


async def test_weights_are_shares() -> None:
    config = KEYS.format(one=", weight: 3", two=", weight: 1", strategy="weighted-round-robin")
    bench = Bench(GOOD, config=config, repeat_last=True)
    for _ in range(8):
        await bench.serve(ask("openai_chat"))
    assert keys(bench) == ["ONE", "ONE", "TWO", "ONE"] * 2


async def test_weight_zero_is_not_even_asked_when_the_other_rests(autojump_clock: MockClock) -> None:
    config = KEYS.format(one="", two=", weight: 0", strategy="weighted-round-robin")
    bench = Bench(one_is_bad, config=config, repeat_last=True)
    assert (await bench.serve(ask("openai_chat"))).status == 401
    assert (await bench.serve(ask("openai_chat"))).status == 429
    assert keys(bench) == ["ONE"]


async def test_when_nobody_has_a_weight_the_client_is_told_what_to_change() -> None:
    config = KEYS.format(one=", weight: 0", two=", weight: 0", strategy="weighted-round-robin")
    bench = Bench(config=config)
    exchange = await bench.serve(ask("openai_chat"))
    assert exchange.status == 500
    assert "every credential that serves it has weight 0" in json.loads(exchange.body)["error"]["message"]


async def test_capability_prefers_who_can() -> None:
    bench = Bench(GOOD, config=FEATURES, repeat_last=True)
    for _ in range(3):
        await bench.serve(ask("openai_chat", tools=[{"type": "function", "function": {"name": "f"}}]))
    assert keys(bench) == ["ABLE", "ABLE", "ABLE"]


async def test_a_key_that_rests_leaves_its_turns_to_all_others(autojump_clock: MockClock) -> None:
    config = KEYS.format(one="}, {api-key: THREE", two="", strategy="round-robin")
    limited = Script(status=429, headers=((b"retry-after", b"60"),), chunks=[b"{}"])
    bench = Bench(limited, GOOD, config=config, repeat_last=True)
    for _ in range(5):
        await bench.serve(ask("openai_chat"))
        await trio.sleep(1)
    later = keys(bench)[2:]
    assert sorted(later) == ["THREE", "THREE", "TWO", "TWO"]


POOL = """
openai-compatibility:
  - name: chat
    base-url: http://chat.test/v1
    api-key-entries: [{api-key: ONE}]
    models: [{name: big, alias: chat-m}, {name: small, alias: chat-m}]
"""


def models(bench: Bench) -> list[str]:
    return [json.loads(request.body)["model"] for request in bench.upstream.requests]


async def test_models_under_one_alias_are_a_pool() -> None:
    bench = Bench(GOOD, config=POOL, repeat_last=True)
    for _ in range(4):
        assert (await bench.serve(ask("openai_chat"))).status == 200
    assert models(bench) == ["big", "small", "big", "small"]


@pytest.mark.parametrize("status", [404, 429, 503])
async def test_a_model_of_a_pool_that_is_out_hands_over_to_the_next(status: int, autojump_clock: MockClock) -> None:
    def play(request: UpstreamRequest) -> Script:
        error = Script(status=status, headers=((b"retry-after", b"60"),), chunks=[b'{"error": {"message": "out"}}'])
        return error if json.loads(request.body)["model"] == "big" else GOOD

    bench = Bench(play, config=POOL, repeat_last=True)
    for _ in range(3):
        assert (await bench.serve(ask("openai_chat"))).status == 200
    assert models(bench) == ["big", "small", "small", "small"]
