"""What was measured, and what it comes to: medians, leasts, and ratios within one round.

Machines differ and neighbours are noisy: a figure by itself says little. A ratio of two things measured one after the other in the same
round says more, and the median of such ratios most of all. A round in which the control itself was not what it is in the others says
nothing, and is set aside. Pure.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from typing import Any

import attrs

__all__ = ["Counted", "LeftOut", "Row", "Sample", "document", "figure", "summarise", "table"]

_CONTROLS = ("nginx", "floor")
_LATENCY = "p50 us"
_RESTLESS = 0.2


@attrs.frozen(kw_only=True)
class Sample:
    """One value of one round. ``subject`` is who was measured; ``against`` are those whose values it is compared with."""

    round: int
    case: str
    metric: str
    subject: str
    value: float
    against: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class LeftOut:
    """A peer without figures in a case, since the round in which it failed there."""

    peer: str
    case: str
    round: int
    why: str

    @property
    def told(self) -> str:
        """The same, for a person."""
        return f"{self.case}: without {self.peer}, which failed in round {self.round}: {self.why}"


@attrs.frozen(kw_only=True)
class Counted:
    """Which rounds of a case count: ``kept`` do, and ``aside`` don't, since the median latency of ``control`` lay further than a fifth from its
    median over all rounds. Were more than half of them such, all are kept, and ``restless`` has their numbers."""

    kept: tuple[int, ...]
    aside: tuple[int, ...] = ()
    restless: tuple[int, ...] = ()
    control: str | None = None
    """nginx where it was measured, else the floor; None where neither has a latency, so that all rounds are kept."""

    @property
    def told(self) -> str:
        """The same, for a person."""
        if self.restless:
            moved = _listed(self.restless)
            return f"{_rounds(len(self.kept))}; the machine was too restless to tell ({self.control} moved in {moved})"
        if self.aside:
            whole = len(self.kept) + len(self.aside)
            return f"{len(self.kept)} of {_rounds(whole)} ({self.control} moved in {_listed(self.aside)})"
        return _rounds(len(self.kept))


def _rounds(count: int) -> str:
    return f"{count} round" if count == 1 else f"{count} rounds"


def _listed(numbers: Sequence[int]) -> str:
    return f"round{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"


@attrs.frozen(kw_only=True)
class Row:
    """One metric over the rounds that count: the median and the least of each subject, and the median of the paired ratios
    ``subject/against``."""

    case: str
    metric: str
    counted: Counted
    medians: dict[str, float]
    least: dict[str, float]
    ratios: dict[str, float]


def summarise(samples: Iterable[Sample]) -> list[Row]:
    """One row a metric, in the order in which they were first met."""
    cases: dict[str, list[Sample]] = {}
    grouped: dict[tuple[str, str], list[Sample]] = {}
    for sample in samples:
        cases.setdefault(sample.case, []).append(sample)
        grouped.setdefault((sample.case, sample.metric), []).append(sample)
    counted = {case: _count(group) for case, group in cases.items()}
    return [_row(case, metric, group, counted[case]) for (case, metric), group in grouped.items()]


def _count(group: Sequence[Sample]) -> Counted:
    rounds = tuple(dict.fromkeys(sample.round for sample in group))
    for control in _CONTROLS:
        latency = {
            each.round: each.value for each in group if each.subject == control and each.metric.endswith(_LATENCY)
        }
        if latency:
            break
    else:
        return Counted(kept=rounds)
    middle = statistics.median(latency.values())
    moved = tuple(number for number, value in latency.items() if abs(value - middle) > _RESTLESS * middle)
    if 2 * len(moved) > len(rounds):
        return Counted(kept=rounds, restless=moved, control=control)
    return Counted(kept=tuple(number for number in rounds if number not in moved), aside=moved, control=control)


def _row(case: str, metric: str, group: Sequence[Sample], counted: Counted) -> Row:
    group = [sample for sample in group if sample.round in counted.kept]
    values = {(sample.round, sample.subject): sample.value for sample in group}
    by_subject: dict[str, list[float]] = {}
    ratios: dict[str, list[float]] = {}
    for sample in group:
        by_subject.setdefault(sample.subject, []).append(sample.value)
        for other in sample.against:
            base = values.get((sample.round, other))
            if base:
                ratios.setdefault(f"{sample.subject}/{other}", []).append(sample.value / base)
    return Row(
        case=case,
        metric=metric,
        counted=counted,
        medians={subject: statistics.median(found) for subject, found in by_subject.items()},
        least={subject: min(found) for subject, found in by_subject.items()},
        ratios={pair: statistics.median(found) for pair, found in ratios.items()},
    )


def document(
    rows: Iterable[Row], machine: dict[str, Any], rounds: int, left_out: Iterable[LeftOut] = ()
) -> dict[str, Any]:
    """The whole outcome as one JSON document."""
    rows = list(rows)
    kept = attrs.filters.exclude("counted")
    return {
        "machine": machine,
        "rounds": rounds,
        "cases": {row.case: _counted(row.counted) for row in rows},
        "left_out": [attrs.asdict(each) for each in left_out],
        "rows": [attrs.asdict(row, filter=kept) for row in rows],
    }


def _counted(counted: Counted) -> dict[str, Any]:
    return {
        "rounds": len(counted.kept),
        "of": len(counted.kept) + len(counted.aside),
        "set_aside": list(counted.aside),
        "too_restless": list(counted.restless),
        "control": counted.control,
    }


def table(rows: Iterable[Row], left_out: Iterable[LeftOut] = ()) -> list[str]:
    """The rows as lines for a person: a line a subject, with its median, its least and its ratios; then who was left out."""
    lines: list[str] = []
    for row in rows:
        lines.append(f"{row.case}: {row.metric}, {row.counted.told}")
        for subject, value in row.medians.items():
            ratios = [
                f"{ratio:.2f} x {pair.removeprefix(subject + '/')}"
                for pair, ratio in row.ratios.items()
                if pair.startswith(f"{subject}/")
            ]
            least = f"least {figure(row.least[subject])}"
            lines.append(f"  {subject:<20} {figure(value):>10}   {least:<14} {'  '.join(ratios)}".rstrip())
    return [*lines, *(each.told for each in left_out)]


def figure(value: float) -> str:
    """A value with as many digits as mean something."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 1 else f"{value:.2f}"
