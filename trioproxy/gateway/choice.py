"""In which order candidates are asked: who rests, who is over a limit, whom the conversation is bound to, and whose turn it is, put together.

The model that was asked for comes first, then each of its fallbacks. Of one model, the credential that the conversation is bound to comes
first, whatever its priority; then the tiers, each in the order of the strategy (``credentials/selection.py``). A candidate that rests firmly or
is over a limit is left out, one that rests softly is asked after all others (``credentials/health.py`` says which is which). Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import groupby
from math import ceil, inf

import attrs

from trioproxy.config.model import Strategy
from trioproxy.config.routed import Candidate, Routed, Tier
from trioproxy.credentials.health import Health, Readiness, Rest
from trioproxy.credentials.meters import Measure, Over
from trioproxy.credentials.selection import Counters, arranged
from trioproxy.credentials.sessions import Bindings, Pool, Session
from trioproxy.errors import ClientFault, ErrorKind, ProxyError, ProxyFault, UpstreamFault

__all__ = [
    "NO_SESSION",
    "Barred",
    "Lineup",
    "OverLimit",
    "line_up",
    "nobody_left",
    "pool_of",
    "soonest",
    "too_much_asked",
]

NO_SESSION = Session(bindings=Bindings())
_MINUTE = 60.0

OverLimit = Callable[[Candidate], Over | None]
"""The limit that a request does not fit under at a candidate."""


@attrs.frozen
class Barred:
    """A candidate that is left out, and why: it rests, or is over a limit."""

    candidate: Candidate
    why: Rest | Over

    def seconds(self, now: float) -> float | None:
        """In how many seconds it may be asked; ``inf`` never, None when somebody else is done."""
        return max(self.why.try_at - now, 0.0) if isinstance(self.why, Rest) else self.why.wait

    @property
    def reason(self) -> str:
        """The reason as a word."""
        return self.why.kind.value if isinstance(self.why, Rest) else f"over {self.why.measure.value}"


@attrs.frozen
class Lineup:
    """The candidates to ask, first to last, and those that are left out."""

    queue: list[Candidate]
    barred: list[Barred]


def soonest(barred: Iterable[Barred], now: float) -> float:
    """In how many seconds the first of those left out may be asked, ``inf`` where time brings nobody back."""
    return min((inf if (wait := each.seconds(now)) is None else wait for each in barred), default=inf)


def line_up(
    routed: Routed,
    strategy: Strategy,
    counters: Counters,
    health: Health,
    now: float,
    *,
    needs: frozenset[str] = frozenset(),
    session: Session = NO_SESSION,
    over: OverLimit | None = None,
) -> Lineup:
    """Who is asked and who is not. ``needs`` is for the strategy CAPABILITY; ``over`` None says that no candidate has a limit. A candidate that
    has too much to do at once is lined up: it may be done when its turn comes.

    Raises:
        ProxyFault: MISCONFIGURED, the strategy goes by weights and all of them are 0.
    """
    if len(routed.candidates) == 1 and strategy is not Strategy.WEIGHTED and over is None and health.spotless:
        return Lineup(list(routed.candidates), [])
    out = set(routed.weightless) if strategy is Strategy.WEIGHTED else set[int]()
    if len(out) == len(routed.candidates):
        raise _all_weightless(routed)
    barred, stumbling = _doubted(routed, out, health, now, over)
    queue: list[Candidate] = []
    for _, tiers in groupby(routed.tiers, key=lambda tier: tier.fallback):
        same_model = tuple(tiers)
        bound = _bound(same_model[0].members[0], routed, out, session, now)
        if bound is None:
            awake = [_without(tier, out) for tier in same_model]
            queue += arranged(awake, strategy, counters, asked=routed.asked, needs=needs)
        else:
            # A bound conversation takes nobody's turn.
            queue.append(routed.candidates[bound])
            for tier in same_model:
                queue += _without(tier, out | {bound})
    return Lineup(queue + stumbling, barred)


def _doubted(
    routed: Routed, out: set[int], health: Health, now: float, over: OverLimit | None
) -> tuple[list[Barred], list[Candidate]]:
    """Who of ``routed`` is left out, and who is asked last, in order. The places of both are added to ``out``, whose own are not looked at."""
    # Of thousands of keys only those are looked at against which something is held, or which have limits.
    doubtful = {place for id_ in health.noted & routed.places.keys() for place in routed.places[id_]}
    if over is not None:
        doubtful.update(routed.limited)
    barred: list[Barred] = []
    stumbling: list[tuple[Candidate, Rest]] = []
    for place in sorted(doubtful - out):
        found = _doubt(routed.candidates[place], health, now, over)
        if found is None:
            continue
        out.add(place)
        if isinstance(found, Barred):
            barred.append(found)
        else:
            stumbling.append((routed.candidates[place], found))
    stumbling.sort(key=lambda each: (each[0].tier, each[1].until))
    return barred, [candidate for candidate, _ in stumbling]


def _doubt(candidate: Candidate, health: Health, now: float, over: OverLimit | None) -> Barred | Rest | None:
    """Why ``candidate`` is not asked like others: it is left out, or it stumbled and comes last."""
    limit = over(candidate) if over is not None else None
    if limit is not None and limit.measure is not Measure.CONCURRENT:
        return Barred(candidate, limit)
    standing = health.standing(candidate.credential.id, candidate.model, now)
    rest = standing.rest
    if rest is None or standing.readiness is Readiness.HALF_OPEN:
        return None
    if not rest.firm:
        return rest
    if standing.readiness is Readiness.TRIED:
        return None  # the verdict may be there when its turn comes
    return Barred(candidate, rest)


def _without(tier: Tier, out: Collection[int]) -> Sequence[Candidate]:
    """The members of ``tier`` whose places are not among ``out``."""
    gone = sorted(place - tier.start for place in out if tier.start <= place < tier.end)
    if not gone:
        return tier.members
    kept: list[Candidate] = []
    start = 0
    for place in gone:
        kept += tier.members[start:place]
        start = place + 1
    kept += tier.members[start:]
    return kept


def nobody_left(routed: Routed, barred: list[Barred], now: float, wall: float) -> ProxyError:
    """Why nobody can be asked: all rest, or are over their limits. ``wall`` is Unix time.

    It is an ``UpstreamFault`` MODEL_COOLDOWN with the soonest return, or a ``ClientFault`` where time would change nothing.
    """
    never = [each.why for each in barred if isinstance(each.why, Over) and each.why.wait == inf]
    if never and len(never) == len(barred):
        return too_much_asked(never[0], routed.asked)
    # Where nobody knows when a place gets free, or one got free just now, it is soon.
    waits = [(wait, each.candidate) for each in barred if (wait := each.seconds(now)) is not None and wait < inf]
    wait, first = min(waits, key=lambda each: each[0], default=(1.0, routed.candidates[0]))
    seconds = max(wait, 1.0)
    reasons = ", ".join(sorted({each.reason for each in barred})) or "busy"
    who = "its only credential is" if len(barred) < 2 else f"all {len(barred)} credentials that serve it are"
    what = "cooling down" if all(isinstance(each.why, Rest) for each in barred) else "cooling down or over their limits"
    credential = first.credential
    fault = UpstreamFault(
        ErrorKind.MODEL_COOLDOWN,
        f"{routed.asked}: {who} {what} ({reasons}); the first may be asked again in {ceil(seconds)} s "
        "(`trioproxy accounts` shows them, `trioproxy accounts clear` ends cooldowns)",
        code="model_cooldown",
        retry_after=seconds,
        model=routed.asked,
        provider=credential.group,
    )
    fault.failure = attrs.evolve(fault.failure, resets_at=wall + seconds)
    return fault


def too_much_asked(over: Over, model: str) -> ClientFault:
    """A request that asks for more output than it may get. A limit like others, but asking again would not help: SDKs are told so."""
    return ClientFault(
        ErrorKind.RATE_LIMITED,
        f"the request asks for more output tokens than it may: {over} (limits.{over.measure.value}); ask for fewer",
        code="max_tokens_per_request_exceeded",
        param="max_tokens",
        retry_after=_MINUTE,
        model=model,
        lasting=True,
    )


def pool_of(routed: Routed, candidate: Candidate) -> Pool:
    """Those of ``routed`` that serve the same model as ``candidate``: among them a conversation is bound to one."""
    return Pool(routed.groups[candidate.fallback], candidate.fallback or routed.asked)


def _bound(one: Candidate, routed: Routed, out: Collection[int], session: Session, now: float) -> int | None:
    """The place of the candidate for the same model as ``one`` that the conversation is bound to, if it may be asked."""
    if not session.names:
        return None
    credential_id = session.credential(pool_of(routed, one), now)
    places = routed.places.get(credential_id, ()) if credential_id is not None else ()
    same_model = (place for place in places if routed.candidates[place].fallback == one.fallback)
    return next((place for place in same_model if place not in out), None)


def _all_weightless(routed: Routed) -> ProxyFault:
    return ProxyFault(
        ErrorKind.MISCONFIGURED,
        f"{routed.asked}: every credential that serves it has weight 0, and routing.strategy goes by weights; "
        "give one of them a weight, or take another strategy",
        model=routed.asked,
    )
