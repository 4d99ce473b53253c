"""A thousand streams open at once, and one very long one: every byte arrives, and memory does not grow with what has passed.

The proxy runs as a process of its own, so that its memory can be told from the test's. What memory comes to is printed; what is asserted is
that it stays far below what went through, which only bounded buffers can bring about.
"""

from __future__ import annotations

import re
import resource
import zlib
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest
import trio

from tests.support.clients import connect
from tests.support.raw_server import RawConnection, RawServer, chunked, raw_server
from tests.support.running import PATIENT, asking, config_of
from trioproxy.bench.children import Child

_MIB = 2**20
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
_NUMBER = re.compile(rb'"model": ?"m-(\d+)"')
_STREAMS, _ROUNDS, _TEXT = 1000, 10, 6000
_LONG = 200 * _MIB


def _event(text: str, finish: str = "null") -> bytes:
    return (
        b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"%b"},'
        b'"finish_reason":%b}]}\n\n'
    ) % (text.encode(), finish.encode())


_END = _event("", '"stop"') + b"data: [DONE]\n\n"


@pytest.fixture
def many_files() -> Iterator[None]:
    """Room for enough descriptors, in this process and those that it starts."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 3 * _STREAMS
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip(f"{wanted} open files are needed, the hard limit is {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def _serving(upstream: RawServer, folder: Path) -> Child:
    """Without a ledger: the prices that it loads beside the first streams are no memory of theirs."""
    config = folder / "config.yaml"
    config.write_text(
        "port: 0\nstate-dir: off\n" + config_of(upstream.url, connections=_STREAMS, more=PATIENT), "utf-8"
    )
    return Child.start("-m", "trioproxy", "serve", "--config", str(config), "--log-level", "warning")


def _resident(child: Child) -> int:
    resident = child.resident_bytes
    if resident is None:
        pytest.skip("memory is read from /proc")
    return resident


@attrs.define(eq=False)
class _Rounds:
    """Everybody gets one event a round, and nobody the next before all have theirs."""

    opened: list[trio.Event] = attrs.field(factory=lambda: [trio.Event() for _ in range(_ROUNDS)])
    arrived: list[int] = attrs.field(factory=lambda: [0] * _ROUNDS)
    complete: list[trio.Event] = attrs.field(factory=lambda: [trio.Event() for _ in range(_ROUNDS)])

    @staticmethod
    def event(stream: int, number: int) -> bytes:
        return _event(f"{stream}/{number} ".ljust(_TEXT, "x"))

    async def play(self, connection: RawConnection) -> None:
        request = await connection.read_request()
        assert request is not None
        found = _NUMBER.search(request.body)
        assert found is not None
        await connection.send(_HEAD)
        for number, opened in enumerate(self.opened):
            await opened.wait()
            await connection.send(chunked(self.event(int(found[1]), number), last=False))
        await connection.send(chunked(_END))

    async def follow(self, port: int, stream: int) -> None:
        client = await connect(port)
        async with client.stream:
            await client.send(asking("openai_chat", f"m-{stream}"))
            status, _ = await client.head()
            assert status == 200
            wanted = bytearray()
            received = bytearray()
            for number in range(_ROUNDS):
                wanted += self.event(stream, number)
                while len(received) < len(wanted):
                    chunk = await client.chunk()
                    assert chunk
                    received += chunk
                self.arrived[number] += 1
                if self.arrived[number] == _STREAMS:
                    self.complete[number].set()
            while chunk := await client.chunk():
                received += chunk
            assert received == wanted + _END


async def test_a_thousand_streams_at_once(many_files: None, tmp_path: Path) -> None:
    rounds = _Rounds()
    memory: list[int] = []
    async with raw_server(rounds.play) as upstream:
        with _serving(upstream, tmp_path) as proxy:
            idle = _resident(proxy)
            async with trio.open_nursery() as clients:
                for stream in range(_STREAMS):
                    clients.start_soon(rounds.follow, proxy.port, stream)
                for opened, complete in zip(rounds.opened, rounds.complete, strict=True):
                    opened.set()
                    await complete.wait()
                    memory.append(_resident(proxy))
                assert upstream.accepted == _STREAMS
    passed = _STREAMS * _TEXT * (_ROUNDS - 2)
    grown = memory[-1] - memory[1]
    print(
        f"{_STREAMS} streams: idle {idle / _MIB:.1f} MiB, {(memory[1] - idle) / _STREAMS / 1024:.1f} KiB a stream, "
        f"{grown / 1024:.0f} KiB more after another {passed / _MIB:.0f} MiB"
    )
    assert grown < passed / 4


async def test_a_long_stream_leaves_no_trace(tmp_path: Path) -> None:
    block = b"".join(_event(f"{number} ".ljust(4000, "y")) for number in range(16))
    framed = chunked(block, last=False)
    blocks = _LONG // len(block)
    sent = 0

    async def play(connection: RawConnection) -> None:
        nonlocal sent
        await connection.read_request()
        await connection.send(_HEAD)
        for _ in range(blocks):
            await connection.send(framed)
            sent = zlib.crc32(block, sent)
        await connection.send(chunked(_END))
        sent = zlib.crc32(_END, sent)

    async with raw_server(play) as upstream:
        with _serving(upstream, tmp_path) as proxy:
            client = await connect(proxy.port)
            # HTTP/1.0 knows no chunks: what comes is the body, to the end of the connection.
            await client.send(asking("openai_chat", "m-1").replace(b"HTTP/1.1", b"HTTP/1.0", 1))
            status, _ = await client.head()
            assert status == 200
            received, length, early = zlib.crc32(client.arrived), len(client.arrived), 0
            client.arrived.clear()
            while await client.more():
                received = zlib.crc32(client.arrived, received)
                length += len(client.arrived)
                client.arrived.clear()
                if not early and length > _LONG / 4:
                    early = _resident(proxy)
            grown = _resident(proxy) - early
            assert not client.reset
            assert (length, received) == (blocks * len(block) + len(_END), sent)
            await client.leave()
    print(f"{length / _MIB:.0f} MiB through one stream: {grown / 1024:.0f} KiB more at its end than at a quarter of it")
    assert grown < 8 * _MIB
