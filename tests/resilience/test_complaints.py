"""What users of other proxies complain of, one test for each complaint."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from tests.gateway.test_limits import asked, keys, two
from tests.ledger.accounts import settled
from tests.support.answers import ANSWERS
from tests.support.exchanges import MemoryExchange
from tests.support.houses import SIMPLE, Bench, ask
from tests.support.upstreams import Delay, Fault, Script
from trioproxy.credentials.sessions import MOST_BINDINGS, Pool, session_names
from trioproxy.errors import ErrorKind, Failure
from trioproxy.errors import Fault as Whose
from trioproxy.ledger.entry import Outcome
from trioproxy.ledger.report import report
from trioproxy.ledger.store import FILE_NAME, Store, row_of
from trioproxy.upstream.base import UpstreamRequest

CHAT = ANSWERS["openai_chat"]
GOOD = Script(chunks=CHAT.frames)
JSON = (b"content-type", b"application/json")


def error(status: int, message: str = "no", *headers: tuple[bytes, bytes], **more: object) -> Script:
    body = json.dumps({"error": {"message": message, "type": "t", **more}}).encode()
    return Script(status=status, headers=(JSON, *headers), chunks=[body])


@pytest.mark.parametrize("protocol", list(ANSWERS))
async def test_01_a_stream_that_hangs_is_ended_and_says_so(protocol: str, autojump_clock: MockClock) -> None:
    answer = ANSWERS[protocol]
    bench = Bench(Script(head_delay=1e6), Script(chunks=[answer.start, Delay()]))
    exchange = await bench.serve(ask(protocol))
    assert exchange.status == 504
    assert trio.current_time() == 120
    exchange = await bench.serve(ask(protocol))
    assert trio.current_time() == 240
    assert answer.failed in exchange.body
    assert bench.last.outcome is Outcome.FAILED


@pytest.mark.parametrize("protocol", list(ANSWERS))
async def test_02_an_empty_or_torn_stream_is_no_success(protocol: str, autojump_clock: MockClock) -> None:
    answer = ANSWERS[protocol]
    bench = Bench(Script(chunks=[]), Script(chunks=[answer.start]), Script(chunks=[answer.start, Fault()]))
    assert (await bench.serve(ask(protocol))).status == 502
    for _ in range(2):
        exchange = await bench.serve(ask(protocol))
        assert answer.failed in exchange.body
    assert [each.outcome for each in bench.settled] == [Outcome.FAILED] * 3


async def test_03_no_cooldown_outlives_the_quota_by_days_and_all_can_be_cleared(autojump_clock: MockClock) -> None:
    days = error(429, "quota", (b"retry-after", b"1587000"))
    bench = Bench(days, days, GOOD, repeat_last=True)
    await bench.serve(ask("openai_chat"))
    [rest] = bench.health.cooling(trio.current_time())
    assert rest.until <= 3600
    await trio.sleep(300)  # the first try comes after minutes, though the provider said days
    await bench.serve(ask("openai_chat"))
    await trio.sleep(300)
    assert (await bench.serve(ask("openai_chat"))).status == 200
    assert bench.health.cooling(trio.current_time()) == []
    bench = Bench(days, GOOD)
    await bench.serve(ask("openai_chat"))
    assert (await bench.serve(ask("openai_chat"))).status == 429
    assert bench.health.clear() == 1
    assert (await bench.serve(ask("openai_chat"))).status == 200


async def test_04_one_404_costs_one_model_five_minutes(autojump_clock: MockClock) -> None:
    config = SIMPLE.replace("{name: chat-up, alias: chat-m}", "{name: chat-up, alias: chat-m}, {name: other-m}")
    bench = Bench(error(404, "no such model", code="model_not_found"), GOOD, config=config, repeat_last=True)
    await bench.serve(ask("openai_chat"))
    [rest] = bench.health.cooling(trio.current_time())
    assert (rest.model, rest.until - trio.current_time()) == ("chat-up", 300)
    assert (await bench.serve(ask("openai_chat", model="other-m"))).status == 200
    # Even the model itself is asked, where there is no other way.
    assert (await bench.serve(ask("openai_chat"))).status == 200


async def test_05_what_is_out_rests_and_nothing_else(autojump_clock: MockClock) -> None:
    config = SIMPLE.replace("{name: chat-up, alias: chat-m}", "{name: chat-up, alias: chat-m}, {name: other-m}")

    async def rests(script: Script) -> tuple[bool, bool]:
        """Whether the model rests, and whether the account's other model does."""
        bench = Bench(script, config=config)
        await bench.serve(ask("openai_chat"))
        [credential_id] = {each.id for each in bench.snapshot.credentials if each.group == "chat"}
        now = trio.current_time()
        found = [bench.health.resting(credential_id, model, now) is not None for model in ("chat-up", "other-m")]
        return found[0], found[1]

    assert await rests(error(429, "model quota", (b"retry-after", b"60"))) == (True, False)
    assert await rests(error(403, "not this model")) == (True, False)
    assert await rests(error(503, "overloaded")) == (True, False)
    assert await rests(error(401, "bad key")) == (True, True)
    assert await rests(error(402, "no money")) == (True, True)
    assert await rests(error(429, "plan", type="usage_limit_reached", resets_in_seconds=60)) == (True, True)


