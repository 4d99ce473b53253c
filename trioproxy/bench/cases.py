"""What is measured, each case as one round of it.

Knows: the cases, their sizes, who is compared with whom. Refuses to know: how processes are handled and how figures are told.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator

import attrs

from trioproxy.bench.children import Child
from trioproxy.bench.field import Field, Subject
from trioproxy.bench.figures import Sample
from trioproxy.bench.load import Seen
from trioproxy.bench.replayed import replayed
from trioproxy.bench.requests import body

__all__ = ["CASES", "SIZES", "Sizes"]

EVENT_BYTES = 295
"""What one event of the origin's takes on the wire, framing included."""


@attrs.define(kw_only=True)
class Sizes:
    """How much of everything. Tests have less."""

    paced: tuple[int, int, int] = (20, 300, 10_000)
    """Streams, events of each, microseconds between them."""
    low: tuple[int, int, int] = (4, 250, 20_000)
    """The same, of few streams that are slow."""
    burst: int = 60_000
    """Events of one stream."""
    completions: dict[int, int] = attrs.field(factory=lambda: {1: 300, 32: 1500})
    """Requests, by how many connections share them."""
    firsts: int = 150
    """Streams of one event."""
    agents: int = 30
    """Requests of an agent."""
    idle: int = 128
    """Connections to the provider that lie idle."""
    open_streams: tuple[int, int] = (100, 1000)
    """Streams at once: few, and many."""
    large: int = 200_000_000
    """Bytes of a stream."""
    departures: int = 10_000
    """Clients that leave."""
    accounts: int = 4_000
    """Requests of which the ledger keeps account."""
    settling: float = 1.2
    """Seconds until the last account is on the disk."""


SIZES = Sizes()

_CONTROLS = ("floor", "nginx")
_SWIFT = ("origin", *_CONTROLS, "proxy", "proxy, translating")
"""Those who get the whole of a load; others, who are many times slower, get a part of it."""
_Told = Callable[[str, str, float], Sample]


def _teller(field: Field, number: int, case: str) -> _Told:
    """Makes samples of one case; a proxy is compared with whichever controls there are."""

    def told(metric: str, subject: str, value: float) -> Sample:
        against: tuple[str, ...] = ()
        if subject not in (*_CONTROLS, *field.peers, "origin", "floor, tls", "imports"):
            against = (*_CONTROLS, *field.peers)
            against = ("imports",) if case == "start" else ("floor, tls",) if subject == "proxy, tls" else against
            against = ("proxy", *against) if subject == "proxy, translating" else against
        return Sample(round=number, case=case, metric=metric, subject=subject, value=value, against=against)

    return told


def _streams(
    case: str, shape: Callable[[], tuple[int, int, int]], *subjects: str
) -> Callable[[Field, int], Iterator[Sample]]:
    def run(field: Field, number: int) -> Iterator[Sample]:
        told = _teller(field, number, case)
        streams, events, pause = shape()
        for subject in field.present(*subjects):
            model = f"bench-paced-{events}-{pause}"
            seen, cpu = field.load(subject, model=model, stream=True, connections=streams, requests=streams)
            yield told("event p50 us", subject, seen.p50 * 1e6)
            if cpu is not None and subject != "origin":
                yield told("CPU us/event", subject, cpu / seen.count * 1e6)

    return run


def _burst(field: Field, number: int) -> Iterator[Sample]:
    """One stream as fast as it is taken."""
    told = _teller(field, number, "burst")
    for subject in field.present(*_SWIFT, "peers"):
        events = SIZES.burst if subject in _SWIFT else SIZES.burst // 100
        model = f"bench-paced-{events}-0"
        seen, cpu = field.load(subject, model=model, stream=True, connections=1, requests=1, burst=True)
        yield told("MB/s", subject, seen.size / seen.seconds / 1e6)
        if cpu is not None and subject != "origin":
            yield told("CPU us/event", subject, cpu / seen.count * 1e6)


def _completions(field: Field, number: int) -> Iterator[Sample]:
    """Whole answers, asked for over one connection and over thirty-two."""
    for connections, requests in SIZES.completions.items():
        told = _teller(field, number, f"json, {connections} connection{'s' if connections > 1 else ''}")
        for subject in field.present(*_SWIFT, "peers"):
            few = requests if subject in _SWIFT else requests // 10
            seen, cpu = field.load(
                subject, model="bench-json", stream=False, connections=connections, requests=max(few, connections)
            )
            yield from _requests(told, subject, seen, cpu)


