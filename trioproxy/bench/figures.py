"""What was measured, and what it comes to: medians, and ratios within one round.

Machines differ and neighbours are noisy: a figure by itself says little. A ratio of two things measured one after the other in the same
round says more, and the median of such ratios most of all. Pure.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from typing import Any

import attrs

__all__ = ["Row", "Sample", "document", "summarise", "table"]


@attrs.frozen(kw_only=True)
class Sample:
    """One value of one round. ``subject`` is who was measured; ``against`` is whose value it is compared with, None for the others' sake."""

    round: int
    case: str
    metric: str
    subject: str
    value: float
    against: str | None = None


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
        base = values.get((sample.round, sample.against)) if sample.against is not None else None
        if base:
            ratios.setdefault(f"{sample.subject}/{sample.against}", []).append(sample.value / base)
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
    """The rows as lines for a person."""
    lines = [f"{'case':<22}{'metric':<20}{'':<44}{'ratio (paired, median)'}"]
    for row in rows:
        medians = "  ".join(f"{subject} {_figure(value)}" for subject, value in row.medians.items())
        ratios = "  ".join(f"{pair} {value:.2f}" for pair, value in row.ratios.items())
        lines.append(f"{row.case:<22}{row.metric:<20}{medians:<44}{ratios}".rstrip())
    return lines


def _figure(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}"
