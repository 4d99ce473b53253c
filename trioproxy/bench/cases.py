"""What is measured: how a process starts, how a stream and a completion pass.

Knows: the cases, their sizes, who is compared with whom. Refuses to know: how processes are handled and how figures are told.
"""

from __future__ import annotations

import re
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import attrs

from trioproxy.bench.children import Child, pinned, run_child
from trioproxy.bench.figures import Sample
from trioproxy.bench.load import Job, Seen
from trioproxy.bench.replayed import replayed
from trioproxy.bench.requests import KEY
from trioproxy.wire.jsoncodec import dumps, loads_object

__all__ = ["CASES", "Field", "open_field"]

STREAMS, EVENTS, PAUSE_US = 20, 150, 10_000
COMPLETIONS = {1: 300, 32: 1500}
WARM_UP = 60

_CONFIG = """
port: 0
api-keys: [{key}]
openai-compatibility:
  - name: bench
    base-url: http://127.0.0.1:{port}/v1
    api-key-entries: [{{api-key: upstream-key}}]
"""
_IMPORTS = "import trio, h11, httpcore2; print('ready', flush=True); input()"
_READY = re.compile("^ready$")


@attrs.define(eq=False, kw_only=True)
class Field:
    """Everybody who takes part, up at once. ``subjects`` are those that a load can be sent through: the origin itself, the floor, the proxy."""

    config: Path
    compiled: Path
    subjects: dict[str, Child]
    cpus: tuple[int | None, int | None]

    @property
    def starters(self) -> dict[str, Callable[[], Child]]:
        """What is started, to be measured."""
        start = partial(Child.start, cpu=self.cpus[0], compiled=self.compiled)
        return {
            "imports": partial(start, "-c", _IMPORTS, ready=_READY),
            "proxy": partial(start, "-m", "trioproxy", "serve", "--config", str(self.config)),
        }

    def load(
        self, subject: str, *, model: str, stream: bool, connections: int, requests: int
    ) -> tuple[Seen, float | None]:
        """Send a load through a subject; what was seen, and the processor time that it cost the subject."""
        child = self.subjects[subject]
        job = Job(port=child.port, model=model, stream=stream, connections=connections, requests=requests)
        before = child.cpu_seconds
        printed = run_child("-m", "trioproxy.bench.load", dumps(attrs.asdict(job)).decode(), cpu=self.cpus[1])
        after = child.cpu_seconds
        spent = after - before if before is not None and after is not None else None
        return Seen(**loads_object(printed.encode())), spent


@contextmanager
def open_field() -> Iterator[Field]:
    """Start origin, floor and proxy; end them afterwards.

    Raises:
        ChildFailed: one of them did not start.
    """
    with ExitStack() as stack:
        measured, rest = cpus = pinned()
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="trioproxy-bench-")))
        origin = stack.enter_context(Child.start("-m", "trioproxy.bench.origin", cpu=rest))
        config = folder / "config.yaml"
        config.write_text(_CONFIG.format(key=KEY, port=origin.port), "utf-8")
        floor = stack.enter_context(Child.start("-m", "trioproxy.bench.floor", str(origin.port), cpu=measured))
        field = Field(
            config=config, compiled=folder / "compiled", subjects={"origin": origin, "floor": floor}, cpus=cpus
        )
        for starter in field.starters.values():
            starter().stop()  # the first start compiles; the later ones are those that people see
        field.subjects["proxy"] = stack.enter_context(field.starters["proxy"]())
        for subject in field.subjects:
            field.load(subject, model="bench-json", stream=False, connections=4, requests=WARM_UP)
            field.load(subject, model="bench-paced-20-1000", stream=True, connections=1, requests=1)
        yield field


def start(field: Field, number: int) -> Iterator[Sample]:
    """A process from its start until it accepts a connection, and its memory then, next to one that imports what no trio proxy can do
    without."""

    def sample(metric: str, subject: str, value: float) -> Sample:
        against = "imports" if subject == "proxy" else None
        return Sample(round=number, case="start", metric=metric, subject=subject, value=value, against=against)

    for subject, begin in field.starters.items():
        begun = time.perf_counter()
        with begin() as child:
            if child.port:
                socket.create_connection(("127.0.0.1", child.port), 10).close()
            yield sample("ms", subject, (time.perf_counter() - begun) * 1000)
            cpu, resident = child.cpu_seconds, child.resident_bytes
            if cpu is not None:
                yield sample("CPU ms", subject, cpu * 1000)
            if resident is not None:
                yield sample("resident MiB", subject, resident / 2**20)


def paced(field: Field, number: int) -> Iterator[Sample]:
    """Twenty streams of a hundred events a second each."""
    for subject in field.subjects:
        seen, cpu = field.load(
            subject, model=f"bench-paced-{EVENTS}-{PAUSE_US}", stream=True, connections=STREAMS, requests=STREAMS
        )

        def sample(metric: str, value: float, subject: str = subject) -> Sample:
            against = "floor" if subject == "proxy" else None
            return Sample(round=number, case="paced", metric=metric, subject=subject, value=value, against=against)

        yield sample("event p50 us", seen.p50 * 1e6)
        if cpu is not None and subject != "origin":
            yield sample("CPU us/event", cpu / seen.count * 1e6)


def completions(field: Field, number: int) -> Iterator[Sample]:
    """Whole answers, asked for over one connection and over thirty-two."""
    for connections, requests in COMPLETIONS.items():
        for subject in field.subjects:
            seen, cpu = field.load(
                subject, model="bench-json", stream=False, connections=connections, requests=requests
            )

            def sample(metric: str, value: float, subject: str = subject, over: int = connections) -> Sample:
                against = "floor" if subject == "proxy" else None
                case = f"json, {over} connection{'s' if over > 1 else ''}"
                return Sample(round=number, case=case, metric=metric, subject=subject, value=value, against=against)

            yield sample("requests/s", seen.count / seen.seconds)
            yield sample("p50 us", seen.p50 * 1e6)
            if cpu is not None and subject != "origin":
                yield sample("CPU us/request", cpu / seen.count * 1e6)


CASES: dict[str, Callable[[Field, int], Iterator[Sample]]] = {
    "start": start,
    "paced": paced,
    "json": completions,
    "replay": replayed,
}
"""By name: one round of a case."""
