"""Budgets of a day: charged by what settled exchanges cost, recalled from the ledger."""

from __future__ import annotations

import logging
import time
from pathlib import Path

import pytest
from trio.testing import MockClock

from tests.gateway.test_limits import USED, asked
from tests.ledger.accounts import settled
from tests.support.houses import SIMPLE, Bench
from trioproxy.config.model import PriceRule
from trioproxy.gateway.budgets import Budgets, local_time
from trioproxy.gateway.limits import client_key, credential_key, group_key
from trioproxy.ledger.prices import Prices
from trioproxy.ledger.store import FILE_NAME, Store, row_of

CONFIG = f"{SIMPLE}api-keys: [{{key: LAPTOP, limits: {{daily-budget-usd: 1}}}}, {{key: FREE}}]\n"


def budgets(bench: Bench, *, folder: Path | None = None, wall: float | None = None) -> Budgets:
    turnstile = bench.gateway.failover.turnstile
    if wall is not None:
        turnstile.wall = lambda: wall
    prices = Prices(lambda: (PriceRule(pattern="chat-up", input=1e6, output=0),))
    made = Budgets(current=lambda: bench.snapshot, turnstile=turnstile, prices=prices, folder=folder)
    bench.gateway.ledger.sinks += (made.charge,)
    return made


async def test_a_key_that_spent_its_day_is_refused_until_midnight(autojump_clock: MockClock) -> None:
    bench = Bench(USED, config=CONFIG, repeat_last=True)
    budgets(bench)
    assert (await bench.serve(asked(stream=False))).status == 200
    exchange = await bench.serve(asked(stream=False))
    assert exchange.status == 429
    assert b"daily_budget_exceeded" in exchange.body
    # The bench's clock stands at 22:13:20.
    assert exchange.header(b"retry-after") == b"6400"
    assert (await bench.serve(asked(key="FREE", stream=False))).status == 200
    assert len(bench.upstream.requests) == 2


async def test_without_a_budget_nothing_is_priced() -> None:
    bench = Bench(config=SIMPLE)
    made = budgets(bench)
    made.prices = None  # type: ignore[assignment]
    assert not made.watched
    made.charge(settled())
    await made.recall()


async def test_what_costs_nothing_is_not_charged() -> None:
    made = budgets(Bench(config=CONFIG))
    made.charge(settled(usage=None))
    assert made.turnstile.meters.reading(client_key("key-1"), 0, 0).spent == 0


async def test_the_day_so_far_is_recalled_from_the_ledger(tmp_path: Path) -> None:
    bench = Bench(config=CONFIG)
    made = budgets(bench, folder=tmp_path, wall=local_time())
    me = bench.snapshot.clients[0].id
    store = Store.open(tmp_path)
    store.add([row_of(settled(client_id=me, began=time.time()), 0.75)])
    store.close()
    meters, wall = made.turnstile.meters, made.turnstile.wall()
    for _ in range(2):
        await made.recall()
        assert meters.reading(client_key(me), 0, wall).spent == 0.75
    assert meters.reading(credential_key("mine-abc"), 0, wall).spent == 0.75
    assert meters.reading(group_key("mine"), 0, wall).spent == 0.75
    meters.spend(client_key(me), 0.5, wall)
    await made.recall()
    assert meters.reading(client_key(me), 0, wall).spent == 1.25


async def test_a_ledger_that_can_not_be_read_is_complained_of_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"no database" * 1000)
    made = budgets(Bench(config=CONFIG), folder=tmp_path)
    with caplog.at_level(logging.WARNING):
        await made.recall()
        await made.recall()
    assert [record.message.partition(":")[2].strip() for record in caplog.records] == [
        "budgets count what this process spends and nothing before it"
    ]
