"""What the ledger says was spent."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.ledger.accounts import NOON, settled
from trioproxy.ledger.entry import charged
from trioproxy.ledger.spending import spent_since
from trioproxy.ledger.store import FILE_NAME, Store, StoreUnusable, row_of


def written(folder: Path, *costs: tuple[str | None, float | None, float]) -> Path:
    store = Store.open(folder)
    rows = [
        row_of(settled(id=f"a{number}", client_id=client, began=NOON + at), cost)
        for number, (client, cost, at) in enumerate(costs)
    ]
    store.add(rows)
    store.close()
    return folder / FILE_NAME


def test_a_day_is_summed_for_all_who_are_charged(tmp_path: Path) -> None:
    path = written(
        tmp_path, ("one", 1.0, 0), ("one", 2.0, 5), ("two", 4.0, 5), (None, 8.0, 5), ("one", None, 5), ("one", 16.0, -9)
    )
    assert spent_since(path, NOON) == {
        ("client", "one"): 3.0,
        ("client", "two"): 4.0,
        ("credential", "mine-abc"): 15.0,
        ("group", "mine"): 15.0,
    }


def test_without_a_ledger_nothing_was_spent(tmp_path: Path) -> None:
    assert spent_since(tmp_path / "no" / FILE_NAME, 0) == {}
    empty = tmp_path / "empty.db"
    sqlite3.connect(empty).close()
    assert spent_since(empty, 0) == {}


def test_what_is_no_ledger_can_not_be_read(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    path.write_bytes(b"no database at all" * 100)
    with pytest.raises(StoreUnusable, match="can't be read"):
        spent_since(path, 0)


def test_a_newer_ledger_is_not_taken_for_an_empty_one(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    with closing(sqlite3.connect(path)) as ledger:
        ledger.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreUnusable, match="newer version"):
        spent_since(path, 0)


def test_who_is_charged() -> None:
    assert list(charged("c", None, "p")) == [("client", "c"), ("group", "p")]
