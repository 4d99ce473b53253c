"""What was measured, and what it comes to: medians, and ratios within one round.

Machines differ and neighbours are noisy: a figure by itself says little. A ratio of two things measured one after the other in the same
round says more, and the median of such ratios most of all. Pure.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from typing import Any

import attrs

__all__ = ["Row", "Sample", "document", "figure", "summarise", "table"]


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
class Row:
    """One metric over all rounds: the median of each subject, and the median of the paired ratios ``subject/against``."""

    case: str
    metric: str
    medians: dict[str, float]
    ratios: dict[str, float]


def summarise(samples: Iterable[Sample]) -> list[Row]:
    """One row a metric, in the order in which they were first met."""
    grouped: dict[tuple[str, str], list[Sample]] = {}
    for sample in samples:
        grouped.setdefault((sample.case, sample.metric), []).append(sample)
    return [_row(case, metric, group) for (case, metric), group in grouped.items()]


def _row(case: str, metric: str, group: Sequence[Sample]) -> Row:
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
        medians={subject: statistics.median(found) for subject, found in by_subject.items()},
        ratios={pair: statistics.median(found) for pair, found in ratios.items()},
    )


def document(rows: Iterable[Row], machine: dict[str, Any], rounds: int) -> dict[str, Any]:
    """The whole outcome as one JSON document."""
    return {"machine": machine, "rounds": rounds, "rows": [attrs.asdict(row) for row in rows]}


def table(rows: Iterable[Row]) -> list[str]:
    """The rows as lines for a person: a line a subject, with its ratios."""
    lines: list[str] = []
    for row in rows:
        lines.append(f"{row.case}: {row.metric}")
        for subject, value in row.medians.items():
            ratios = [
                f"{ratio:.2f} x {pair.removeprefix(subject + '/')}"
                for pair, ratio in row.ratios.items()
                if pair.startswith(f"{subject}/")
            ]
            lines.append(f"  {subject:<20} {figure(value):>10}   {'  '.join(ratios)}".rstrip())
    return lines


def figure(value: float) -> str:
    """A value with as many digits as mean something."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 1 else f"{value:.2f}"
