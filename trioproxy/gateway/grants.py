"""The right to ask a candidate: room below its limits, and the one try where it is half-open. What can't be had at once is waited for, in line.

Knows: how health and limits are asked together, and how long a wait for either may last. Refuses to know: in which order candidates are
asked, and what follows from their answers.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import trio

from trioproxy.config.routed import Candidate
from trioproxy.credentials.health import Health, Readiness, Trial
from trioproxy.credentials.meters import Demand, Measure, Over
from trioproxy.gateway.choice import Barred
from trioproxy.gateway.limits import holders_at
from trioproxy.gateway.turnstile import FREE, Pass, Turnstile

__all__ = ["NOTHING_HELD", "Grant", "Grants"]


@attrs.define(eq=False)
class Grant:
    """One candidate may be asked. :meth:`judged` when it is known how it takes that, :meth:`end` when nothing runs there any more; both in
    every outcome, and as often as one likes."""

    _passed: Pass = FREE
    _trial: Trial | None = None
    _turnstile: Turnstile | None = None
    _credential_id: str = ""

    def judged(self) -> None:
        """It answered, failed, or was never asked: others may try it now, if it still needs trying."""
        trial, self._trial = self._trial, None
        if trial is not None and self._turnstile is not None:
            trial.end()
            self._turnstile.stir(self._credential_id)

    def end(self, tokens: int | None = None) -> None:
        """See ``Lease.end``."""
        self.judged()
        passed, self._passed = self._passed, FREE
        passed.end(tokens)

    def undo(self) -> None:
        """The candidate is not asked after all."""
        self.judged()
        passed, self._passed = self._passed, FREE
        passed.undo()


NOTHING_HELD = Grant()
"""The grant for a candidate without limits, while nothing is held against anybody."""


@attrs.frozen
class Grants:
    """Gives grants out. ``health`` and ``turnstile`` are what it asks."""

    health: Health
    turnstile: Turnstile

    def take(self, candidate: Candidate, demand: Demand) -> Grant | Barred | None:
        """The grant for ``candidate``; why it is not to be asked at all; None where it may be later, when somebody else is done."""
        way = holders_at(candidate)
        if not way and self.health.spotless:
            return NOTHING_HELD
        credential_id, now = candidate.credential.id, trio.current_time()
        standing = self.health.standing(credential_id, candidate.model, now)
        rest = standing.rest
        if rest is not None and rest.firm and standing.readiness is Readiness.RESTING:
            return Barred(candidate, rest)
        if rest is not None and rest.firm and standing.readiness is Readiness.TRIED:
            return None
        passed = self.turnstile.take(way, demand)
        if isinstance(passed, Over):
            return None if passed.measure is Measure.CONCURRENT else Barred(candidate, passed)
        return self._granted(candidate, passed)

    def bars(self, candidate: Candidate) -> bool:
        """Whether ``candidate`` rests firmly."""
        return not self.health.spotless and self._held_back(candidate, Readiness.RESTING)

    async def wait(
        self, candidates: Sequence[Candidate], demand: Demand, deadline: float
    ) -> tuple[Candidate, Grant] | None:
        """The first grant for one of ``candidates``, of which none may be asked now; None where there is none until ``deadline``.

        Who waits for the verdict of a request that tries a half-open candidate is let in at the deadline without one: that a provider thinks for
        long before it answers is no reason to refuse.
        """
        waiting = list(candidates)
        while waiting:
            tried = [each for each in waiting if self._held_back(each, Readiness.TRIED)]
            busy = [each for each in waiting if each not in tried]
            got = await self.turnstile.wait(
                [holders_at(each) for each in busy],
                demand,
                max(deadline - trio.current_time(), 0.0),
                name=waiting[0].credential.id,
                watched={each.credential.id for each in tried},
            )
            if got is not None and (let_in := self._let_in(busy[got[0]], got[1])) is not None:
                return let_in
            if got is None and trio.current_time() >= deadline:
                return self._last_resort(tried, demand)
            waiting = [each for each in waiting if not self._held_back(each, Readiness.RESTING)]
            if (taken := self._first_of(waiting, demand)) is not None:
                return taken
            if got is None and not tried:
                return None  # too many wait already
        return None

    def _let_in(self, candidate: Candidate, passed: Pass) -> tuple[Candidate, Grant] | None:
        """The grant for who was let in below its limits; None where ``candidate`` has come to rest while it waited."""
        if self._held_back(candidate, Readiness.RESTING):
            passed.undo()
            return None
        return candidate, self._granted(candidate, passed)

    def _first_of(self, candidates: Sequence[Candidate], demand: Demand) -> tuple[Candidate, Grant] | None:
        """The first of ``candidates`` that may be asked now."""
        for candidate in candidates:
            grant = self.take(candidate, demand)
            if isinstance(grant, Grant):
                return candidate, grant
        return None

    def _last_resort(self, tried: Sequence[Candidate], demand: Demand) -> tuple[Candidate, Grant] | None:
        for candidate in tried:
            passed = self.turnstile.take(holders_at(candidate), demand)
            if isinstance(passed, Pass):
                return candidate, Grant(passed)
        return None

    def _granted(self, candidate: Candidate, passed: Pass) -> Grant:
        if self.health.spotless:
            return Grant(passed)
        credential_id = candidate.credential.id
        trial = self.health.begin(credential_id, candidate.model, trio.current_time())
        return Grant(passed, trial if trial else None, self.turnstile, credential_id)

    def _held_back(self, candidate: Candidate, readiness: Readiness) -> bool:
        """Whether a firm rest makes ``candidate`` as ready as that and no more."""
        standing = self.health.standing(candidate.credential.id, candidate.model, trio.current_time())
        return standing.rest is not None and standing.rest.firm and standing.readiness is readiness
