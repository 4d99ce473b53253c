"""The face towards httpcore2; tunnels themselves are tested with the dialer that opens them."""

from __future__ import annotations

import ssl

import httpcore2
import pytest

from tests.support.raw_server import RawConnection, raw_server, refusing_port
from tests.support.tls import client_context, server_context
from trioproxy.upstream.stream import connect_tcp
from trioproxy.upstream.tunnel import HttpcoreStream, LeanBackend


async def test_the_backend_connects_for_httpcore() -> None:
    async def answer(connection: RawConnection) -> None:
        while await connection.read_request():
            await connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello")

    async with raw_server(answer, ssl_context=server_context()) as server:
        origin = httpcore2.Origin(b"https", b"localhost", server.port)
        async with httpcore2.AsyncHTTPConnection(
            origin, ssl_context=client_context(), network_backend=LeanBackend()
        ) as connection:
            for _ in range(2):
                response = await connection.request("GET", server.url)
                assert response.status == 200
                assert await response.aread() == b"hello"
            assert not connection.has_expired()


async def test_httpcore_reads_no_more_than_it_asked_for() -> None:
    async def answer(connection: RawConnection) -> None:
        await connection.send(b"hello")
        await connection.wait_gone()

    async with raw_server(answer) as server:
        stream = HttpcoreStream(await connect_tcp("127.0.0.1", server.port))

        assert [await stream.read(2), await stream.read(2), await stream.read(2)] == [b"he", b"ll", b"o"]
        assert stream.get_extra_info("ssl_object") is None
        assert stream.get_extra_info("socket") is None
        await stream.aclose()


async def test_errors_are_told_to_httpcore_in_its_own_terms() -> None:
    backend = LeanBackend()
    with pytest.raises(httpcore2.ConnectError):
        await backend.connect_tcp("127.0.0.1", refusing_port())

    async with raw_server(RawConnection.wait_gone, ssl_context=server_context()) as server:
        stream = await backend.connect_tcp("127.0.0.1", server.port)
        with pytest.raises(httpcore2.ConnectError):
            await stream.start_tls(ssl.create_default_context(), "localhost")
        with pytest.raises(httpcore2.ReadError):
            await stream.read(10)
        with pytest.raises(httpcore2.WriteError):
            await stream.write(b"x")
