"""What an exchange over a connection does beyond the contract: encodings, 100-continue, the watcher, how it breaks, hand-over."""

from __future__ import annotations

import gzip
import select
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import brotli
import pytest
import trio
from backports import zstd
from trio.testing import MockClock, lockstep_stream_pair, memory_stream_pair, wait_all_tasks_blocked

from tests.support.clients import RawClient, connect, get, post
from trioproxy.errors import ClientFault, ErrorKind
from trioproxy.gateway.exchange import Exchange, Handler
from trioproxy.server.connections import Connections, Drain
from trioproxy.server.exchange import H11Exchange
from trioproxy.server.h11_loop import serve_connection
from trioproxy.server.limits import ServerLimits
from trioproxy.server.streams import LeanStream
from trioproxy.wire.jsoncodec import loads_object

MIB = 1024 * 1024
BODY = b'{"model":"m","text":"' + "größer 网 ".encode() * 100 + b'"}'


async def echo(exchange: Exchange) -> None:
    body = await exchange.receive_body(MIB)
    await exchange.start(200, ((b"content-length", b"%d" % len(body)),), flush=False)
    await exchange.send(body)
    await exchange.finish()


@asynccontextmanager
async def asserting(handler: Handler) -> AsyncIterator[Handler]:
    """``handler``, whose assertions are the test's: a server survives them, as it does everything."""
    failures: list[AssertionError] = []

    async def watched(exchange: Exchange) -> None:
        try:
            await handler(exchange)
        except AssertionError as exc:
            failures.append(exc)
            raise

    yield watched
    if failures:
        raise failures[0]


@asynccontextmanager
async def served(handler: Handler, *, connections: Connections | None = None) -> AsyncIterator[RawClient]:
    """A client over memory streams."""
    here, there = memory_stream_pair()
    client = RawClient(here)
    async with asserting(handler) as watched, trio.open_nursery() as nursery:
        nursery.start_soon(lambda: serve_connection(there, watched, connections=connections))
        yield client
        await client.leave()


