from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable

import pytest
import trio

from tests.support.raw_server import RawConnection, RawServer, raw_server, refusing_port
from tests.support.tls import client_context, server_context
from trioproxy.errors import ErrorKind, UpstreamFault
from trioproxy.upstream.dial import Dialer, proxy_authorization, reason_in_words
from trioproxy.upstream.origin import Origin, OutboundProxy, read_proxy
from trioproxy.wire.machine import ProtocolViolation


def at(server: RawServer) -> Origin:
    return Origin(server.scheme, "localhost" if server.scheme == "https" else "127.0.0.1", server.port)


async def echo(connection: RawConnection) -> None:
    while True:
        await connection.send(await connection.receive_exactly(1))


async def splice(connection: RawConnection, server: RawServer) -> None:
    """Carry the bytes of a client to ``server`` and back, as a proxy does once the way stands."""
    far = await trio.open_tcp_stream("127.0.0.1", server.port)

    async def back() -> None:
        async for data in far:
            await connection.send(bytes(data))

    async with far, trio.open_nursery() as nursery:
        nursery.start_soon(back)
        while True:
            await far.send_all(await connection.receive_exactly(1))


async def ask(dialer: Dialer, origin: Origin, proxy: OutboundProxy | None) -> bytes:
    stream = await dialer.dial(origin, proxy)
    try:
        await stream.send_all(b"ping")
        received = b""
        while len(received) < 4:
            received += await stream.receive()
        return received
    finally:
        stream.close()


@pytest.fixture
def dialer() -> Dialer:
    return Dialer(client_context)


@pytest.mark.parametrize("tls", [False, True])
async def test_directly(dialer: Dialer, tls: bool) -> None:
    async with raw_server(echo, ssl_context=server_context() if tls else None) as server:
        assert await ask(dialer, at(server), None) == b"ping"
        await server.wait_open(0)


async def test_http_1_1_is_agreed_on_under_tls(dialer: Dialer) -> None:
    chosen: list[str | None] = []
    context = server_context()
    context.set_alpn_protocols(["h2", "http/1.1"])

    async def note(connection: RawConnection) -> None:
        assert isinstance(connection.stream, trio.SSLStream)
        await connection.stream.do_handshake()
        chosen.append(connection.stream.selected_alpn_protocol())

    async with raw_server(note, ssl_context=context) as server:
        (await dialer.dial(at(server), None)).close()
        await server.wait_open(0)

    assert chosen == ["http/1.1"]


# -- HTTP proxies


@pytest.mark.parametrize("proxy_tls", [False, True])
async def test_a_tunnel_through_an_http_proxy(dialer: Dialer, proxy_tls: bool) -> None:
    async with raw_server(echo, ssl_context=server_context()) as server:

        async def tunnel(connection: RawConnection) -> None:
            request = await connection.read_request()
            assert request is not None
            assert (request.method, request.target) == ("CONNECT", f"localhost:{server.port}".encode())
            assert request.header(b"host") == request.target
            assert request.header(b"proxy-authorization") == b"Basic dXNlcjp3b3Jk"
            await connection.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await splice(connection, server)

        async with raw_server(tunnel, ssl_context=server_context() if proxy_tls else None) as hop:
            proxy = OutboundProxy(at(hop), "user", "word")
            assert await ask(dialer, at(server), proxy) == b"ping"
            await hop.wait_open(0)
        await server.wait_open(0)


