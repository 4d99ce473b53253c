"""In which order equals are tried, by one of the strategies. Pure: whose turn it is lies in :class:`Counters`, there is no clock and no chance.

Knows: rotation, weights, features. Refuses to know: who rests (``credentials/health.py``), which credential a conversation is bound to
(``credentials/sessions.py``), what a request looks like.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import assert_never

import attrs

from trioproxy.config.model import Strategy
from trioproxy.config.routed import Candidate

__all__ = ["Counters", "arranged", "in_rotation"]

MOST_GROUPS = 4096

# What a request needs, and the words for it in ``features``.
_WORDS: dict[str, frozenset[str]] = {
    "streaming": frozenset({"streaming"}),
    "tools": frozenset({"tools", "functions"}),
    "vision": frozenset({"vision", "multimodal"}),
}

_Group = tuple[str, int]
_Member = tuple[str, str]


@attrs.define(eq=False)
class Counters:
    """Whose turn it is, by group of equals (a model's name and a tier). The groups that were not asked for longest are forgotten first."""

    _turns: dict[_Group, int] = attrs.field(factory=dict, init=False)
    _credits: dict[_Group, dict[_Member, int]] = attrs.field(factory=dict, init=False)

    def turn(self, group: _Group) -> int:
        """A number that rises by one with every call for ``group``, from 0."""
        turn = self._turns.pop(group, 0)
        _make_room(self._turns)
        self._turns[group] = turn + 1
        return turn

    def credits(self, group: _Group, members: Iterable[_Member]) -> dict[_Member, int]:
        """What each of ``members`` has saved up so far, to be changed in place. Who is no member any more loses what it had."""
        saved = self._credits.pop(group, {})
        _make_room(self._credits)
        kept = self._credits[group] = {member: saved.get(member, 0) for member in members}
        return kept

    def copy(self) -> Counters:
        """The same, to be looked at without taking a turn."""
        copied = Counters()
        copied._turns.update(self._turns)
        copied._credits.update({group: dict(saved) for group, saved in self._credits.items()})
        return copied


def in_rotation(candidate: Candidate, strategy: Strategy) -> bool:
    """Whether ``candidate`` may be asked at all: under weights, not without one."""
    return strategy is not Strategy.WEIGHTED or candidate.credential.weight > 0


def arranged(
    tiers: Iterable[Sequence[Candidate]],
    strategy: Strategy,
    counters: Counters,
    *,
    asked: str = "",
    needs: frozenset[str] = frozenset(),
) -> list[Candidate]:
    """The candidates in the order to try: tier by tier, and inside a tier by ``strategy``. It takes a turn of each tier's that has anybody.

    ``asked`` is the model whose turns are counted. ``needs`` are words of streaming, tools and vision; CAPABILITY asks those first that are
    said to have them all, then those of which nothing is said, and lets equals take turns.
    """
    order: list[Candidate] = []
    for equals in tiers:
        if not equals:
            continue
        group = (asked, equals[0].tier)
        match strategy:
            case Strategy.FILL_FIRST:
                order += equals
            case Strategy.ROUND_ROBIN:
                order += _rotated(equals, counters.turn(group))
            case Strategy.WEIGHTED:
                order += _weighted([each for each in equals if each.credential.weight > 0], counters, group)
            case Strategy.CAPABILITY:
                order += sorted(_rotated(equals, counters.turn(group)), key=lambda each: _shortcoming(each, needs))
            case _:
                assert_never(strategy)
    return order


def _rotated(equals: Sequence[Candidate], turn: int) -> list[Candidate]:
    start = turn % len(equals)
    return [*equals[start:], *equals[:start]]


def _weighted(equals: list[Candidate], counters: Counters, group: _Group) -> list[Candidate]:
    """Smooth weighted rotation, as nginx has it (``ngx_http_upstream_round_robin.c``): each saves its weight, the richest is asked and pays
    what all of them saved. The others follow by what they have."""
    if len(equals) < 2:
        return equals
    if len({each.credential.weight for each in equals}) == 1:
        return _rotated(equals, counters.turn(group))  # which is what it comes to, without an account of thousands
    saved = counters.credits(group, map(_member, equals))
    for each in equals:
        saved[_member(each)] += each.credential.weight
    order = sorted(equals, key=lambda each: -saved[_member(each)])
    saved[_member(order[0])] -= sum(each.credential.weight for each in equals)
    return order


def _member(candidate: Candidate) -> _Member:
    return candidate.credential.id, candidate.model


def _shortcoming(candidate: Candidate, needs: frozenset[str]) -> int:
    """0 has all that is needed, 1 nobody said what it has, 2 lacks something."""
    features = candidate.credential.features
    if candidate.facts is not None:
        features |= candidate.facts.features
    if all(_WORDS[need] & features for need in needs):
        return 0
    return 2 if features else 1


def _make_room(groups: dict[_Group, int] | dict[_Group, dict[_Member, int]]) -> None:
    if len(groups) >= MOST_GROUPS:
        del groups[next(iter(groups))]
