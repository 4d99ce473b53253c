"""The clients of a benchmark, as a process: ``python -m trioproxy.bench.load JOB`` does one job and prints what it saw.

Knows: requests, and the timestamps that the origin puts into its events. Refuses to know: who answers. What it can ask for in a second is
bounded by its own speed, which is why the same load goes to the floor and straight to the origin as well.
"""

from __future__ import annotations

import itertools
import re
import statistics
import sys
import time

import attrs
import trio

from trioproxy.bench.origin import MARK
from trioproxy.wire.jsoncodec import dumps, loads_object

__all__ = ["KEY", "Job", "Seen", "carry_out"]

KEY = "bench-key"
"""The client key, so that a request is admitted as it would be in earnest."""

_TIMES = re.compile(MARK + rb"(\d{19})")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@attrs.frozen(kw_only=True)
class Job:
    """``requests`` for ``model``, shared among ``connections`` to ``port``."""

    port: int
    model: str
    stream: bool
    connections: int
    requests: int


@attrs.frozen(kw_only=True)
class Seen:
    """``count`` events (of streams) or answers, in so many ``seconds``; ``p50`` is the median of how long each took, in seconds: from the
    origin's write to the client's read for an event, from request to answer for an answer."""

    count: int
    seconds: float
    p50: float


async def carry_out(job: Job) -> Seen:
    """Do a job.

    Raises:
        RuntimeError: an answer was not the one expected.
    """
    taken: list[float] = []
    request = _request(job)
    turns = itertools.repeat(None, job.requests)

    async def ask_on_one_connection() -> None:
        async with await trio.open_tcp_stream("127.0.0.1", job.port) as stream:
            for _ in turns:
                await stream.send_all(request)
                if job.stream:
                    await _watch(stream, taken)
                else:
                    begun = time.perf_counter()
                    await _take(stream)
                    taken.append(time.perf_counter() - begun)

    begun = time.perf_counter()
    async with trio.open_nursery() as nursery:
        for _ in range(job.connections):
            nursery.start_soon(ask_on_one_connection)
    return Seen(count=len(taken), seconds=time.perf_counter() - begun, p50=statistics.median(taken))


def _request(job: Job) -> bytes:
    messages = [{"role": "system", "content": "Be brief. " * 20}, {"role": "user", "content": "What is a proxy? " * 10}]
    body = dumps({"model": job.model, "messages": messages, "stream": job.stream})
    lines = (
        b"POST /v1/chat/completions HTTP/1.1",
        b"host: 127.0.0.1:%d" % job.port,
        b"authorization: Bearer " + KEY.encode(),
        b"content-type: application/json",
        b"content-length: %d" % len(body),
        b"user-agent: trioproxy-bench",
        b"accept: application/json",
    )
    return b"\r\n".join((*lines, b"", body))


async def _receive(stream: trio.SocketStream) -> bytes:
    data = await stream.receive_some(65536)
    if not data:
        raise RuntimeError("the connection ended in the midst of an answer")
    return bytes(data)


async def _take(stream: trio.SocketStream) -> None:
    received = await _receive(stream)
    while b"\r\n\r\n" not in received:
        received += await _receive(stream)
    head, _, body = received.partition(b"\r\n\r\n")
    declared = _LENGTH.search(head)
    if not head.startswith(b"HTTP/1.1 200 ") or declared is None:
        raise RuntimeError(f"an answer that was not expected: {received[:300]!r}")
    left = int(declared[1]) - len(body)
    while left > 0:
        left -= len(await _receive(stream))


async def _watch(stream: trio.SocketStream, taken: list[float]) -> None:
    tail = b""
    begun = False
    while not tail.endswith(b"0\r\n\r\n"):
        data = await _receive(stream)
        now = time.monotonic_ns()
        if not begun and not data.startswith(b"HTTP/1.1 200 "):
            raise RuntimeError(f"an answer that was not expected: {data[:300]!r}")
        begun = True
        # A timestamp that was cut in two is missing from the sample, and not missed.
        taken += ((now - int(sent)) / 1e9 for sent in _TIMES.findall(data))
        tail = (tail + data)[-8:]


if __name__ == "__main__":
    seen = trio.run(carry_out, Job(**loads_object(sys.argv[1].encode())))
    sys.stdout.write(dumps(attrs.asdict(seen)).decode() + "\n")
