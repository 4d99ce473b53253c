from __future__ import annotations

import attrs
import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock, wait_all_tasks_blocked

from trioproxy.upstream.pool import ConnectionPool, Lease, OriginStatistics


@attrs.define(eq=False)
class Wire:
    """A connection that only knows whether it was closed."""

    name: str = ""
    dead: bool = False
    closed: int = 0
    asked: int = 0

    def is_dead(self) -> bool:
        self.asked += 1
        return self.dead

    def close(self) -> None:
        self.closed += 1


Pool = ConnectionPool[str, Wire]


async def used(pool: Pool, wire: Wire, *, key: str = "a", limit: int = 10) -> Lease[str, Wire]:
    """A lease that holds ``wire``, freshly made."""
    lease = await pool.acquire(key, limit=limit)
    assert lease.connection is None
    assert not lease.reused
    lease.connection = wire
    return lease


def figures(pool: Pool, key: str = "a") -> tuple[int, int, int]:
    one = pool.statistics().get(key, OriginStatistics(idle=0, active=0, waiting=0))
    return one.idle, one.active, one.waiting


async def test_a_connection_that_came_back_fit_is_taken_again() -> None:
    pool = Pool()
    wire = Wire()
    lease = await used(pool, wire)
    assert figures(pool) == (0, 1, 0)

    lease.release(reusable=True, keep_alive=1)
    assert figures(pool) == (1, 0, 0)
    again = await pool.acquire("a", limit=10)

    assert again.connection is wire
    assert again.reused
    assert wire.closed == 0


async def test_a_connection_that_came_back_unfit_is_closed_once() -> None:
    pool = Pool()
    wire = Wire()
    lease = await used(pool, wire)

    lease.release(reusable=False, keep_alive=1)
    lease.release(reusable=True, keep_alive=1)

    assert wire.closed == 1
    assert pool.statistics() == {}


async def test_a_lease_without_a_connection_gives_its_slot_back() -> None:
    pool = Pool()
    lease = await pool.acquire("a", limit=1)

    lease.release(reusable=False)

    assert pool.statistics() == {}


async def test_discarding_closes_the_connection_and_keeps_the_slot() -> None:
    pool = Pool()
    wire, fresh = Wire(), Wire()
    (await used(pool, wire)).release(reusable=True, keep_alive=1)
    lease = await pool.acquire("a", limit=1)

    lease.discard()
    lease.discard()

    assert wire.closed == 1
    assert not lease.reused
    assert figures(pool) == (0, 1, 0)
    lease.connection = fresh
    lease.release(reusable=True, keep_alive=1)
    assert fresh.closed == 0


async def test_keys_share_nothing() -> None:
    pool = Pool()
    (await used(pool, Wire(), key="a")).release(reusable=True, keep_alive=1)

    other = await pool.acquire("b", limit=1)

    assert other.connection is None
    assert figures(pool, "a") == (1, 0, 0)
    assert figures(pool, "b") == (0, 1, 0)


async def test_the_youngest_is_taken_and_only_that_one_is_asked() -> None:
    pool = Pool()
    wires = [Wire(str(number)) for number in range(128)]
    for lease in [await used(pool, wire, limit=128) for wire in wires]:
        lease.release(reusable=True, keep_alive=128)

    lease = await pool.acquire("a", limit=128)

    assert lease.connection is wires[-1]
    assert sum(wire.asked for wire in wires) == 1


async def test_dead_ones_are_closed_until_one_lives() -> None:
    pool = Pool()
    wires = [Wire(), Wire(dead=True), Wire(dead=True)]
    for lease in [await used(pool, wire) for wire in wires]:
        lease.release(reusable=True, keep_alive=3)

    lease = await pool.acquire("a", limit=10)

    assert lease.connection is wires[0]
    assert [wire.closed for wire in wires] == [0, 1, 1]


