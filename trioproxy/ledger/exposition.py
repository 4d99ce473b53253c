"""Figures as Prometheus reads them (text format 0.0.4 and OpenMetrics, by ``prometheus-client``).

Knows: names, labels and help of every family. Two steps, because the second imports the library and may be long: :func:`families` takes the
figures down where they change, :func:`expose` writes them, in any thread.

Names and units follow https://prometheus.io/docs/practices/naming/. No label holds what a client sent: models are a client's words, and a series
for each of them would be a way to fill a memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import attrs

from trioproxy.ledger.metrics import BOUNDS, Metrics, Tally, Timing
from trioproxy.ledger.writer import BooksState

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

__all__ = ["Family", "expose", "families"]

_PREFIX = "trioproxy_"


@attrs.frozen
class Histogram:
    """A histogram at one moment: the buckets of ``BOUNDS``, not cumulative, and the sum."""

    buckets: tuple[int, ...]
    sum: float


@attrs.frozen
class Family:
    """One metric: its type, its labels' names, and a value for each of their values."""

    name: str
    kind: str
    help: str
    labels: tuple[str, ...]
    samples: tuple[tuple[tuple[str, ...], float | Histogram], ...]


def families(
    metrics: Metrics,
    *,
    active: Mapping[str, int],
    cooling: Mapping[tuple[str, str], int],
    pools: Mapping[str, tuple[int, int, int]],
    books: BooksState | None,
    workers: tuple[int, int] = (1, 1),
) -> tuple[Family, ...]:
    """Every family. ``active`` are the exchanges that run now by provider, ``cooling`` the cooldowns by provider and kind, ``pools`` idle,
    active and waiting by origin, ``workers`` how many processes there are and how many of them told all of this just now."""
    return tuple(
        _of_providers(metrics.providers)
        + _of_the_process(metrics, active, cooling, pools)
        + (_of_books(books) if books is not None else [])
        + _of_workers(*workers)
    )


def expose(found: tuple[Family, ...], accept: str) -> tuple[bytes, str]:
    """The text and its content type, in the format that ``accept`` (a header's value) asks for."""
    from prometheus_client import CollectorRegistry
    from prometheus_client.exposition import choose_encoder

    class Collector:
        def collect(self) -> Iterator[Metric]:
            return (_metric(family) for family in found)

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Collector())
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


def _metric(family: Family) -> Metric:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

    name = _PREFIX + family.name
    if family.kind == "histogram":
        histogram = HistogramMetricFamily(name, family.help, labels=family.labels)
        for labels, value in family.samples:
            assert isinstance(value, Histogram)
            histogram.add_metric(labels, _cumulative(value.buckets), value.sum)
        return histogram
    kind = CounterMetricFamily if family.kind == "counter" else GaugeMetricFamily
    metric = kind(name, family.help, labels=family.labels)
    for labels, value in family.samples:
        assert not isinstance(value, Histogram)
        metric.add_metric(labels, value)
    return metric


def _cumulative(buckets: tuple[int, ...]) -> list[tuple[str, float]]:
    total, lines = 0, []
    for bound, count in zip((*map(str, BOUNDS), "+Inf"), buckets, strict=True):
        total += count
        lines.append((bound, float(total)))
    return lines


def _of_providers(tallies: Mapping[str, Tally]) -> list[Family]:
    outcomes = ("successes", "failures", "cancelled")
    tokens = (("input", "input_tokens"), ("output", "output_tokens"), ("cached", "cached_tokens"))
    return [
        Family(
            "requests",
            "counter",
            "Requests to providers that ended, by outcome.",
            ("provider", "outcome"),
            tuple(((name, word), getattr(tally, word)) for name, tally in tallies.items() for word in outcomes),
        ),
        Family(
            "errors",
            "counter",
            "Failed requests to providers, by kind of error.",
            ("provider", "kind"),
            tuple(((name, kind), count) for name, tally in tallies.items() for kind, count in tally.errors.items()),
        ),
        Family(
            "tokens",
            "counter",
            "Tokens that providers reported; cached ones are inside the input.",
            ("provider", "kind"),
            tuple(((name, kind), getattr(tally, field)) for name, tally in tallies.items() for kind, field in tokens),
        ),
        Family(
            "first_byte_seconds",
            "histogram",
            "From a request's arrival to the first byte of its answer.",
            ("provider",),
            tuple(((name,), _histogram(tally.first_byte)) for name, tally in tallies.items()),
        ),
        Family(
            "exchange_seconds",
            "histogram",
            "From a request's arrival to the end of its exchange.",
            ("provider",),
            tuple(((name,), _histogram(tally.total)) for name, tally in tallies.items()),
        ),
    ]


def _of_the_process(
    metrics: Metrics,
    active: Mapping[str, int],
    cooling: Mapping[tuple[str, str], int],
    pools: Mapping[str, tuple[int, int, int]],
) -> list[Family]:
    states = ("idle", "active", "waiting")
    return [
        Family(
            "exchanges",
            "counter",
            "Exchanges that ended, by outcome.",
            ("outcome",),
            tuple(((outcome,), count) for outcome, count in metrics.outcomes.items()),
        ),
        Family(
            "refusals",
            "counter",
            "Exchanges that reached no provider, by kind of error.",
            ("kind",),
            tuple(((kind,), count) for kind, count in metrics.refusals.items()),
        ),
        Family(
            "active_exchanges",
            "gauge",
            "Exchanges that run now, by the provider that is asked.",
            ("provider",),
            tuple(((name,), count) for name, count in active.items()),
        ),
        Family(
            "cooldowns",
            "gauge",
            "Cooldowns that hold now, by provider and kind of error.",
            ("provider", "kind"),
            tuple(cooling.items()),
        ),
        Family(
            "upstream_connections",
            "gauge",
            "Connections to origins, and exchanges that wait for one.",
            ("origin", "state"),
            tuple(
                ((origin, state), count)
                for origin, counts in pools.items()
                for state, count in zip(states, counts, strict=True)
            ),
        ),
    ]


def _of_books(books: BooksState) -> list[Family]:
    return [
        Family(
            "ledger_rows",
            "counter",
            "Accounts of exchanges, by what became of them.",
            ("fate",),
            ((("written",), books.written), (("dropped",), books.dropped), (("pruned",), books.pruned)),
        ),
        Family("ledger_write_failures", "counter", "Tries to write that failed.", (), (((), books.failures),)),
        Family("ledger_waiting_rows", "gauge", "Accounts that wait to be written.", (), (((), books.waiting),)),
    ]


def _of_workers(count: int, answered: int) -> list[Family]:
    return [
        Family("workers", "gauge", "Processes that serve together.", (), (((), count),)),
        Family(
            "workers_answered",
            "gauge",
            "Processes whose figures are of this moment; counters of the others are as they last told them.",
            (),
            (((), answered),),
        ),
    ]


def _histogram(timing: Timing) -> Histogram:
    return Histogram(tuple(timing.buckets), timing.sum)