def _requests(told: _Told, subject: str, seen: Seen, cpu: float | None) -> Iterator[Sample]:
    yield told("requests/s", subject, seen.count / seen.seconds)
    yield told("p50 us", subject, seen.p50 * 1e6)
    if cpu is not None and subject != "origin":
        yield told("CPU us/request", subject, cpu / seen.count * 1e6)


def _first(field: Field, number: int) -> Iterator[Sample]:
    """Streams of one event, one after another: how long it takes until it is there."""
    told = _teller(field, number, "first event")
    for subject in field.present(*_SWIFT, "peers"):
        few = SIZES.firsts if subject in _SWIFT else SIZES.firsts // 10
        seen, _ = field.load(subject, model="bench-paced-1-0", stream=True, connections=1, requests=max(few, 1))
        yield told("p50 us", subject, seen.first_p50 * 1e6)


def _agent(field: Field, number: int) -> Iterator[Sample]:
    """An agent's request of two hundred messages, sixty tools and 300 KB, next to what Python's own codec takes to read and write it."""
    told = _teller(field, number, "agent's request")
    content = body("chat", "bench-json", "agent", stream=False)
    begun = time.process_time()
    json.dumps(json.loads(content))
    yield told("CPU us/request", "json.loads+dumps", (time.process_time() - begun) * 1e6)
    for subject in field.present("floor", "nginx", "proxy", "proxy, translating"):
        seen, cpu = field.load(
            subject, model="bench-json", stream=False, connections=1, requests=SIZES.agents, size="agent"
        )
        if cpu is not None:
            sample = told("CPU us/request", subject, cpu / seen.count * 1e6)
            yield attrs.evolve(sample, against=(*sample.against, "json.loads+dumps")) if sample.against else sample


def _idle(field: Field, number: int) -> Iterator[Sample]:
    """Whole answers over one connection while many connections to the provider lie idle, next to the same with hardly any."""
    told = _teller(field, number, "json beside idle connections")
    requests = SIZES.completions[1]
    with field.start_proxy(
        "idle", f"http://127.0.0.1:{field.subjects['origin'].child.port}", cpu=field.cpus[0]
    ) as fresh:
        field.subjects["fresh"] = Subject(child=fresh)
        field.load("fresh", model="bench-json", stream=False, connections=1, requests=requests)
        for idle in (1, SIZES.idle):
            field.load("fresh", model="bench-late-300", stream=False, connections=idle, requests=idle)
            seen, cpu = field.load("fresh", model="bench-json", stream=False, connections=1, requests=requests)
            name = f"{idle} idle"
            against = ("1 idle",) if idle > 1 else ()
            yield attrs.evolve(told("p50 us", name, seen.p50 * 1e6), against=against)
            if cpu is not None:
                yield attrs.evolve(told("CPU us/request", name, cpu / seen.count * 1e6), against=against)
        del field.subjects["fresh"]


def _open_streams(field: Field, number: int) -> Iterator[Sample]:
    """What an open stream costs: memory of its own between a hundred of them and a thousand, processor time with one event a second each."""
    told = _teller(field, number, "open streams")
    few, many = SIZES.open_streams
    for subject in field.present("floor", "nginx", "proxy", "peers"):
        memory: list[int] = []
        with field.fresh(subject) as child:
            for streams in (few, many):
                lasting = field.lasting_load(
                    "fresh", model="bench-paced-4-1000000", stream=True, connections=streams, requests=streams
                )
                with lasting:
                    time.sleep(0.5)
                    before, begun = child.cpu_seconds, time.perf_counter()
                    memory.append(child.anonymous_bytes or 0)
                    time.sleep(1)
                    after, seconds = child.cpu_seconds, time.perf_counter() - begun
                    if streams == many and before is not None and after is not None:
                        yield told("CPU ms/s", subject, (after - before) / seconds * 1e3)
        if all(memory):
            yield told("KiB/stream", subject, max((memory[1] - memory[0]) / (many - few) / 1024, 0.01))


def _large(field: Field, number: int) -> Iterator[Sample]:
    """How much more memory a process has behind a large stream than behind a small one."""
    told = _teller(field, number, "large stream")
    for subject in field.present("floor", "nginx", "proxy", "proxy, translating"):
        sizes: list[int] = []
        for part in (20, 1):
            events = SIZES.large // part // EVENT_BYTES
            model = f"bench-paced-{events}-0"
            seen, _ = field.load(subject, model=model, stream=True, connections=1, requests=1, burst=True)
            sizes.append(field.subjects[subject].child.anonymous_bytes or 0)
        if all(sizes):
            sample = told("MiB more", subject, (sizes[1] - sizes[0]) / 2**20)
            yield attrs.evolve(sample, against=())
            yield told("MB/s", subject, seen.size / seen.seconds / 1e6)


