"""The clients of a benchmark, as a process: ``python -m trioproxy.bench.load JOB`` does one job and prints what it saw.

Knows: requests, the timestamps that the origin puts into its events, and where an answer ends. Refuses to know: who answers. Like the origin
it is one loop over a selector: what it can ask for in a second is bounded by its own speed, which is why the same load goes straight to the
origin as well.
"""

from __future__ import annotations

import random
import re
import selectors
import socket
import statistics
import struct
import sys
import time

import attrs

from trioproxy.bench.origin import MARK, WORDS
from trioproxy.bench.requests import request
from trioproxy.wire.jsoncodec import dumps, loads_object

__all__ = ["Job", "Seen", "carry_out"]

_TIMES = re.compile(MARK + rb"(\d{19})")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_RECEIVE_BYTES = 256 * 1024
_LAST_CHUNK = b"\r\n0\r\n\r\n"
_STAMP = len(MARK) + 19
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_PATIENCE = 30.0
_NEARLY_ALL = 0.9
"""Of a stream's events: those that a proxy's own chunks cut in two are not counted."""


@attrs.frozen(kw_only=True)
class Job:
    """``requests`` for ``model`` at a ``door`` (see ``requests.py``), shared among ``connections`` to ``port``.

    ``burst`` says that only a stream's bytes are worth looking at. With ``leave`` a client goes away at any moment of its stream, every second
    one with a reset, and the next one comes. ``tell`` prints a line as soon as every connection has a stream. ``headers`` are those that this
    server wants beside what all are sent.
    """

    port: int
    model: str
    stream: bool
    connections: int
    requests: int
    door: str = "chat"
    size: str = "small"
    burst: bool = False
    leave: bool = False
    tell: bool = False
    headers: dict[str, str] = attrs.field(factory=dict)

    @property
    def events(self) -> int:
        """How many events all the streams have."""
        return int(self.model.split("-")[2]) * self.requests


@attrs.frozen(kw_only=True)
class Seen:
    """``count`` events (of streams) or answers and ``size`` bytes, in so many ``seconds``.

    ``p50`` is the median of how long each took, in seconds: from the origin's write to the client's read for an event, from request to
    answer for an answer. ``first_p50`` is the median from a stream's request to its first event, 0 where there was none.
    """

    count: int
    size: int
    seconds: float
    p50: float
    first_p50: float = 0.0


