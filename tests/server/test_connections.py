"""Counts, evictions and the drain, without a socket."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock, memory_stream_pair, wait_all_tasks_blocked

from trioproxy.server.connections import Connections, Drain
from trioproxy.server.limits import ServerLimits
from trioproxy.server.streams import ClientStream, client_stream


def stream() -> ClientStream:
    return client_stream(memory_stream_pair()[0])


class TestDrain:
    async def test_it_begins_once_and_only_gets_shorter(self, autojump_clock: MockClock) -> None:
        drain = Drain()
        connections = Connections(drain=drain)
        connections.opened(stream())
        before, began = drain.begun, trio.current_time()
        drain.begin()
        assert (before, drain.begun) == (False, True)
        drain.begin(30)
        drain.begin(60)
        await drain.wait_begun()
        await drain.wait_while_patient(connections)
        assert trio.current_time() == began + 30

    async def test_patience_ends_with_the_last_connection(self, autojump_clock: MockClock) -> None:
        drain = Drain()
        connections = Connections(drain=drain)
        one, other = stream(), stream()
        connections.opened(one)
        connections.opened(other)
        drain.begin(30)
        began = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(drain.wait_while_patient, connections)
            await trio.sleep(5)
            connections.closed(one)
            await trio.sleep(5)
            connections.closed(other)
        assert trio.current_time() == began + 10

    async def test_patience_ends_at_the_deadline_and_earlier_when_told(self, autojump_clock: MockClock) -> None:
        drain = Drain()
        connections = Connections(drain=drain)
        connections.opened(stream())
        drain.begin(30)
        began = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(drain.wait_while_patient, connections)
            await trio.sleep(5)
            drain.begin(5)
        assert trio.current_time() == began + 10


class TestConnections:
    async def test_statistics(self) -> None:
        connections = Connections()
        one, other = stream(), stream()
        idle, active = trio.CancelScope(), trio.CancelScope()
        connections.opened(one)
        connections.opened(other)
        connections.went_idle(idle)
        connections.exchange_began(active)
        connections.request_refused()
        statistics = connections.statistics()
        assert (statistics.accepted, statistics.open, statistics.idle, statistics.active) == (2, 2, 1, 1)
        assert (statistics.requests, statistics.refused) == (1, 1)
        connections.woke(idle)
        connections.exchange_ended(active)
        connections.closed(one)
        connections.closed(other)
        statistics = connections.statistics()
        assert (statistics.accepted, statistics.open, statistics.idle, statistics.active) == (2, 0, 0, 0)

    async def test_the_longest_idle_is_evicted_first(self) -> None:
        connections = Connections()
        scopes = [trio.CancelScope() for _ in range(3)]
        for scope in scopes:
            connections.went_idle(scope)
        connections.woke(scopes[0])
        connections.went_idle(scopes[0])
        for evicted in (scopes[1], scopes[2], scopes[0]):
            assert not evicted.cancel_called
            assert connections.evict_idle()
            assert evicted.cancel_called
        assert not connections.evict_idle()
        connections.woke(scopes[0])

    async def test_room_is_waited_for_and_made(self) -> None:
        connections = Connections(ServerLimits(connections=2))
        one, other = stream(), stream()
        await connections.wait_room()
        connections.opened(one)
        await connections.wait_room()
        connections.opened(other)
        order: list[str] = []

        async def wait() -> None:
            await connections.wait_room()
            order.append("room")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            await wait_all_tasks_blocked()
            idle = trio.CancelScope()
            connections.went_idle(idle)
            await wait_all_tasks_blocked()
            assert idle.cancel_called
            order.append("evicted")
            connections.closed(one)
        assert order == ["evicted", "room"]

    async def test_idle_ones_close_and_active_ones_are_told(self) -> None:
        connections = Connections()
        idle, active = trio.CancelScope(), trio.CancelScope()
        connections.went_idle(idle)
        connections.exchange_began(active)
        connections.close_idle()
        assert (idle.cancel_called, active.cancel_called) == (True, False)
        connections.cancel_active()
        assert active.cancel_called

    async def test_during_a_drain_nobody_goes_idle(self) -> None:
        connections = Connections()
        connections.drain.begin()
        idle = trio.CancelScope()
        connections.went_idle(idle)
        assert idle.cancel_called

    async def test_all_can_be_closed(self) -> None:
        connections = Connections()
        pairs = [memory_stream_pair() for _ in range(3)]
        for here, _ in pairs:
            connections.opened(client_stream(here))
        await connections.close_all()
        for here, there in pairs:
            assert await there.receive_some() == b""
            with pytest.raises(trio.ClosedResourceError):
                await here.receive_some()


class TestAttending:
    """One task closes the connections on which nothing was asked for too long."""

    async def test_each_in_its_time(self, autojump_clock: MockClock) -> None:
        connections = Connections(ServerLimits(idle_seconds=10))
        scopes = [trio.CancelScope() for _ in range(4)]
        woken = scopes[1]
        async with trio.open_nursery() as nursery:
            await nursery.start(connections.attend)
            assert connections.attended
            for scope in scopes:
                connections.went_idle(scope, until=trio.current_time() + 10)
                await trio.sleep(2)
            connections.woke(woken)
            for at in (10, 14, 16):
                await trio.sleep_until(at - 0.5)
                before = [scope.cancel_called for scope in scopes]
                await trio.sleep_until(at + 0.5)
                after = [scope.cancel_called for scope in scopes]
                assert sum(after) == sum(before) + 1
            assert not woken.cancel_called
            assert connections.statistics().idle == 3  # they say so themselves when they are gone
            late = trio.CancelScope()
            await trio.sleep(100)
            connections.went_idle(late, until=trio.current_time() + 1)
            await trio.sleep(1.5)
            assert late.cancel_called
            nursery.cancel_scope.cancel()
        assert not connections.attended

    async def test_who_has_a_clock_of_its_own_is_left_alone(self, autojump_clock: MockClock) -> None:
        connections = Connections(ServerLimits(idle_seconds=10))
        own = trio.CancelScope()
        async with trio.open_nursery() as nursery:
            await nursery.start(connections.attend)
            connections.went_idle(own)
            await trio.sleep(1000)
            nursery.cancel_scope.cancel()
        assert not own.cancel_called
