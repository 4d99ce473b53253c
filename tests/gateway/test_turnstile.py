"""The line: first come, first served, for as long as one wants to wait, and nobody's place is lost."""

from __future__ import annotations

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock, wait_all_tasks_blocked

from trioproxy.config.model import Limits
from trioproxy.credentials.meters import Demand, Holder, Measure, Over
from trioproxy.gateway import turnstile as module
from trioproxy.gateway.turnstile import FREE, Pass, Turnstile

NOTHING = Demand()


def way(key: str, concurrent: int = 1, **limits: int) -> tuple[Holder, ...]:
    return (Holder(key, key, Limits(concurrent=concurrent, **limits)),)


def made() -> Turnstile:
    return Turnstile(lambda: 0.0)


def taken(turnstile: Turnstile, *ways: tuple[Holder, ...]) -> list[Pass]:
    passes = [turnstile.take(each, NOTHING) for each in ways]
    return [each for each in passes if isinstance(each, Pass)]


async def test_where_no_limit_is_everybody_goes() -> None:
    turnstile = made()
    assert turnstile.take((), NOTHING) is FREE
    FREE.end()
    assert turnstile.over((), NOTHING) is None


async def test_who_does_not_fit_is_told_why() -> None:
    turnstile = made()
    [first] = taken(turnstile, way("k"))
    over = turnstile.take(way("k"), NOTHING)
    assert isinstance(over, Over)
    assert over.measure is Measure.CONCURRENT
    first.end()
    assert len(taken(turnstile, way("k"))) == 1


async def test_the_line_keeps_its_order(autojump_clock: MockClock) -> None:
    turnstile, order = made(), []
    [first] = taken(turnstile, way("k"))

    async def visitor(number: int) -> None:
        got = await turnstile.wait([way("k")], NOTHING, 1000)
        assert got is not None
        order.append(number)
        await trio.sleep(1)
        got[1].end()

    async with trio.open_nursery() as nursery:
        for number in range(20):
            nursery.start_soon(visitor, number)
            await wait_all_tasks_blocked()
        assert turnstile.waiting == 20
        first.end()
        # Whoever comes now does not get past those in line.
        assert isinstance(turnstile.take(way("k"), NOTHING), Over)
    assert order == list(range(20))
    assert turnstile.waiting == 0
    assert turnstile.meters.reading("k", 0, 0).running == 0


async def test_waiting_ends(autojump_clock: MockClock) -> None:
    turnstile = made()
    taken(turnstile, way("k"))
    assert await turnstile.wait([way("k")], NOTHING, 7) is None
    assert trio.current_time() == 7
    assert turnstile.waiting == 0


async def test_who_wants_something_else_is_not_kept(autojump_clock: MockClock) -> None:
    turnstile = made()
    taken(turnstile, way("a"))
    [b] = taken(turnstile, way("b"))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(turnstile.wait, [way("a")], NOTHING, 100)
        await wait_all_tasks_blocked()
        b.end()
        got = await turnstile.wait([way("a"), way("b")], NOTHING, 100)
        assert got is not None
        assert got[0] == 1
        assert trio.current_time() == 0
        nursery.cancel_scope.cancel()


async def test_who_leaves_takes_no_place_along(autojump_clock: MockClock) -> None:
    turnstile = made()
    [first] = taken(turnstile, way("k"))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(turnstile.wait, [way("k")], NOTHING, 100)
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    first.end()
    assert turnstile.meters.reading("k", 0, 0).running == 0


async def test_who_is_let_in_while_leaving_gives_the_place_on(autojump_clock: MockClock) -> None:
    turnstile = made()
    [first] = taken(turnstile, way("k", requests_per_minute=5))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(turnstile.wait, [way("k", requests_per_minute=5)], NOTHING, 100)
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
        first.end()
    reading = turnstile.meters.reading("k", trio.current_time(), 0)
    assert (reading.running, reading.requests) == (0, 1)


async def test_the_line_has_an_end(monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock) -> None:
    monkeypatch.setattr(module, "MOST_WAITING", 3)
    turnstile = made()
    taken(turnstile, way("k"), way("other"))
    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(lambda: turnstile.wait([way("k")], NOTHING, 50, name="k"))
        await wait_all_tasks_blocked()
        assert await turnstile.wait([way("k")], NOTHING, 50, name="k") is None
        assert trio.current_time() == 0
        assert await turnstile.wait([way("other")], NOTHING, 5, name="other") is None
        assert trio.current_time() == 5


async def test_a_stir_sends_those_who_watch_to_look_again(autojump_clock: MockClock) -> None:
    turnstile, seen = made(), []

    async def watcher(name: str) -> None:
        seen.append((name, await turnstile.wait([], NOTHING, 60, watched={name}), trio.current_time()))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(watcher, "a")
        nursery.start_soon(watcher, "b")
        await wait_all_tasks_blocked()
        turnstile.stir("a")
    assert seen == [("a", None, 0), ("b", None, 60)]


async def test_time_that_passed_for_somebody_in_line_is_seen(autojump_clock: MockClock) -> None:
    turnstile = made()
    limited = way("k", concurrent=2, requests_per_minute=1)
    taken(turnstile, limited)[0].end()
    async with trio.open_nursery() as nursery:
        results: list[float] = []

        async def first() -> None:
            assert await turnstile.wait([limited], NOTHING, 100) is not None
            results.append(trio.current_time())

        nursery.start_soon(first)
        await trio.sleep(61)
        assert isinstance(turnstile.take(limited, NOTHING), Over)
    assert results == [61]


@given(st.lists(st.sampled_from(["come", "go", "leave"]), max_size=60), st.integers(1, 3))
def test_however_they_come_and_go_no_place_is_lost(steps: list[str], places: int) -> None:
    async def main() -> None:
        turnstile, inside = made(), []
        scopes: list[trio.CancelScope] = []

        async def visitor() -> None:
            with trio.CancelScope() as scope:
                scopes.append(scope)
                got = await turnstile.wait([way("k", places)], NOTHING, 1e6)
                assert got is not None
                inside.append(got[1])

        async with trio.open_nursery() as nursery:
            for step in steps:
                match step:
                    case "come":
                        nursery.start_soon(visitor)
                    case "go" if inside:
                        inside.pop().end()
                    case "leave" if scopes:
                        scopes.pop().cancel()
                    case _:
                        pass
                await wait_all_tasks_blocked()
                running = turnstile.meters.reading("k", 0, 0).running
                assert running == len(inside) <= places
                assert not turnstile.waiting or running == places
            nursery.cancel_scope.cancel()
        while inside:
            inside.pop().end()
        assert turnstile.meters.reading("k", 0, 0).running == 0
        assert turnstile.waiting == 0

    trio.run(main)