@asynccontextmanager
async def served_on_socket(
    handler: Handler, *, connections: Connections | None = None, receive_buffer: int | None = None
) -> AsyncIterator[RawClient]:
    """A client over TCP on loopback."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = await connect(listener.getsockname()[1], receive_buffer=receive_buffer)
        accepted, _ = listener.accept()
    accepted.setblocking(False)
    async with asserting(handler) as watched, trio.open_nursery() as nursery:
        nursery.start_soon(lambda: serve_connection(LeanStream(accepted), watched, connections=connections))
        yield client
        await client.leave()


class TestEncodedBodies:
    @pytest.mark.parametrize(
        ("encoding", "body"),
        [
            ("identity", BODY),
            ("gzip", gzip.compress(BODY)),
            ("zstd", zstd.compress(BODY)),
            ("br", brotli.compress(BODY)),
            ("zstd, gzip", gzip.compress(zstd.compress(BODY))),
        ],
    )
    async def test_they_are_decoded_and_the_connection_goes_on(self, encoding: str, body: bytes) -> None:
        async with served(echo) as client:
            for _ in range(2):
                assert (await client.ask(post(body, f"Content-Encoding: {encoding}"))).body == BODY

    @pytest.mark.parametrize(
        ("encoding", "body", "status", "kind"),
        [
            ("rot13", BODY, 415, "unsupported_encoding"),
            ("gzip", BODY, 400, "invalid_request"),
            ("gzip", gzip.compress(BODY)[:-1], 400, "invalid_request"),
            ("gzip", gzip.compress(bytes(64 * MIB)), 413, "too_large"),
            ("zstd", zstd.compress(bytes(64 * MIB)), 413, "too_large"),
        ],
    )
    async def test_what_can_not_be_decoded_is_refused(self, encoding: str, body: bytes, status: int, kind: str) -> None:
        async with served(echo) as client:
            answer = await client.ask(post(body, f"Content-Encoding: {encoding}"))
            assert (answer.status, answer.header("connection")) == (status, "close")
            assert loads_object(answer.body)["error"]["type"] == kind

    async def test_without_a_body_an_encoding_says_nothing(self) -> None:
        async with served(echo) as client:
            assert (await client.ask(get("/", "Content-Encoding: rot13"))).status == 200


class TestContinue:
    async def test_it_is_said_when_the_body_is_asked_for(self) -> None:
        asked = trio.Event()

        async def handler(exchange: Exchange) -> None:
            await asked.wait()
            await echo(exchange)

        async with served(handler) as client:
            await client.send(post(b"body", "Expect: 100-continue")[:-4])
            await wait_all_tasks_blocked()
            asked.set()
            assert await client.head() == (100, ())
            answer = await client.ask(b"body")
            assert (answer.status, answer.body, answer.interim) == (200, b"body", ())
            assert (await client.ask(get("/"))).status == 200

    @pytest.mark.parametrize("size", [4, 2])
    async def test_a_client_that_did_not_wait_is_not_told(self, size: int) -> None:
        async with served(echo) as client:
            request = post(b"body", "Expect: 100-continue")
            await client.send(request[: len(request) - 4 + size])
            await wait_all_tasks_blocked()
            answer = await client.ask(b"body"[size:])
            assert (answer.status, answer.body, answer.interim) == (200, b"body", ())

    @pytest.mark.parametrize(
        ("headers", "status"),
        [(("Content-Length: 2000000",), 413), (("Content-Length: 5", "Content-Encoding: rot13"), 415)],
    )
    async def test_a_refused_client_is_not_told(self, headers: tuple[str, ...], status: int) -> None:
        async with served(echo) as client:
            answer = await client.ask(get("/", "Expect: 100-continue", *headers))
            assert (answer.status, answer.interim, answer.header("connection")) == (status, (), "close")

    async def test_a_client_that_leaves_instead_is_gone(self) -> None:
        kinds: list[ErrorKind] = []

        async def handler(exchange: Exchange) -> None:
            await exchange.wait_disconnected()
            with pytest.raises(ClientFault) as caught:
                await exchange.receive_body(MIB)
            kinds.append(caught.value.failure.kind)
            await exchange.abort()

        async with served(handler) as client:
            await client.send(get("/", "Expect: 100-continue", "Content-Length: 5"))
        assert kinds == [ErrorKind.CLIENT_GONE]


class TestWatching:
    """A client's leaving is seen behind what it sent ahead."""

    @pytest.mark.parametrize("ahead", [0, 1, 1000, 63_000])
    async def test_behind_requests_sent_ahead(self, ahead: int) -> None:
        watching, gone = trio.Event(), trio.Event()

        async def handler(exchange: Exchange) -> None:
            await exchange.receive_body(MIB)
            watching.set()
            await exchange.wait_disconnected()
            gone.set()
            await exchange.abort()

        async with served_on_socket(handler) as client:
            await client.send(post(b"") + bytes(ahead))
            await watching.wait()
            await wait_all_tasks_blocked()
            assert not gone.is_set()
            await client.leave()
            with trio.fail_after(10):
                await gone.wait()

    @pytest.mark.skipif(not hasattr(select, "epoll"), reason="only epoll tells of a hang-up behind unread bytes")
    async def test_behind_more_than_is_taken_in(self) -> None:
        watching, gone = trio.Event(), trio.Event()

        async def handler(exchange: Exchange) -> None:
            watching.set()
            await exchange.wait_disconnected()
            gone.set()
            await exchange.abort()

        connections = Connections(ServerLimits(pipelined=1000))
        async with served_on_socket(handler, connections=connections) as client:
            await client.send(post(b"") + bytes(2000))
            await watching.wait()
            await wait_all_tasks_blocked()
            await client.send(bytes(100_000))
            await wait_all_tasks_blocked()
            assert not gone.is_set()
            await client.leave()
            with trio.fail_after(10):
                await gone.wait()

    async def test_a_watch_ends_with_its_exchange(self) -> None:
        async def handler(exchange: Exchange) -> None:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(exchange.wait_disconnected)
                await wait_all_tasks_blocked()
                await exchange.abort()

        for connections in (Connections(), Connections(ServerLimits(pipelined=0))):
            async with served_on_socket(handler, connections=connections) as client:
                await client.send(get("/"))
                assert await client.rest() == b""

    async def test_requests_sent_ahead_are_answered_after_a_watch(self) -> None:
        async def handler(exchange: Exchange) -> None:
            await exchange.receive_body(MIB)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(exchange.wait_disconnected)
                await wait_all_tasks_blocked()
                await exchange.start(200, ())
                await exchange.send(exchange.head.target.encode())
                await exchange.finish()
                nursery.cancel_scope.cancel()

        async with served(handler) as client:
            await client.send(get("/1") + get("/2") + get("/3"))
            assert [(await client.answer()).body for _ in range(3)] == [b"/1", b"/2", b"/3"]