async def test_no_more_are_kept_than_asked_for() -> None:
    pool = Pool()
    wires = [Wire() for _ in range(5)]
    for lease in [await used(pool, wire) for wire in wires]:
        lease.release(reusable=True, keep_alive=2)

    assert figures(pool) == (2, 0, 0)
    assert sum(wire.closed for wire in wires) == 3


async def test_what_waited_too_long_is_closed_at_the_next_occasion(mock_clock: MockClock) -> None:
    pool = Pool(idle_seconds=30)
    old, young = Wire(), Wire()
    first, second = await used(pool, old), await used(pool, young)
    first.release(reusable=True, keep_alive=2)
    mock_clock.jump(29)
    second.release(reusable=True, keep_alive=2)
    assert figures(pool) == (2, 0, 0)

    mock_clock.jump(1)
    lease = await pool.acquire("a", limit=10)

    assert lease.connection is young
    assert (old.closed, young.closed) == (1, 0)


async def test_expired_connections_of_forgotten_keys_can_be_swept(mock_clock: MockClock) -> None:
    pool = Pool(idle_seconds=30)
    wire = Wire()
    (await used(pool, wire)).release(reusable=True, keep_alive=2)
    running = await used(pool, Wire(), key="b")
    mock_clock.jump(30)

    pool.close_expired()

    assert wire.closed == 1
    assert list(pool.statistics()) == ["b"]
    running.release(reusable=False)


async def test_a_closed_pool_keeps_nothing_more() -> None:
    pool = Pool()
    idle, running = Wire(), Wire()
    second = await used(pool, running)
    (await used(pool, idle)).release(reusable=True, keep_alive=2)

    pool.close()
    assert (idle.closed, running.closed) == (1, 0)
    second.release(reusable=True, keep_alive=2)

    assert running.closed == 1
    assert pool.statistics() == {}


async def test_slots_are_given_in_the_order_of_asking(nursery: trio.Nursery) -> None:
    pool = Pool()
    first = await pool.acquire("a", limit=1)
    served: list[int] = []

    async def ask(number: int) -> None:
        lease = await pool.acquire("a", limit=1)
        served.append(number)
        lease.release(reusable=False)

    for number in range(4):
        nursery.start_soon(ask, number)
        await wait_all_tasks_blocked()
    assert figures(pool) == (0, 1, 4)
    assert served == []

    first.release(reusable=False)
    await wait_all_tasks_blocked()

    assert served == [0, 1, 2, 3]
    assert pool.statistics() == {}


async def test_nobody_overtakes_those_who_wait(nursery: trio.Nursery) -> None:
    pool = Pool()
    held = await pool.acquire("a", limit=1)
    leases: list[Lease[str, Wire]] = []

    async def ask(limit: int) -> None:
        leases.append(await pool.acquire("a", limit=limit))

    nursery.start_soon(ask, 1)
    await wait_all_tasks_blocked()
    nursery.start_soon(ask, 100)
    await wait_all_tasks_blocked()
    assert leases == []

    held.release(reusable=False)
    await wait_all_tasks_blocked()

    assert len(leases) == 2


async def test_a_waiter_takes_the_connection_that_came_back(nursery: trio.Nursery) -> None:
    pool = Pool()
    wire = Wire()
    lease = await used(pool, wire, limit=1)
    got: list[Wire | None] = []

    async def ask() -> None:
        got.append((await pool.acquire("a", limit=1)).connection)

    nursery.start_soon(ask)
    await wait_all_tasks_blocked()
    lease.release(reusable=True, keep_alive=1)
    await wait_all_tasks_blocked()

    assert got == [wire]


async def test_cancelling_a_waiter_leaves_no_trace() -> None:
    pool = Pool()
    held = await pool.acquire("a", limit=1)

    with trio.move_on_after(0) as scope:
        await pool.acquire("a", limit=1)

    assert scope.cancelled_caught
    assert figures(pool) == (0, 1, 0)
    held.release(reusable=False)
    assert pool.statistics() == {}


