"""Keys of providers that fail in every way a day can bring, and a day of requests to them, on a clock that jumps.

    day = Day({"ONE": Outages([(HOUR, 2 * HOUR)]), "TWO": Steady()}, strategy="fill-first")
    await day.run(every=90)
    assert day.served / day.possible > 0.99

Each key follows a :class:`Nature`: what it answers at a time of the day. The best that anybody could have served is what at least one key was
fit to answer when it was asked.
"""

from __future__ import annotations

import json
import random
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import attrs
import trio

from tests.support.answers import ANSWERS
from tests.support.exchanges import MemoryExchange
from tests.support.houses import Bench, ask
from tests.support.upstreams import Delay, Fault, Script, ScriptedResponse, ScriptedUpstream
from trioproxy.errors import ErrorKind
from trioproxy.upstream.base import Progress, UpstreamRequest

__all__ = [
    "DAY",
    "HOUR",
    "MINUTE",
    "BadKey",
    "Cuts",
    "Day",
    "Flapping",
    "Nature",
    "Outages",
    "Quota",
    "Slow",
    "Steady",
    "key_of",
]

MINUTE = 60.0
HOUR = 60 * MINUTE
DAY = 24 * HOUR
CHAT = ANSWERS["openai_chat"]
GOOD = Script(head_delay=0.4, chunks=CHAT.frames)
_JSON = (b"content-type", b"application/json")

Times = Sequence[tuple[float, float]]


def refusal(status: int, kind: str, *headers: tuple[bytes, bytes], **more: Any) -> Script:
    """An error as OpenAI says it."""
    body = json.dumps({"error": {"message": f"simulated {kind}", "type": kind, **more}}).encode()
    return Script(status=status, headers=(_JSON, *headers), chunks=[body], head_delay=0.1)


class Nature(Protocol):
    """What a key does."""

    def fit(self, now: float) -> bool:
        """Whether it would answer well, asked at ``now``."""
        ...

    def answer(self, now: float) -> Script:
        """What it answers at ``now``."""
        ...


@attrs.define
class Steady:
    """It answers."""

    def fit(self, now: float) -> bool:
        return True

    def answer(self, now: float) -> Script:
        return GOOD


@attrs.define
class BadKey:
    """A key that nobody repaired."""

    def fit(self, now: float) -> bool:
        return False

    def answer(self, now: float) -> Script:
        return refusal(401, "authentication_error", code="invalid_api_key")


@attrs.define
class Outages:
    """Down at some ``times``: unreachable, or answering with ``status``."""

    times: Times
    status: int | None = 503

    def fit(self, now: float) -> bool:
        return not any(start <= now < end for start, end in self.times)

    def answer(self, now: float) -> Script:
        if self.fit(now):
            return GOOD
        if self.status is None:
            return Script(connect_error=Fault(ErrorKind.UNREACHABLE, "simulated outage"))
        return refusal(self.status, "server_error")


@attrs.define
class Slow:
    """Silent for longer than anybody waits at some ``times``."""

    times: Times

    def fit(self, now: float) -> bool:
        return not any(start <= now < end for start, end in self.times)

    def answer(self, now: float) -> Script:
        return GOOD if self.fit(now) else Script(head_delay=HOUR, chunks=CHAT.frames)


