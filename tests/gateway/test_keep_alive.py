"""Keep-alives: when they may stand, and for whom."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.support.answers import ANSWERS
from tests.support.houses import Bench, ask
from tests.support.upstreams import Delay, Script
from trioproxy.ledger.entry import Outcome
from trioproxy.protocols.table import protocol as named

pytestmark = pytest.mark.usefixtures("ends_either_way")

BEARING = ["openai_chat", "openai_responses", "anthropic"]


def beat(protocol: str) -> bytes:
    data = named(protocol).keepalive
    assert data is not None
    return data


@pytest.mark.parametrize("protocol", BEARING)
async def test_a_silent_stream_is_kept_alive_at_borders(autojump_clock: MockClock, protocol: str) -> None:
    answer = ANSWERS[protocol]
    bench = Bench(Script(chunks=[answer.start, Delay(40), *answer.frames[1:]]))
    exchange = await bench.serve(ask(protocol))
    assert exchange.chunks[:3] == [answer.start, beat(protocol), beat(protocol)]
    assert exchange.body.replace(beat(protocol), b"") == answer.stream.replace(beat(protocol), b"")
    assert bench.last.outcome is Outcome.COMPLETE


async def test_gemini_clients_get_none(autojump_clock: MockClock) -> None:
    answer = ANSWERS["gemini"]
    bench = Bench(Script(chunks=[answer.start, Delay(100), *answer.frames[1:]]))
    exchange = await bench.serve(ask("gemini"))
    assert exchange.body == answer.stream


async def test_gemini_clients_are_spared_a_providers_comments() -> None:
    answer = ANSWERS["gemini"]
    bench = Bench(Script(chunks=[b": PROCESSING\n\n", answer.start, b": PRO", b"CESSING\n\n", *answer.frames[1:]]))
    exchange = await bench.serve(ask("gemini"))
    assert exchange.body == answer.stream


@pytest.mark.parametrize("protocol", BEARING)
async def test_within_an_event_there_is_none(autojump_clock: MockClock, protocol: str) -> None:
    answer = ANSWERS[protocol]
    bench = Bench(Script(chunks=[answer.stream[:20], Delay(100), answer.stream[20:]]))
    exchange = await bench.serve(ask(protocol))
    assert exchange.body == answer.stream


async def test_a_lively_stream_gets_none(autojump_clock: MockClock) -> None:
    answer = ANSWERS["anthropic"]
    chunks = [step for frame in answer.frames for step in (Delay(14), frame)]
    exchange = await Bench(Script(chunks=chunks)).serve(ask("anthropic"))
    assert exchange.body == answer.stream


@pytest.mark.parametrize("interval", [0.0, float("inf")])
async def test_they_can_be_off(autojump_clock: MockClock, interval: float) -> None:
    answer = ANSWERS["anthropic"]
    bench = Bench(Script(chunks=[answer.start, Delay(100), *answer.frames[1:]]), settings={"keepalive": interval})
    exchange = await bench.serve(ask("anthropic"))
    assert exchange.body == answer.stream


async def test_a_whole_answer_gets_none(autojump_clock: MockClock) -> None:
    whole = ANSWERS["anthropic"].whole
    headers = ((b"content-type", b"application/json"),)
    bench = Bench(Script(headers=headers, chunks=[whole[:10], Delay(100), whole[10:]]))
    exchange = await bench.serve(ask("anthropic", stream=False))
    assert exchange.body == whole


async def test_none_stands_behind_the_end(autojump_clock: MockClock) -> None:
    answer = ANSWERS["openai_chat"]
    exchange = await Bench(Script(chunks=[answer.stream, Delay(100)])).serve(ask("openai_chat"))
    assert exchange.body == answer.stream


async def test_they_do_not_begin_an_answer(autojump_clock: MockClock) -> None:
    bench = Bench(Script(head_delay=100, status=500, headers=(), chunks=[b""]))
    exchange = await bench.serve(ask("anthropic"))
    assert exchange.status == 500


@pytest.mark.parametrize("protocol", BEARING)
async def test_an_early_head_begins_with_a_keep_alive(autojump_clock: MockClock, protocol: str) -> None:
    answer = ANSWERS[protocol]
    bench = Bench(Script(head_delay=40, chunks=answer.frames), settings={"early_head": True})
    exchange = await bench.serve(ask(protocol))
    assert exchange.status == 200
    assert exchange.header(b"content-type") == b"text/event-stream"
    assert exchange.body == beat(protocol) * 2 + answer.stream
    assert bench.last.outcome is Outcome.COMPLETE


@pytest.mark.parametrize("protocol", BEARING)
async def test_behind_an_early_head_an_error_is_told_in_the_stream(autojump_clock: MockClock, protocol: str) -> None:
    answer = ANSWERS[protocol]
    bench = Bench(Script(head_delay=20, status=503, headers=(), chunks=[b"busy"]), settings={"early_head": True})
    exchange = await bench.serve(ask(protocol))
    assert exchange.status == 200
    assert exchange.body.startswith(beat(protocol))
    assert answer.failed in exchange.body
    assert exchange.finished
    assert bench.last.outcome is Outcome.FAILED


async def test_behind_an_early_head_another_candidate_may_still_answer(autojump_clock: MockClock) -> None:
    answer = ANSWERS["openai_chat"]
    config = """
