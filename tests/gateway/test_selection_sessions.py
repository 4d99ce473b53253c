"""Affinity: a conversation stays with the credential that has its prompt cache, until that one fails."""

from __future__ import annotations

import json

import trio
from trio.testing import MockClock

from tests.gateway.test_selection_strategies import keys
from tests.support.answers import ANSWERS
from tests.support.houses import Bench, ask
from tests.support.upstreams import Script

GOOD = Script(chunks=ANSWERS["openai_chat"].frames)
LIMITED = Script(status=429, headers=((b"retry-after", b"60"),), chunks=[b'{"error": {"message": "slow down"}}'])

CONFIG = """
openai-compatibility:
  - name: chat
    base-url: http://chat.test/v1
    api-key-entries: [{api-key: ONE}, {api-key: TWO}]
    models: [{name: chat-m}]
routing: {session-affinity: true, session-affinity-ttl: 100}
"""
TIERS = """
openai-compatibility:
  - {name: main, base-url: "http://a.test/v1", priority: 1, api-key-entries: [{api-key: MAIN}], models: [{name: chat-m}]}
  - {name: spare, base-url: "http://b.test/v1", api-key-entries: [{api-key: SPARE}], models: [{name: chat-m}]}
  - {name: other, base-url: "http://c.test/v1", api-key-entries: [{api-key: OTHER}], models: [{name: other-m}]}
fallbacks: {chat-m: [other-m]}
routing: {session-affinity: true, session-affinity-ttl: 100}
"""


async def serve(bench: Bench, session: str) -> None:
    exchange = await bench.serve(ask("openai_chat", headers={"session-id": session}))
    assert exchange.status == 200


async def test_sessions_stick_while_others_take_turns(autojump_clock: MockClock) -> None:
    bench = Bench(GOOD, config=CONFIG, repeat_last=True)
    for session in "abaabb":
        await serve(bench, session)
    assert keys(bench) == ["ONE", "TWO", "ONE", "ONE", "TWO", "TWO"]


async def test_without_affinity_nobody_sticks() -> None:
    bench = Bench(GOOD, config=CONFIG.replace("affinity: true", "affinity: false"), repeat_last=True)
    for _ in range(4):
        await serve(bench, "a")
    assert keys(bench) == ["ONE", "TWO", "ONE", "TWO"]


async def test_when_the_bound_one_fails_the_session_moves(autojump_clock: MockClock) -> None:
    bench = Bench(GOOD, LIMITED, GOOD, config=CONFIG, repeat_last=True)
    for _ in range(3):
        await serve(bench, "a")
    await trio.sleep(61)
    await serve(bench, "a")
    assert keys(bench) == ["ONE", "ONE", "TWO", "TWO", "TWO"]


async def test_a_session_that_was_silent_for_long_is_forgotten(autojump_clock: MockClock) -> None:
    bench = Bench(GOOD, config=CONFIG, repeat_last=True)
    for pause in (99, 99, 101, 0):
        await serve(bench, "a")
        await trio.sleep(pause)
    assert keys(bench) == ["ONE", "ONE", "ONE", "TWO"]


async def test_a_live_binding_outranks_priority(autojump_clock: MockClock) -> None:
    bench = Bench(LIMITED, GOOD, config=TIERS, repeat_last=True)
    await serve(bench, "a")
    await trio.sleep(61)
    await serve(bench, "a")
    await serve(bench, "b")
    assert keys(bench) == ["MAIN", "SPARE", "SPARE", "MAIN"]


async def test_a_fallback_holds_no_session_when_the_model_is_back(autojump_clock: MockClock) -> None:
    bench = Bench(LIMITED, LIMITED, GOOD, config=TIERS, repeat_last=True)
    await serve(bench, "a")
    await trio.sleep(61)
    await serve(bench, "a")
    assert keys(bench) == ["MAIN", "SPARE", "OTHER", "MAIN"]


async def test_a_conversation_without_a_name_is_known_by_its_beginning(autojump_clock: MockClock) -> None:
    bench = Bench(GOOD, config=CONFIG, repeat_last=True)
    turns = [{"role": "user", "content": "question"}]
    for said in ("answer", "more", "yet more"):
        assert (await bench.serve(ask("openai_chat", messages=turns))).status == 200
        turns = [*turns, {"role": "assistant", "content": said}, {"role": "user", "content": "and?"}]
    await bench.serve(ask("openai_chat", messages=[{"role": "user", "content": "another"}]))
    assert keys(bench) == ["ONE", "ONE", "ONE", "TWO"]
    assert json.loads(bench.upstream.requests[2].body)["messages"][1]["content"] == "answer"
