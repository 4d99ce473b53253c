"""In which order candidates are asked. Pure but for one counter a model, which makes equals take turns.

Tiers come first, and inside a tier the candidates rotate. A candidate that rests firmly is left out, one that rests softly is asked after all
others (``credentials/health.py`` says which is which).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import attrs

from trioproxy.config.model import Candidate, Routed, Strategy
from trioproxy.credentials.health import Health, Rest
from trioproxy.errors import ErrorKind, UpstreamFault

__all__ = ["Turns", "order"]

MOST_MODELS = 4096


@attrs.define(eq=False)
class Turns:
    """Whose turn it is, a model. Models that were not asked for longest are forgotten first."""

    _counts: dict[str, int] = attrs.field(factory=dict, init=False)

    def take(self, model: str) -> int:
        """A number that rises by one with every request for ``model``."""
        turn = self._counts.pop(model, 0)
        if len(self._counts) >= MOST_MODELS:
            del self._counts[next(iter(self._counts))]
        self._counts[model] = turn + 1
        return turn


def order(routed: Routed, strategy: Strategy, turns: Turns, health: Health, now: float) -> list[Candidate]:
    """The candidates to ask, first to last, at least one.

    Raises:
        UpstreamFault: MODEL_COOLDOWN, all of them rest; ``retry_after`` says for how long.
    """
    candidates = routed.candidates
    if len(candidates) > 1 and strategy is not Strategy.FILL_FIRST:
        candidates = tuple(_rotated(candidates, turns.take(routed.asked)))
    rested: list[tuple[Candidate, Rest]] = []
    ready: list[Candidate] = []
    for candidate in candidates:
        rest = health.resting(candidate.credential.id, candidate.model, now)
        if rest is None:
            ready.append(candidate)
        else:
            rested.append((candidate, rest))
    stumbling = sorted((each for each in rested if not each[1].firm), key=lambda each: (each[0].tier, each[1].until))
    ready += (candidate for candidate, _ in stumbling)
    if not ready:
        raise _all_rest(routed, [rest for _, rest in rested], now)
    return ready


def _rotated(candidates: Sequence[Candidate], turn: int) -> list[Candidate]:
    rotated: list[Candidate] = []
    for _, tier in groupby(candidates, key=lambda candidate: candidate.tier):
        equals = list(tier)
        start = turn % len(equals)
        rotated += equals[start:] + equals[:start]
    return rotated


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