def _departures(field: Field, number: int) -> Iterator[Sample]:
    """Clients that leave at any moment of their stream, forty at once: what is left of them. Where only twenty may be served at once, many leave
    while they wait for their turn."""
    told = _teller(field, number, "departures")
    for subject in field.present("proxy", "proxy, 20 connections"):
        child = field.subjects[subject].child
        before = child.open_files
        seen, cpu = field.load(
            subject,
            model="bench-paced-2000-1000",
            stream=True,
            connections=min(40, SIZES.departures),
            requests=SIZES.departures,
            leave=True,
        )
        begun = time.perf_counter()
        while _streams_open(field) and time.perf_counter() - begun < 10:
            pass
        yield told("ms until the provider is let go", subject, (time.perf_counter() - begun) * 1e3)
        yield told("streams left", subject, _streams_open(field))
        after = child.open_files
        if before is not None and after is not None:
            yield told("files more than before", subject, after - before)
        if cpu is not None:
            yield told("CPU us/departure", subject, cpu / seen.count * 1e6)


def _streams_open(field: Field) -> int:
    with socket.create_connection(("127.0.0.1", field.subjects["origin"].child.port), 10) as client:
        client.sendall(b"GET /streams HTTP/1.1\r\n\r\n")
        received = b""
        while not received.partition(b"\r\n\r\n")[2]:
            received += client.recv(65536)
    return int(received.partition(b"\r\n\r\n")[2])


def _workers(field: Field, number: int) -> Iterator[Sample]:
    """Whole answers through one process and through two, none of them pinned; load and origin take their share of the same processors."""
    told = _teller(field, number, "workers")
    connections, requests = max(SIZES.completions.items())
    for subject in field.present("proxy, 1 worker", "proxy, 2 workers"):
        seen, cpu = field.load(
            subject, model="bench-json", stream=False, connections=connections, requests=requests, pinned=False
        )
        for sample in _requests(told, subject, seen, cpu):
            yield attrs.evolve(sample, against=("proxy, 1 worker",) if subject == "proxy, 2 workers" else ())


def _ledger(field: Field, number: int) -> Iterator[Sample]:
    """Whole answers through a proxy that keeps a ledger and through one that keeps none. What is written a moment later counts too."""
    told = _teller(field, number, "ledger")
    for subject in field.present("proxy, no ledger", "proxy"):
        child = field.subjects[subject].child
        before = child.cpu_seconds
        seen, _ = field.load(subject, model="bench-json", stream=False, connections=1, requests=SIZES.accounts)
        time.sleep(SIZES.settling)
        after = child.cpu_seconds
        if before is not None and after is not None:
            sample = told("CPU us/request", subject, (after - before) / seen.count * 1e6)
            yield attrs.evolve(sample, against=("proxy, no ledger",) if subject == "proxy" else ())


def _start(field: Field, number: int) -> Iterator[Sample]:
    """A process from its start until it accepts a connection, and what it has taken once it is at rest, next to one that imports what no trio
    proxy can do without."""
    told = _teller(field, number, "start")
    for subject, begin in field.starters(field.subjects["origin"].child.port).items():
        begun = time.perf_counter()
        with begin() as child:
            if child.port:
                socket.create_connection(("127.0.0.1", child.port), 10).close()
            yield told("ms", subject, (time.perf_counter() - begun) * 1000)
            child.wait_at_rest()
            yield from _state(told, subject, child)


def _state(told: _Told, subject: str, child: Child) -> Iterator[Sample]:
    figures = (
        ("CPU ms", child.cpu_seconds, 1e3),
        ("resident MiB", child.resident_bytes, 2**-20),
        ("anonymous MiB", child.anonymous_bytes, 2**-20),
    )
    for metric, value, scale in figures:
        if value is not None:
            yield told(metric, subject, value * scale)


_EVERYBODY = (*_SWIFT, "floor, tls", "proxy, tls", "peers")

CASES: dict[str, Callable[[Field, int], Iterator[Sample]]] = {
    "start": _start,
    "paced": _streams("paced", lambda: SIZES.paced, *_EVERYBODY),
    "low": _streams("low", lambda: SIZES.low, *_EVERYBODY),
    "burst": _burst,
    "json": _completions,
    "first": _first,
    "agent": _agent,
    "idle": _idle,
    "streams": _open_streams,
    "large": _large,
    "departures": _departures,
    "workers": _workers,
    "ledger": _ledger,
    "replay": replayed,
}
"""By name: one round of a case."""
