"""What hostile and broken clients send, over real sockets: a clear answer or a closed connection, and the next client is served."""

from __future__ import annotations

import gzip
import logging
from typing import Any

import brotli
import pytest
import trio
from backports import zstd

from tests.support.clients import connect, get, post
from trioproxy.gateway.exchange import Exchange
from trioproxy.server.limits import ServerLimits
from trioproxy.server.listen import Serving, serve
from trioproxy.wire.jsoncodec import loads_object

MIB = 1024 * 1024

LIMITS = ServerLimits(linger_seconds=20)


async def handler(exchange: Exchange) -> None:
    """Takes bodies of at most one MiB; shows on request what it must never show."""
    body = await exchange.receive_body(MIB)
    if exchange.head.path == "/fail":
        raise ValueError("secret in an exception")
    await exchange.start(200, ((b"content-length", b"%d" % len(body)),), flush=False)
    await exchange.send(body)
    await exchange.finish()


@pytest.fixture
async def server(nursery: trio.Nursery) -> Serving:
    found: Serving = await nursery.start(lambda task_status: serve(handler, limits=LIMITS, task_status=task_status))
    return found


def lines(*each: str) -> bytes:
    return "\r\n".join([*each, "", ""]).encode("latin-1")


def chunked(body: bytes, *headers: str) -> bytes:
    return lines("POST / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked", *headers) + body


SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"

