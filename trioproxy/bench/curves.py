"""How costs grow: the proxy alone, asked for more and more of one thing.

Knows: what grows, and in which steps. Each curve should be flat, or a straight line through its origin; one that bends up is a fault.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import attrs

from trioproxy.bench.children import Child
from trioproxy.bench.field import Field, Subject

__all__ = ["CURVES", "Curve", "Point"]


@attrs.frozen(kw_only=True)
class Point:
    """What ``at`` of the thing that grows costs: ``values`` by what is measured."""

    at: float
    values: dict[str, float]


@attrs.frozen(kw_only=True)
class Curve:
    """One thing that grows. ``measure`` gives the values of one step on a proxy of its own."""

    across: str
    steps: Sequence[int]
    measure: Callable[[Field, int], dict[str, float]]

    def points(self, field: Field) -> Iterator[Point]:
        """Every step, measured."""
        for step in self.steps:
            yield Point(at=step, values=self.measure(field, step))


def _proxy(field: Field, more: str = "") -> Child:
    base = f"http://127.0.0.1:{field.subjects['origin'].child.port}"
    return field.start_proxy("curve", base, cpu=field.cpus[0], more=more)


def _cost(field: Field, child: Child, door: str, **job: Any) -> float:
    """Processor microseconds for each event or answer, once it is warm."""
    child.wait_at_rest()
    field.subjects["curve"] = Subject(child=child, door=door)
    field.load("curve", **{**job, "requests": min(job["requests"], 5), "connections": min(job["connections"], 5)})
    seen, cpu = field.load("curve", **job)
    return (cpu or 0.0) / seen.count * 1e6


def _of_streams(field: Field, streams: int) -> dict[str, float]:
    with _proxy(field) as child:
        _cost(field, child, "chat", model="bench-paced-2-1000", stream=True, connections=1, requests=5)
        empty = child.anonymous_bytes or 0
        # Streams begin, and end, at different times: what is measured lies after the last beginning and before the first end.
        model = "bench-paced-10-1000000"
        with field.lasting_load("curve", model=model, stream=True, connections=streams, requests=streams):
            time.sleep(1)
            before, begun = child.cpu_seconds or 0.0, time.perf_counter()
            held = child.anonymous_bytes or 0
            time.sleep(3)
            spent = ((child.cpu_seconds or 0.0) - before) / (time.perf_counter() - begun)
    return {"MiB": max(held - empty, 1) / 2**20, "CPU ms/s": spent * 1e3}


def _of_rate(field: Field, rate: int) -> dict[str, float]:
    events = max(rate, 20)
    with _proxy(field) as child:
        model = f"bench-paced-{events}-{1_000_000 // rate}"
        cost = _cost(field, child, "chat", model=model, stream=True, connections=2, requests=2)
    return {"CPU us/event": cost, "CPU ms/s": cost * rate * 2 / 1e3}


def _of_size(field: Field, size: int, kind: str) -> dict[str, float]:
    weight = 1 if kind == "bytes" else 1000
    requests = max(3, min(100, 30_000_000 // (size * weight)))
    found: dict[str, float] = {}
    job: dict[str, Any] = {
        "model": "bench-json",
        "stream": False,
        "connections": 1,
        "requests": requests,
        "size": f"{kind}-{size}",
    }
    for door, lane in {"chat": "passing", "messages": "translating"}.items():
        with _proxy(field) as child:
            child.wait_at_rest()
            _cost(field, child, door, **{**job, "size": "small", "requests": 5})
            once = partial(field.load, "curve", **{**job, "requests": 1})
            peak = child.peak_bytes(once)
            found[f"{lane}, CPU us"] = _cost(field, child, door, **job)
            if peak is not None:
                found[f"{lane}, MiB"] = max(peak, 1) / 2**20
    return found


def _of_credentials(field: Field, count: int) -> dict[str, float]:
    entries = "".join(f"      - {{api-key: key-{number}}}\n" for number in range(count))
    base = f"http://127.0.0.1:{field.subjects['origin'].child.port}"
    more = f"  - name: many\n    base-url: {base}/v1\n    prefix: many\n    api-key-entries:\n{entries}"
    return _started(field, more, "many/bench-json")


def _of_routes(field: Field, count: int) -> dict[str, float]:
    rules = "".join(
        f"    - {{name: r{number}, match-kind: exact, model-pattern: model-{number}, provider: bench}}\n"
        for number in range(count)
    )
    return _started(field, f"routing:\n  routes:\n{rules}", "bench-json")


def _started(field: Field, more: str, model: str) -> dict[str, float]:
    begun = time.perf_counter()
    with _proxy(field, more) as child:
        started = (time.perf_counter() - begun) * 1e3
        cost = _cost(field, child, "chat", model=model, stream=False, connections=4, requests=200)
        return {"start, ms": started, "CPU us/request": cost, "anonymous MiB": (child.anonymous_bytes or 0) / 2**20}


CURVES: dict[str, Curve] = {
    "streams": Curve(
        across="open streams, one event a second each", steps=(1, 10, 100, 500, 1000, 2000), measure=_of_streams
    ),
    "rate": Curve(across="events a second on each of two streams", steps=(10, 50, 200, 1000, 2000), measure=_of_rate),
    "bytes": Curve(
        across="bytes of a request",
        steps=(1_000, 10_000, 100_000, 1_000_000, 10_000_000, 50_000_000),
        measure=partial(_of_size, kind="bytes"),
    ),
    "messages": Curve(
        across="messages of a request", steps=(2, 10, 100, 500, 2000), measure=partial(_of_size, kind="messages")
    ),
    "tools": Curve(across="tools of a request", steps=(1, 10, 50, 200, 1000), measure=partial(_of_size, kind="tools")),
    "credentials": Curve(across="keys of one provider", steps=(1, 10, 100, 1000, 5000), measure=_of_credentials),
    "routes": Curve(across="routes", steps=(1, 10, 100, 1000, 5000), measure=_of_routes),
}
"""By name."""
