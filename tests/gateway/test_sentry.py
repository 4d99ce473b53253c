"""The task beside a stream: it wakes in time for whatever was armed while it slept."""

from __future__ import annotations

from math import inf

import attrs
import pytest
import trio
from trio.testing import MockClock

from tests.support.exchanges import MemoryExchange
from trioproxy.config.model import Deadlines
from trioproxy.gateway.deadlines import DeadlineTracker, Phase
from trioproxy.gateway.outlet import Outlet
from trioproxy.gateway.sentry import Sentry
from trioproxy.gateway.timekeeper import Timekeeper
from trioproxy.ledger.entry import Ledger
from trioproxy.neutral.events import ToolCallStarted

LIMITS = Deadlines(connect=10, first_byte=20, response=50, idle=30, tool_call=5, total=inf, client_send=7)


def outlet() -> Outlet:
    ledger = Ledger(clock=trio.current_time, wall=lambda: 0.0, token=lambda: "id")
    return Outlet(MemoryExchange(), ledger.entry(method="POST", path="/", peer=""), LIMITS)


def unheard() -> None:
    raise AssertionError("the client took every keep-alive")


def tracker(limits: Deadlines = LIMITS) -> DeadlineTracker:
    return DeadlineTracker(limits, True, 0.0)


async def test_what_is_silent_too_long_is_ended_on_time(autojump_clock: MockClock) -> None:
    keeper = Timekeeper()
    sentry = Sentry(outlet(), keeper, unheard)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(keeper.run)
        with sentry.watch(tracker(), "p") as pulse:
            await trio.sleep(3)
            pulse.received([])
            await trio.sleep_forever()
        assert trio.current_time() == pytest.approx(33)
        assert pulse.expired is Phase.IDLE
        assert "p sent nothing for 30 s" in pulse.failure().message
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("armed_at", [0.1, 4.9, 5.0, 29.0])
async def test_what_is_armed_while_it_sleeps_is_noticed_on_time(autojump_clock: MockClock, armed_at: float) -> None:
    keeper = Timekeeper()
    sentry = Sentry(outlet(), keeper, unheard)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(keeper.run)
        with sentry.watch(tracker(), "p") as pulse:
            pulse.received([])
            await trio.sleep(armed_at)
            pulse.received([ToolCallStarted(index=0, call_id="c", name="f")])
            await trio.sleep_forever()
        assert trio.current_time() == pytest.approx(armed_at + 5)
        assert pulse.expired is Phase.TOOL_CALL
        nursery.cancel_scope.cancel()


async def test_a_send_that_hangs_is_ended_on_time(autojump_clock: MockClock) -> None:
    keeper = Timekeeper()
    sentry = Sentry(outlet(), keeper, unheard)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(keeper.run)
        with sentry.watch(tracker(), "p") as pulse:
            await trio.sleep(4)
            pulse.received([])
            pulse.send_started()
            await trio.sleep_forever()
        assert trio.current_time() == pytest.approx(11)
        assert pulse.expired is Phase.CLIENT_SEND
        nursery.cancel_scope.cancel()


async def test_what_ends_by_itself_has_not_expired(autojump_clock: MockClock) -> None:
    keeper = Timekeeper()
    sentry = Sentry(outlet(), keeper, unheard)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(keeper.run)
        for _ in range(2):
            with sentry.watch(tracker(), "p") as pulse:
                pulse.received([])
                await trio.sleep(29)
            assert pulse.expired is None
        await trio.sleep(1000)
        nursery.cancel_scope.cancel()


async def test_with_every_limit_off_it_sleeps_for_ever(autojump_clock: MockClock) -> None:
    off = attrs.evolve(LIMITS, **{field.name: inf for field in attrs.fields(Deadlines)})
    keeper = Timekeeper()
    sentry = Sentry(outlet(), keeper, unheard)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(keeper.run)
        with sentry.watch(tracker(off), "p") as pulse:
            pulse.received([])
            await trio.sleep(80_000)
        assert pulse.expired is None
        nursery.cancel_scope.cancel()
