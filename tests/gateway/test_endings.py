"""How streams end: every protocol against everything that can go wrong with one, in the passing lane, by a test's clock."""

from __future__ import annotations

import json

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.support.answers import ANSWERS, Answer
from tests.support.houses import Bench, ask
from tests.support.upstreams import Delay, Fault, Script
from trioproxy.errors import ErrorKind
from trioproxy.ledger.entry import Outcome
from trioproxy.protocols.table import protocol as spoken

pytestmark = pytest.mark.usefixtures("ends_either_way")

PROTOCOLS = sorted(ANSWERS)


@pytest.fixture(params=PROTOCOLS)
def protocol(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def answer(protocol: str) -> Answer:
    return ANSWERS[protocol]


async def test_a_whole_stream_passes_unchanged(autojump_clock: MockClock, protocol: str, answer: Answer) -> None:
    bench = Bench(Script(chunks=answer.frames))
    exchange = await bench.serve(ask(protocol))
    assert exchange.body == answer.stream
    assert (exchange.status, exchange.finished) == (200, True)
    assert bench.last.outcome is Outcome.COMPLETE


async def test_each_piece_goes_on_as_it_comes(autojump_clock: MockClock, protocol: str, answer: Answer) -> None:
    bench = Bench(Script(chunks=answer.frames))
    exchange = await bench.serve(ask(protocol))
    assert exchange.chunks == [frame for frame in answer.frames if frame]


@pytest.mark.parametrize("size", [1, 7])
async def test_a_stream_passes_unchanged_at_any_chunking(
    autojump_clock: MockClock, protocol: str, answer: Answer, size: int
) -> None:
    pieces = [answer.stream[at : at + size] for at in range(0, len(answer.stream), size)]
    bench = Bench(Script(chunks=pieces))
    exchange = await bench.serve(ask(protocol))
    assert exchange.body == answer.stream
    assert bench.last.outcome is Outcome.COMPLETE


def check_failed(bench: Bench, answer: Answer, body: bytes, came: bytes, kind: ErrorKind) -> None:
    """The client has what came and then one error, no end of the answer's own; the account says why."""
    assert body.startswith(came)
    told = body[len(came) :]
    assert answer.failed in told
    assert answer.terminal not in told
    assert told.endswith(b"\n\n")
    assert bench.last.outcome is Outcome.FAILED
    assert bench.last.failure is not None
    assert bench.last.failure.kind is kind


async def test_an_early_end_becomes_an_error(autojump_clock: MockClock, protocol: str, answer: Answer) -> None:
    bench = Bench(Script(chunks=[answer.start, answer.text]))
    exchange = await bench.serve(ask(protocol))
    check_failed(bench, answer, exchange.body, answer.start + answer.text, ErrorKind.TRUNCATED)
    assert exchange.finished


async def test_a_broken_transfer_becomes_an_error_at_a_border(
    autojump_clock: MockClock, protocol: str, answer: Answer
) -> None:
    bench = Bench(Script(chunks=[answer.start, answer.text, Fault()]))
    exchange = await bench.serve(ask(protocol))
    check_failed(bench, answer, exchange.body, answer.start + answer.text, ErrorKind.TRUNCATED)
    assert exchange.finished


@pytest.mark.parametrize("end", [[], [Fault()], [Delay()]])
@pytest.mark.parametrize("cut", [1, 0.5, -1])
async def test_within_an_event_the_error_stands_behind_a_blank_line(
    autojump_clock: MockClock, protocol: str, answer: Answer, end: list[Delay | Fault], cut: float
) -> None:
    frame = answer.text[: answer.text.index(b"\n\n") + 1]
    half = frame[: int(cut) if cut != 0.5 else len(frame) // 2]
    bench = Bench(Script(chunks=[answer.start, half, *end]))
    exchange = await bench.serve(ask(protocol))
    assert exchange.body.startswith(answer.start + half + b"\n\n")
    assert exchange.body.removeprefix(answer.start + half).count(b"\ndata: ") == 1
    assert answer.failed in exchange.body.removeprefix(answer.start + half)
    assert exchange.finished
    assert bench.last.outcome is Outcome.FAILED


async def test_silence_is_ended_by_the_idle_deadline(autojump_clock: MockClock, protocol: str, answer: Answer) -> None:
    bench = Bench(Script(chunks=[answer.start, Delay()]))
    began = trio.current_time()
    exchange = await bench.serve(ask(protocol))
    assert trio.current_time() - began == pytest.approx(120)
    came = exchange.body[: exchange.body.index(answer.failed)]
    assert came.startswith(answer.start)
    assert bench.last.failure is not None
    assert bench.last.failure.kind is ErrorKind.TIMEOUT
    assert "timeouts.idle" in bench.last.failure.message
    assert answer.terminal not in exchange.body


async def test_a_slow_but_living_stream_is_left_alone(autojump_clock: MockClock, protocol: str, answer: Answer) -> None:
    chunks: list[bytes | Delay | Fault] = [answer.start]
    for _ in range(5):
        chunks += [Delay(96), answer.ping]
    bench = Bench(Script(chunks=[*chunks, *answer.frames[1:]]))
    exchange = await bench.serve(ask(protocol))
    assert bench.last.outcome is Outcome.COMPLETE
    assert exchange.finished


@pytest.mark.parametrize("silence", [True, False])
async def test_a_stalled_tool_call_is_ended_amid_pings_too(
    autojump_clock: MockClock, protocol: str, answer: Answer, silence: bool
) -> None:
    pings: list[bytes | Delay] = [] if silence else [step for _ in range(40) for step in (Delay(10), answer.ping)]
    bench = Bench(Script(chunks=[answer.start, answer.text, answer.call, answer.args, *pings, Delay()]))
    bench.shorten(tool_call=50)
    began = trio.current_time()
    exchange = await bench.serve(ask(protocol))
    assert trio.current_time() - began == pytest.approx(50)
    assert bench.last.failure is not None
    assert "timeouts.tool-call" in bench.last.failure.message
    assert answer.failed in exchange.body
    assert answer.terminal not in exchange.body
    assert exchange.finished


async def test_arguments_that_keep_coming_keep_a_tool_call_alive(
    autojump_clock: MockClock, protocol: str, answer: Answer
) -> None:
    bench = Bench(
        Script(
            chunks=[
                answer.start,
                answer.text,
                answer.call,
                Delay(40),
                answer.args,
                Delay(40),
                answer.more_args,
                Delay(40),
                answer.call_end,
                Delay(100),
                answer.end,
            ]
        )
    )
    bench.shorten(tool_call=50)
    await bench.serve(ask(protocol))
    # A chat call has no end of its own before the answer's: there the last silence counts against it.
    expected = Outcome.COMPLETE if answer.call_end else Outcome.FAILED
    assert bench.last.outcome is expected


async def test_a_silent_head_is_ended_by_the_first_byte_deadline(
    autojump_clock: MockClock, protocol: str, answer: Answer
) -> None:
    bench = Bench(Script(chunks=[Delay(), *answer.frames]))
    began = trio.current_time()
    exchange = await bench.serve(ask(protocol))
    assert trio.current_time() - began == pytest.approx(120)
    assert exchange.status == 504
    assert bench.last.failure is not None
    assert "timeouts.first-byte" in bench.last.failure.message


async def test_no_head_is_ended_by_the_first_byte_deadline(
    autojump_clock: MockClock, protocol: str, answer: Answer
) -> None:
    bench = Bench(Script(head_delay=1000, chunks=answer.frames))
    exchange = await bench.serve(ask(protocol))
    assert exchange.status == 504


async def test_no_connection_is_ended_by_the_connect_deadline(autojump_clock: MockClock, protocol: str) -> None:
    bench = Bench(Script(connect_delay=1000))
    began = trio.current_time()
    exchange = await bench.serve(ask(protocol))
    assert trio.current_time() - began == pytest.approx(10)
    assert exchange.status == 504
    assert bench.last.failure is not None
    assert "timeouts.connect" in bench.last.failure.message


async def test_the_total_deadline_ends_the_liveliest_stream(
    autojump_clock: MockClock, protocol: str, answer: Answer
) -> None:
    pings = [step for _ in range(100) for step in (Delay(10), answer.ping)]
    bench = Bench(Script(chunks=[answer.start, *pings]))
    bench.shorten(total=305)
    began = trio.current_time()
    exchange = await bench.serve(ask(protocol))
    assert trio.current_time() - began == pytest.approx(305)
    assert answer.failed in exchange.body


async def test_an_endless_event_is_cut_at_the_bound(autojump_clock: MockClock, protocol: str, answer: Answer) -> None:
    flood = [b"data: " + b"x" * 600_000] + [b"x" * 600_000] * 20
    bench = Bench(Script(chunks=[answer.start, *flood]), settings={"max_event": 1024 * 1024})
    exchange = await bench.serve(ask(protocol))
    assert answer.failed in exchange.body[-2048:].rpartition(b"xx\n\n")[2]
    assert exchange.finished
    assert len(exchange.body) < 3 * 1024 * 1024
    assert bench.last.failure is not None
    assert bench.last.failure.kind is ErrorKind.MALFORMED


async def test_garbage_in_an_event_is_an_error_at_once(
    autojump_clock: MockClock, protocol: str, answer: Answer
) -> None:
    garbage = b"data: {]\n\n"
    bench = Bench(Script(chunks=[answer.start, answer.text, garbage, Delay()]))
    exchange = await bench.serve(ask(protocol))
    check_failed(bench, answer, exchange.body, answer.start + answer.text + garbage, ErrorKind.MALFORMED)


async def test_a_providers_own_error_is_passed_on_and_nothing_is_added(
    autojump_clock: MockClock, protocol: str, answer: Answer
) -> None:
    bench = Bench(Script(chunks=[answer.start, answer.text, answer.error]))
    exchange = await bench.serve(ask(protocol))
    assert exchange.body == answer.start + answer.text + answer.error
    assert exchange.finished
    assert bench.last.outcome is Outcome.FAILED


@pytest.mark.parametrize("end", [[Fault()], [Delay()]])
async def test_what_happens_behind_the_end_is_nobodys_loss(
    autojump_clock: MockClock, protocol: str, answer: Answer, end: list[Delay | Fault]
) -> None:
    bench = Bench(Script(chunks=[*answer.frames, *end]))
    exchange = await bench.serve(ask(protocol))
    assert exchange.body == answer.stream
    assert exchange.finished
    assert bench.last.outcome is Outcome.COMPLETE


async def test_a_client_that_leaves_cancels_the_provider_and_blames_nobody(
    autojump_clock: MockClock, protocol: str, answer: Answer
) -> None:
    bench = Bench(Script(chunks=[answer.start, Delay(50)]))
    exchange = ask(protocol)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(bench.gateway.handle, exchange)
        await exchange.wait_started()
        await wait_all_tasks_blocked()
        exchange.disconnect()
        await wait_all_tasks_blocked()
        assert bench.upstream.all_closed
    assert (bench.last.outcome, bench.last.status) == (Outcome.CLIENT_GONE, 499)
    assert bench.health.cooling(trio.current_time()) == []
    assert exchange.body == answer.start


async def test_a_client_that_leaves_with_the_whole_answer_is_no_loss(
    autojump_clock: MockClock, protocol: str, answer: Answer
) -> None:
    bench = Bench(Script(chunks=[answer.stream, Delay(50)]))
    exchange = ask(protocol)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(bench.gateway.handle, exchange)
        await exchange.wait_chunks(1)
        await wait_all_tasks_blocked()
        exchange.disconnect()
    assert (bench.last.outcome, bench.last.status) == (Outcome.COMPLETE, 200)


async def test_a_client_that_leaves_before_the_first_byte_blames_nobody(
    autojump_clock: MockClock, protocol: str
) -> None:
    bench = Bench(Script(head_delay=50))
    exchange = ask(protocol)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(bench.gateway.handle, exchange)
        await wait_all_tasks_blocked()
        exchange.disconnect()
    assert (bench.last.outcome, bench.last.status) == (Outcome.CLIENT_GONE, 499)
    assert bench.health.cooling(trio.current_time()) == []
    assert bench.upstream.all_closed


async def test_a_client_that_takes_nothing_is_left(autojump_clock: MockClock, protocol: str, answer: Answer) -> None:
    bench = Bench(Script(chunks=answer.frames))
    exchange = ask(protocol)
    exchange.stall()
    began = trio.current_time()
    await bench.serve(exchange)
    assert trio.current_time() - began == pytest.approx(60)
    assert exchange.aborted
    assert bench.last.outcome is Outcome.CLIENT_SLOW
    assert bench.health.cooling(trio.current_time()) == []


@pytest.mark.parametrize("total", [1000, 20])
async def test_a_client_that_does_not_take_the_last_bytes_is_left(
    autojump_clock: MockClock, protocol: str, answer: Answer, *, total: int
) -> None:
    bench = Bench(Script(chunks=[answer.stream]))
    bench.shorten(total=total)
    exchange = ask(protocol)
    exchange.stall()
    began = trio.current_time()
    await bench.serve(exchange)
    assert trio.current_time() - began == pytest.approx(min(total, 60))
    assert exchange.aborted
    assert not exchange.finished
    assert bench.last.outcome is (Outcome.FAILED if total < 60 else Outcome.CLIENT_SLOW)


async def test_waiting_for_a_slow_client_is_not_held_against_the_provider(
    autojump_clock: MockClock, protocol: str, answer: Answer
) -> None:
    bench = Bench(
        Script(chunks=[answer.start, Delay(1), answer.text, answer.call, answer.args, Delay(30), *answer.frames[4:]])
    )
    bench.shorten(tool_call=40, idle=40)
    exchange = ask(protocol)

    async def slow_client() -> None:
        await exchange.wait_chunks(1)
        exchange.stall()
        await trio.sleep(30)
        exchange.resume()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(slow_client)
        await bench.serve(exchange)
    assert bench.last.outcome is Outcome.COMPLETE


async def test_a_shutdown_ends_a_stream_honestly(autojump_clock: MockClock, protocol: str, answer: Answer) -> None:
    bench = Bench(Script(chunks=[answer.start, Delay(500)]))
    exchange = ask(protocol)
    with trio.CancelScope() as server:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(bench.gateway.handle, exchange)
            await exchange.wait_chunks(1)
            await wait_all_tasks_blocked()
            server.cancel()
    assert exchange.body.startswith(answer.start)
    assert answer.failed in exchange.body[len(answer.start) :]
    assert exchange.finished
    assert bench.last.outcome is Outcome.SHUT_DOWN
    assert bench.upstream.all_closed
    assert bench.health.cooling(trio.current_time()) == []


@pytest.mark.parametrize("early_head", [False, True])
@pytest.mark.parametrize("stream", [True, False])
async def test_a_shutdown_is_told_in_the_clients_words_before_the_provider_has_answered(
    autojump_clock: MockClock, protocol: str, answer: Answer, stream: bool, early_head: bool
) -> None:
    bench = Bench(Script(chunks=[Delay(500)]), settings={"early_head": early_head, "keepalive": 15.0})
    exchange = ask(protocol, stream=stream)
    with trio.CancelScope() as server:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(bench.gateway.handle, exchange)
            await trio.sleep(20)
            server.cancel()
    assert exchange.finished
    assert bench.last.failure is not None
    if exchange.status == 503:
        assert exchange.header(b"retry-after") == b"1"
        told = json.loads(exchange.body)
        assert told.pop("request_id", None) == (bench.last.id if protocol == "anthropic" else None)
        assert told == spoken(protocol).render_error(bench.last.failure)
    else:
        assert (stream, early_head) == (True, True)
        assert answer.failed in exchange.body
    assert bench.last.outcome is Outcome.SHUT_DOWN
    assert bench.upstream.all_closed
    assert bench.health.cooling(trio.current_time()) == []