async def test_a_proxy_that_refuses_the_tunnel_is_named_with_its_answer(dialer: Dialer) -> None:
    async def refuse(connection: RawConnection) -> None:
        await connection.read_request()
        await connection.send(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n")
        await connection.wait_gone()

    async with raw_server(refuse) as hop:
        with pytest.raises(UpstreamFault) as caught:
            await dialer.dial(Origin("https", "provider.test", 443), OutboundProxy(at(hop)))

        assert caught.value.failure.kind is ErrorKind.UNREACHABLE
        assert caught.value.failure.message == (f"the proxy {hop.authority} answered 407 to CONNECT provider.test:443")
        await hop.wait_open(0)


async def test_a_proxy_that_is_not_there_is_named(dialer: Dialer) -> None:
    port = refusing_port()
    proxy = read_proxy(f"http://127.0.0.1:{port}")

    with pytest.raises(UpstreamFault) as tunnel:
        await dialer.dial(Origin("https", "provider.test", 443), proxy)
    with pytest.raises(UpstreamFault) as forward:
        await dialer.dial(Origin("http", "provider.test", 80), proxy)

    assert tunnel.value.failure.message == (
        f"no tunnel to provider.test:443 through 127.0.0.1:{port}: connection refused"
    )
    assert forward.value.failure.message == f"can't connect to the proxy 127.0.0.1:{port}: connection refused"


async def test_a_tunnel_that_ends_at_the_wrong_host_is_closed(dialer: Dialer) -> None:
    async with raw_server(echo, ssl_context=server_context()) as server:

        async def tunnel(connection: RawConnection) -> None:
            await connection.read_request()
            await connection.send(b"HTTP/1.1 200 OK\r\n\r\n")
            await splice(connection, server)

        async with raw_server(tunnel) as hop:
            with pytest.raises(UpstreamFault, match="its certificate is not trusted"):
                await dialer.dial(Origin("https", "provider.test", 443), OutboundProxy(at(hop)))
            await hop.wait_open(0)


async def test_clear_text_ends_at_the_proxy(dialer: Dialer) -> None:
    async with raw_server(echo) as hop:
        assert await ask(dialer, Origin("http", "provider.test", 80), OutboundProxy(at(hop))) == b"ping"
    async with raw_server(echo, ssl_context=server_context()) as hop:
        assert await ask(dialer, Origin("http", "provider.test", 80), OutboundProxy(at(hop))) == b"ping"


# -- SOCKS


def socks(server: RawServer) -> Callable[[RawConnection], Awaitable[None]]:
    async def serve(connection: RawConnection) -> None:
        assert await connection.receive_exactly(4) == b"\x05\x02\x00\x02"
        await connection.send(b"\x05\x02")
        assert await connection.receive_exactly(11) == b"\x01\x04user\x04word"
        await connection.send(b"\x01\x00")
        head = await connection.receive_exactly(5)
        rest = await connection.receive_exactly(head[4] + 2 if head[3] == 3 else 5)
        assert int.from_bytes(rest[-2:], "big") == server.port
        await connection.send(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50")
        await splice(connection, server)

    return serve


@pytest.mark.parametrize("tls", [False, True])
async def test_through_a_socks_proxy(dialer: Dialer, tls: bool) -> None:
    async with (
        raw_server(echo, ssl_context=server_context() if tls else None) as server,
        raw_server(socks(server)) as hop,
    ):
        proxy = OutboundProxy(Origin("socks5", "127.0.0.1", hop.port), "user", "word")
        assert await ask(dialer, at(server), proxy) == b"ping"
        await hop.wait_open(0)


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n", "it does not speak SOCKS 5"),
        (b"\x05\xff", "it wants a user name and password"),
        (b"", "it hung up"),
    ],
)
async def test_a_socks_proxy_that_refuses_is_named_with_its_reason(dialer: Dialer, reply: bytes, reason: str) -> None:
    async def refuse(connection: RawConnection) -> None:
        await connection.receive_exactly(3)
        await connection.send(reply)

    async with raw_server(refuse) as hop:
        with pytest.raises(UpstreamFault) as caught:
            await dialer.dial(
                Origin("https", "provider.test", 443), OutboundProxy(Origin("socks5", "127.0.0.1", hop.port))
            )

        assert caught.value.failure.message == (
            f"the SOCKS proxy 127.0.0.1:{hop.port} did not connect to provider.test:443: {reason}"
        )
        await hop.wait_open(0)


# -- cancellation


@pytest.mark.parametrize(
    ("origin_scheme", "proxy_scheme"),
    [("https", None), ("https", "http"), ("https", "https"), ("http", "socks5"), ("http", "https")],
)
async def test_a_dial_that_is_cancelled_at_any_step_leaves_no_connection(
    dialer: Dialer, origin_scheme: str, proxy_scheme: str | None
) -> None:
    # The far side accepts and is silent, so every step behind the TCP connection is reached and none is passed.
    async with raw_server(RawConnection.wait_gone) as server:
        near = Origin(proxy_scheme or origin_scheme, "127.0.0.1", server.port)
        proxy = OutboundProxy(near) if proxy_scheme else None
        origin = Origin(origin_scheme, "provider.test", 443) if proxy_scheme else near
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(dialer.dial, origin, proxy)
                while not (server.connections and server.connections[0]._buffer):
                    await trio.lowlevel.checkpoint()
                scope.cancel()

        assert scope.cancelled_caught
        await server.wait_open(0)


# -- words


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectionRefusedError(111, "Error connecting to ('::1', 1): Connection refused"), "connection refused"),
        (OSError("odd"), "odd"),
        (OSError(), "(OSError)"),
        (ssl.SSLError(1, "wrong version number"), "TLS failed ("),
        (ProtocolViolation("it hung up"), "it hung up"),
        (ExceptionGroup("many", [TimeoutError(110, "x"), OSError(5, "y")]), "connection timed out"),
    ],
)
def test_reasons_are_told_without_their_wrappings(error: Exception, words: str) -> None:
    outer = OSError("all attempts failed")
    outer.__cause__ = error

    assert words in reason_in_words(outer)


def test_a_proxy_without_a_name_gets_no_header() -> None:
    assert proxy_authorization(read_proxy("http://h")) == ()
