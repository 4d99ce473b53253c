"""The ledger on disk."""

from __future__ import annotations

import json
import logging
import os
import sqlite3
import stat
from pathlib import Path
from typing import Any

import pytest

from tests.ledger.accounts import NOON, REFUSED, WHOLE, settled
from trioproxy.ledger import store as module
from trioproxy.ledger.store import COLUMNS, MIGRATIONS, Row, Store, StoreUnusable, row_of
from trioproxy.neutral.usage import Usage

EVERYTHING = 10**12


def rows(path: Path, what: str = "*") -> list[tuple[Any, ...]]:
    with sqlite3.connect(path) as db:
        found = db.execute(f"SELECT {what} FROM exchanges ORDER BY number").fetchall()
    db.close()
    return found


def plain(number: int, began: float = NOON) -> Row:
    return row_of(settled(id=f"n{number}", began=began), None)


def full(store: Store, pages: int) -> None:
    """Let the file grow by so many pages and no further."""
    store._db.execute(f"PRAGMA max_page_count = {store._pragma('page_count') + pages}").fetchone()


def test_a_row_says_everything(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "state" / "trioproxy")
    assert store.add([row_of(WHOLE, 0.5), row_of(REFUSED, None)]) == 2
    store.close()
    whole, refused = (dict(zip(COLUMNS, row, strict=True)) for row in rows(store.path, ", ".join(COLUMNS)))
    assert whole == {
        "id": "a1",
        "began": NOON,
        "key": "laptop",
        "key_id": "key-1",
        "operation": "generate",
        "protocol": "anthropic",
        "upstream_protocol": "anthropic",
        "model": "fast",
        "upstream_model": "claude-sonnet-4-5",
        "provider": "mine",
        "vendor": "claude",
        "credential": "mine#1",
        "credential_id": "mine-abc",
        "stream": 1,
        "lane": "pass",
        "status": 200,
        "outcome": "complete",
        "error": None,
        "input_tokens": 30,
        "output_tokens": 20,
        "cached_tokens": 10,
        "cache_write_tokens": 5,
        "reasoning_tokens": 7,
        "cost_usd": 0.5,
        "first_byte_ms": 250.0,
        "total_ms": 2500.0,
        "attempts": 1,
        "losses": 2,
        "bytes_in": 100,
        "bytes_out": 2000,
        "lost": '["top_k","tools[0].strict"]',
    }
    assert (refused["outcome"], refused["error"], refused["input_tokens"], refused["first_byte_ms"]) == (
        "refused",
        "model_not_found",
        None,
        None,
    )


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "state")
    store.add([plain(1)])
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "state").iterdir()}
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700
    assert modes == {"ledger.db": 0o600, "ledger.db-wal": 0o600, "ledger.db-shm": 0o600}
    store.close()


def test_several_write_one_file(tmp_path: Path) -> None:
    first, second = Store.open(tmp_path), Store.open(tmp_path)
    for number in range(20):
        (first if number % 2 else second).add([plain(number)])
    first.close()
    second.close()
    assert rows(first.path, "COUNT(*)") == [(20,)]


def test_rows_are_taken_whole_or_not_at_all(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    store.add([plain(0)])
    full(store, 2)
    with pytest.raises(sqlite3.OperationalError, match="full"):
        store.add([plain(number) for number in range(1000)])
    store._db.execute("PRAGMA max_page_count = 100000").fetchone()
    assert store.add([plain(1)]) == 1
    store.close()
    assert rows(store.path, "id") == [("n0",), ("n1",)]


@pytest.mark.parametrize("values", [100, 999, 32766])
def test_batches_of_every_size_are_written_in_order(tmp_path: Path, values: int) -> None:
    store = Store.open(tmp_path)
    store._db.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, values)
    sizes = (0, 1, 3, 4, 37, 300)
    names = [f"{size}-{number}" for size in sizes for number in range(size)]
    for size in sizes:
        batch = [row_of(settled(id=f"{size}-{number}"), None) for number in range(size)]
        assert store.add(batch) == size
    store.close()
    assert rows(store.path, "id") == [(name,) for name in names]


def test_another_who_holds_it_is_waited_for_and_then_complained_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BUSY_SECONDS", 0)
    store = Store.open(tmp_path)
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        store.add([plain(1)])
    other.execute("ROLLBACK")
    other.close()
    assert store.add([plain(1)]) == 1
    store.close()


