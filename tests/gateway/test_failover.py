"""Which candidate is asked, when another one is, and what the client is told when none answers."""

from __future__ import annotations

import json
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from tests.support.answers import ANSWERS
from tests.support.houses import Bench, ask
from tests.support.upstreams import SSE_HEADERS, Delay, Fault, Script
from trioproxy.errors import ErrorKind
from trioproxy.ledger.entry import Outcome
from trioproxy.upstream.base import UpstreamRequest

CHAT = ANSWERS["openai_chat"]
GOOD = Script(chunks=CHAT.frames)
JSON = ((b"content-type", b"application/json"),)

TWO = """
openai-compatibility:
  - name: chat
    base-url: http://chat.test/v1
    api-key-entries: [{api-key: ONE}, {api-key: TWO}]
    models: [{name: chat-up, alias: chat-m}]
"""


def refused(status: int, *headers: tuple[bytes, bytes], **error: Any) -> Script:
    document = {"error": {"message": f"upstream says {status}", "type": "t", **error}}
    return Script(status=status, headers=(*JSON, *headers), chunks=[json.dumps(document).encode()])


def keys(bench: Bench) -> list[str]:
    """Which key each request to the provider carried."""
    return [_key(request) for request in bench.upstream.requests]


def _key(request: UpstreamRequest) -> str:
    return dict(request.headers)[b"authorization"].decode().removeprefix("Bearer ")


async def test_equals_take_turns() -> None:
    bench = Bench(GOOD, config=TWO, repeat_last=True)
    for _ in range(4):
        await bench.serve(ask("openai_chat"))
    assert keys(bench) == ["ONE", "TWO", "ONE", "TWO"]


@pytest.mark.parametrize("status", [401, 402, 403, 404, 408, 429, 500, 502, 503, 504, 529])
async def test_a_failing_credential_hands_over_to_the_next(status: int) -> None:
    bench = Bench(refused(status), GOOD, config=TWO)
    exchange = await bench.serve(ask("openai_chat"))
    assert (exchange.status, exchange.body) == (200, CHAT.stream)
    assert keys(bench) == ["ONE", "TWO"]
    assert bench.last.outcome is Outcome.COMPLETE
    assert [each.status for each in bench.last.tries] == [status, None]
    assert len(bench.health.cooling(trio.current_time())) == 1


async def test_what_one_provider_does_not_do_another_may() -> None:
    bench = Bench(refused(501), GOOD, config=TWO)
    exchange = await bench.serve(ask("openai_chat"))
    assert exchange.status == 200
    assert len(bench.upstream.requests) == 2
    assert bench.health.cooling(trio.current_time()) == []


@pytest.mark.parametrize("status", [400, 409, 413, 422])
async def test_a_fault_of_the_request_neither_rotates_nor_cools(status: int) -> None:
    bench = Bench(refused(status), config=TWO)
    exchange = await bench.serve(ask("openai_chat"))
    assert exchange.status == status
    assert len(bench.upstream.requests) == 1
    assert bench.health.cooling(trio.current_time()) == []


@pytest.mark.parametrize(
    "trouble",
    [
        Script(connect_error=Fault(ErrorKind.UNREACHABLE)),
        Script(open_error=Fault(ErrorKind.UNREACHABLE)),
        Script(connect_delay=1000),
        Script(head_delay=1000),
        Script(chunks=[Delay()]),
        Script(chunks=[]),
        Script(chunks=[Fault()]),
        Script(chunks=[b"data: {", Fault()]),
        Script(chunks=[CHAT.error]),
        Script(chunks=[CHAT.error[:20], CHAT.error[20:]]),
        Script(chunks=[b"data: {]\n\n"]),
        Script(status=302, headers=((b"location", b"http://elsewhere.test"),), chunks=[b"moved"]),
        Script(headers=((b"content-type", b"text/html"),), chunks=[b"<html>login</html>"]),
    ],
    ids=str,
)
async def test_whatever_goes_wrong_before_the_first_content_hands_over(
    autojump_clock: MockClock, trouble: Script
) -> None:
    bench = Bench(trouble, GOOD, config=TWO)
    exchange = await bench.serve(ask("openai_chat"))
    assert (exchange.status, exchange.body) == (200, CHAT.stream)
    assert bench.last.tries[0].kind is not None


async def test_who_was_not_reached_is_named_with_what_to_look_at() -> None:
    bench = Bench(Script(connect_error=Fault(ErrorKind.UNREACHABLE, "can't connect to a:1: connection refused")))
    exchange = await bench.serve(ask("openai_chat"))
    message = json.loads(exchange.body)["error"]["message"]
    assert (exchange.status, message) == (
        502,
        "can't connect to a:1: connection refused (chat; is its base-url right?)",
    )


async def test_after_the_first_content_nobody_else_is_asked() -> None:
    bench = Bench(Script(chunks=[CHAT.start, Fault()]), config=TWO)
    exchange = await bench.serve(ask("openai_chat"))
    assert exchange.body.startswith(CHAT.start)
    assert CHAT.failed in exchange.body
    assert len(bench.upstream.requests) == 1
    assert len(bench.health.cooling(trio.current_time())) == 1