class _Client:
    """One connection and the answer that is under way on it."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.asked_at = 0.0
        self.head = b""
        self.left: int | None = None
        self.tail = b""
        self.heard = False
        self.leaves_after = 0


class _Load:
    def __init__(self, job: Job) -> None:
        self.job = job
        self.selector = selectors.DefaultSelector()
        self.wire = request(job.door, job.model, job.size, port=job.port, stream=job.stream, headers=job.headers)
        self.left = job.requests
        self.taken: list[float] = []
        self.firsts: list[float] = []
        self.count = 0
        self.size = 0
        self.running = 0
        self.begun = 0
        self.dice = random.Random(7)

    def run(self) -> Seen:
        begun = time.perf_counter()
        try:
            for _ in range(min(self.job.connections, self.job.requests)):
                self.connect()
            while self.running:
                ready = self.selector.select(_PATIENCE)
                if not ready:
                    raise RuntimeError(f"nothing came for {_PATIENCE:g} s")
                for key, _ in ready:
                    self.receive(key.data)
        finally:
            for key in list(self.selector.get_map().values()):
                self.part(key.data)
            self.selector.close()
        seconds = time.perf_counter() - begun
        if self.job.stream and not self.job.leave and self.count < _NEARLY_ALL * self.job.events:
            raise RuntimeError(f"streams that ended too early: {self.count} of {self.job.events} events came")
        return Seen(
            count=self.count,
            size=self.size,
            seconds=seconds,
            p50=statistics.median(self.taken) if self.taken else 0.0,
            first_p50=statistics.median(self.firsts) if self.firsts else 0.0,
        )

    def connect(self) -> None:
        connection = socket.create_connection(("127.0.0.1", self.job.port), _PATIENCE)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client = _Client(connection)
        self.selector.register(connection, selectors.EVENT_READ, client)
        self.running += 1
        self.ask(client)

    def ask(self, client: _Client) -> None:
        self.left -= 1
        client.head = client.tail = b""
        client.left, client.heard = None, False
        client.leaves_after = self.dice.randrange(20_000) if self.job.leave else 0
        client.asked_at = time.perf_counter()
        client.connection.sendall(self.wire)

    def receive(self, client: _Client) -> None:
        data = client.connection.recv(_RECEIVE_BYTES)
        if not data:
            raise RuntimeError("the connection ended in the midst of an answer")
        self.size += len(data)
        if client.left is None and not self.read_head(client, data):
            return None
        if self.job.leave:
            client.leaves_after -= len(data)
            if client.leaves_after <= 0:
                return self.depart(client)
        elif self.job.stream:
            self.watch(client, data)
        elif WORDS in data:
            client.heard = True
        assert client.left is not None
        client.left -= len(data)
        # One byte less than a timestamp: what was cut in two is found once, and what was whole is not found again.
        client.tail = (client.tail + data)[1 - _STAMP :]
        if client.left == 0 or client.tail.endswith(_LAST_CHUNK):
            self.end(client)
        return None

    def read_head(self, client: _Client, data: bytes) -> bool:
        """Whether the head is whole. What remains to come is counted from the bytes that are here."""
        before, client.head = len(client.head), client.head + data
        end = client.head.find(b"\r\n\r\n")
        if end < 0:
            return False
        if not client.head.startswith(b"HTTP/1.1 200 "):
            status, _, headers = client.head[:end].partition(b"\r\n")
            told = client.head[end + 4 :] or headers
            raise RuntimeError(f"an answer that was not expected: {status[:100]!r}: {told[:300]!r}")
        declared = _LENGTH.search(client.head, 0, end + 2)
        client.left = int(declared[1]) + end + 4 - before if declared else sys.maxsize
        self.begun += 1
        if self.job.tell and self.begun == self.job.connections:
            sys.stdout.write("every stream runs\n")
            sys.stdout.flush()
        return True

    def watch(self, client: _Client, data: bytes) -> None:
        if self.job.burst:
            events = data.count(MARK)
            client.heard = client.heard or events > 0
            self.count += events
            return
        now = time.monotonic_ns()
        # A timestamp that a proxy's own chunks cut in two is missing from the sample, and not missed.
        sent = _TIMES.findall(client.tail + data)
        if sent and not client.heard:
            client.heard = True
            self.firsts.append(time.perf_counter() - client.asked_at)
        self.count += len(sent)
        self.taken += [(now - int(at)) / 1e9 for at in sent]

    def end(self, client: _Client) -> None:
        if not client.heard and not self.job.leave:
            # With 200 for its status it may still be an error, or somebody else's page.
            raise RuntimeError(f"an answer without what the provider said: {client.tail!r}")
        if not self.job.stream:
            self.count += 1
            self.taken.append(time.perf_counter() - client.asked_at)
        if self.left:
            self.ask(client)
        else:
            self.part(client)

    def depart(self, client: _Client) -> None:
        if self.dice.random() < 0.5:
            client.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self.count += 1
        self.part(client)
        if self.left:
            self.connect()

    def part(self, client: _Client) -> None:
        self.selector.unregister(client.connection)
        client.connection.close()
        self.running -= 1


def carry_out(job: Job) -> Seen:
    """Do a job.

    Raises:
        RuntimeError: an answer was not the one expected.
    """
    return _Load(job).run()


if __name__ == "__main__":
    try:
        seen = carry_out(Job(**loads_object(sys.argv[1].encode())))
    except (RuntimeError, OSError) as error:
        sys.exit(str(error))
    sys.stdout.write(dumps(attrs.asdict(seen)).decode() + "\n")
