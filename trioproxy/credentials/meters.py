"""Who is over which limit: requests and tokens of the last minute, requests at once, dollars of the day. Pure.

``now`` is a monotonic clock in seconds, ``wall`` the clock on the wall: seconds since 1970 as they went by in the time zone whose days a budget
is for. Nobody waits here (``gateway/turnstile.py``) and
nothing is refused: this file counts and compares.

Tokens are charged by an estimate when a request is let in and by the provider's own count when it is over. A budget knows what settled
requests cost; what is still running is not in it, so the last requests of a day may go over it by what they cost themselves.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Collection, Sequence
from math import inf

import attrs

from trioproxy.config.model import Limits
from trioproxy.credentials.windows import Charge, Window

__all__ = ["NO_DEMAND", "Demand", "Holder", "Lease", "Measure", "Meters", "Over", "Reading", "Use"]

DAY = 86400.0


class Measure(enum.Enum):
    """What is limited. The values are the keys of ``limits``."""

    REQUEST_TOKENS = "max-tokens-per-request"
    BUDGET = "daily-budget-usd"
    REQUESTS = "requests-per-minute"
    TOKENS = "tokens-per-minute"
    CONCURRENT = "concurrent"


@attrs.frozen
class Holder:
    """Whom limits are on. ``key`` tells holders apart, ``name`` is for people."""

    key: str
    name: str
    limits: Limits


@attrs.frozen
class Demand:
    """What a request asks for: ``tokens`` in and out, estimated, and the most ``output`` tokens it wants, None where it does not say."""

    tokens: int = 0
    output: int | None = None


NO_DEMAND = Demand()


@attrs.frozen
class Over:
    """A limit that a request does not fit under. ``wait`` is in how many seconds it would; ``inf`` never, None when somebody is done."""

    holder: Holder
    measure: Measure
    wait: float | None = None

    @property
    def limit(self) -> float:
        """The limit itself."""
        limit: float = getattr(self.holder.limits, self.measure.value.replace("-", "_"))
        return limit

    def __str__(self) -> str:
        return f"{self.holder.name} is at its limits.{self.measure.value} of {self.limit:g}"


@attrs.frozen(kw_only=True)
class Reading:
    """What the meters of one holder say now."""

    requests: int = 0
    tokens: int = 0
    running: int = 0
    spent: float = 0.0


@attrs.define(eq=False)
class Use:
    """What the holder ``key`` has used up since somebody else was told last: requests, tokens, dollars."""

    key: str
    requests: int = 0
    tokens: int = 0
    dollars: float = 0.0


@attrs.define(eq=False)
class _Meter:
    requests: Window = attrs.field(factory=Window)
    tokens: Window = attrs.field(factory=Window)
    running: int = 0


@attrs.define(eq=False)
class Lease:
    """A request that was let in. End it in every outcome; ending it twice does nothing."""

    _taken: list[tuple[str, _Meter, Charge, Charge]]
    _note: Callable[[str, int, int, float], None] | None = None

    def end(self, tokens: int | None = None) -> None:
        """It is over. ``tokens`` is what it took in the end, None where nobody counted: then the estimate stands."""
        while self._taken:
            key, meter, _, charge = self._taken.pop()
            meter.running -= 1
            if tokens is not None:
                if self._note is not None and tokens > charge.amount:
                    self._note(key, 0, tokens - charge.amount, 0.0)
                charge.correct(tokens)

    def undo(self) -> None:
        """It was let in and then not made: nothing counts."""
        for _, _, request, _ in self._taken:
            request.correct(0)
        self.end(0)


@attrs.define(eq=False)
class Meters:
    """The meters of all holders, by key.

    ``heed``, where somebody sets it, is called when there is something to tell others who count for the same holders (:meth:`take_news`). What
    turned out to be less than was told stays told: an earlier moment's room is gone.
    """

    heed: Callable[[], None] | None = attrs.field(default=None, init=False)
    _news: dict[str, Use] = attrs.field(factory=dict, init=False)
    _meters: dict[str, _Meter] = attrs.field(factory=dict, init=False)
    _spent: dict[str, float] = attrs.field(factory=dict, init=False)
    _day: int = attrs.field(default=0, init=False)

    def over(self, holders: Sequence[Holder], demand: Demand, now: float, wall: float) -> Over | None:
        """The first limit of ``holders`` that ``demand`` does not fit under, those first that pass last; None where it fits."""
        found = [over for holder in holders if (over := self._over(holder, demand, now, wall)) is not None]
        return max(found, key=lambda over: 0.0 if over.wait is None else over.wait) if found else None

    def take(self, holders: Sequence[Holder], demand: Demand, now: float) -> Lease:
        """Count a request, whether it fits or not."""
        taken: list[tuple[str, _Meter, Charge, Charge]] = []
        for holder in holders:
            meter = self._meter(holder.key)
            meter.running += 1
            taken.append((holder.key, meter, meter.requests.add(1, now), meter.tokens.add(demand.tokens, now)))
            self._note(holder.key, 1, demand.tokens, 0.0)
        return Lease(taken, self._note)

    def spend(self, key: str, dollars: float, wall: float) -> None:
        """A settled request of the holder ``key`` cost this much. A clock that was set back does not begin an old day anew."""
        self._turn_day(wall)
        self._spent[key] = self._spent.get(key, 0.0) + dollars
        self._note(key, 0, 0, dollars)

    def take_news(self) -> list[Use]:
        """What was used here since the last call. What others told is none of it."""
        news = list(self._news.values())
        self._news.clear()
        return news

    def learn(self, use: Use, now: float, wall: float) -> None:
        """Somebody else let requests of a holder in, or settled them. What runs there is not known here."""
        meter = self._meter(use.key)
        if use.requests:
            meter.requests.add(use.requests, now)
        if use.tokens:
            meter.tokens.add(use.tokens, now)
        if use.dollars:
            self._turn_day(wall)
            self._spent[use.key] = self._spent.get(use.key, 0.0) + use.dollars

    def has_spent(self, key: str, dollars: float, wall: float) -> None:
        """The holder ``key`` has spent at least this much today, by somebody who counts for more than this process."""
        self._turn_day(wall)
        self._spent[key] = max(self._spent.get(key, 0.0), dollars)

    def reading(self, key: str, now: float, wall: float) -> Reading:
        """What the meters of ``key`` say."""
        self._turn_day(wall)
        meter = self._meters.get(key) or _Meter()
        return Reading(
            requests=meter.requests.used(now),
            tokens=meter.tokens.used(now),
            running=meter.running,
            spent=self._spent.get(key, 0.0),
        )

    def keep(self, keys: Collection[str]) -> None:
        """Forget every holder that is not among these and has nothing running."""
        for key in [key for key, meter in self._meters.items() if key not in keys and not meter.running]:
            del self._meters[key]
        for key in self._spent.keys() - set(keys):
            del self._spent[key]

    def _meter(self, key: str) -> _Meter:
        meter = self._meters.get(key)
        if meter is None:
            meter = self._meters[key] = _Meter()
        return meter

    def _note(self, key: str, requests: int, tokens: int, dollars: float) -> None:
        if self.heed is None:
            return
        use = self._news.get(key)
        if use is None:
            use = self._news[key] = Use(key)
        use.requests += requests
        use.tokens += tokens
        use.dollars += dollars
        self.heed()

    def _over(self, holder: Holder, demand: Demand, now: float, wall: float) -> Over | None:
        limits = holder.limits
        most = limits.max_tokens_per_request
        if most is not None and demand.output is not None and demand.output > most:
            return Over(holder, Measure.REQUEST_TOKENS, inf)
        if limits.daily_budget_usd is not None:
            self._turn_day(wall)
            if self._spent.get(holder.key, 0.0) >= limits.daily_budget_usd:
                return Over(holder, Measure.BUDGET, max((self._day + 1) * DAY - wall, 1.0))
        meter = self._meters.get(holder.key)
        if meter is None:
            return None
        if limits.requests_per_minute is not None:
            wait = meter.requests.wait(1, limits.requests_per_minute, now)
            if wait > 0:
                return Over(holder, Measure.REQUESTS, wait)
        if limits.tokens_per_minute is not None:
            wait = meter.tokens.wait(demand.tokens, limits.tokens_per_minute, now)
            if wait > 0:
                return Over(holder, Measure.TOKENS, wait)
        if limits.concurrent is not None and meter.running >= limits.concurrent:
            return Over(holder, Measure.CONCURRENT)
        return None

    def _turn_day(self, wall: float) -> None:
        day = int(wall // DAY)
        if day > self._day:
            self._day = day
            self._spent.clear()
