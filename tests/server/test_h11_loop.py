"""A connection's life: transcripts over memory streams, the clocks, and handlers that fail."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

import attrs
import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock, lockstep_stream_pair, memory_stream_pair, wait_all_tasks_blocked

from tests.support.chunking import cut, cuttings, whole_and_bytewise
from tests.support.clients import RawClient, get, post
from trioproxy.errors import ClientFault, ErrorKind, ProxyFault, UpstreamFault
from trioproxy.gateway.exchange import Exchange, Handler
from trioproxy.server.connections import Connections
from trioproxy.server.h11_loop import serve_connection
from trioproxy.server.limits import ServerLimits
from trioproxy.wire import jsoncodec

LIMITS = ServerLimits()
MIB = 1024 * 1024


async def echo(exchange: Exchange) -> None:
    """Answers with what it was asked."""
    body = await exchange.receive_body(MIB)
    await exchange.start(200, ((b"content-type", b"text/plain"),))
    await exchange.send(exchange.head.method.encode() + b" " + exchange.head.target.encode() + b" ")
    await exchange.send(body)
    await exchange.finish()


@attrs.define(eq=False)
class Served:
    """A connection under test."""

    client: RawClient
    connections: Connections
    ended: trio.Event = attrs.field(factory=trio.Event)


async def with_server(
    handler: Handler,
    script: Callable[[Served], Awaitable[None]],
    *,
    limits: ServerLimits = LIMITS,
    lockstep: bool = False,
    attended: bool = False,
) -> Served:
    """Serve one connection while ``script`` runs. Ends when both do: a server that stays fails the test by the clock."""
    here, there = lockstep_stream_pair() if lockstep else memory_stream_pair()
    served = Served(RawClient(here), Connections(limits))

    async def serve() -> None:
        await serve_connection(there, handler, connections=served.connections, peer="127.0.0.1:5")
        served.ended.set()

    async with trio.open_nursery() as attending:
        if attended:
            await attending.start(served.connections.attend)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve)
            await script(served)
            await served.client.leave()
        attending.cancel_scope.cancel()
    statistics = served.connections.statistics()
    assert (statistics.open, statistics.idle, statistics.active) == (0, 0, 0)
    return served


def error_of(body: bytes) -> dict[str, object]:
    error: dict[str, object] = jsoncodec.loads_object(body)["error"]
    return error


# Transcripts.


async def test_requests_follow_one_another() -> None:
    async def script(served: Served) -> None:
        for number in range(3):
            answer = await served.client.ask(post(b"body", target=f"/{number}"))
            assert (answer.status, answer.body) == (200, b"POST /%d body" % number)
            assert answer.header("connection") is None
        assert not served.ended.is_set()

    served = await with_server(echo, script)
    assert served.connections.statistics().requests == 3
    assert served.connections.statistics().accepted == 1


async def test_requests_sent_ahead_are_answered_in_order() -> None:
    async def script(served: Served) -> None:
        await served.client.send(
            b"".join(post(b"%d" % number, target=f"/{number}") for number in range(20)) + get("/end")
        )
        for number in range(20):
            assert (await served.client.answer()).body == b"POST /%d %d" % (number, number)
        assert (await served.client.answer()).body == b"GET /end "

    await with_server(echo, script)


TRANSCRIPT = (
    post(b"one", target="/1")
    + b"\r\n"
    + b"POST /2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ntwo\r\n0\r\nx-trailer: 1\r\n\r\n"
    + get("/3")
    + get("/4", "Connection: close")
)


@pytest.mark.parametrize("pieces", [pytest.param(p, id=str(n)) for n, p in enumerate(whole_and_bytewise(TRANSCRIPT))])
async def test_a_transcript_is_the_same_at_every_cutting(pieces: list[bytes]) -> None:
    async def script(served: Served) -> None:
        for piece in pieces:
            await served.client.send(piece)
            await wait_all_tasks_blocked()
        bodies = [(await served.client.answer()).body for _ in range(4)]
        assert bodies == [b"POST /1 one", b"POST /2 two", b"GET /3 ", b"GET /4 "]
        assert await served.client.rest() == b""
        await served.ended.wait()

    await with_server(echo, script)


@settings(max_examples=60, deadline=None)
@given(cuttings(st.just(TRANSCRIPT)))
def test_a_transcript_is_the_same_at_any_cutting(pieces: list[bytes]) -> None:
    async def script(served: Served) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(send_all_of, served.client, pieces)
            bodies = [(await served.client.answer()).body for _ in range(4)]
        assert bodies == [b"POST /1 one", b"POST /2 two", b"GET /3 ", b"GET /4 "]

    trio.run(with_server, echo, script)


async def send_all_of(client: RawClient, pieces: list[bytes]) -> None:
    for piece in pieces:
        await client.send(piece)


VALID = [
    TRANSCRIPT,
    get("/"),
    post(b"x" * 50),
    b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
]


@settings(max_examples=150, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=300),
        st.lists(st.one_of(st.sampled_from(VALID), st.binary(max_size=20)), max_size=5).map(b"".join),
        st.tuples(st.sampled_from(VALID), st.integers(0, 200), st.binary(min_size=1, max_size=3)).map(
            lambda drawn: drawn[0][: drawn[1]] + drawn[2] + drawn[0][drawn[1] :]
        ),
    ),
    st.integers(0, 40),
)
def test_no_bytes_bring_the_loop_down(data: bytes, step: int) -> None:
    caught: list[logging.LogRecord] = []

    class Watch(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            caught.append(record)

    async def script(served: Served) -> None:
        await send_all_of(served.client, cut(data, step))
        assert isinstance(served.client.stream, trio.StapledStream)
        with trio.move_on_after(5):
            await served.client.stream.send_eof()
            await served.client.rest()

    watch = Watch(logging.WARNING)
    logger = logging.getLogger("trioproxy.server")
    logger.addHandler(watch)
    try:
        trio.run(with_server, echo, script, clock=MockClock(autojump_threshold=0))
    finally:
        logger.removeHandler(watch)
    # Whatever a client says is its own fault: the handler may be told of it, the loop never breaks.
    assert [record.getMessage() for record in caught if record.levelno > logging.INFO] == []


# Versions and methods.


async def test_an_old_client_reads_until_the_end() -> None:
    async def script(served: Served) -> None:
        answer = await served.client.ask(post(b"body", version="1.0"))
        assert answer.header("transfer-encoding") is None
        assert answer.header("connection") == "close"
        assert (answer.body, answer.whole) == (b"POST / body", True)
        await served.ended.wait()

    await with_server(echo, script)


async def test_an_old_client_may_not_keep_the_connection() -> None:
    async def script(served: Served) -> None:
        answer = await served.client.ask(get("/", "Connection: keep-alive", version="1.0"))
        assert answer.header("connection") == "close"
        await served.ended.wait()

    await with_server(echo, script)


async def test_head_has_no_body_and_keeps_the_connection() -> None:
    async def script(served: Served) -> None:
        answer = await served.client.ask(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", "HEAD")
        assert (answer.status, answer.body) == (200, b"")
        assert (await served.client.ask(get("/next"))).body == b"GET /next "

    await with_server(echo, script)


async def test_a_client_that_wants_the_end_gets_it() -> None:
    async def script(served: Served) -> None:
        answer = await served.client.ask(get("/", "Connection: close"))
        assert answer.header("connection") == "close"
        assert await served.client.rest() == b""
        await served.ended.wait()

    await with_server(echo, script)


async def test_a_handler_that_wants_the_end_gets_it() -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.start(200, ((b"connection", b"close"), (b"content-length", b"0")))
        await exchange.finish()

    async def script(served: Served) -> None:
        assert (await served.client.ask(get("/"))).header("connection") == "close"
        await served.ended.wait()

    await with_server(handler, script)


async def test_an_absolute_target_is_served_by_its_path() -> None:
    async def script(served: Served) -> None:
        assert (await served.client.ask(get("http://example/path?q"))).body == b"GET /path?q "

    await with_server(echo, script)


# Handlers that fail.


class Oops(Exception):
    pass


FAILURES: dict[str, tuple[BaseException, int, str]] = {
    "anything": (Oops("secret-in-message"), 500, "internal"),
    "a group": (ExceptionGroup("secret-in-message", [Oops(), ValueError()]), 500, "internal"),
    "our fault": (ProxyFault(ErrorKind.MISCONFIGURED, "said so"), 500, "misconfigured"),
    "the client's fault": (ClientFault(ErrorKind.NOT_FOUND, "no such thing"), 404, "not_found"),
    "an upstream's fault": (UpstreamFault(ErrorKind.RATE_LIMITED, "later", retry_after=7.5), 429, "rate_limited"),
}


@pytest.mark.parametrize(("failure", "status", "kind"), FAILURES.values(), ids=FAILURES)
async def test_a_failure_before_the_start_is_an_answer(
    failure: Exception, status: int, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def handler(exchange: Exchange) -> None:
        raise failure

    async def script(served: Served) -> None:
        answer = await served.client.ask(get("/path?key=secret-in-query"))
        assert (answer.status, answer.whole) == (status, True)
        assert answer.header("content-type") == "application/json"
        assert answer.header("connection") == "close"
        assert answer.header("retry-after") == ("7" if status == 429 else None)
        assert error_of(answer.body)["type"] == kind
        assert b"secret" not in answer.body
        assert b"Traceback" not in answer.body
        await served.ended.wait()

    caplog.set_level(logging.INFO)
    await with_server(handler, script)
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 1
    assert "GET /path of 127.0.0.1:5" in lines[0]
    assert "secret" not in lines[0]
    assert "test_h11_loop.py:" in lines[0] or "Group" not in lines[0]


async def test_a_traceback_is_for_those_who_ask(caplog: pytest.LogCaptureFixture) -> None:
    async def handler(exchange: Exchange) -> None:
        raise Oops

    async def script(served: Served) -> None:
        await served.client.ask(get("/"))

    caplog.set_level(logging.DEBUG)
    await with_server(handler, script)
    assert [(record.levelno, record.exc_info is not None) for record in caplog.records] == [
        (logging.ERROR, False),
        (logging.DEBUG, True),
    ]


async def test_a_failure_after_the_start_is_a_broken_transfer(caplog: pytest.LogCaptureFixture) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.start(200, ())
        await exchange.send(b"part")
        raise Oops

    async def script(served: Served) -> None:
        answer = await served.client.ask(get("/"))
        assert (answer.status, answer.body, answer.whole) == (200, b"part", False)
        await served.ended.wait()

    await with_server(handler, script)
    assert "Oops" in caplog.text


@pytest.mark.parametrize("started", [False, True])
async def test_a_handler_that_just_ends_is_a_failure(started: bool, caplog: pytest.LogCaptureFixture) -> None:
    async def handler(exchange: Exchange) -> None:
        if started:
            await exchange.start(200, ())

    async def script(served: Served) -> None:
        answer = await served.client.ask(get("/"))
        assert (answer.status, answer.whole) == ((200, False) if started else (500, True))
        await served.ended.wait()

    await with_server(handler, script)
    assert "without an end" in caplog.text


async def test_a_handler_that_ends_because_its_client_left_is_none(caplog: pytest.LogCaptureFixture) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.start(200, ())
        await exchange.wait_disconnected()

    async def script(served: Served) -> None:
        await served.client.send(get("/"))
        await wait_all_tasks_blocked()
        await served.client.leave()
        await served.ended.wait()

    await with_server(handler, script)
    assert caplog.text == ""


async def test_a_failure_after_the_end_is_only_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def handler(exchange: Exchange) -> None:
        await echo(exchange)
        raise Oops

    async def script(served: Served) -> None:
        for _ in range(2):
            assert (await served.client.ask(get("/"))).body == b"GET / "

    await with_server(handler, script)
    assert caplog.text.count("Oops") == 2


async def test_a_handler_that_fails_while_it_is_cancelled(caplog: pytest.LogCaptureFixture) -> None:
    async def fail_when_cancelled() -> None:
        try:
            await trio.sleep_forever()
        finally:
            raise Oops

    async def handler(exchange: Exchange) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(fail_when_cancelled)
            nursery.start_soon(trio.sleep_forever)
            await wait_all_tasks_blocked()
            nursery.start_soon(cancel_active)

    async def cancel_active() -> None:
        served_box[0].connections.cancel_active()

    served_box: list[Served] = []

    async def script(served: Served) -> None:
        served_box.append(served)
        answer = await served.client.ask(get("/"))
        assert (answer.status, error_of(answer.body)["type"]) == (503, "shutting_down")
        await served.ended.wait()

    await with_server(handler, script)
    assert "Oops" in caplog.text


async def test_a_client_that_left_gets_no_answer() -> None:
    async def handler(exchange: Exchange) -> None:
        raise ClientFault(ErrorKind.CLIENT_GONE, "gone")

    async def script(served: Served) -> None:
        await served.client.send(get("/"))
        assert await served.client.rest() == b""
        await served.ended.wait()

    await with_server(handler, script)


async def test_a_client_that_does_not_take_its_error_is_not_waited_for(autojump_clock: MockClock) -> None:
    async def handler(exchange: Exchange) -> None:
        raise Oops

    async def script(served: Served) -> None:
        await served.client.send(get("/"))
        await served.ended.wait()
        assert trio.current_time() == began + LIMITS.linger_seconds

    began = trio.current_time()
    await with_server(handler, script, lockstep=True)


async def test_a_client_that_leaves_before_its_error_is_no_trouble(caplog: pytest.LogCaptureFixture) -> None:
    left = trio.Event()

    async def handler(exchange: Exchange) -> None:
        await left.wait()
        raise Oops

    async def script(served: Served) -> None:
        await served.client.send(get("/"))
        await wait_all_tasks_blocked()
        await served.client.leave()
        left.set()
        await served.ended.wait()

    await with_server(handler, script)
    assert "internal error" not in caplog.text


async def test_a_bug_in_a_stream_ends_the_connection_and_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    here, there = memory_stream_pair()

    async def broken(max_bytes: int | None = None) -> bytes:
        raise Oops

    there.receive_some = broken  # type: ignore[method-assign]
    await serve_connection(there, echo)
    assert await RawClient(here).rest() == b""
    assert "internal error: Oops at" in caplog.text


async def test_cancellation_leaves_an_answer_broken() -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.start(200, ())
        await exchange.send(b"part")
        await trio.sleep_forever()

    here, there = memory_stream_pair()
    client = RawClient(here)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve_connection, there, handler)
        await client.send(get("/"))
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    answer = await client.answer()
    assert (answer.body, answer.whole) == (b"part", False)


# The clocks.


@pytest.mark.parametrize("attended", [False, True])
async def test_an_idle_connection_is_closed_without_a_word(autojump_clock: MockClock, attended: bool) -> None:
    async def script(served: Served) -> None:
        began = trio.current_time()
        assert await served.client.rest() == b""
        assert trio.current_time() == began + LIMITS.idle_seconds

    await with_server(echo, script, attended=attended)


@pytest.mark.parametrize("attended", [False, True])
async def test_between_requests_a_connection_may_idle_as_long(autojump_clock: MockClock, attended: bool) -> None:
    async def script(served: Served) -> None:
        for _ in range(3):
            assert (await served.client.ask(get("/"))).status == 200
            await trio.sleep(LIMITS.idle_seconds - 1)
        await trio.sleep(2)
        assert await served.client.rest() == b""
        assert not served.client.reset

    await with_server(echo, script, attended=attended)


async def test_a_request_that_crosses_with_its_connections_end_is_served() -> None:
    connections = Connections()
    here, there = memory_stream_pair()

    class Crossing(trio.abc.Stream):
        """Whatever arrives on it arrives just when its place is wanted for another."""

        async def receive_some(self, max_bytes: int | None = None) -> bytes:
            data = await there.receive_some(max_bytes)
            assert connections.evict_idle() or not data
            return bytes(data)

        async def send_all(self, data: bytes | bytearray | memoryview) -> None:
            await there.send_all(data)

        async def wait_send_all_might_not_block(self) -> None:
            await there.wait_send_all_might_not_block()

        async def aclose(self) -> None:
            await there.aclose()

    client = RawClient(here)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(lambda: serve_connection(Crossing(), echo, connections=connections))
        for _ in range(2):
            assert (await client.ask(get("/"))).body == b"GET / "
        await client.leave()


@pytest.mark.parametrize("size", [1, 20])
async def test_a_slow_head_is_refused(autojump_clock: MockClock, size: int) -> None:
    async def script(served: Served) -> None:
        began = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(drip, served.client, get("/" + "x" * 2000), size, 1.0)
            answer = await served.client.answer()
            assert trio.current_time() == began + LIMITS.head_seconds
            nursery.cancel_scope.cancel()
        assert answer.status == 408
        assert error_of(answer.body)["type"] == "client_timeout"

    served = await with_server(echo, script)
    assert served.connections.statistics().refused == 1


async def drip(client: RawClient, data: bytes, size: int, interval: float) -> None:
    for piece in cut(data, size):
        await client.send(piece)
        await trio.sleep(interval)


async def test_a_body_that_stalls_is_refused(autojump_clock: MockClock) -> None:
    async def script(served: Served) -> None:
        began = trio.current_time()
        answer = await served.client.ask(post(bytes(100_000))[:-1])
        assert (answer.status, answer.header("connection")) == (408, "close")
        assert error_of(answer.body)["type"] == "client_timeout"
        assert trio.current_time() == began + LIMITS.body_stall_seconds

    await with_server(echo, script)


async def test_a_body_that_drips_is_refused(autojump_clock: MockClock) -> None:
    async def script(served: Served) -> None:
        began = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(drip, served.client, post(bytes(100_000)), 100, 1.0)
            assert (await served.client.answer()).status == 408
            # 100 bytes a second where 1024 are asked for: a tenth of a second's grace each second.
            assert trio.current_time() - began == pytest.approx(LIMITS.body_stall_seconds, rel=0.2)
            nursery.cancel_scope.cancel()

    await with_server(echo, script)


async def test_a_slow_but_steady_body_is_taken(autojump_clock: MockClock) -> None:
    async def script(served: Served) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(drip, served.client, post(bytes(500_000)), 2000, 1.0)
            answer = await served.client.answer()
        assert (answer.status, len(answer.body)) == (200, len(b"POST / ") + 500_000)

    await with_server(echo, script)


async def test_a_refused_client_may_take_its_time_to_leave_but_not_for_ever(autojump_clock: MockClock) -> None:
    async def script(served: Served) -> None:
        assert (await served.client.ask(b"nonsense\r\n\r\n")).status == 400
        began = trio.current_time()
        await trio.sleep(LIMITS.linger_seconds / 2)
        assert not served.ended.is_set()
        await served.ended.wait()
        assert trio.current_time() == began + LIMITS.linger_seconds

    await with_server(echo, script)


async def test_a_refused_client_that_leaves_is_not_waited_for(autojump_clock: MockClock) -> None:
    async def script(served: Served) -> None:
        began = trio.current_time()
        assert (await served.client.ask(b"nonsense\r\n\r\n" + bytes(100_000))).status == 400
        await served.client.leave()
        await served.ended.wait()
        assert trio.current_time() == began

    await with_server(echo, script)


async def test_a_refused_client_can_not_send_for_ever(autojump_clock: MockClock) -> None:
    async def script(served: Served) -> None:
        assert (await served.client.ask(b"nonsense\r\n\r\n")).status == 400
        began = trio.current_time()
        while not served.client.reset:
            await served.client.send(bytes(1000))
        await served.ended.wait()
        assert trio.current_time() == began

    await with_server(echo, script, limits=ServerLimits(linger=10_000))


async def test_a_refused_client_that_is_gone_already_is_no_trouble(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    async def script(served: Served) -> None:
        await served.client.send(b"nonsense\r\n\r\n")
        await served.client.leave()
        await served.ended.wait()

    await with_server(echo, script)
    assert [record.levelno for record in caplog.records] == [logging.INFO]


async def test_a_refused_client_that_reads_nothing_is_not_waited_for(autojump_clock: MockClock) -> None:
    async def script(served: Served) -> None:
        began = trio.current_time()
        await served.client.send(b"nonsense\r\n\r\n")
        await served.ended.wait()
        assert trio.current_time() == began + LIMITS.linger_seconds

    await with_server(echo, script, lockstep=True)


async def test_half_a_head_and_the_end_is_no_request() -> None:
    async def script(served: Served) -> None:
        await served.client.send(get("/")[:-1])
        assert isinstance(served.client.stream, trio.StapledStream)
        await served.client.stream.send_eof()
        assert await served.client.rest() == b""

    served = await with_server(echo, script)
    assert served.connections.statistics().requests == 0


# Bodies that nobody read.


async def refuse(exchange: Exchange) -> None:
    """Answers without a look at the body."""
    await exchange.start(401, ((b"content-length", b"2"),), flush=False)
    await exchange.send(b"no")
    await exchange.finish()


@pytest.mark.parametrize("size", [1, 1000, 100_000])
async def test_a_small_unread_body_is_passed_over(size: int) -> None:
    async def script(served: Served) -> None:
        for _ in range(2):
            answer = await served.client.ask(post(b"x" * size))
            assert (answer.status, answer.header("connection")) == (401, None)

    served = await with_server(refuse, script)
    assert served.connections.statistics().requests == 2


async def test_an_unread_body_that_never_comes_costs_the_connection(autojump_clock: MockClock) -> None:
    async def script(served: Served) -> None:
        answer = await served.client.ask(post(b"x" * 1000)[:-1])
        assert (answer.status, answer.header("connection")) == (401, None)
        began = trio.current_time()
        assert await served.client.rest() == b""
        assert trio.current_time() == began + LIMITS.linger_seconds

    await with_server(refuse, script)


async def test_an_unread_body_that_breaks_off_costs_the_connection() -> None:
    async def script(served: Served) -> None:
        assert (await served.client.ask(post(b"x" * 1000)[:-1])).status == 401
        await served.client.leave()
        await served.ended.wait()

    await with_server(refuse, script)


@pytest.mark.parametrize(
    "request_bytes",
    [
        post(b"x" * 300_000),
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n",
        post(b"", "Expect: 100-continue").replace(b"Content-Length: 0", b"Content-Length: 5"),
    ],
    ids=["large", "chunked", "expecting"],
)
async def test_another_unread_body_costs_the_connection_and_the_answer_arrives(request_bytes: bytes) -> None:
    async def script(served: Served) -> None:
        answer = await served.client.ask(request_bytes)
        assert (answer.status, answer.body, answer.header("connection")) == (401, b"no", "close")
        assert answer.interim == ()
        assert await served.client.rest() == b""
        await served.client.leave()
        await served.ended.wait()

    await with_server(refuse, script)
