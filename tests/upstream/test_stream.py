from __future__ import annotations

import socket
import ssl
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager

import attrs
import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from tests.support.raw_server import RawConnection, RawServer, raw_server, refusing_port
from tests.support.tls import client_context, server_context
from trioproxy.upstream.stream import (
    ByteStream,
    TcpStream,
    TlsStream,
    connect_tcp,
    start_tls,
)


@attrs.define(eq=False)
class Pair:
    """Both ends of a connection."""

    stream: ByteStream
    peer: RawConnection
    server: RawServer


@asynccontextmanager
async def connected(kind: str) -> AsyncIterator[Pair]:
    """A stream of one kind and what stands at its other end."""
    send, receive = trio.open_memory_channel[RawConnection](1)

    async def hold(connection: RawConnection) -> None:
        if isinstance(connection.stream, trio.SSLStream):
            await connection.stream.do_handshake()
        await send.send(connection)
        await trio.sleep_forever()

    async with raw_server(hold, ssl_context=server_context() if kind == "tls" else None) as server:
        stream: ByteStream = await connect_tcp("127.0.0.1", server.port)
        if kind == "tls":
            stream = await start_tls(stream, client_context(), "localhost")
        try:
            yield Pair(stream, await receive.receive(), server)
        finally:
            stream.close()


@pytest.fixture(params=["tcp", "tls"])
async def pair(request: pytest.FixtureRequest) -> AsyncIterator[Pair]:
    async with connected(request.param) as both:
        yield both


def raw_socket(stream: ByteStream) -> socket.socket:
    match stream:
        case TcpStream():
            return stream.socket
        case TlsStream():
            return raw_socket(stream.transport)
        case _:
            raise AssertionError(stream)


async def test_bytes_go_both_ways(pair: Pair) -> None:
    await pair.stream.send_all(b"ping")
    assert await pair.peer.receive_exactly(4) == b"ping"

    await pair.peer.send(b"pong")
    assert await pair.stream.receive() == b"pong"


async def test_what_lies_ready_comes_in_one_piece(pair: Pair) -> None:
    # Several TLS records, one receive.
    for _ in range(20):
        await pair.peer.send(b"0123456789")
    await trio.lowlevel.wait_readable(raw_socket(pair.stream))

    received = b""
    receives = 0
    while len(received) < 200:
        received += await pair.stream.receive()
        receives += 1

    assert received == b"0123456789" * 20
    assert receives < 20


async def test_more_than_the_kernel_holds_is_sent_while_the_peer_reads(pair: Pair, nursery: trio.Nursery) -> None:
    data = bytes(range(256)) * 40_000
    received: list[bytes] = []

    async def read() -> None:
        received.append(await pair.peer.receive_exactly(len(data)))

    nursery.start_soon(read)
    await pair.stream.send_all(data)
    while not received:
        await trio.lowlevel.checkpoint()

    assert received == [data]


async def test_a_large_body_arrives_whole(pair: Pair, nursery: trio.Nursery) -> None:
    data = bytes(range(256)) * 4_000
    nursery.start_soon(pair.peer.send, data)

    received = b""
    while len(received) < len(data):
        received += await pair.stream.receive()

    assert received == data


async def test_the_end_is_told_again_and_again(pair: Pair) -> None:
    await pair.peer.stream.aclose()

    assert await pair.stream.receive() == b""
    assert await pair.stream.receive() == b""


async def test_bytes_before_the_end_come_first(pair: Pair) -> None:
    await pair.peer.send(b"last words")
    await pair.peer.stream.aclose()

    assert await pair.stream.receive() == b"last words"
    assert await pair.stream.receive() == b""


async def test_an_end_without_close_notify_is_an_end() -> None:
    async with connected("tls") as pair:
        await pair.peer.send(b"last words")
        await pair.peer.transport.aclose()

        assert await pair.stream.receive() == b"last words"
        assert await pair.stream.receive() == b""


async def test_a_reset_is_an_error(pair: Pair) -> None:
    pair.peer.reset()

    with pytest.raises(ConnectionResetError):
        await pair.stream.receive()


async def test_sending_into_a_reset_connection_is_an_error(pair: Pair) -> None:
    pair.peer.reset()

    with pytest.raises(OSError, match=r"Broken pipe|reset"):
        await pair.stream.send_all(b"x" * 50_000_000)


