"""Counters of settled exchanges, by provider: what came of them, how long they took, what they used.

Knows: how tries and outcomes are counted, and quantiles of the latest exchanges. Refuses to know: how figures are written down (the
gateway's JSON, ``exposition.py``). Nothing here costs a chunk anything; an exchange costs a few additions.

A request to a provider is one *try*: an exchange that fails over from one provider to another counts at both. Everything counts from the start
of the process, and each worker process counts for itself.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, deque
from math import ceil

import attrs

from trioproxy.ledger.entry import Outcome, Settled, Try

__all__ = ["BOUNDS", "Metrics", "Tally", "Timing"]

BOUNDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
"""Upper bounds of the histograms' buckets in seconds; one more bucket has no bound."""

_RECENT = 512
_MOST_PROVIDERS = 1024
_CANCELLED = frozenset({Outcome.CLIENT_GONE, Outcome.CLIENT_SLOW, Outcome.SHUT_DOWN})


@attrs.define(eq=False)
class Timing:
    """Durations in seconds: a histogram of all, and the latest themselves."""

    buckets: list[int] = attrs.field(factory=lambda: [0] * (len(BOUNDS) + 1), init=False)
    count: int = attrs.field(default=0, init=False)
    sum: float = attrs.field(default=0.0, init=False)
    recent: deque[float] = attrs.field(factory=lambda: deque(maxlen=_RECENT), init=False)

    def add(self, seconds: float) -> None:
        """One more duration."""
        self.buckets[bisect_left(BOUNDS, seconds)] += 1
        self.count += 1
        self.sum += seconds
        self.recent.append(seconds)

    def quantile(self, share: float) -> float | None:
        """The duration that ``share`` (0 to 1) of the latest 512 did not exceed; None where there was none."""
        if not self.recent:
            return None
        ordered = sorted(self.recent)
        return ordered[max(ceil(share * len(ordered)) - 1, 0)]


@attrs.define(eq=False)
class Tally:
    """What came of the requests to one provider. ``requests`` is the sum of the three after it."""

    successes: int = attrs.field(default=0, init=False)
    failures: int = attrs.field(default=0, init=False)
    cancelled: int = attrs.field(default=0, init=False)
    input_tokens: int = attrs.field(default=0, init=False)
    output_tokens: int = attrs.field(default=0, init=False)
    cached_tokens: int = attrs.field(default=0, init=False)
    errors: Counter[str] = attrs.field(factory=Counter, init=False)
    first_byte: Timing = attrs.field(factory=Timing, init=False)
    total: Timing = attrs.field(factory=Timing, init=False)

    @property
    def requests(self) -> int:
        """How many requests went to the provider and ended."""
        return self.successes + self.failures + self.cancelled


@attrs.define(eq=False)
class Metrics:
    """A sink that counts. ``outcomes`` are of exchanges by outcome; ``refusals`` those that reached no provider, by kind of error."""

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
            tally = self.providers[provider] = Tally()
        return tally