openai-compatibility:
  - name: chat
    base-url: http://chat.test/v1
    api-key-entries: [{api-key: ONE}, {api-key: TWO}]
    models: [{name: chat-up, alias: chat-m}]
"""
    scripts = (Script(head_delay=20, status=503, headers=(), chunks=[b"busy"]), Script(chunks=answer.frames))
    bench = Bench(*scripts, config=config, settings={"early_head": True})
    exchange = await bench.serve(ask("openai_chat"))
    assert exchange.body == beat("openai_chat") + answer.stream


async def test_behind_an_early_head_a_whole_body_is_told_as_a_stream(autojump_clock: MockClock) -> None:
    answer = ANSWERS["openai_chat"]
    headers = ((b"content-type", b"application/json"),)
    bench = Bench(Script(head_delay=20, headers=headers, chunks=[answer.whole]), settings={"early_head": True})
    exchange = await bench.serve(ask("openai_chat"))
    assert exchange.body.startswith(beat("openai_chat"))
    assert b"hello" in exchange.body
    assert answer.terminal in exchange.body
    assert bench.last.outcome is Outcome.COMPLETE


async def test_behind_an_early_head_a_whole_body_that_nobody_can_read_is_no_answer(autojump_clock: MockClock) -> None:
    answer = ANSWERS["openai_chat"]
    headers = ((b"content-type", b"application/json"), (b"content-encoding", b"of-their-own"))
    bench = Bench(Script(head_delay=20, headers=headers, chunks=[answer.whole]), settings={"early_head": True})
    exchange = await bench.serve(ask("openai_chat"))
    assert answer.failed in exchange.body
    assert b"hello" not in exchange.body


async def test_a_client_that_takes_no_keep_alive_is_left(autojump_clock: MockClock) -> None:
    answer = ANSWERS["anthropic"]
    bench = Bench(Script(chunks=[answer.start, Delay(500)]))
    bench.shorten(idle=1000)
    exchange = ask("anthropic")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(bench.gateway.handle, exchange)
        await exchange.wait_chunks(1)
        exchange.stall()
    assert trio.current_time() < 100
    assert exchange.aborted
    assert bench.last.outcome is Outcome.CLIENT_SLOW
    assert bench.upstream.all_closed


async def test_a_client_gone_is_found_out_by_a_keep_alive(autojump_clock: MockClock) -> None:
    answer = ANSWERS["anthropic"]
    bench = Bench(Script(chunks=[answer.start, Delay(500)]))
    exchange = ask("anthropic")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(bench.gateway.handle, exchange)
        await exchange.wait_chunks(1)
        await wait_all_tasks_blocked()
        await exchange.abort()  # as if the transport had noticed before the watcher did
    assert bench.last.outcome is Outcome.CLIENT_GONE
    assert trio.current_time() < 20


async def test_data_waits_for_a_keep_alive_under_way(autojump_clock: MockClock) -> None:
    answer = ANSWERS["anthropic"]
    bench = Bench(Script(chunks=[answer.start, Delay(20), *answer.frames[1:]]))
    exchange = ask("anthropic")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(bench.gateway.handle, exchange)
        await exchange.wait_chunks(1)
        exchange.stall()
        await trio.sleep(30)
        exchange.resume()
    assert exchange.body == answer.start + beat("anthropic") + b"".join(answer.frames[1:])
