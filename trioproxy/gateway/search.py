"""One request's search for an answer: what stays the same from candidate to candidate, and what was found out on the way. Pure.

Knows: who was left out and why, how many were asked, and whether another round, or a wait, is worth its while. Refuses to know: how a candidate
is asked (``failover.py``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import attrs

from trioproxy.config.model import Settings
from trioproxy.config.routed import Candidate, Routed
from trioproxy.credentials.meters import NO_DEMAND, Demand
from trioproxy.credentials.sessions import Session
from trioproxy.errors import FACTS, ClientFault, ErrorKind, Failure
from trioproxy.gateway.choice import Barred
from trioproxy.gateway.limits import demand_of
from trioproxy.gateway.pairs import choose_lane
from trioproxy.gateway.stages import Admitted, Rejected
from trioproxy.ledger.entry import Entry

__all__ = ["Search", "servable"]

# Another round may mend these: they say nothing of the key, and nothing of the request.
_PASSING = frozenset(
    {
        ErrorKind.CLIENT_TIMEOUT,
        ErrorKind.INTERNAL,
        ErrorKind.UNREACHABLE,
        ErrorKind.TRUNCATED,
        ErrorKind.MALFORMED,
        ErrorKind.OVERLOADED,
        ErrorKind.RATE_LIMITED,
        ErrorKind.TIMEOUT,
    }
)


@attrs.define(eq=False)
class Search:
    """``number`` counts rounds from 0, ``asked`` how many of each model were asked in this one; ``last`` is the latest error. ``patience`` is
    until when the request waits in line, once it has begun to. ``limited`` says whether any candidate has limits: without any, nothing is
    estimated."""

    admitted: Admitted
    routed: Routed
    settings: Settings
    entry: Entry
    session: Session
    limited: bool = attrs.field(init=False)
    demand: Demand = attrs.field(init=False)
    number: int = 0
    barred: dict[tuple[str, str], Barred] = attrs.field(factory=dict)
    asked: defaultdict[str | None, int] = attrs.field(factory=lambda: defaultdict(int))
    last: Rejected | None = None
    patience: float | None = None

    def __attrs_post_init__(self) -> None:
        self.limited = bool(self.routed.limited)
        self.demand = demand_of(self.admitted.asked) if self.limited else NO_DEMAND

    def leave_out(self, barred: Iterable[Barred]) -> None:
        """Remember who can't be asked now, and why."""
        for each in barred:
            self.barred[each.candidate.credential.id, each.candidate.model] = each

    def has_enough_of(self, candidate: Candidate) -> bool:
        """Whether as many credentials of this candidate's model were asked in this round as may be."""
        most = self.settings.max_retry_credentials
        return 0 < most <= self.asked[candidate.fallback]

    def ends_with(self, candidate: Candidate, failure: Failure) -> bool:
        """Whether nobody else is to be asked once ``candidate`` failed so: no time is left, or everybody would say the same."""
        return self.entry.outlasted(candidate.deadlines.total) or not FACTS[failure.kind].next_candidate

    def may_go_round(self, candidate: Candidate, failure: Failure, pause: float) -> bool:
        """Whether ``candidate``, which failed so, is to be asked again in another round, ``pause`` seconds from now."""
        return failure.kind in _PASSING and self.number < self._rounds_of(candidate) and self._bears(pause)

    def may_wait(self, pause: float) -> bool:
        """Whether waiting ``pause`` seconds for the first candidate to come back is worth a round."""
        return self.number < max(map(self._rounds_of, self.routed.candidates)) and self._bears(pause)

    def _rounds_of(self, candidate: Candidate) -> int:
        own = candidate.credential.request_retry
        return self.settings.request_retry if own is None else own

    def _bears(self, pause: float) -> bool:
        total = self.routed.candidates[0].deadlines.total
        return pause <= self.settings.max_retry_interval and not self.entry.outlasted(total - pause)


def servable(admitted: Admitted, routed: Routed) -> Routed:
    """``routed`` with those candidates only that can serve the request.

    Raises:
        ClientFault: none can; the first one's reason.
    """
    faults: dict[int, ClientFault] = {}
    for each in routed.wires:
        try:
            choose_lane(admitted.asked, each)
        except ClientFault as fault:
            faults[id(each.wire)] = fault
    if not faults:
        return routed
    able = tuple(each for each in routed.candidates if id(each.wire) not in faults)
    if not able:
        raise next(iter(faults.values()))
    return attrs.evolve(routed, candidates=able)