def test_one_bad_row_does_not_take_the_others_along(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = Store.open(tmp_path)
    bad = list(plain(2))
    bad[COLUMNS.index("outcome")] = None
    huge = list(plain(4))
    huge[COLUMNS.index("bytes_in")] = 2**70
    with caplog.at_level(logging.ERROR):
        assert store.add([plain(1), tuple(bad), plain(3), tuple(huge)]) == 2
    store.close()
    assert rows(store.path, "id") == [("n1",), ("n3",)]
    assert [record.getMessage().partition(" can't")[0] for record in caplog.records] == [
        "the account of exchange n2",
        "the account of exchange n4",
    ]


@pytest.mark.parametrize("model", ["m" * 5000, "\ud800 lone", "tab\tzero\0", "; DROP TABLE exchanges; --", "模型"])
def test_whatever_a_client_calls_a_model_is_kept(tmp_path: Path, model: str) -> None:
    store = Store.open(tmp_path)
    assert store.add([row_of(settled(model=model, usage=Usage(input=2**80, output=1)), None)]) == 1
    store.close()
    ((kept, tokens),) = rows(store.path, "model, input_tokens")
    assert kept == model[:512].encode("utf-8", "backslashreplace").decode()
    assert tokens == 2**63 - 1


def test_old_rows_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PIECE", 3)
    store = Store.open(tmp_path)
    store.add([plain(number, NOON + number) for number in range(20)])
    assert store.prune(before=NOON + 15, size=EVERYTHING) == 15
    assert store.prune(before=NOON + 15, size=EVERYTHING) == 0
    store.close()
    assert rows(store.path, "COUNT(*), MIN(began)") == [(5, NOON + 15)]


def test_a_large_file_loses_its_oldest_rows_and_gives_the_room_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PIECE", 200)
    store = Store.open(tmp_path)
    store.add([plain(number, NOON + number) for number in range(4000)])
    gone = store.prune(before=0, size=200_000)
    store.close()
    ((count, oldest),) = rows(store.path, "COUNT(*), MIN(began)")
    assert 0 < count == 4000 - gone
    assert oldest == NOON + gone
    assert store.path.stat().st_size < 300_000


def test_an_older_schema_is_brought_up_to_date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store.open(tmp_path)
    store.add([plain(1)])
    store.close()
    monkeypatch.setattr(module, "MIGRATIONS", (*MIGRATIONS, "ALTER TABLE exchanges ADD COLUMN region TEXT"))
    Store.open(tmp_path).close()
    Store.open(tmp_path).close()
    assert rows(store.path, "id, region") == [("n1", None)]


def test_the_first_schema_is_brought_up_to_date_with_its_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(module, "MIGRATIONS", MIGRATIONS[:1])
        first = Store.open(tmp_path)
        first._db.execute(
            "INSERT INTO exchanges (id, began, stream, outcome, total_ms, attempts, losses, bytes_in, bytes_out) "
            "VALUES ('old', 1, 0, 'complete', 1, 1, 0, 1, 1)"
        )
        first.close()
    now = Store.open(tmp_path)
    assert now.add([plain(1)]) == 1
    now.close()
    assert rows(now.path, "id, lost") == [("old", None), ("n1", '["top_k","tools[0].strict"]')]


def test_many_losses_are_told_once_each_and_not_for_ever(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    lost = ("a",) * 3 + ("\ud800" * 600,) + tuple(f"messages[{number}].name" for number in range(200))
    store.add([row_of(settled(lost=lost), None)])
    store.close()
    ((told,),) = rows(store.path, "lost")
    assert len(json.loads(told)) == 50
    assert json.loads(told)[0] == "a"


def test_a_newer_schema_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store.open(tmp_path)
    store._db.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    store.close()
    with pytest.raises(StoreUnusable, match="newer version"):
        Store.open(tmp_path)


def test_a_file_that_is_no_ledger_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_bytes(b"my thesis " * 500)
    with pytest.raises(StoreUnusable, match="not a database"):
        Store.open(tmp_path)
    assert (tmp_path / "ledger.db").read_bytes() == b"my thesis " * 500


@pytest.mark.parametrize("place", ["/proc/nowhere", "file/under"])
def test_a_folder_that_cannot_be_made(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreUnusable, match="can't be written"):
        Store.open(tmp_path / place)


def test_a_lock_is_no_reason_to_give_the_file_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BUSY_SECONDS", 0)
    holder = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
    holder.execute("PRAGMA journal_mode = WAL").fetchone()
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        Store.open(tmp_path)
    holder.close()
    Store.open(tmp_path).close()


def test_a_file_that_was_taken_away_is_noticed(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    moved = [store.moved]
    os.rename(store.path, tmp_path / "elsewhere")
    moved.append(store.moved)
    store.path.write_bytes(b"")
    moved.append(store.moved)
    store.close()
    assert moved == [False, True, True]
