"""Who would be asked for a model now, in which order, and why not the others: for a person, in words. Pure.

It is computed by what lines candidates up for requests (``choice.py``), with a copy of the counters: looking takes nobody's turn.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from trioproxy.config.model import Settings, Strategy
from trioproxy.config.reasons import credential_place
from trioproxy.config.routed import Candidate, Routed
from trioproxy.credentials.health import Health, Readiness, Rest, Standing
from trioproxy.credentials.meters import Over
from trioproxy.credentials.selection import Counters, in_rotation
from trioproxy.errors import ProxyError
from trioproxy.gateway.choice import OverLimit, line_up

__all__ = ["Outlook", "in_order", "outlook"]


@attrs.frozen
class Outlook:
    """One candidate as it stands: its ``place`` in the order, from 1, None where it is left out; and why."""

    candidate: Candidate
    place: int | None
    reason: str

    def __str__(self) -> str:
        who = f"{credential_place(self.candidate.credential)}, model {self.candidate.model!r}"
        return f"{self.place}. {who}: {self.reason}" if self.place is not None else f"not {who}: {self.reason}"


def outlook(
    routed: Routed, settings: Settings, counters: Counters, health: Health, now: float, *, over: OverLimit | None = None
) -> list[Outlook]:
    """The candidates of ``routed``, those that would be asked first and in their order. A conversation may change it: see session affinity."""
    try:
        queue = line_up(routed, settings.strategy, counters.copy(), health, now, over=over).queue
    except ProxyError:
        queue = []  # all are out of rotation
    told = [
        Outlook(each, place, _reason(each, settings.strategy, health, now, over)) for place, each in enumerate(queue, 1)
    ]
    left_out = [each for each in routed.candidates if not any(each is asked for asked in queue)]
    return told + [Outlook(each, None, _reason(each, settings.strategy, health, now, over)) for each in left_out]


def in_order(prospects: Sequence[Outlook]) -> list[str]:
    """Who is asked first and who then, a line each with a heading; nothing where there is nobody."""
    return ["asked in this order:", *map(str, prospects)] if prospects else []


def _reason(candidate: Candidate, strategy: Strategy, health: Health, now: float, over: OverLimit | None) -> str:
    if not in_rotation(candidate, strategy):
        return "its weight is 0, which takes it out of weighted rotation"
    limit = over(candidate) if over is not None else None
    if limit is not None:
        return _limited(limit)
    standing = health.standing(candidate.credential.id, candidate.model, now)
    if standing.rest is not None:
        return _rested(standing, standing.rest, now)
    return f"ready; tier {candidate.tier}, {_turn(candidate, strategy)}"


def _turn(candidate: Candidate, strategy: Strategy) -> str:
    if strategy is Strategy.WEIGHTED:
        return f"{strategy.value} with weight {candidate.credential.weight}"
    return str(strategy.value)


def _limited(over: Over) -> str:
    if over.wait is None:
        return f"{over}: its turn comes when somebody is done"
    return f"{over}, for {over.wait:.0f} s yet"


def _rested(standing: Standing, rest: Rest, now: float) -> str:
    what = f"{rest.kind.value}{'' if rest.model is not None else ', the whole account'}"
    if standing.readiness is Readiness.HALF_OPEN:
        return f"its rest is over ({what}): the next request tries it, the others go elsewhere"
    if standing.readiness is Readiness.TRIED:
        return f"its rest is over ({what}): a request is trying it now"
    if rest.firm:
        return f"rests for {rest.until - now:.0f} s yet ({what})"
    return f"stumbled ({what}): it is asked after all others for {rest.until - now:.0f} s yet"