async def test_a_grant_that_crosses_a_cancellation_goes_to_the_next(nursery: trio.Nursery) -> None:
    pool = Pool()
    held = await pool.acquire("a", limit=1)
    scope = trio.CancelScope()
    served: list[str] = []

    async def cancelled() -> None:
        with scope:
            await pool.acquire("a", limit=1)
            served.append("cancelled")

    async def next_one() -> None:
        (await pool.acquire("a", limit=1)).release(reusable=False)
        served.append("next")

    nursery.start_soon(cancelled)
    await wait_all_tasks_blocked()
    nursery.start_soon(next_one)
    await wait_all_tasks_blocked()

    # The cancellation is under way when the slot is granted: the waiter is still in the queue and can't take it any more.
    scope.cancel()
    held.release(reusable=False)
    await wait_all_tasks_blocked()

    assert served == ["next"]
    assert pool.statistics() == {}


async def test_a_waiter_with_a_low_limit_that_leaves_lets_the_next_one_in(nursery: trio.Nursery) -> None:
    pool = Pool()
    await pool.acquire("a", limit=1)
    scope = trio.CancelScope()
    served: list[str] = []

    async def low() -> None:
        with scope:
            await pool.acquire("a", limit=1)

    async def high() -> None:
        await pool.acquire("a", limit=2)
        served.append("high")

    nursery.start_soon(low)
    await wait_all_tasks_blocked()
    nursery.start_soon(high)
    await wait_all_tasks_blocked()
    assert served == []

    scope.cancel()
    await wait_all_tasks_blocked()

    assert served == ["high"]
    assert figures(pool) == (0, 2, 0)


@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(st.tuples(st.sampled_from(["ask", "end", "lose", "cancel"]), st.integers(0, 7)), max_size=60),
    limit=st.integers(1, 3),
)
def test_no_order_of_events_leaks_a_slot(steps: list[tuple[str, int]], limit: int) -> None:
    wires: list[Wire] = []

    async def main() -> None:
        pool = Pool()
        ends: list[tuple[trio.Event, list[bool], trio.CancelScope]] = []

        async def exchange(done: trio.Event, fit: list[bool], scope: trio.CancelScope) -> None:
            with scope:
                lease = await pool.acquire("a", limit=limit)
                try:
                    if lease.connection is None:
                        lease.connection = Wire()
                        wires.append(lease.connection)
                    assert sum(not wire.closed for wire in wires) <= limit
                    await done.wait()
                    lease.release(reusable=fit[0], keep_alive=2)
                finally:
                    lease.release(reusable=False)

        async with trio.open_nursery() as nursery:
            for step, number in steps:
                if step == "ask":
                    ends.append((trio.Event(), [True], trio.CancelScope()))
                    nursery.start_soon(exchange, *ends[-1])
                elif ends:
                    done, fit, scope = ends[number % len(ends)]
                    fit[0] = step == "end"
                    if step == "cancel":
                        scope.cancel()
                    else:
                        done.set()
                if number % 2:
                    await trio.lowlevel.checkpoint()
            for done, _, _ in ends:
                done.set()
        assert figures(pool)[1:] == (0, 0)
        pool.close()
        assert pool.statistics() == {}

    trio.run(main)

    assert all(wire.closed == 1 for wire in wires)


@pytest.mark.parametrize("idle", [1, 128])
async def test_the_work_of_one_exchange_does_not_grow_with_the_idle_ones(idle: int) -> None:
    pool = Pool()
    wires = [Wire() for _ in range(idle)]
    for lease in [await used(pool, wire, limit=idle) for wire in wires]:
        lease.release(reusable=True, keep_alive=idle)

    for _ in range(10):
        (await pool.acquire("a", limit=idle)).release(reusable=True, keep_alive=idle)

    assert sum(wire.asked for wire in wires) == 10
