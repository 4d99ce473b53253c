"""Several processes as one house: here several houses in one process, which call each other without sockets."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio
import trio.testing

from tests.gateway.controls import KEY, MANAGER, Desk
from tests.ledger.accounts import settled
from trioproxy.config.model import Limits
from trioproxy.credentials.meters import Demand, Holder
from trioproxy.credentials.sessions import Pool
from trioproxy.errors import ErrorKind, Failure, Fault
from trioproxy.gateway import household
from trioproxy.gateway.siblings import Place
from trioproxy.gateway.turnstile import Pass
from trioproxy.ledger.board import Board
from trioproxy.ledger.writer import BooksState
from trioproxy.wire.jsoncodec import Object, dumps, loads_object

BASE = "/v0/management"
FAILED = Failure(kind=ErrorKind.RATE_LIMITED, message="m", fault=Fault.UPSTREAM, retry_after=600)


@attrs.define(eq=False)
class Row:
    """The desks of one house. Those in ``deaf`` do not answer."""

    board: Board
    desks: list[Desk] = attrs.field(factory=list)
    deaf: set[int] = attrs.field(factory=set)

    def settle(self, desk: Desk, number: int, count: int, *, again: bool = False) -> None:
        desk.app.gateway.house.place = Place(
            number=number, count=count, siblings=_Siblings(self, number), board=self.board, again=again
        )


@attrs.define(eq=False)
class _Siblings:
    row: Row
    number: int

    async def ask(self, question: Object) -> list[Object | None]:
        await trio.lowlevel.checkpoint()
        return [
            None
            if number in self.row.deaf
            else loads_object(dumps(household.answer(each.app.gateway.house, loads_object(dumps(question)))))
            for number, each in enumerate(self.row.desks)
            if number != self.number
        ]

    def tell(self, news: Object) -> bool:
        for number, each in enumerate(self.row.desks):
            if number not in (*self.row.deaf, self.number):
                household.answer(each.app.gateway.house, loads_object(dumps(news)))
        return True

    async def serve(self, answer: Callable[[Object], Object]) -> None:
        await trio.sleep_forever()

    async def wait_orphaned(self) -> None:
        await trio.sleep_forever()

    def close(self) -> None: ...


@pytest.fixture
def row(tmp_path: Path) -> Iterator[Row]:
    made = Row(Board.of(3))
    for number in range(3):
        desk = Desk.of(folder=tmp_path)
        made.desks.append(desk)
        made.settle(desk, number, 3)
    yield made
    made.board.close()


def counted(row: Row) -> None:
    for number, desk in enumerate(row.desks):
        for _ in range(number + 1):
            desk.app.metrics.note(settled())


async def told_by(desk: Desk) -> Any:
    return await desk.got("/v1/metrics/providers")


async def test_whoever_is_asked_tells_of_all(row: Row) -> None:
    counted(row)
    for desk in row.desks:
        told = await told_by(desk)
        assert told["workers"] == {"all": 3, "answered": 3}
        mine = told["providers"]["mine"]
        assert (mine["requests"], mine["input_tokens"], mine["total_ms"]["p50"]) == (6, 180, 2500.0)
        text = (await desk.ask("GET", "/metrics")).body
        assert b'trioproxy_exchange_seconds_bucket{le="2.5",provider="mine"} 6.0' in text
        assert b'trioproxy_exchange_seconds_bucket{le="1.0",provider="mine"} 0.0' in text
        assert b'trioproxy_exchanges_total{outcome="complete"} 6.0' in text
        assert b"trioproxy_workers_answered 3.0" in text
    assert (await row.desks[0].got("/v1/providers/chat/status"))["workers"] == {"all": 3, "answered": 3}


async def test_who_does_not_answer_is_counted_as_it_last_told_and_runs_nothing(row: Row) -> None:
    counted(row)
    entries = [desk.app.gateway.ledger.entry(method="POST", path="/", peer="") for desk in row.desks]
    for each in entries:
        each.__enter__()
        each.asking(lane="pass", provider="Chat", credential="c", protocol="openai_chat", model="m", losses=0)
    assert (await told_by(row.desks[0]))["providers"]["Chat"]["active"] == 3
    row.deaf.add(2)
    row.desks[2].app.metrics.note(settled())
    told = await told_by(row.desks[0])
    assert told["workers"] == {"all": 3, "answered": 2}
    assert (told["providers"]["mine"]["requests"], told["providers"]["Chat"]["active"]) == (6, 2)
    row.deaf.clear()
    told = await told_by(row.desks[1])
    assert (told["providers"]["mine"]["requests"], told["providers"]["Chat"]["active"]) == (7, 3)
    for each in entries:
        each.complete()
        each.__exit__(None, None, None)


async def test_a_page_is_at_most_a_second_old(row: Row, autojump_clock: trio.testing.MockClock) -> None:
    def written() -> int:
        return Board._head(row.board._files[1])[0]

    async with trio.open_nursery() as nursery:
        nursery.start_soon(household.keep_page, row.desks[1].app.gateway.house)
        await trio.sleep(10.5)
        assert written() == 1
        row.desks[1].app.metrics.note(settled())
        await trio.sleep(10)
        assert written() == 2
        nursery.cancel_scope.cancel()
    row.deaf.add(1)
    told = await told_by(row.desks[0])
    assert (told["providers"]["mine"]["requests"], told["workers"]["answered"]) == (1, 2)


async def test_connections_and_rows_are_added_up(row: Row) -> None:
    for number, desk in enumerate(row.desks):
        house = desk.app.gateway.house
        house.pools = lambda number=number: {"here": (number, 1, 0), f"only-{number}": (1, 0, 0)}  # type: ignore[misc]
        assert house.books is not None
        house.books.resume(BooksState(written=10, waiting=0, dropped=1, failures=0, pruned=2, trouble=None))
        house.books._trouble = "no room" if number == 1 else None
    found = await household.figures(row.desks[0].app.gateway.house)
    assert found.pools == {"here": (3, 3, 0), "only-0": (1, 0, 0), "only-1": (1, 0, 0), "only-2": (1, 0, 0)}
    assert found.books == BooksState(written=30, waiting=0, dropped=3, failures=0, pruned=6, trouble="no room")


async def test_a_house_that_keeps_no_books_tells_of_none(tmp_path: Path) -> None:
    row = Row(Board.of(2))
    for number in range(2):
        row.desks.append(Desk.of())
        row.settle(row.desks[-1], number, 2)
    found = await household.figures(row.desks[0].app.gateway.house)
    assert (found.books, found.workers.answered) == (None, 2)
    row.board.close()


async def test_what_is_switched_or_cleared_is_so_everywhere(row: Row) -> None:
    answer = await row.desks[1].put("/v1/providers/chat/enabled", {"enabled": False})
    assert (answer["enabled"], answer["workers"]) == (False, {"all": 3, "answered": 3})
    assert [(await desk.got("/v1/providers/chat"))["enabled"] for desk in row.desks] == [False] * 3
    await row.desks[0].put(f"{BASE}/credentials/chat%231/enabled", {"enabled": True}, MANAGER)
    assert [desk.snapshot.credentials[2].enabled for desk in row.desks] == [True] * 3
    for desk in row.desks:
        desk.app.health.failed(desk.snapshot.credentials[2].id, "chat-up", FAILED, trio.current_time())
    cleared = await row.desks[2].ask("DELETE", f"{BASE}/cooldowns", MANAGER)
    assert json.loads(cleared.body) == {"cleared": 1, "workers": {"all": 3, "answered": 3}}
    assert [desk.app.health.cooling(trio.current_time()) for desk in row.desks] == [[], [], []]


async def test_who_was_not_reached_is_said(row: Row, caplog: pytest.LogCaptureFixture) -> None:
    row.deaf.add(0)
    answer = await row.desks[1].put("/v1/providers/chat/enabled", {"enabled": False}, KEY)
    assert answer["workers"] == {"all": 3, "answered": 2}
    assert "1 of 3 workers did not answer when asked to switch" in caplog.text


async def test_what_one_learns_of_a_credential_all_know(row: Row, autojump_clock: trio.testing.MockClock) -> None:
    first, second, _ = (desk.app.health for desk in row.desks)
    ids = [credential.id for credential in row.desks[0].snapshot.credentials]
    async with trio.open_nursery() as nursery:
        for desk in row.desks:
            nursery.start_soon(household.spread, desk.app.gateway.house)
        await trio.testing.wait_all_tasks_blocked()
        now = trio.current_time()
        first.failed(ids[0], "m", FAILED, now)
        for number in range(450):  # more than one message holds
            first.failed(ids[1], f"m{number}", FAILED, now)
        await trio.sleep(0.1)
        for desk in row.desks:
            known = desk.app.health.resting(ids[0], "m", trio.current_time())
            assert known is not None
            assert (known.kind, known.firm) == (ErrorKind.RATE_LIMITED, True)
            assert known.until == pytest.approx(now + 600, abs=1)
            assert len(desk.app.health.cooling(trio.current_time())) == 451
        second.succeeded(ids[0], "m")
        await trio.sleep(0.1)
        assert [desk.app.health.resting(ids[0], "m", trio.current_time()) for desk in row.desks] == [None] * 3
        nursery.cancel_scope.cancel()


async def test_what_one_lets_in_counts_below_the_limits_of_all(
    row: Row, autojump_clock: trio.testing.MockClock
) -> None:
    holder = Holder("client:x", "x", Limits(requests_per_minute=3, tokens_per_minute=1000, daily_budget_usd=2.0))
    stiles = [desk.app.turnstile for desk in row.desks]
    async with trio.open_nursery() as nursery:
        for desk in row.desks:
            nursery.start_soon(household.spread, desk.app.gateway.house)
        await trio.testing.wait_all_tasks_blocked()
        lease = stiles[0].take((holder,), Demand(tokens=100))
        assert isinstance(lease, Pass)
        lease.end(400)
        await trio.sleep(0.1)
        readings = [each.meters.reading("client:x", trio.current_time(), each.wall()) for each in stiles]
        assert [(each.requests, each.tokens, each.running) for each in readings] == [(1, 400, 0)] * 3
        for each in stiles[:2]:
            each.take((holder,), Demand())
        stiles[2].meters.spend("client:x", 2.0, stiles[2].wall())
        await trio.sleep(0.1)
        told = [str(each.over((holder,), Demand())) for each in stiles]
        assert told == ["x is at its limits.daily-budget-usd of 2"] * 3
        counts = [each.meters.reading("client:x", trio.current_time(), each.wall()).requests for each in stiles]
        assert counts == [3] * 3
        nursery.cancel_scope.cancel()


async def test_a_conversation_is_bound_in_all(row: Row, autojump_clock: trio.testing.MockClock) -> None:
    pool = Pool(frozenset({"Chat", "claude"}), "chat-m")
    bindings = [desk.app.gateway.house.bindings for desk in row.desks]
    assert bindings[0] is row.desks[0].app.gateway.failover.bindings
    async with trio.open_nursery() as nursery:
        for desk in row.desks:
            nursery.start_soon(household.spread, desk.app.gateway.house)
        await trio.testing.wait_all_tasks_blocked()
        now = trio.current_time()
        bindings[1].bind(pool, "talk", "chat-1", now + 60)
        await trio.sleep(0.1)
        assert [each.of(pool, "talk", trio.current_time()) for each in bindings] == ["chat-1"] * 3
        await trio.sleep(70)
        assert [each.of(pool, "talk", trio.current_time()) for each in bindings] == [None] * 3
        nursery.cancel_scope.cancel()


async def test_who_takes_a_place_goes_on_where_the_other_stood(row: Row, tmp_path: Path) -> None:
    counted(row)
    dead = row.desks[1]
    id_ = dead.snapshot.credentials[2].id
    await dead.put("/v1/providers/claude/enabled", {"enabled": False})
    dead.app.health.failed(id_, "chat-up", FAILED, trio.current_time())
    row.desks[0].app.health.failed(id_, "other", FAILED, trio.current_time())
    await told_by(dead)
    successor = Desk.of(folder=tmp_path)
    row.desks[1] = successor
    row.settle(successor, 1, 3, again=True)
    await household.resume(successor.app.gateway.house)
    assert successor.snapshot.credentials[0].enabled is False
    assert [rest.model for rest in successor.app.health.cooling(trio.current_time())] == ["other"]
    assert (await told_by(row.desks[0]))["providers"]["mine"]["requests"] == 6
    successor.app.metrics.note(settled())
    assert (await told_by(row.desks[2]))["providers"]["mine"]["requests"] == 7

    # With nobody to ask, the page tells what the dead one knew.
    dead.app.gateway.house.place = successor.app.gateway.house.place
    household.publish(dead.app.gateway.house)
    row.deaf |= {0, 2}
    alone = Desk.of(folder=tmp_path)
    row.settle(alone, 1, 3, again=True)
    await household.resume(alone.app.gateway.house)
    assert [rest.model for rest in alone.app.health.cooling(trio.current_time())] == ["chat-up"]


@pytest.mark.parametrize("page", [b"", b"torn {"])
async def test_a_place_without_a_page_begins_anew(row: Row, page: bytes) -> None:
    row.deaf |= {0, 2}
    row.board.write(1, page)
    row.settle(row.desks[1], 1, 3, again=True)
    await household.resume(row.desks[1].app.gateway.house)
    assert (await told_by(row.desks[1]))["workers"] == {"all": 3, "answered": 1}


async def test_a_process_alone_needs_none_of_it() -> None:
    house = Desk.of().app.gateway.house
    await household.resume(house)
    await household.spread(house)
    household.publish(house)
    assert household.answer(house, {"do": "publish"}) == {"number": 0}
    assert (await household.figures(house)).workers == household.Answered(1, 1)
    house.cell = None
    assert household.answer(house, {"do": "switch", "name": "x", "on": True}) == {"number": 0}
