"""Stalls and cuts over real sockets: what the tests by a clock say of memory holds on the wire."""

from __future__ import annotations

import pytest
import trio

from tests.support.answers import ANSWERS, Answer
from tests.support.houses import ask
from tests.support.live import Answering, Live, live, request_of
from trioproxy.ledger.entry import Outcome

HERE = """
openai-compatibility:
  - {name: chat, base-url: "{url}/v1", api-key-entries: [{api-key: UPKEY}], models: [{name: chat-up, alias: chat-m}]}
codex-api-key:
  - {api-key: UPKEY, base-url: "{url}/v1", models: [{name: responses-up, alias: responses-m}]}
claude-api-key:
  - {api-key: UPKEY, base-url: "{url}", models: [{name: anthropic-up, alias: anthropic-m}]}
gemini-api-key:
  - {api-key: UPKEY, base-url: "{url}", models: [{name: gemini-up, alias: gemini-m}]}
"""
PROTOCOLS = sorted(ANSWERS)


def limited(**seconds: float) -> str:
    """``HERE`` with these deadlines and no other short one: on a busy machine a wait that nobody means to test may take long."""
    return HERE + f"timeouts: {{{', '.join(f'{phase}: {limit}' for phase, limit in seconds.items())}}}\n"


def ending_in(end: str) -> str:
    return limited(idle=0.5) if end == "silent" else HERE


def question(protocol: str, *, of: str | None = None) -> bytes:
    exchange = ask(protocol, of=of)
    return request_of(exchange.head.target, exchange.request_body)


@pytest.fixture(params=PROTOCOLS)
def protocol(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def answer(protocol: str) -> Answer:
    return ANSWERS[protocol]


async def test_a_whole_stream_passes_unchanged_and_both_connections_serve_again(protocol: str, answer: Answer) -> None:
    async with live(Answering(pieces=answer.frames), HERE) as house:
        client = await house.connect()
        for _ in range(3):
            got = await client.ask(question(protocol))
            assert (got.status, got.body, got.whole) == (200, answer.stream, True)
        assert house.provider.server.accepted == 1
        await client.leave()
        assert all(each.outcome is Outcome.COMPLETE for each in house.settled)


@pytest.mark.parametrize("end", ["whole", "cut", "reset", "silent"])
async def test_a_bad_end_is_told_at_a_border(protocol: str, answer: Answer, end: str) -> None:
    async with live(Answering(pieces=[answer.start, answer.text], end=end), ending_in(end)) as house:
        got = await house.ask(question(protocol))
        assert got.whole
        if end != "reset":  # what was sent before a reset may be lost with it
            assert got.body.startswith(answer.start + answer.text)
            assert answer.failed in got.body
        else:
            assert answer.failed in got.body or got.status == 502
        assert answer.terminal not in got.body
        assert (await house.wait_settled()).outcome is Outcome.FAILED


@pytest.mark.parametrize("end", ["whole", "cut", "silent"])
async def test_within_an_event_the_error_stands_behind_a_blank_line(protocol: str, answer: Answer, end: str) -> None:
    async with live(Answering(pieces=[answer.start, answer.text[:25]], end=end), ending_in(end)) as house:
        got = await house.ask(question(protocol))
        assert got.whole
        assert got.body.startswith(answer.start + answer.text[:25] + b"\n\n")
        assert answer.failed in got.body


async def test_a_stalled_tool_call_ends_in_time_and_closes_the_provider(protocol: str, answer: Answer) -> None:
    pieces = [answer.start, answer.text, answer.call, answer.args]
    async with live(Answering(pieces=pieces, end="silent"), limited(**{"tool-call": 0.1})) as house:
        with trio.fail_after(20):
            got = await house.ask(question(protocol))
            await house.provider.left.wait()
        assert answer.failed in got.body
        assert answer.terminal not in got.body
        failure = (await house.wait_settled()).failure
        assert failure is not None
        assert "timeouts.tool-call" in failure.message


async def test_a_silent_provider_is_a_504(protocol: str) -> None:
    async with live(Answering(end="silent"), limited(**{"first-byte": 0.2})) as house:
        got = await house.ask(question(protocol))
        assert got.status == 504


async def test_an_endless_event_is_cut(protocol: str, answer: Answer) -> None:
    flood = [b"data: " + b"x" * 200_000] + [b"x" * 200_000] * 20
    async with live(Answering(pieces=[answer.start, *flood], end="silent"), HERE, max_event=500_000) as house:
        got = await house.ask(question(protocol))
        assert got.whole
        assert answer.failed in got.body.rpartition(b"xx\n\n")[2]
        assert len(got.body) < 2_000_000


async def _leave_in_midst(house: Live, request: bytes) -> None:
    client = await house.connect()
    await client.send(request)
    await client.head()
    await client.leave()


async def test_a_client_that_leaves_closes_the_provider_at_once(protocol: str, answer: Answer) -> None:
    async with live(Answering(pieces=[answer.start], end="silent"), HERE) as house:
        with trio.fail_after(20):
            await _leave_in_midst(house, question(protocol))
            await house.provider.left.wait()
        settled = await house.wait_settled()
        assert (settled.outcome, settled.status) == (Outcome.CLIENT_GONE, 499)
        assert house.app.health.cooling(trio.current_time()) == []
        assert sum(each.active + each.idle for each in house.app.http.statistics().values()) == 0


async def test_a_translated_answer_over_sockets() -> None:
    answer = ANSWERS["anthropic"]
    async with live(Answering(pieces=answer.frames), HERE) as house:
        got = await house.ask(question("openai_chat", of="anthropic"))
        assert got.whole
        assert got.body.endswith(b"data: [DONE]\n\n")
        [request] = house.provider.requests
        assert request.target == b"/v1/messages"
        assert request.header(b"x-api-key") == b"UPKEY"
