"""In which order candidates are asked: who rests, whom the conversation is bound to, and whose turn it is, put together.

The model that was asked for comes first, then each of its fallbacks. Of one model, the credential that the conversation is bound to comes
first, whatever its priority; then the tiers, each in the order of the strategy (``credentials/selection.py``). A candidate that rests firmly
is left out, one that rests softly is asked after all others (``credentials/health.py`` says which is which).
"""

from __future__ import annotations

from collections import Counter
from itertools import groupby

from trioproxy.config.model import Candidate, Routed, Strategy
from trioproxy.credentials.health import Health, Rest
from trioproxy.credentials.selection import Counters, arranged, in_rotation
from trioproxy.credentials.sessions import Bindings, Pool, Session
from trioproxy.errors import ErrorKind, ProxyFault, UpstreamFault

__all__ = ["most_of_each", "order", "pool_of"]

_NO_SESSION = Session(bindings=Bindings())


def order(
    routed: Routed,
    strategy: Strategy,
    counters: Counters,
    health: Health,
    now: float,
    *,
    needs: frozenset[str] = frozenset(),
    session: Session = _NO_SESSION,
) -> list[Candidate]:
    """The candidates to ask, first to last, at least one. ``needs`` is for the strategy CAPABILITY.

    Raises:
        UpstreamFault: MODEL_COOLDOWN, all of them rest; ``retry_after`` says for how long.
        ProxyFault: MISCONFIGURED, the strategy goes by weights and all of them are 0.
    """
    rested: list[tuple[Candidate, Rest]] = []
    awake: list[Candidate] = []
    for candidate in routed.candidates:
        if not in_rotation(candidate, strategy):
            continue
        rest = health.resting(candidate.credential.id, candidate.model, now)
        if rest is None:
            awake.append(candidate)
        else:
            rested.append((candidate, rest))
    ready: list[Candidate] = []
    for _, members in groupby(awake, key=lambda candidate: candidate.fallback):
        same_model = list(members)
        bound = _bound(same_model, routed, session, now)
        if bound is None:
            ready += arranged(same_model, strategy, counters, asked=routed.asked, needs=needs)
        else:
            # A bound conversation takes nobody's turn.
            ready += [bound, *(candidate for candidate in same_model if candidate is not bound)]
    stumbling = sorted((each for each in rested if not each[1].firm), key=lambda each: (each[0].tier, each[1].until))
    ready += (candidate for candidate, _ in stumbling)
    if ready:
        return ready
    if rested:
        raise _all_rest(routed, [rest for _, rest in rested], now)
    raise _all_weightless(routed)


def pool_of(routed: Routed, candidate: Candidate) -> Pool:
    """Those of ``routed`` that serve the same model as ``candidate``: among them a conversation is bound to one."""
    same_model = (each for each in routed.candidates if each.fallback == candidate.fallback)
    return Pool(frozenset(each.credential.group for each in same_model), candidate.fallback or routed.asked)


def most_of_each(queue: list[Candidate], most: int) -> list[Candidate]:
    """At most so many candidates of the model asked for and of each fallback; 0 is no bound."""
    if most <= 0:
        return queue
    taken: Counter[str | None] = Counter()
    kept: list[Candidate] = []
    for candidate in queue:
        taken[candidate.fallback] += 1
        if taken[candidate.fallback] <= most:
            kept.append(candidate)
    return kept


def _bound(candidates: list[Candidate], routed: Routed, session: Session, now: float) -> Candidate | None:
    if not session.names:
        return None
    credential_id = session.credential(pool_of(routed, candidates[0]), now)
    return next((each for each in candidates if each.credential.id == credential_id), None)


def _all_weightless(routed: Routed) -> ProxyFault:
    return ProxyFault(
        ErrorKind.MISCONFIGURED,
        f"{routed.asked}: every credential that serves it has weight 0, and routing.strategy goes by weights; "
        "give one of them a weight, or take another strategy",
        model=routed.asked,
    )


def _all_rest(routed: Routed, rests: list[Rest], now: float) -> UpstreamFault:
    soonest = min(rests, key=lambda rest: rest.until)
    reasons = ", ".join(sorted({rest.kind.value for rest in rests}))
    seconds = max(soonest.until - now, 1.0)
    who = "its only credential is" if len(rests) == 1 else f"all {len(rests)} credentials that serve it are"
    return UpstreamFault(
        ErrorKind.MODEL_COOLDOWN,
        f"{routed.asked}: {who} cooling down ({reasons}); the first may be asked again in {seconds:.0f} s",
        code="model_cooldown",
        retry_after=seconds,
        model=routed.asked,
    )