# What is sent, and the status of the answer; None where the connection is closed without one.
HOSTILE: dict[str, tuple[bytes, int | None]] = {
    # Framing that two servers read differently.
    "length and chunks": (
        lines("POST / HTTP/1.1", "Host: a", "Content-Length: 4", "Transfer-Encoding: chunked")
        + b"0\r\n\r\n"
        + SMUGGLED,
        400,
    ),
    "chunks and length": (
        lines("POST / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked", "Content-Length: 4")
        + b"0\r\n\r\n"
        + SMUGGLED,
        400,
    ),
    "two lengths": (lines("POST / HTTP/1.1", "Host: a", "Content-Length: 0", "Content-Length: 37") + SMUGGLED, 400),
    "a list of lengths": (lines("POST / HTTP/1.1", "Host: a", "Content-Length: 0, 37") + SMUGGLED, 400),
    "a signed length": (lines("POST / HTTP/1.1", "Host: a", "Content-Length: +0") + SMUGGLED, 400),
    "a negative length": (lines("POST / HTTP/1.1", "Host: a", "Content-Length: -1"), 400),
    "a length in other digits": (lines("POST / HTTP/1.1", "Host: a", "Content-Length: \xb2"), 400),
    "gzip, chunked": (lines("POST / HTTP/1.1", "Host: a", "Transfer-Encoding: gzip, chunked") + b"0\r\n\r\n", 400),
    "chunked, identity": (
        lines("POST / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked, identity") + b"0\r\n\r\n",
        400,
    ),
    "chunked behind a vertical tab": (
        lines("POST / HTTP/1.1", "Host: a", "Transfer-Encoding:\x0bchunked") + b"0\r\n\r\n",
        400,
    ),
    "chunked in two headers": (chunked(b"0\r\n\r\n", "Transfer-Encoding: cow"), 400),
    "a blank before the colon": (
        lines("POST / HTTP/1.1", "Host: a", "Transfer-Encoding : chunked") + b"0\r\n\r\n" + SMUGGLED,
        400,
    ),
    "a folded coding": (lines("POST / HTTP/1.1", "Host: a", "Transfer-Encoding:", " chunked") + b"0\r\n\r\n", 400),
    "chunks in HTTP/1.0": (lines("POST / HTTP/1.0", "Transfer-Encoding: chunked") + b"0\r\n\r\n" + SMUGGLED, 400),
    # Chunks.
    "no chunk size": (chunked(b"\r\nabc\r\n0\r\n\r\n"), 400),
    "a chunk size with a sign": (chunked(b"+3\r\nabc\r\n0\r\n\r\n"), 400),
    "a chunk size with 0x": (chunked(b"0x3\r\nabc\r\n0\r\n\r\n"), 400),
    "a chunk size with a blank": (chunked(b"3 \r\nabc\r\n0\r\n\r\n"), 400),
    "an overflowing chunk size": (chunked(b"ffffffffffffffff3\r\nabc\r\n0\r\n\r\n"), 400),
    "a huge chunk": (chunked(b"7fffffff\r\n" + bytes(2 * MIB)), 413),
    "a chunk longer than it says": (chunked(b"3\r\nabcd\r\n0\r\n\r\n"), 400),
    "a chunk ended by LF": (chunked(b"3\nabc\n0\n\n"), 400),
    "a long extension": (chunked(b"3;" + b"a" * 100_000 + b"\r\nabc\r\n0\r\n\r\n"), 400),
    "bare CR in an extension": (chunked(b"3;a\rb\r\nabc\r\n0\r\n\r\n"), 400),
    "extensions for ever": (chunked((b"1;" + b"a" * 200 + b"\r\nx\r\n") * 10_000), 400),
    "a long trailer": (chunked(b"0\r\n" + b"x-a: b\r\n" * 10_000), 400),
    "a trailer that is none": (chunked(b"0\r\nGET /smuggled HTTP/1.1\r\n\r\n"), 400),
    # Heads.
    "LF line ends": (b"GET / HTTP/1.1\nHost: a\n\n", 400),
    "one LF line end": (b"GET / HTTP/1.1\r\nHost: a\nx: y\r\n\r\n", 400),
    "bare CR": (b"GET / HTTP/1.1\r\nHost: a\rx: y\r\n\r\n", 400),
    "a folded header": (b"GET / HTTP/1.1\r\nHost: a\r\nx: y\r\n\tz\r\n\r\n", 400),
    "NUL": (lines("GET / HTTP/1.1", "Host: a", "x: \0"), 400),
    "a control character": (lines("GET / HTTP/1.1", "Host: a", "x: \x1b[31m"), 400),
    "a header without a colon": (lines("GET / HTTP/1.1", "Host: a", "x"), 400),
    "a header without a name": (lines("GET / HTTP/1.1", "Host: a", ": x"), 400),
    "no Host": (lines("GET / HTTP/1.1"), 400),
    "two Hosts": (lines("GET / HTTP/1.1", "Host: a", "Host: b"), 400),
    "an evil Host": (lines("GET / HTTP/1.1", "Host: a/../b"), 400),
    "a huge head": (lines("GET / HTTP/1.1", "Host: a", "x: " + "y" * 100_000), 431),
    "a huge target": (lines("GET /" + "a" * 100_000 + " HTTP/1.1", "Host: a"), 431),
    "a head without end": (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"x: y\r\n" * 50_000, 431),
    "very many headers": (lines("GET / HTTP/1.1", "Host: a", *["x:"] * 5000), 431),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    "HTTP/0.9": (b"GET /\r\n\r\n", 400),
    "TLS": (bytes.fromhex("16030100c8010000c40303") + bytes(range(189)), 400),
    "SOCKS": (b"\x05\x01\x00", 400),
    "no HTTP": (b"\xff\xfe\xfd" * 100, 400),
    "a line of text": (b"EHLO there\r\n", 400),
    "only line ends": (b"\r\n" * 100, 400),
    "CONNECT": (lines("CONNECT evil.example:443 HTTP/1.1", "Host: evil.example:443"), 405),
    "another scheme": (lines("GET file:///etc/passwd HTTP/1.1", "Host: a"), 400),
    "a blank in the target": (lines("GET /a b HTTP/1.1", "Host: a"), 400),
    "bytes in the target": (b"GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "an unmet expectation": (lines("POST / HTTP/1.1", "Host: a", "Content-Length: 1", "Expect: payment") + b"x", 417),
    # Bodies.
    "a declared length over the limit": (lines("POST / HTTP/1.1", "Host: a", "Content-Length: 1048577"), 413),
    "an enormous length": (lines("POST / HTTP/1.1", "Host: a", "Content-Length: 999999999999999999"), 413),
    "a body over the limit": (post(bytes(MIB + 1)), 413),
    "chunks over the limit": (
        chunked(b"ffff\r\n" + bytes(0xFFFF) + b"\r\n") + (b"ffff\r\n" + bytes(0xFFFF) + b"\r\n") * 20,
        413,
    ),
    "a gzip bomb": (post(gzip.compress(bytes(100 * MIB), 9), "Content-Encoding: gzip"), 413),
    "a gzip bomb in a gzip bomb": (
        post(gzip.compress(gzip.compress(bytes(100 * MIB))), "Content-Encoding: gzip, gzip"),
        413,
    ),
    "a zstd bomb": (post(zstd.compress(bytes(100 * MIB)), "Content-Encoding: zstd"), 413),
    "a brotli bomb": (post(brotli.compress(bytes(8 * MIB)), "Content-Encoding: br"), 413),
    "truncated gzip": (post(gzip.compress(b"body")[:-5], "Content-Encoding: gzip"), 400),
    "no gzip": (post(b"body", "Content-Encoding: gzip"), 400),
    "an unknown encoding": (post(b"body", "Content-Encoding: exi"), 415),
    "encodings piled up": (post(b"body", "Content-Encoding: " + ", ".join(["gzip"] * 50)), 415),
    # Handlers' failures.
    "a bug": (get("/fail"), 500),
}

# What can be told from an honest request only by what follows it: the first is served, the second is not what was hidden there.
SERVED: dict[str, tuple[bytes, list[int]]] = {
    "a body that looks like a request": (post(SMUGGLED), [200]),
    "a chunk that looks like an end": (chunked(b"5\r\n0\r\n\r\n\r\n0\r\n\r\n"), [200]),
    "an empty line between requests": (get() + b"\r\n" + get(), [200, 200]),
    "a bad one behind a good one": (get() + b"nonsense\r\n\r\n" + get(), [200, 400]),
    "an unread upgrade": (get("/", "Upgrade: h2c", "Connection: Upgrade") + get(), [200, 200]),
}


async def check_still_serving(server: Serving) -> None:
    client = await connect(server.port)
    answer = await client.ask(post(b"still here"))
    assert (answer.status, answer.body) == (200, b"still here")
    await client.leave()


@pytest.mark.parametrize(("data", "status"), HOSTILE.values(), ids=HOSTILE)
async def test_it_is_answered_clearly_and_the_server_lives(
    server: Serving, data: bytes, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    client = await connect(server.port)
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(client.send, data)
            answer = await client.answer()
            assert answer.status == status
            assert answer.whole
            assert answer.header("content-type") == "application/json"
            assert answer.header("connection") == "close"
            error = loads_object(answer.body)["error"]
            assert error["status"] == status
            assert error["message"]
            assert b"Traceback" not in answer.body
            assert b"secret" not in answer.body
            # Nothing that was hidden behind it is answered.
            assert await client.rest() == b""
    await client.leave()
    await check_still_serving(server)
    assert [
        record.getMessage()
        for record in caplog.records
        if record.levelno >= logging.ERROR and "/fail" not in record.getMessage()
    ] == []


@pytest.mark.parametrize(("data", "statuses"), SERVED.values(), ids=SERVED)
async def test_what_is_legal_is_served(server: Serving, data: bytes, statuses: list[int]) -> None:
    client = await connect(server.port)
    with trio.fail_after(20):
        await client.send(data)
        assert [(await client.answer()).status for _ in statuses] == statuses
    await client.leave()
    await check_still_serving(server)


CUT = {
    "nothing": b"",
    "half a request line": b"GET / HT",
    "half a head": b"GET / HTTP/1.1\r\nHost: a\r\n",
    "half a body": post(b"0123456789")[:-5],
    "half a chunk": chunked(b"a\r\n01234"),
    "half a gzip": post(gzip.compress(b"body"), "Content-Encoding: gzip")[:-3],
}


@pytest.mark.parametrize("data", CUT.values(), ids=CUT)
@pytest.mark.parametrize("manner", ["close", "reset", "half close"])
async def test_clients_that_break_off_are_no_trouble(
    server: Serving, data: bytes, manner: str, caplog: pytest.LogCaptureFixture
) -> None:
    client = await connect(server.port)
    await client.send(data)
    stream: Any = client.stream
    with trio.fail_after(20):
        if manner == "half close":
            await stream.send_eof()
            assert await client.rest() == b""
        elif manner == "reset":
            stream.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        await client.leave()
        await check_still_serving(server)
        await server.connections.wait_none()
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []
