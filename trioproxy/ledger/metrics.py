"""Counters of settled exchanges, by provider: what came of them, how long they took, what they used.

Knows: how tries and outcomes are counted, and quantiles of the latest exchanges. Refuses to know: how figures are written down (the
gateway's JSON, ``exposition.py``). Nothing here costs a chunk anything; an exchange costs a few additions.

A request to a provider is one *try*: an exchange that fails over from one provider to another counts at both. Everything counts from the start
of the process; each worker process counts for itself, and what one has counted can be added to another's (``document``, ``add``).
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Mapping
from math import ceil
from typing import Any

import attrs

from trioproxy.ledger.entry import Outcome, Settled, Try

__all__ = ["BOUNDS", "RECENT", "Metrics", "Tally", "Timing"]

BOUNDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
"""Upper bounds of the histograms' buckets in seconds; one more bucket has no bound."""

RECENT = 512
"""How many of the latest durations a process keeps of each provider."""
_MOST_PROVIDERS = 1024
_COUNTS = ("successes", "failures", "cancelled", "input_tokens", "output_tokens", "cached_tokens")
_CANCELLED = frozenset({Outcome.CLIENT_GONE, Outcome.CLIENT_SLOW, Outcome.SHUT_DOWN})


@attrs.define(eq=False)
class Timing:
    """Durations in seconds: a histogram of all, and the latest ``most`` themselves."""

    most: int = RECENT
    buckets: list[int] = attrs.field(factory=lambda: [0] * (len(BOUNDS) + 1), init=False)
    count: int = attrs.field(default=0, init=False)
    sum: float = attrs.field(default=0.0, init=False)
    recent: deque[float] = attrs.field(
        default=attrs.Factory(lambda self: deque(maxlen=self.most), takes_self=True), init=False
    )

    def add(self, seconds: float) -> None:
        """One more duration."""
        self.buckets[bisect_left(BOUNDS, seconds)] += 1
        self.count += 1
        self.sum += seconds
        self.recent.append(seconds)

    def quantile(self, share: float) -> float | None:
        """The duration that ``share`` (0 to 1) of the latest did not exceed; None where there was none."""
        if not self.recent:
            return None
        ordered = sorted(self.recent)
        return ordered[max(ceil(share * len(ordered)) - 1, 0)]

    def document(self) -> dict[str, Any]:
        """What :meth:`add_all` takes, as JSON."""
        return {"buckets": self.buckets, "count": self.count, "sum": self.sum, "recent": list(self.recent)}

    def add_all(self, document: Mapping[str, Any]) -> None:
        """Add the durations of another."""
        self.buckets = [mine + more for mine, more in zip(self.buckets, document["buckets"], strict=True)]
        self.count += document["count"]
        self.sum += document["sum"]
        self.recent.extend(document["recent"])


@attrs.define(eq=False)
class Tally:
    """What came of the requests to one provider. ``requests`` is the sum of the three after it."""

    recent: int = RECENT
    successes: int = attrs.field(default=0, init=False)
    failures: int = attrs.field(default=0, init=False)
    cancelled: int = attrs.field(default=0, init=False)
    input_tokens: int = attrs.field(default=0, init=False)
    output_tokens: int = attrs.field(default=0, init=False)
    cached_tokens: int = attrs.field(default=0, init=False)
    errors: Counter[str] = attrs.field(factory=Counter, init=False)
    first_byte: Timing = attrs.field(
        default=attrs.Factory(lambda self: Timing(self.recent), takes_self=True), init=False
    )
    total: Timing = attrs.field(default=attrs.Factory(lambda self: Timing(self.recent), takes_self=True), init=False)

    @property
    def requests(self) -> int:
        """How many requests went to the provider and ended."""
        return self.successes + self.failures + self.cancelled

    def document(self) -> dict[str, Any]:
        """What :meth:`add` takes, as JSON."""
        counts = {name: getattr(self, name) for name in _COUNTS}
        timings = {"first_byte": self.first_byte.document(), "total": self.total.document()}
        return {**counts, "errors": dict(self.errors), **timings}

    def add(self, document: Mapping[str, Any]) -> None:
        """Add what another counted."""
        for name in _COUNTS:
            setattr(self, name, getattr(self, name) + document[name])
        self.errors.update(document["errors"])
        self.first_byte.add_all(document["first_byte"])
        self.total.add_all(document["total"])


@attrs.define(eq=False)
class Metrics:
    """A sink that counts. ``outcomes`` are of exchanges by outcome; ``refusals`` those that reached no provider, by kind of error; ``recent`` is
    how many of the latest durations are kept of each provider."""

    recent: int = RECENT
    providers: dict[str, Tally] = attrs.field(factory=dict, init=False)
    outcomes: Counter[str] = attrs.field(factory=Counter, init=False)
    refusals: Counter[str] = attrs.field(factory=Counter, init=False)

    def note(self, settled: Settled) -> None:
        """The sink. What is answered by the proxy itself and well is not counted."""
        failure, provider = settled.failure, settled.provider
        if settled.operation is None and failure is None:
            return
        self.outcomes[settled.outcome.value] += 1
        if provider is None:
            if failure is not None:
                self.refusals[failure.kind.value] += 1
            return
        self._count_tries(settled)
        tally = self._tally(provider)
        if settled.first_byte is not None:
            tally.first_byte.add(settled.first_byte)
        tally.total.add(settled.total)
        usage = settled.usage
        if usage is not None:
            tally.input_tokens += usage.input or 0
            tally.output_tokens += usage.output or 0
            tally.cached_tokens += usage.cache_read or 0

    def tally(self, provider: str) -> Tally:
        """The counters of a provider, all 0 where it was never asked."""
        return self.providers.get(provider) or Tally()

    def document(self) -> dict[str, Any]:
        """What :meth:`add` takes, as JSON."""
        return {
            "providers": {name: tally.document() for name, tally in self.providers.items()},
            "outcomes": dict(self.outcomes),
            "refusals": dict(self.refusals),
        }

    def add(self, document: Mapping[str, Any]) -> None:
        """Add what another process, or the one whose place this is, has counted.

        Raises:
            KeyError, TypeError, ValueError: it is no :meth:`document`.
        """
        for name, tally in document["providers"].items():
            self._tally(name).add(tally)
        self.outcomes.update(document["outcomes"])
        self.refusals.update(document["refusals"])

    def _count_tries(self, settled: Settled) -> None:
        served: Try | None = None
        for each in settled.tries:
            if each.kind is None:
                served = each
            else:
                tally = self._tally(each.provider)
                tally.failures += 1
                tally.errors[each.kind.value] += 1
        if settled.outcome in _CANCELLED:
            # Whoever was being asked when it ended is known, whether its answer had begun or not.
            self._tally(settled.provider or "").cancelled += 1
        elif served is not None and settled.outcome is Outcome.COMPLETE:
            self._tally(served.provider).successes += 1
        elif served is not None:
            tally = self._tally(served.provider)
            tally.failures += 1
            tally.errors[settled.failure.kind.value if settled.failure else "unknown"] += 1

    def _tally(self, provider: str) -> Tally:
        tally = self.providers.get(provider)
        if tally is None:
            # Names come from configurations, of which there may be many in the life of a process.
            while len(self.providers) >= _MOST_PROVIDERS:
                del self.providers[next(iter(self.providers))]
            tally = self.providers[provider] = Tally(self.recent)
        return tally