class TestBreaking:
    """An aborted answer is not taken for a whole one, however it is framed."""

    @pytest.mark.parametrize("version", ["1.0", "1.1"])
    @pytest.mark.parametrize("length", [None, 10])
    async def test_every_framing_shows_it(self, version: str, length: int | None) -> None:
        async def handler(exchange: Exchange) -> None:
            await exchange.start(200, ((b"content-length", b"%d" % length),) if length else ())
            await exchange.send(b"part")
            await received.wait()
            await exchange.abort()

        received = trio.Event()
        async with served_on_socket(handler) as client:
            await client.send(get("/", version=version))
            while not client.arrived.endswith(b"part" if length or version == "1.0" else b"part\r\n"):
                await client.more()
            received.set()
            answer = await client.answer()
            assert (answer.body[:4], answer.whole) == (b"" if length else b"part", False)

    async def test_cancellation_shows_too(self) -> None:
        async def handler(exchange: Exchange) -> None:
            await exchange.start(200, ())
            await exchange.send(b"part")
            await trio.sleep_forever()

        with socket.create_server(("127.0.0.1", 0)) as listener:
            client = await connect(listener.getsockname()[1])
            accepted, _ = listener.accept()
        accepted.setblocking(False)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve_connection, LeanStream(accepted), handler)
            await client.send(get("/", version="1.0"))
            while not client.arrived.endswith(b"part"):
                await client.more()
            nursery.cancel_scope.cancel()
        answer = await client.answer()
        await client.leave()
        assert (answer.body, answer.whole) == (b"part", False)

    async def test_an_offer_that_the_kernel_takes_nothing_of_is_sent_later(self) -> None:
        async def handler(exchange: Exchange) -> None:
            await exchange.start(200, (), flush=False)
            assert isinstance(exchange, H11Exchange)
            stream = exchange._inbox.stream
            assert isinstance(stream, LeanStream)
            stream.push = full
            rest = exchange.offer(b"later")
            assert rest is not None
            await rest
            await exchange.finish()

        def full(data: bytes) -> int:
            raise BlockingIOError

        async with served_on_socket(handler) as client:
            answer = await client.ask(get("/"))
            assert (answer.body, answer.whole) == (b"later", True)

    async def test_an_offer_on_a_connection_that_is_closed_tells_that_the_client_is_gone(self) -> None:
        async def handler(exchange: Exchange) -> None:
            await exchange.start(200, (), flush=False)
            assert isinstance(exchange, H11Exchange)
            await exchange._inbox.stream.aclose()
            with pytest.raises(ClientFault) as caught:
                exchange.offer(b"never")
            assert caught.value.failure.kind is ErrorKind.CLIENT_GONE

        async with served_on_socket(handler) as client:
            await client.send(get("/"))
            await client.rest()

    async def test_an_abort_does_not_wait_for_a_client_that_does_not_read(self) -> None:
        ended = trio.Event()

        async def handler(exchange: Exchange) -> None:
            await exchange.start(200, ())
            with trio.CancelScope() as scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(exchange.send, bytes(64 * MIB))
                    await wait_all_tasks_blocked()
                    scope.cancel()
            # Cut in the midst of a chunk, nothing that follows would be understood.
            for operation in (exchange.send(b"more"), exchange.finish()):
                with pytest.raises(ClientFault) as caught:
                    await operation
                assert caught.value.failure.kind is ErrorKind.CLIENT_GONE
            with trio.fail_after(5):
                await exchange.abort()
            ended.set()

        async with served_on_socket(handler, receive_buffer=4096) as client:
            await client.send(get("/"))
            await ended.wait()
            await client.rest()
            assert client.reset

    async def test_a_send_cut_before_its_first_byte_can_be_sent_again(self) -> None:
        async def handler(exchange: Exchange) -> None:
            await exchange.start(200, (), flush=False)
            with trio.CancelScope() as scope:
                scope.cancel()
                for _ in range(64):
                    await exchange.send(b"x")
            await exchange.finish()

        async with served_on_socket(handler) as client:
            answer = await client.ask(get("/"))
            assert (set(answer.chunks), answer.whole) == ({b"x"}, True)
            assert len(answer.chunks) < 64


