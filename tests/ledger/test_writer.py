"""Accounts on their way to the disk: nothing waits for it, and nothing it does harms anybody."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from tests.ledger.accounts import NOON, WHOLE, settled
from tests.ledger.test_store import rows
from trioproxy.config.model import PriceRule, Settings
from trioproxy.ledger import store as store_module
from trioproxy.ledger import writer as module
from trioproxy.ledger.entry import Settled
from trioproxy.ledger.prices import Prices
from trioproxy.ledger.store import Store
from trioproxy.ledger.writer import Books

RULES = (PriceRule(pattern="*", input=1_000_000.0),)
PRICES = Prices(lambda: RULES)


async def at_once(sync_fn: Callable[..., Any], *args: Any) -> Any:
    """A thread that takes no time: the clock of these tests would jump while a real one works."""
    await trio.lowlevel.checkpoint()
    return sync_fn(*args)


def books_in(folder: Path, settings: Settings | None = None, wall: Callable[[], float] = lambda: NOON) -> Books:
    in_force = settings or Settings()
    return Books(folder=folder, settings=lambda: in_force, prices=PRICES, wall=wall, in_thread=at_once)


@asynccontextmanager
async def running(books: Books) -> AsyncIterator[Books]:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(books.run)
        yield books
        nursery.cancel_scope.cancel()


def ids(folder: Path) -> list[str]:
    return [row[0] for row in rows(folder / "ledger.db", "id")]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for a lock."""
    monkeypatch.setattr(store_module, "BUSY_SECONDS", 0)