@attrs.define
class Flapping:
    """Up and down in turns of ``period`` seconds."""

    period: float

    def fit(self, now: float) -> bool:
        return int(now // self.period) % 2 == 0

    def answer(self, now: float) -> Script:
        return GOOD if self.fit(now) else refusal(502, "server_error")


@attrs.define
class Quota:
    """So ``many`` requests in every ``span`` seconds by the clock, then 429. ``hint`` is what it says of its reset: the "truth", "nothing", or a
    number of seconds that is plainly wrong."""

    many: int
    span: float
    hint: str | float = "truth"
    _window: int = -1
    _used: int = 0

    def fit(self, now: float) -> bool:
        return int(now // self.span) != self._window or self._used < self.many

    def answer(self, now: float) -> Script:
        window = int(now // self.span)
        if window != self._window:
            self._window, self._used = window, 0
        if self._used < self.many:
            self._used += 1
            return GOOD
        match self.hint:
            case "nothing":
                return refusal(429, "rate_limit_exceeded")
            case "truth":
                seconds = (window + 1) * self.span - now
            case _:
                seconds = float(self.hint)
        return refusal(429, "rate_limit_exceeded", (b"retry-after", b"%d" % (seconds + 1)))


@attrs.define
class Cuts:
    """Every ``nth`` answer breaks off in its middle."""

    nth: int
    _count: int = 0

    def fit(self, now: float) -> bool:
        return True

    def answer(self, now: float) -> Script:
        self._count += 1
        if self._count % self.nth:
            return GOOD
        return Script(head_delay=0.4, chunks=[CHAT.start, Delay(1), Fault()])


def key_of(request: UpstreamRequest) -> str:
    """The key that a request carries."""
    return dict(request.headers)[b"authorization"].decode().removeprefix("Bearer ")


@attrs.define(eq=False)
class _Keys:
    """The upstream of a day: each request answered by the nature of its key. ``asked`` are the times and keys of the latest ones."""

    natures: Mapping[str, Nature]
    asked: deque[tuple[float, str]] = attrs.field(factory=lambda: deque(maxlen=100_000))
    open_now: int = 0

    async def open(self, request: UpstreamRequest, progress: Progress) -> ScriptedResponse:
        now = trio.current_time()
        key = key_of(request)
        self.asked.append((now, key))
        return await ScriptedUpstream(self.natures[key].answer(now)).open(request, progress)


class Day:
    """A day of requests to ``natures``, by key, in tiers where ``priorities`` says so. ``settings`` are fields of Settings."""

    def __init__(
        self,
        natures: Mapping[str, Nature],
        *,
        strategy: str = "round-robin",
        priorities: Mapping[str, int] | None = None,
        **settings: Any,
    ) -> None:
        entries = "".join(
            f"  - {{name: {key.lower()}, base-url: 'http://{key.lower()}.test/v1', priority: {(priorities or {}).get(key, 0)}, "
            f"api-key-entries: [{{api-key: {key}}}], models: [{{name: chat-m}}]}}\n"
            for key in natures
        )
        self.natures = natures
        self.keys = _Keys(natures)
        self.bench = Bench(
            config=f"openai-compatibility:\n{entries}routing: {{strategy: {strategy}}}\n",
            settings=settings,
            upstream=self.keys,
        )
        self.bench.shorten(first_byte=30, idle=30)
        self.arrivals = 0
        self.possible = 0
        self.served = 0
        self.statuses: Counter[int | None] = Counter()

    async def run(self, *, every: float, length: float = DAY, seed: int = 1) -> None:
        """Requests on the average ``every`` so many seconds, for ``length`` seconds."""
        chance = random.Random(seed)
        begin = trio.current_time()
        async with trio.open_nursery() as nursery:
            while (now := trio.current_time()) < begin + length:
                self.arrivals += 1
                self.possible += any(nature.fit(now) for nature in self.natures.values())
                nursery.start_soon(self._ask, ask("openai_chat"))
                await trio.sleep(chance.expovariate(1 / every))

    async def _ask(self, exchange: MemoryExchange) -> None:
        await self.bench.gateway.handle(exchange)
        self.statuses[exchange.status] += 1
        self.served += exchange.status == 200 and exchange.body == CHAT.stream

    @property
    def share(self) -> float:
        """What was served, of what anybody could have served."""
        return self.served / self.possible

    @property
    def attempts(self) -> float:
        """How many keys were asked for one request, on the average."""
        return len(self.keys.asked) / self.arrivals