@pytest.fixture(params=["poll", "peek"])
def asking(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """How a stream is asked whether it is dead: as this system can, and as one without ``poll`` does."""
    if request.param == "peek":
        monkeypatch.setattr("trioproxy.upstream.stream._poll", None)


@pytest.mark.usefixtures("asking")
async def test_an_idle_stream_lives_until_its_peer_closes(pair: Pair) -> None:
    await pair.stream.send_all(b"ping")
    await pair.peer.receive_exactly(4)
    await pair.peer.send(b"pong")
    await pair.stream.receive()
    assert not pair.stream.is_dead()

    await pair.peer.stream.aclose()
    await trio.lowlevel.wait_readable(raw_socket(pair.stream))

    assert pair.stream.is_dead()


@pytest.mark.usefixtures("asking")
async def test_an_idle_stream_that_was_reset_is_dead() -> None:
    async with connected("tcp") as pair:
        pair.peer.reset()
        await trio.lowlevel.wait_readable(raw_socket(pair.stream))

        assert pair.stream.is_dead()


@pytest.mark.usefixtures("asking")
async def test_an_idle_stream_with_unasked_bytes_is_dead(pair: Pair) -> None:
    await pair.peer.send(b"HTTP/1.1 408 Request Timeout\r\n\r\n")
    await trio.lowlevel.wait_readable(raw_socket(pair.stream))

    assert pair.stream.is_dead()


async def test_closing_wakes_a_reader_and_ends_all_use(pair: Pair, nursery: trio.Nursery) -> None:
    woken: list[bool] = []

    async def read() -> None:
        with pytest.raises(trio.ClosedResourceError):
            await pair.stream.receive()
        woken.append(True)

    nursery.start_soon(read)
    await wait_all_tasks_blocked()
    pair.stream.close()
    pair.stream.close()
    await wait_all_tasks_blocked()

    assert woken == [True]
    assert pair.stream.is_dead()
    with pytest.raises(trio.ClosedResourceError):
        await pair.stream.receive()
    with pytest.raises(trio.ClosedResourceError):
        await pair.stream.send_all(b"x")
    with pytest.raises(trio.ClosedResourceError):
        pair.stream.pull(1)


async def test_nothing_is_pulled_before_anything_comes(pair: Pair) -> None:
    with pytest.raises(BlockingIOError):
        pair.stream.pull(1)


async def test_the_socket_sends_at_once_and_probes_a_silent_peer() -> None:
    async with connected("tcp") as pair:
        sock = raw_socket(pair.stream)

        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert sock.gettimeout() == 0


async def test_connecting_where_nobody_listens_is_an_error() -> None:
    with pytest.raises(OSError, match="all attempts to connect"):
        await connect_tcp("127.0.0.1", refusing_port())


async def test_a_cancellation_that_comes_with_the_connection_closes_it() -> None:
    async with raw_server(RawConnection.wait_gone) as server:
        with trio.CancelScope() as scope:
            scope.cancel()
            await connect_tcp("127.0.0.1", server.port)
        assert scope.cancelled_caught

        for _ in range(20):
            with trio.move_on_after(0.0002):
                (await connect_tcp("127.0.0.1", server.port)).close()
        await server.wait_open(0)


# -- TLS


async def test_a_certificate_that_nobody_vouches_for_is_refused_and_the_connection_closed() -> None:
    async with raw_server(RawConnection.wait_gone, ssl_context=server_context()) as server:
        transport = await connect_tcp("127.0.0.1", server.port)

        with pytest.raises(ssl.SSLCertVerificationError):
            await start_tls(transport, ssl.create_default_context(), "localhost")

        assert transport.is_dead()
        await server.wait_open(0)


async def test_a_certificate_for_another_name_is_refused() -> None:
    async with raw_server(RawConnection.wait_gone, ssl_context=server_context()) as server:
        transport = await connect_tcp("127.0.0.1", server.port)

        with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
            await start_tls(transport, client_context(), "example.org")


async def test_a_server_that_speaks_no_tls_is_an_error() -> None:
    async def answer(connection: RawConnection) -> None:
        await connection.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await connection.wait_gone()

    async with raw_server(answer) as server:
        transport = await connect_tcp("127.0.0.1", server.port)

        with pytest.raises(ssl.SSLError):
            await start_tls(transport, client_context(), "localhost")


async def test_a_server_that_hangs_up_during_the_handshake_is_an_error() -> None:
    async def answer(connection: RawConnection) -> None:
        await connection.receive_exactly(1)

    async with raw_server(answer) as server:
        transport = await connect_tcp("127.0.0.1", server.port)

        with pytest.raises(OSError, match=r"EOF|reset"):
            await start_tls(transport, client_context(), "localhost")


async def test_a_handshake_that_is_cancelled_closes_the_connection() -> None:
    async with raw_server(RawConnection.wait_gone) as server:
        transport = await connect_tcp("127.0.0.1", server.port)
        with trio.CancelScope() as scope:
            scope.cancel()
            await start_tls(transport, client_context(), "localhost")

        assert scope.cancelled_caught
        assert transport.is_dead()
        await server.wait_open(0)


@pytest.mark.parametrize("layers", [1, 2])
async def test_the_peer_is_told_of_the_end(layers: int) -> None:
    ends: list[bytes] = []

    async def strict(connection: RawConnection) -> None:
        stream: trio.abc.Stream = connection.transport
        for _ in range(layers):  # the second is what a tunnel through an https proxy looks like
            stream = trio.SSLStream(stream, server_context(), server_side=True)
        ends.append(bytes(await stream.receive_some()))
        ends.append(bytes(await stream.receive_some()))

    async with raw_server(strict) as server:
        stream: ByteStream = await connect_tcp("127.0.0.1", server.port)
        for _ in range(layers):
            stream = await start_tls(stream, client_context(), "localhost")
        await stream.send_all(b"last words")
        stream.close()
        stream.close()
        await server.wait_open(0)

    assert ends == [b"last words", b""]


async def test_last_words_to_a_dead_peer_are_lost_quietly(pair: Pair) -> None:
    pair.peer.reset()
    await trio.lowlevel.wait_readable(raw_socket(pair.stream))

    pair.stream.send_nowait(b"x")
    pair.stream.send_nowait(b"")
    pair.stream.close()
    pair.stream.send_nowait(b"x")


async def test_bytes_cut_anywhere_decrypt_the_same() -> None:
    # The server's records pass through a transport that hands out one byte at a time.
    @attrs.define(eq=False)
    class Drip:
        inner: ByteStream
        held: bytes = b""

        async def receive(self) -> bytes:
            if not self.held:
                self.held = await self.inner.receive()
            first, self.held = self.held[:1], self.held[1:]
            return first

        def ready(self) -> Awaitable[None]:
            return self.inner.ready() if not self.held else trio.lowlevel.checkpoint()  # noqa: ASYNC105

        def pull(self, size: int) -> bytes:
            if not self.held:
                self.held = self.inner.pull(size)
            first, self.held = self.held[:1], self.held[1:]
            return first

        async def send_all(self, data: bytes) -> None:
            await self.inner.send_all(data)

        def send_nowait(self, data: bytes) -> None:
            self.inner.send_nowait(data)

        def close(self) -> None:
            self.inner.close()

        def is_dead(self) -> bool:
            return self.inner.is_dead()

    async def answer(connection: RawConnection) -> None:
        await connection.send(b"a" * 100)
        await connection.send(b"b" * 100)
        await connection.stream.aclose()

    async with raw_server(answer, ssl_context=server_context()) as server:
        stream = await start_tls(Drip(await connect_tcp("127.0.0.1", server.port)), client_context(), "localhost")
        received = b""
        while data := await stream.receive():
            received += data
        stream.close()

    assert received == b"a" * 100 + b"b" * 100


async def test_a_broken_record_behind_good_ones_is_met_by_the_next_receive() -> None:
    async with connected("tls") as pair:
        await pair.peer.send(b"good")
        await pair.peer.transport.send_all(b"\x17\x03\x03\x00\x20" + b"\x00" * 32)
        await wait_all_tasks_blocked()

        assert await pair.stream.receive() == b"good"
        with pytest.raises(ssl.SSLError):
            await pair.stream.receive()


async def test_a_broken_record_is_an_error_for_good() -> None:
    async with connected("tls") as pair:
        await pair.peer.transport.send_all(b"\x17\x03\x03\x00\x20" + b"\x00" * 32)

        for _ in range(2):
            with pytest.raises(ssl.SSLError):
                await pair.stream.receive()