class TestHandOver:
    UPGRADE = get("/v1/responses", "Upgrade: websocket", "Connection: keep-alive, Upgrade", "Sec-WebSocket-Version: 13")

    async def test_the_next_protocol_sees_the_whole_request(self) -> None:
        async def handler(exchange: Exchange) -> None:
            assert isinstance(exchange, H11Exchange)
            assert exchange.upgrade == b"websocket"
            async with exchange.take_over() as stream:
                seen = await stream.receive_some()
                while b"frames" not in seen:
                    seen += await stream.receive_some()
                assert seen == self.UPGRADE + b"frames"
                await stream.send_all(b"HTTP/1.1 101 Switching Protocols\r\n\r\nframes back")

        for size in (len(self.UPGRADE), len(self.UPGRADE) + 3):
            async with served(handler) as client:
                wire = self.UPGRADE + b"frames"
                await client.send(wire[:size])
                await wait_all_tasks_blocked()
                await client.send(wire[size:])
                assert (await client.rest()).endswith(b"\r\n\r\nframes back")

    async def test_only_an_unanswered_upgrade_is_handed_over(self) -> None:
        async def handler(exchange: Exchange) -> None:
            assert isinstance(exchange, H11Exchange)
            if exchange.upgrade is None:
                with pytest.raises(RuntimeError, match="only a request to upgrade"):
                    exchange.take_over()
                await echo(exchange)
            else:
                await echo(exchange)
                with pytest.raises(RuntimeError, match="no answer yet"):
                    exchange.take_over()

        async with served(handler) as client:
            assert (await client.ask(get("/"))).status == 200
            assert (await client.ask(self.UPGRADE)).status == 200

    async def test_a_handed_over_exchange_is_over(self) -> None:
        async def handler(exchange: Exchange) -> None:
            assert isinstance(exchange, H11Exchange)
            stream = exchange.take_over()
            assert exchange.started
            with pytest.raises(ClientFault):
                await exchange.send(b"x")
            await exchange.abort()
            await stream.send_all(b"still here")

        async with served(handler) as client:
            await client.send(self.UPGRADE)
            assert await client.rest() == b"still here"

    @pytest.mark.parametrize("headers", [(), ((b"upgrade", b"websocket"),)])
    async def test_a_refused_upgrade_keeps_the_connection(self, headers: tuple[tuple[bytes, bytes], ...]) -> None:
        async def handler(exchange: Exchange) -> None:
            if exchange.head.header(b"upgrade"):
                await exchange.start(426, headers)
                await exchange.send(b"not here")
                await exchange.finish()
            else:
                await echo(exchange)

        async with served(handler) as client:
            answer = await client.ask(self.UPGRADE)
            assert (answer.status, answer.body) == (426, b"not here")
            assert answer.header("connection") == ("upgrade" if headers else None)
            assert (await client.ask(post(b"after"))).body == b"after"

    async def test_an_ignored_upgrade_is_a_request(self) -> None:
        async with served(echo) as client:
            answer = await client.ask(post(b"body", "Upgrade: h2c", "Connection: Upgrade, HTTP2-Settings"))
            assert (answer.status, answer.body) == (200, b"body")


class TestDraining:
    async def test_answers_say_that_the_connection_closes(self, autojump_clock: MockClock) -> None:
        drain = Drain()
        asked = trio.Event()

        async def handler(exchange: Exchange) -> None:
            asked.set()
            await drain.wait_begun()
            await echo(exchange)

        async with served(handler, connections=Connections(drain=drain)) as client:
            await client.send(get("/"))
            await asked.wait()
            drain.begin(30)
            assert (await client.answer()).header("connection") == "close"
            assert await client.rest() == b""


async def test_writes_are_as_few_as_can_be() -> None:
    """One write for the head with the first piece, one for each further piece, one for the end."""

    async def handler(exchange: Exchange) -> None:
        await exchange.start(200, (), flush=False)
        await exchange.send(b"one")
        await exchange.send(b"two")
        await exchange.finish()

    here, there = lockstep_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve_connection, there, handler)
        await here.send_all(get("/"))
        writes = [bytes(await here.receive_some()) for _ in range(3)]
        assert writes[0].startswith(b"HTTP/1.1 200 OK\r\n")
        assert writes[0].endswith(b"\r\n\r\n3\r\none\r\n")
        assert writes[1:] == [b"3\r\ntwo\r\n", b"0\r\n\r\n"]
        await trio.aclose_forcefully(here)
