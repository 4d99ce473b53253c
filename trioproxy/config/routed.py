"""Where a request may go, as frozen values: what routing makes of a snapshot, and every attempt is made from. Pure.

A :class:`Routed` is remembered for all requests that ask for the same, so what can be told of it once is told once.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from itertools import groupby
from typing import Any

import attrs

from trioproxy.config.model import Credential, Deadlines
from trioproxy.providers.model import ModelFacts, ThinkingSuffix, Wire

__all__ = ["Candidate", "Routed", "Tier"]


@attrs.frozen(kw_only=True)
class Candidate:
    """One way to serve a request: a credential, the wire to speak, the upstream's model name, and the deadlines that hold there.

    Candidates of the same ``tier`` are equals: rotation and affinity stay inside it. A higher tier is for when the lower ones can't serve
    (lower ``priority``, or a fallback model). ``facts`` is what is known of the model, None where nothing is. ``fallback`` is the name in
    ``fallbacks`` that led here, None where the model asked for did.
    """

    credential: Credential
    wire: Wire
    model: str
    deadlines: Deadlines
    tier: int = 0
    facts: ModelFacts | None = None
    fallback: str | None = None
    memo: dict[Any, Any] = attrs.field(factory=dict, init=False, eq=False, repr=False)
    """For what is the same in every request that goes this way. Who puts something in bounds it."""

    @cached_property
    def quirks(self) -> tuple[str, ...]:
        """What is peculiar of the credential's provider, then of this model."""
        return (*self.credential.quirks, *self.credential.provider.quirks_of(self.model))


@attrs.frozen
class Tier:
    """Equals among the candidates of one route: from place ``start`` on, of one model (:attr:`Candidate.fallback`) and one tier."""

    fallback: str | None
    number: int
    start: int
    members: tuple[Candidate, ...]

    @property
    def end(self) -> int:
        """The place after the last."""
        return self.start + len(self.members)


@attrs.frozen(kw_only=True)
class Routed:
    """Where a model may go, best first. ``asked`` is the client's spelling, ``suffix`` what stood in its last parentheses; ``why`` holds one
    line a candidate for ``explain``."""

    asked: str
    candidates: tuple[Candidate, ...]
    suffix: ThinkingSuffix | None = None
    why: tuple[str, ...] = ()

    # What follows is the same for every request that goes this way. A route is remembered, so of thousands of keys none is looked at twice.

    @cached_property
    def tiers(self) -> tuple[Tier, ...]:
        """The candidates, cut where the model or the tier changes."""
        found: list[Tier] = []
        for (fallback, number), members in groupby(self.candidates, key=lambda each: (each.fallback, each.tier)):
            start = found[-1].end if found else 0
            found.append(Tier(fallback, number, start, tuple(members)))
        return tuple(found)

    @cached_property
    def places(self) -> Mapping[str, tuple[int, ...]]:
        """Where among the candidates each credential is, by its id."""
        found: dict[str, tuple[int, ...]] = {}
        for place, candidate in enumerate(self.candidates):
            id_ = candidate.credential.id
            found[id_] = (*found.get(id_, ()), place)
        return found

    @cached_property
    def limited(self) -> tuple[int, ...]:
        """The places of those that have limits."""
        return tuple(place for place, each in enumerate(self.candidates) if each.credential.limited)

    @cached_property
    def weightless(self) -> frozenset[int]:
        """The places of those whose weight is 0."""
        return frozenset(place for place, each in enumerate(self.candidates) if not each.credential.weight)

    @cached_property
    def wires(self) -> tuple[Candidate, ...]:
        """The first candidate on each wire: of thousands of keys most share theirs."""
        found: dict[int, Candidate] = {}
        for candidate in self.candidates:
            found.setdefault(id(candidate.wire), candidate)
        return tuple(found.values())

    @cached_property
    def groups(self) -> Mapping[str | None, frozenset[str]]:
        """The names of the providers that serve each model, by :attr:`Candidate.fallback`."""
        found: dict[str | None, set[str]] = {}
        for candidate in self.candidates:
            found.setdefault(candidate.fallback, set()).add(candidate.credential.group)
        return {fallback: frozenset(groups) for fallback, groups in found.items()}
