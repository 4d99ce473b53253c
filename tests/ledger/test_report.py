"""What the rows of a ledger add up to."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from tests.ledger.accounts import NOON, REFUSED, settled
from trioproxy.ledger.entry import Outcome
from trioproxy.ledger.report import GROUPS, SUMS, Filter, report, since
from trioproxy.ledger.store import MIGRATIONS, Store, StoreUnusable, row_of
from trioproxy.neutral.usage import Usage

DAY = 86400.0


@pytest.fixture
def _in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def ledger(tmp_path: Path, _in_utc: None) -> Path:
    store = Store.open(tmp_path)
    store.add(
        [
            row_of(settled(id="1", usage=Usage(input=10, output=1, cache_read=4)), 0.1),
            row_of(settled(id="2", usage=Usage(input=20, output=2)), 0.2),
            row_of(settled(id="3", began=NOON + DAY, outcome=Outcome.CLIENT_GONE, client=None, client_id=None), None),
            row_of(settled(id="4", began=NOON + DAY, provider="Other", upstream_model="big", usage=None), None),
            row_of(settled(id="5", began=NOON + DAY, outcome=Outcome.FAILED, upstream_model="big"), None),
            row_of(REFUSED, None),
        ]
    )
    store.close()
    return store.path


TOTAL = {
    "requests": 6,
    "failures": 2,
    "input_tokens": 90,
    "output_tokens": 43,
    "cached_tokens": 24,
    "cost_usd": 0.3,
}


@pytest.mark.parametrize(
    ("by", "requests"),
    [
        ("model", {"claude-sonnet-4-5": 3, "big": 2, "nope": 1}),
        ("provider", {None: 1, "mine": 4, "Other": 1}),
        ("key", {None: 1, "laptop": 5}),
        ("day", {"2026-05-28": 3, "2026-05-29": 3}),
    ],
)
def test_rows_are_grouped_and_the_total_is_of_all(ledger: Path, by: str, requests: dict[str | None, int]) -> None:
    found = report(ledger, by=by)
    assert {row[by]: row["requests"] for row in found.rows} == requests
    assert found.total == TOTAL
    assert set(found.rows[0]) == {by, *SUMS}
    for name in ("requests", "failures", "input_tokens", "output_tokens", "cached_tokens"):
        assert sum(row[name] for row in found.rows) == TOTAL[name]
    assert found.document() == {"rows": list(found.rows), "total": TOTAL}


def test_every_group_has_a_test() -> None:
    assert set(GROUPS) == {"model", "provider", "key", "day"}


def test_a_cost_is_unknown_only_where_none_is_known(ledger: Path) -> None:
    costs = {row["model"]: row["cost_usd"] for row in report(ledger, by="model").rows}
    assert costs == {"claude-sonnet-4-5": 0.3, "big": None, "nope": None}


@pytest.mark.parametrize(
    ("wanted", "requests"),
    [
        (Filter(since=NOON + 1), 3),
        (Filter(until=NOON + 1), 3),
        (Filter(since=NOON, until=NOON), 0),
        (Filter(model="FAST"), 5),
        (Filter(model="big"), 2),
        (Filter(model="nope"), 1),
        (Filter(provider="other"), 1),
        (Filter(key="laptop"), 5),
        (Filter(key="key-1"), 5),
        (Filter(key="' OR 1 --"), 0),
        (Filter(key="laptop", model="big", provider="mine"), 1),
    ],
)
def test_filters(ledger: Path, wanted: Filter, requests: int) -> None:
    found = report(ledger, rows=wanted)
    assert (found.rows, found.total["requests"]) == ((), requests)


def test_without_a_file_or_a_row_everything_is_nothing(tmp_path: Path) -> None:
    nothing = {name: 0 for name in SUMS} | {"cost_usd": None}
    assert report(tmp_path / "ledger.db", by="key").document() == {"rows": [], "total": nothing}
    (tmp_path / "ledger.db").write_bytes(b"")
    assert report(tmp_path / "ledger.db", by="key").document() == {"rows": [], "total": nothing}
    Store.open(tmp_path).close()
    assert report(tmp_path / "ledger.db", by="key").document() == {"rows": [], "total": nothing}


def test_it_is_read_while_it_is_written_and_not_changed(ledger: Path) -> None:
    store = Store.open(ledger.parent)
    store._db.execute("BEGIN IMMEDIATE")
    assert report(ledger, by="day").total["requests"] == 6
    store._db.execute("ROLLBACK")
    store.close()


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_bytes(b"my thesis " * 500)
    with pytest.raises(StoreUnusable, match="can't be read"):
        report(tmp_path / "ledger.db")


def test_a_newer_ledger_is_not_guessed_at(ledger: Path) -> None:
    with sqlite3.connect(ledger) as db:
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    db.close()
    with pytest.raises(StoreUnusable, match="newer version"):
        report(ledger)


NOW = datetime(2026, 11, 27, 12, 0, 0, tzinfo=timezone(timedelta(hours=2)))


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("90m", NOW - timedelta(minutes=90)),
        ("24h", NOW - timedelta(hours=24)),
        ("7d", NOW - timedelta(days=7)),
        (" 2W ", NOW - timedelta(days=14)),
        ("today", NOW.replace(hour=0)),
        ("2026-11-01", NOW.replace(day=1, hour=0)),
        ("2026-11-01T08:30", NOW.replace(day=1, hour=8, minute=30)),
        ("2026-11-01T08:30:00Z", datetime(2026, 11, 1, 8, 30, tzinfo=UTC)),
        ("99999999999d", datetime(1970, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_moment_may_be_said_in_several_ways(text: str, moment: datetime) -> None:
    assert since(text, NOW) == moment.timestamp()


@pytest.mark.parametrize("text", ["", "yesterday", "-3d", "3y", "2026-13-01", "m", "²d"])
def test_other_words_are_refused(text: str) -> None:
    with pytest.raises(ValueError):
        since(text, NOW)
