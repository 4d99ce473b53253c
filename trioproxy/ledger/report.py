"""What the rows of a ledger add up to.

Knows: by what rows may be grouped and filtered, and which outcomes are failures. Refuses to know: how a sum is shown. Reads the file that
running processes write, and never changes it. Everything here blocks.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import attrs

from trioproxy.ledger.entry import Outcome
from trioproxy.ledger.reading import opened

__all__ = ["GROUPS", "SUMS", "Filter", "Report", "report", "since"]

GROUPS: Mapping[str, str] = MappingProxyType(
    {
        "model": "COALESCE(upstream_model, model)",
        "provider": "provider",
        "key": "key",
        "day": "strftime('%Y-%m-%d', began, 'unixepoch', 'localtime')",
    }
)
"""By what rows are grouped. A model is what the provider calls it, so that aliases of one model are one row; None is what a request that reached
no provider, or one without a key, has."""

FAILURES = (Outcome.FAILED, Outcome.REFUSED, Outcome.SHUT_DOWN)
"""Whose client got an error. One who left is no failure."""

SUMS = ("requests", "failures", "input_tokens", "output_tokens", "cached_tokens", "cost_usd")

_SUMS = f"""
    COUNT(*),
    SUM(outcome IN ({", ".join(f"'{each.value}'" for each in FAILURES)})),
    COALESCE(SUM(input_tokens), 0), COALESCE(SUM(output_tokens), 0), COALESCE(SUM(cached_tokens), 0),
    SUM(cost_usd)
"""
_ROUNDED = 9


@attrs.frozen(kw_only=True)
class Filter:
    """Which rows count. ``since`` and ``until`` are Unix seconds; names are compared exactly, without regard to case."""

    since: float | None = None
    until: float | None = None
    model: str | None = None
    provider: str | None = None
    key: str | None = None


@attrs.frozen(kw_only=True)
class Report:
    """``rows`` are the groups, each with its own name and :data:`SUMS`; ``total`` is the sums of all. A ``cost_usd`` of None says that the price
    of none of it is known; where some is, it is the sum of that."""

    rows: tuple[dict[str, Any], ...]
    total: dict[str, Any]

    def document(self) -> dict[str, Any]:
        """The report as JSON has it."""
        return {"rows": list(self.rows), "total": self.total}


def report(path: Path, *, by: str | None = None, rows: Filter | None = None) -> Report:
    """The sums of the ledger at ``path``, grouped by one of :data:`GROUPS`. Without one there are no rows but the total alone.

    Raises:
        StoreUnusable: it can't be read.
    """
    where, values = _where(rows or Filter())
    groups: list[dict[str, Any]] = []
    with opened(path) as ledger:
        if ledger is None:
            return Report(rows=(), total=_sums((0, 0, 0, 0, 0, None)))
        ledger.execute("BEGIN")
        total = ledger.execute(f"SELECT {_SUMS} FROM exchanges WHERE {where}", values).fetchone()
        if by is not None:
            found = ledger.execute(
                f"SELECT {GROUPS[by]}, {_SUMS} FROM exchanges WHERE {where} GROUP BY 1 ORDER BY 1", values
            )
            groups = [{by: row[0], **_sums(row[1:])} for row in found]
    return Report(rows=tuple(groups), total=_sums(total))


def since(text: str, now: datetime) -> float:
    """A moment as Unix seconds: a date or time (ISO 8601, local where it says nothing), ``today``, or so far back: ``90m``, ``24h``, ``7d``.

    Raises:
        ValueError: it is none of these.
    """
    wanted = text.strip().lower()
    if wanted == "today":
        return now.replace(hour=0, minute=0, second=0, microsecond=0).timestamp()
    unit = _UNITS.get(wanted[-1:])
    if unit is not None and wanted[:-1].isdecimal():
        try:
            return (now - unit * int(wanted[:-1])).timestamp()
        except OverflowError:
            return datetime(1970, 1, 1, tzinfo=UTC).timestamp()
    moment = datetime.fromisoformat(text.strip())
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=now.tzinfo)).timestamp()


_UNITS = {
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}


def _where(rows: Filter) -> tuple[str, list[Any]]:
    clauses, values = ["1"], []
    for clause, value in (
        ("began >= ?", rows.since),
        ("began < ?", rows.until),
        ("lower(provider) = lower(?)", rows.provider),
    ):
        if value is not None:
            clauses.append(clause)
            values.append(value)
    for names, value in ((("model", "upstream_model"), rows.model), (("key", "key_id"), rows.key)):
        if value is not None:
            clauses.append(f"({' OR '.join(f'lower({name}) = lower(?)' for name in names)})")
            values += [value] * len(names)
    return " AND ".join(clauses), values


def _sums(row: tuple[Any, ...]) -> dict[str, Any]:
    sums = dict(zip(SUMS, row, strict=True))
    sums["failures"] = sums["failures"] or 0
    if sums["cost_usd"] is not None:
        sums["cost_usd"] = round(sums["cost_usd"], _ROUNDED)
    return sums