async def test_what_is_settled_is_on_the_disk_within_a_second(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with running(books_in(tmp_path)) as books:
        for number in range(3):
            books.keep(settled(id=f"n{number}"))
        await trio.sleep(0.9)
        assert ids(tmp_path) == ["n0", "n1", "n2"]
        books.keep(settled(id="n3"))
        await trio.sleep(0.9)
        assert ids(tmp_path) == ["n0", "n1", "n2", "n3"]
        assert (books.state.written, books.state.waiting, books.state.dropped) == (4, 0, 0)
    assert rows(tmp_path / "ledger.db", "DISTINCT cost_usd") == [(30.0,)]


async def test_an_end_writes_what_waits(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with running(books_in(tmp_path)) as books:
        await trio.sleep(1)
        books.keep(WHOLE)
    assert ids(tmp_path) == ["a1"]
    books.keep(WHOLE)
    assert (books.state.written, books.state.dropped) == (1, 1)


async def test_only_those_who_were_let_in_are_kept(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with running(books_in(tmp_path)) as books:
        books.keep(settled(operation=None))
        books.keep(WHOLE)
    assert ids(tmp_path) == ["a1"]


async def test_it_may_be_off(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with running(books_in(tmp_path, Settings(ledger=False))) as books:
        await trio.sleep(1)
        books.keep(WHOLE)
    assert ids(tmp_path) == []
    assert books.state.dropped == 0


async def test_a_folder_that_cannot_be_written_is_said_once_and_nothing_else_happens(
    tmp_path: Path, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_bytes(b"")
    async with running(books_in(tmp_path / "file" / "under")) as books:
        books.keep(WHOLE)
        await trio.sleep(100)
        books.keep(WHOLE)
        state = books.state
        await trio.sleep(100)
    assert (state.written, state.waiting, state.dropped) == (0, 0, 2)
    assert "can't be written" in (state.trouble or "")
    assert len(caplog.records) == 1
    assert "nothing is kept" in caplog.records[0].getMessage()


async def test_a_locked_file_is_waited_for(
    tmp_path: Path, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture, impatient: None
) -> None:
    async with running(books_in(tmp_path)) as books:
        await trio.sleep(1)
        other = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        for number in range(30):
            books.keep(settled(id=f"n{number}"))
            await trio.sleep(1)
        assert books.state.trouble == "database is locked"
        assert books.state.failures > 2
        assert len(caplog.records) == 1
        assert "30 accounts wait" not in caplog.text
        other.execute("COMMIT")
        other.close()
        await trio.sleep(20)
        state = books.state
        assert (state.trouble, state.written, state.dropped) == (None, 30, 0)
    assert ids(tmp_path) == [f"n{number}" for number in range(30)]
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]


async def test_trouble_that_stays_is_told_now_and_then(
    tmp_path: Path, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture, impatient: None
) -> None:
    async with running(books_in(tmp_path)) as books:
        await trio.sleep(1)
        other = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        books.keep(WHOLE)
        await trio.sleep(10 * 60)
        assert 8 <= len(caplog.records) <= 11
        other.close()


async def test_a_file_that_is_locked_at_the_start_is_waited_for_too(
    tmp_path: Path, autojump_clock: MockClock, impatient: None
) -> None:
    other = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
    other.execute("PRAGMA journal_mode = WAL").fetchone()
    other.execute("BEGIN IMMEDIATE")
    async with running(books_in(tmp_path)) as books:
        books.keep(WHOLE)
        await trio.sleep(5)
        assert books.state.trouble is not None
        other.close()
        await trio.sleep(20)
        assert ids(tmp_path) == ["a1"]


async def test_a_full_disk_costs_accounts_and_nothing_else(
    tmp_path: Path, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "MOST_WAITING", 500)
    async with running(books_in(tmp_path)) as books:
        await trio.sleep(1)
        store = books._store
        assert store is not None
        store._db.execute(f"PRAGMA max_page_count = {store._pragma('page_count')}").fetchone()
        for number in range(900):
            books.keep(settled(id=f"n{number}"))
        await trio.sleep(30)
        assert books.state.trouble == "database or disk is full"
        assert (books.state.waiting, books.state.dropped) == (500, 400)
        store._db.execute("PRAGMA max_page_count = 100000").fetchone()
        await trio.sleep(30)
        assert (books.state.written, books.state.waiting, books.state.dropped) == (500, 0, 400)
    assert len(ids(tmp_path)) == 500
    assert "400 were dropped" in caplog.text or "400 accounts were dropped" in caplog.text


async def test_an_end_does_not_wait_for_ever(tmp_path: Path, autojump_clock: MockClock, impatient: None) -> None:
    async with running(books_in(tmp_path)) as books:
        await trio.sleep(1)
        other = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        books.keep(WHOLE)
    other.close()
    assert (books.state.written, books.state.waiting, books.state.dropped) == (0, 0, 1)


async def test_a_ledger_that_somebody_deleted_is_begun_anew(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with running(books_in(tmp_path)) as books:
        books.keep(settled(id="gone"))
        await trio.sleep(1)
        os.remove(tmp_path / "ledger.db")
        books.keep(settled(id="kept"))
        await trio.sleep(1)
    assert ids(tmp_path) == ["kept"]


async def test_old_accounts_are_pruned_and_a_clock_that_steps_back_harms_nothing(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    wall = NOON
    async with running(books_in(tmp_path, Settings(ledger_age=100.0), lambda: wall)) as books:
        books.keep(settled(id="old", began=NOON - 101))
        books.keep(settled(id="young", began=NOON - 99))
        await trio.sleep(1)
        assert ids(tmp_path) == ["young"]
        assert books.state.pruned == 1
        wall = NOON - 10_000_000
        books.keep(settled(id="before", began=wall))
        await trio.sleep(module.PRUNE_EVERY + 1)
        books.keep(settled(id="later", began=wall + 1))
        await trio.sleep(1)
        assert ids(tmp_path) == ["young", "before", "later"]
        assert books.state.trouble is None


async def test_a_clock_that_jumps_ahead_takes_no_row(tmp_path: Path, autojump_clock: MockClock) -> None:
    wall = NOON
    async with running(books_in(tmp_path, Settings(ledger_age=100.0), lambda: wall)) as books:
        books.keep(settled(id="young", began=NOON))
        await trio.sleep(1)
        wall = NOON + 10 * 365 * 86400
        books.keep(settled(id="from tomorrow", began=wall))
        await trio.sleep(module.PRUNE_EVERY + 1)
        books.keep(settled(id="too", began=wall))
        await trio.sleep(1)
        assert ids(tmp_path) == ["young", "from tomorrow", "too"]
        wall = NOON + trio.current_time() - books._began
        await trio.sleep(module.PRUNE_EVERY)
        books.keep(settled(id="right again", began=wall))
        await trio.sleep(1)
        assert ids(tmp_path) == ["from tomorrow", "too", "right again"]


async def test_pruning_that_fails_is_trouble_and_no_end(
    tmp_path: Path, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(store: Store, **bounds: float) -> int:
        raise sqlite3.OperationalError("database is locked")

    monkeypatch.setattr(Store, "prune", refuse)
    async with running(books_in(tmp_path)) as books:
        books.keep(WHOLE)
        await trio.sleep(1)
        assert books.state.trouble == "database is locked"
        books.keep(WHOLE)
        await trio.sleep(1)
        state = books.state
        assert (state.written, state.trouble) == (2, None)


async def test_a_price_that_cannot_be_made_out_is_unknown(
    tmp_path: Path, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Prices):
        def cost(self, settled: Settled) -> float | None:
            raise ZeroDivisionError

    async with running(books_in(tmp_path)) as books:
        books.prices = Broken()
        books.keep(WHOLE)
    assert rows(tmp_path / "ledger.db", "id, cost_usd") == [("a1", None)]
    assert "could not be priced" in caplog.text


async def test_more_than_a_batch_is_written_in_batches(
    tmp_path: Path, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_AT_ONCE", 7)
    async with running(books_in(tmp_path)) as books:
        for number in range(30):
            books.keep(settled(id=f"n{number}"))
        await trio.sleep(1)
        assert len(ids(tmp_path)) == 30
