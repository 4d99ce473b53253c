"""How well a replay keeps the recorded times: a case of the benchmark, and its clients as a process.

``python -m trioproxy.bench.replayed JOB`` is the latter.

Knows: a recording whose events say when they came, a hundred clients that read it at once, and how late each event is for each of them. An error
is the time from a client's request to an event, less the recorded offset; it holds the way over the loopback and the client's own delay too.
"""

from __future__ import annotations

import random
import re
import selectors
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from trioproxy.bench.children import Child, run_child
from trioproxy.bench.figures import Sample
from trioproxy.upstream.fixture import Chunk, Fixture, RecordedRequest, write_fixture
from trioproxy.wire.jsoncodec import dumps, loads_object

if TYPE_CHECKING:
    from trioproxy.bench.field import Field

__all__ = ["Errors", "Job", "paced_recording", "replayed", "watch"]

CLIENTS, APART_S = 100, 0.01
EVENTS = 100
_GAPS_S = (0.005, 0.055)
_TARGET = "/v1/chat/completions"
_QUESTION = {"model": "bench", "stream": True, "messages": [{"role": "user", "content": "When?"}]}
_OFFSET = re.compile(rb'"at (\d{6})"')
_PATIENCE = 30.0


@attrs.frozen(kw_only=True)
class Job:
    """``clients`` ask ``port`` for the recording, one every ``apart`` seconds, so that all of them read at once."""

    port: int
    clients: int
    apart: float = 0.0


@attrs.frozen(kw_only=True)
class Errors:
    """Of ``count`` events: how far from their recorded offsets they came, in seconds. ``early`` is the most that one was too early, 0 where
    none was; ``together`` is the most clients that read at once."""

    count: int
    p50: float
    p95: float
    p99: float
    longest: float
    early: float
    together: int


def paced_recording(events: int) -> Fixture:
    """A stream whose events come at uneven, whole milliseconds, and say so."""
    dice = random.Random(7)
    at, chunks = 0.02, []
    for number in range(events + 2):
        at = round(at + dice.uniform(*_GAPS_S), 3)
        told = {"content": f"at {round(at * 1000):06d}"} if number < events else {}
        choice = {"index": 0, "delta": told, "finish_reason": None if told else "stop"}
        document = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "bench", "choices": [choice]}
        chunks.append(Chunk(at, b"data: " + (dumps(document) if number <= events else b"[DONE]") + b"\n\n"))
    return Fixture(
        protocol="openai_chat",
        request=RecordedRequest(path=_TARGET, body=dumps(_QUESTION)),
        headers=((b"content-type", b"text/event-stream"),),
        head_at=0.02,
        chunks=tuple(chunks),
        ended_at=chunks[-1].at,
    )


def watch(job: Job) -> Errors:
    """Read with all clients to the end.

    Raises:
        RuntimeError: an answer was not the one expected.
    """
    body = dumps(_QUESTION)
    lines = [
        f"POST {_TARGET} HTTP/1.1",
        "host: bench",
        "content-type: application/json",
        f"content-length: {len(body)}",
    ]
    wire = "\r\n".join([*lines, "connection: close", "", ""]).encode() + body
    asked: dict[socket.socket, float] = {}
    tails: dict[socket.socket, bytes] = {}
    errors: list[float] = []
    together = 0
    begun = time.perf_counter()
    with selectors.DefaultSelector() as selector:
        while len(asked) < job.clients or selector.get_map():
            due = begun + len(asked) * job.apart
            now = time.perf_counter()
            if len(asked) < job.clients and now >= due:
                connection = socket.create_connection(("127.0.0.1", job.port), _PATIENCE)
                selector.register(connection, selectors.EVENT_READ)
                asked[connection], tails[connection] = time.perf_counter(), b""
                connection.sendall(wire)
                together = max(together, len(selector.get_map()))
                continue
            ready = selector.select(due - now if len(asked) < job.clients else _PATIENCE)
            if not ready and len(asked) == job.clients:
                raise RuntimeError(f"nothing came for {_PATIENCE:g} s")
            for key, _ in ready:
                connection = key.fileobj  # type: ignore[assignment]
                data = connection.recv(65536)
                now = time.perf_counter()
                if not data:
                    selector.unregister(connection)
                    connection.close()
                    if b"[DONE]" not in tails[connection]:
                        raise RuntimeError(f"an answer that was not expected: {tails[connection][-300:]!r}")
                    continue
                # An event that was cut in two counts when its rest is there.
                text = tails[connection] + data
                found = [int(at) for at in _OFFSET.findall(text)]
                errors += (now - asked[connection] - at / 1000 for at in found)
                tails[connection] = text[-200:] if not found else text[text.rindex(b'"at ') + 12 :]
    ordered = sorted(map(abs, errors))
    ranks = statistics.quantiles(ordered, n=100)
    return Errors(
        count=len(errors),
        p50=ranks[49],
        p95=ranks[94],
        p99=ranks[98],
        longest=ordered[-1],
        early=max(0.0, -min(errors)),
        together=together,
    )


def replayed(field: Field, number: int) -> Iterator[Sample]:
    """A hundred replays at once, at the recorded pace."""
    with tempfile.TemporaryDirectory(prefix="trioproxy-bench-") as folder:
        Path(folder, "paced.json").write_bytes(write_fixture(paced_recording(EVENTS)))
        command = ("-m", "trioproxy", "replay", folder, "--port", "0")
        with Child.start(*command, cpu=field.cpus[0], environment=field.compiled) as child:
            job = Job(port=child.port, clients=CLIENTS, apart=APART_S)
            printed = run_child("-m", "trioproxy.bench.replayed", dumps(attrs.asdict(job)).decode(), cpu=field.cpus[1])
    seen = Errors(**loads_object(printed.encode()))
    for name in ("p50", "p95", "p99", "longest"):
        value = getattr(seen, name) * 1000
        yield Sample(round=number, case="replay, 100 at once", metric=f"error {name} ms", subject="proxy", value=value)


if __name__ == "__main__":
    sys.stdout.write(dumps(attrs.asdict(watch(Job(**loads_object(sys.argv[1].encode()))))).decode() + "\n")