async def test_the_last_providers_own_error_passes_unchanged() -> None:
    bench = Bench(
        refused(500),
        refused(429, (b"retry-after", b"7"), (b"set-cookie", b"a=b"), (b"x-ratelimit-limit-requests", b"9")),
        config=TWO,
    )
    exchange = await bench.serve(ask("openai_chat"))
    assert exchange.status == 429
    assert exchange.body == bench.upstream.responses[1].script.chunks[0]
    assert exchange.header(b"retry-after") == b"7"
    assert exchange.header(b"x-ratelimit-limit-requests") == b"9"
    assert exchange.header(b"set-cookie") is None


async def test_the_last_providers_error_in_a_stream_passes_unchanged() -> None:
    bench = Bench(Script(chunks=[CHAT.error]))
    exchange = await bench.serve(ask("openai_chat"))
    assert (exchange.status, exchange.body) == (200, CHAT.error)
    assert bench.last.outcome is Outcome.FAILED


async def test_resting_credentials_are_passed_over(autojump_clock: MockClock) -> None:
    bench = Bench(refused(429, (b"retry-after", b"30")), GOOD, config=TWO, repeat_last=True)
    for _ in range(4):
        await bench.serve(ask("openai_chat"))
    assert keys(bench) == ["ONE", "TWO", "TWO", "TWO", "TWO"]
    await trio.sleep(30)
    for _ in range(2):
        await bench.serve(ask("openai_chat"))
    assert sorted(keys(bench)[-2:]) == ["ONE", "TWO"]


async def test_when_all_rest_the_client_is_told_until_when(autojump_clock: MockClock) -> None:
    bench = Bench(refused(429, (b"retry-after", b"30")), refused(429, (b"retry-after", b"20")), config=TWO)
    await bench.serve(ask("openai_chat"))
    exchange = await bench.serve(ask("openai_chat"))
    assert exchange.status == 429
    assert exchange.header(b"retry-after") == b"20"
    assert json.loads(exchange.body)["error"]["code"] == "model_cooldown"
    assert len(bench.upstream.requests) == 2


async def test_a_stumbling_credential_is_asked_when_there_is_no_other(autojump_clock: MockClock) -> None:
    bench = Bench(refused(500), refused(503), GOOD)
    assert (await bench.serve(ask("openai_chat"))).status == 500
    assert (await bench.serve(ask("openai_chat"))).status == 503
    assert (await bench.serve(ask("openai_chat"))).status == 200
    assert bench.health.cooling(trio.current_time()) == []


async def test_a_stumbling_credential_is_asked_last(autojump_clock: MockClock) -> None:
    bench = Bench(refused(500), GOOD, config=TWO, repeat_last=True)
    for _ in range(3):
        await bench.serve(ask("openai_chat"))
    assert keys(bench) == ["ONE", "TWO", "TWO", "TWO"]


@pytest.mark.parametrize("key", ["disable-cooling: true", "transient-error-cooldown-seconds: -1"])
async def test_cooling_can_be_off(autojump_clock: MockClock, key: str) -> None:
    bench = Bench(refused(500), refused(500), config=f"{TWO}{key}\n")
    await bench.serve(ask("openai_chat"))
    assert bench.health.cooling(trio.current_time()) == []


@pytest.mark.parametrize(("own", "resting"), [("true", 0), ("false", 2)])
async def test_an_entry_has_its_own_word_about_cooling(autojump_clock: MockClock, own: str, resting: int) -> None:
    config = TWO.replace("    base-url", f"    disable-cooling: {own}\n    base-url")
    config += f"disable-cooling: {'false' if own == 'true' else 'true'}\n"
    bench = Bench(refused(500), refused(500), config=config)
    await bench.serve(ask("openai_chat"))
    assert len(bench.health.cooling(trio.current_time())) == resting


@pytest.mark.parametrize(
    "error",
    [
        {"code": "model_not_supported", "message": "The requested model is not supported."},
        {"message": "The 'gpt-9' model is not supported when using Codex with a ChatGPT account."},
        {"message": "Model Not Exist"},
        {"message": "gpt-9 is not a valid model ID"},
    ],
)
async def test_a_400_that_is_about_the_model_hands_over(autojump_clock: MockClock, error: dict[str, Any]) -> None:
    bench = Bench(refused(400, **error), GOOD, config=TWO)
    assert (await bench.serve(ask("openai_chat"))).status == 200
    [rest] = bench.health.cooling(trio.current_time())
    assert (rest.kind, rest.model, rest.until, rest.firm) == (ErrorKind.MODEL_NOT_FOUND, "chat-up", 300, False)


@pytest.mark.parametrize("value", [b"9" * 400, b"1e400", b"inf", b"nan", b"-5", b"Tue, 99 Foo", b"\xff\xfe", b""])
async def test_a_hint_that_is_nonsense_harms_nobody(autojump_clock: MockClock, value: bytes) -> None:
    bench = Bench(refused(429, (b"retry-after", value)), config=TWO.replace(", {api-key: TWO}", ""))
    assert (await bench.serve(ask("anthropic", model="chat-m"))).status == 429
    [rest] = bench.health.cooling(trio.current_time())
    assert rest.until <= 3600