async def test_06_clients_that_leave_rest_nobody(autojump_clock: MockClock) -> None:
    bench = Bench(Script(head_delay=50, chunks=[CHAT.start, Delay()]), config=two(), repeat_last=True)

    async def leave(exchange: MemoryExchange, after: float) -> None:
        await trio.sleep(after)
        exchange.disconnect()

    async with trio.open_nursery() as nursery:
        for number in range(60):
            exchange = ask("openai_chat")
            nursery.start_soon(bench.gateway.handle, exchange)
            nursery.start_soon(leave, exchange, number * 1.5)  # before the head, and in mid-stream
    assert {each.outcome for each in bench.settled} == {Outcome.CLIENT_GONE}
    assert {each.status for each in bench.settled} == {499}
    assert bench.health.spotless
    assert bench.upstream.all_closed


async def test_07_a_conversation_keeps_its_prompt_cache(autojump_clock: MockClock) -> None:
    config = two() + "routing: {session-affinity: true}\n"
    bench = Bench(GOOD, config=config, repeat_last=True)
    for _ in range(4):
        for session in "abc":
            await bench.serve(ask("openai_chat", prompt_cache_key=session))
    by_session = [keys(bench)[number::3] for number in range(3)]
    assert [len(set(each)) for each in by_session] == [1, 1, 1]
    assert len(set(keys(bench))) == 2


async def test_08_a_model_that_fails_falls_back_to_others_of_other_providers(autojump_clock: MockClock) -> None:
    config = SIMPLE + "fallbacks: {chat-m: [anthropic-m, gemini-m]}\n"
    bench = Bench(error(503), error(529), Script(chunks=ANSWERS["gemini"].frames), config=config)
    exchange = await bench.serve(ask("openai_chat"))
    assert exchange.status == 200
    assert [request.url.split("/")[2] for request in bench.upstream.requests] == [
        "chat.test",
        "anthropic.test",
        "gemini.test",
    ]


async def test_08_fill_first_comes_back_to_the_first(autojump_clock: MockClock) -> None:
    bench = Bench(
        error(429, "slow", (b"retry-after", b"5")),
        GOOD,
        config=two() + "routing: {strategy: fill-first}\n",
        repeat_last=True,
    )
    for _ in range(2):
        await bench.serve(ask("openai_chat"))
    await trio.sleep(5)
    await bench.serve(ask("openai_chat"))
    assert keys(bench) == ["ONE", "TWO", "TWO", "ONE"]


async def test_09_memory_is_bounded_by_tables_and_not_by_time(autojump_clock: MockClock) -> None:
    config = two() + "routing: {session-affinity: true}\n"
    bench = Bench(config=config)
    bindings, health = bench.gateway.failover.bindings, bench.health
    pool_credential = bench.snapshot.credentials[0].id
    for number in range(MOST_BINDINGS + 2000):
        for name in session_names(((b"session-id", b"s%d" % number),), None):
            bindings.bind(Pool(frozenset({"chat"}), "m"), name, pool_credential, 1e9)
        failure = Failure(kind=ErrorKind.RATE_LIMITED, message="m", fault=Whose.UPSTREAM)
        health.failed(pool_credential, f"made-up-{number}", failure, 0)
    assert len(bindings) == MOST_BINDINGS
    assert len(health.cooling(0)) <= 4096


async def test_18_keys_have_their_own_limits_models_and_providers() -> None:
    config = (
        SIMPLE.replace("  - name: chat\n", "  - name: chat\n    prefix: team\n")
        + "api-keys: [{key: LAPTOP, models: ['team/*'], limits: {requests-per-minute: 1}}, {key: FREE}]\n"
    )
    bench = Bench(GOOD, config=config, repeat_last=True)
    assert (await bench.serve(asked("anthropic"))).status == 403
    assert (await bench.serve(asked(model="team/chat-m"))).status == 200
    assert (await bench.serve(asked(model="team/chat-m"))).status == 429
    assert (await bench.serve(asked(key="FREE", model="team/chat-m"))).status == 200
    assert len(bench.upstream.requests) == 2


async def test_19_what_was_used_is_kept_over_restarts(tmp_path: Path) -> None:
    for number in range(2):
        store = Store.open(tmp_path)
        store.add([row_of(settled(id=f"a{number}"), 0.5)])
        store.close()
    total = report(tmp_path / FILE_NAME, by="model").total
    assert (total["requests"], total["input_tokens"], total["output_tokens"], total["cost_usd"]) == (2, 60, 40, 1.0)


async def test_22_a_keep_alive_hides_no_failure(autojump_clock: MockClock) -> None:
    late = Script(
        status=401, headers=(JSON,), head_delay=100, chunks=[b'{"error": {"message": "bad key", "type": "t"}}']
    )
    bench = Bench(late, settings={"keepalive": 5.0})
    exchange = await bench.serve(ask("openai_chat"))
    assert exchange.status == 401  # a hundred seconds of silence, and still its own status


async def test_25_a_dead_account_is_set_aside_and_one_can_see_why(autojump_clock: MockClock) -> None:
    def play(request: UpstreamRequest) -> Script:
        bad = dict(request.headers)[b"authorization"].endswith(b"ONE")
        return error(401, "account suspended") if bad else GOOD

    bench = Bench(play, config=two(), repeat_last=True)
    for _ in range(6):
        assert (await bench.serve(ask("openai_chat"))).status == 200
    assert keys(bench) == ["ONE", "TWO", "TWO", "TWO", "TWO", "TWO", "TWO"]
    [rest] = bench.health.cooling(trio.current_time())
    assert (rest.credential_id, rest.model, rest.kind) == (
        bench.snapshot.credentials[0].id,
        None,
        ErrorKind.UNAUTHENTICATED,
    )
