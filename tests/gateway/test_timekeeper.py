"""The task that looks at the clock for all: on time, in order, once, and with a heap that does not grow."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from math import inf

import attrs
import pytest
import trio
from trio.testing import MockClock

from trioproxy.gateway.timekeeper import Timekeeper


@attrs.define(eq=False)
class Seen:
    """Notes when it is looked at; ``again`` says when it wants to be looked at next."""

    name: str
    log: list[tuple[float, str]]
    again: Callable[[float], float] = lambda now: inf
    look_at: float = inf

    def look(self, now: float, nursery: trio.Nursery) -> float:
        self.log.append((now, self.name))
        return self.again(now)


async def test_each_is_looked_at_in_its_time(autojump_clock: MockClock) -> None:
    keeper, log = Timekeeper(), list[tuple[float, str]]()
    with trio.move_on_after(100):
        async with trio.open_nursery() as nursery:
            keeper.look_by(Seen("late", log), 9.0)
            nursery.start_soon(keeper.run)
            await trio.sleep(1)
            assert keeper.at_work
            keeper.look_by(Seen("early", log), 2.0)
            keeper.look_by(Seen("again", log, lambda now: now + 20 if now < 40 else inf), 5.0)
            keeper.look_by(Seen("past", log), 0.5)
    assert log == [(1.0, "past"), (2.0, "early"), (5.0, "again"), (9.0, "late"), (25.0, "again"), (45.0, "again")]
    assert not keeper.at_work


async def test_the_earliest_wish_counts(autojump_clock: MockClock) -> None:
    keeper, log = Timekeeper(), list[tuple[float, str]]()
    one = Seen("one", log)
    with trio.move_on_after(50):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(keeper.run)
            for at in (9.0, 4.0, 6.0, inf):
                keeper.look_by(one, at)
    assert log == [(4.0, "one")]
    assert len(keeper) == 0


async def test_who_is_forgotten_is_not_looked_at(autojump_clock: MockClock) -> None:
    keeper, log = Timekeeper(), list[tuple[float, str]]()
    one, other = Seen("one", log), Seen("other", log)
    with trio.move_on_after(50):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(keeper.run)
            keeper.look_by(one, 3.0)
            keeper.look_by(other, 4.0)
            keeper.forget(one)
            keeper.forget(one)
    assert log == [(4.0, "other")]


async def test_one_that_fails_costs_nobody_else(autojump_clock: MockClock, caplog: pytest.LogCaptureFixture) -> None:
    keeper, log = Timekeeper(), list[tuple[float, str]]()

    def fail(now: float) -> float:
        raise ZeroDivisionError

    with trio.move_on_after(50):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(keeper.run)
            keeper.look_by(Seen("bad", log, fail), 1.0)
            keeper.look_by(Seen("good", log), 2.0)
    assert [name for _, name in log] == ["bad", "good"]
    assert "ZeroDivisionError" in caplog.text


async def test_the_heap_holds_no_more_than_twice_those_that_run() -> None:
    keeper, log = Timekeeper(), list[tuple[float, str]]()
    running: list[Seen] = []
    longest = 0
    for number in range(20_000):
        running.append(Seen(str(number), log))
        keeper.look_by(running[-1], 1000.0 + number % 7)
        if len(running) > 100:
            keeper.forget(running.pop(0))
        longest = max(longest, len(keeper))
    assert longest <= 2 * 101 + 64
    for each in running:
        keeper.forget(each)
    assert len(keeper) <= 64 + 1


async def test_what_takes_time_keeps_nobody_waiting(autojump_clock: MockClock) -> None:
    keeper, log = Timekeeper(), list[tuple[float, str]]()

    class Slow(Seen):
        def look(self, now: float, nursery: trio.Nursery) -> float:
            nursery.start_soon(trio.sleep, 30)
            return super().look(now, nursery)

    with trio.move_on_after(50):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(keeper.run)
            keeper.look_by(Slow("slow", log), 1.0)
            keeper.look_by(Seen("other", log), 2.0)
    assert log == [(1.0, "slow"), (2.0, "other")]


async def test_who_is_forgotten_is_let_go_of_at_once() -> None:
    keeper, log = Timekeeper(), list[tuple[float, str]]()
    one = Seen("one", log)
    for at in (9.0, 4.0):
        keeper.look_by(one, at)
    seen = weakref.ref(one)
    keeper.forget(one)
    del one
    assert seen() is None
    assert len(keeper) == 2


async def test_something_is_called_once_within_its_time(autojump_clock: MockClock) -> None:
    keeper, called = Timekeeper(), list[float]()

    def call() -> None:
        called.append(trio.current_time())

    keeper.call_within(5, call)
    assert called == [0.0]  # nobody would do it later
    async with trio.open_nursery() as nursery:
        nursery.start_soon(keeper.run)
        await trio.sleep(1)
        keeper.call_within(5, call)
        await trio.sleep(60)
        nursery.cancel_scope.cancel()
    assert called == [0.0, 6.0]
    assert not len(keeper)