async def test_a_retry_after_that_is_a_date_is_understood(autojump_clock: MockClock) -> None:
    # The bench's wall clock stands at 1700000000, which is Tue, 14 Nov 2023 22:13:20 GMT.
    bench = Bench(refused(429, (b"retry-after", b"Tue, 14 Nov 2023 22:14:20 GMT")))
    await bench.serve(ask("openai_chat"))
    [rest] = bench.health.cooling(trio.current_time())
    assert rest.until - trio.current_time() == pytest.approx(60)


async def test_rounds_give_a_lone_credential_another_chance(autojump_clock: MockClock) -> None:
    bench = Bench(refused(500), refused(503), GOOD, settings={"request_retry": 2})
    exchange = await bench.serve(ask("openai_chat"))
    assert exchange.status == 200
    assert len(bench.last.tries) == 3


async def test_rounds_end(autojump_clock: MockClock) -> None:
    bench = Bench(refused(500), repeat_last=True, settings={"request_retry": 2})
    exchange = await bench.serve(ask("openai_chat"))
    assert exchange.status == 500
    assert len(bench.upstream.requests) == 3


async def test_a_round_waits_as_long_as_the_provider_asks_within_reason(autojump_clock: MockClock) -> None:
    bench = Bench(refused(429, (b"retry-after", b"12")), GOOD, settings={"request_retry": 1})
    began = trio.current_time()
    exchange = await bench.serve(ask("openai_chat"))
    assert exchange.status == 200
    assert trio.current_time() - began == pytest.approx(12)


async def test_a_round_that_would_wait_too_long_is_not_waited_for(autojump_clock: MockClock) -> None:
    bench = Bench(refused(429, (b"retry-after", b"1200")), settings={"request_retry": 1})
    exchange = await bench.serve(ask("openai_chat"))
    assert exchange.status == 429
    assert len(bench.upstream.requests) == 1


async def test_a_refused_key_is_not_asked_again_in_another_round(autojump_clock: MockClock) -> None:
    bench = Bench(refused(401), settings={"request_retry": 3})
    exchange = await bench.serve(ask("openai_chat"))
    assert exchange.status == 401
    assert len(bench.upstream.requests) == 1


async def test_a_round_asks_as_many_as_it_may() -> None:
    bench = Bench(refused(500), config=TWO, settings={"max_retry_credentials": 1})
    exchange = await bench.serve(ask("openai_chat"))
    assert exchange.status == 500
    assert len(bench.upstream.requests) == 1


async def test_the_total_deadline_ends_the_search(autojump_clock: MockClock) -> None:
    bench = Bench(Script(head_delay=1000), config=TWO, repeat_last=True)
    bench.shorten(total=30)
    began = trio.current_time()
    exchange = await bench.serve(ask("openai_chat"))
    assert trio.current_time() - began == pytest.approx(30)
    assert exchange.status == 504
    assert len(bench.upstream.requests) == 1


async def test_the_lower_tier_is_asked_when_the_upper_one_fails() -> None:
    config = """
openai-compatibility:
  - {name: spare, base-url: "http://spare.test/v1", priority: 0, api-key-entries: [{api-key: SPARE}], models: [{name: chat-m}]}
  - {name: main, base-url: "http://main.test/v1", priority: 5, api-key-entries: [{api-key: MAIN}], models: [{name: chat-m}]}
"""
    bench = Bench(GOOD, refused(503), GOOD, config=config)
    await bench.serve(ask("openai_chat"))
    await bench.serve(ask("openai_chat"))
    assert keys(bench) == ["MAIN", "MAIN", "SPARE"]


async def test_fill_first_keeps_to_one_credential() -> None:
    bench = Bench(GOOD, config=TWO + "routing: {strategy: fill-first}\n", repeat_last=True)
    for _ in range(3):
        await bench.serve(ask("openai_chat"))
    assert keys(bench) == ["ONE", "ONE", "ONE"]


async def test_a_broken_error_body_does_not_hide_its_status() -> None:
    bench = Bench(Script(status=503, headers=JSON, chunks=[b'{"error":', Fault()]))
    exchange = await bench.serve(ask("openai_chat"))
    assert exchange.status == 503


async def test_an_endless_error_body_is_not_read_to_its_end() -> None:
    bench = Bench(Script(status=500, headers=JSON, chunks=[b"x" * 300_000] * 20))
    exchange = await bench.serve(ask("openai_chat"))
    assert exchange.status == 500
    assert len(exchange.body) < 10_000
    assert bench.upstream.responses[0].reads < 8


async def test_a_long_first_event_is_not_held_back_for_ever() -> None:
    long = b"data: " + b" " * 400_000
    bench = Bench(Script(chunks=[long, CHAT.start.removeprefix(b"data:"), *CHAT.frames[1:]], headers=SSE_HEADERS))
    exchange = await bench.serve(ask("openai_chat"))
    assert exchange.chunks[0] == long
    assert exchange.finished
