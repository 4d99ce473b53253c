"""Deadlines that end an exchange over HTTP by cutting its connection off: on time, at any moment, and nobody else's."""

from __future__ import annotations

import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from math import inf

import attrs
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.support.exchanges import MemoryExchange
from tests.support.raw_server import RawConnection, RawServer, chunked, raw_server
from tests.support.tls import client_context, server_context
from trioproxy.config.model import Deadlines
from trioproxy.gateway.deadlines import DeadlineTracker, Phase
from trioproxy.gateway.outlet import Outlet
from trioproxy.gateway.pulse import Pulse
from trioproxy.gateway.sentry import Sentry
from trioproxy.gateway.timekeeper import Timekeeper
from trioproxy.ledger.entry import Ledger
from trioproxy.upstream.base import UpstreamRequest
from trioproxy.upstream.dial import Dialer
from trioproxy.upstream.http import HttpUpstream

LIMITS = Deadlines(connect=10, first_byte=20, response=50, idle=30, tool_call=5, total=inf, client_send=7)
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
HEAD = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"

Answer = Callable[[RawConnection], Awaitable[None]]


@attrs.define(eq=False)
class House:
    """A provider, the way to it, and who keeps deadlines."""

    server: RawServer
    upstream: HttpUpstream
    sentry: Sentry
    reached: trio.Event
    """The provider is where it will do nothing more."""

    def pulse(self) -> Pulse:
        tracker = DeadlineTracker(LIMITS, True, trio.current_time())
        pulse = self.sentry.watch(tracker, "p")
        pulse.cuttable = HttpUpstream.CUTTABLE
        tracker.attempt_started(trio.current_time())
        return pulse

    async def ask(self, pulse: Pulse, *, body: bytes = b"{}", limit: int = 20) -> bytes:
        """The answer's body, as far as ``pulse`` lets it come."""
        received = b""
        request = UpstreamRequest(method="POST", url=self.server.url, headers=(), body=body, max_connections=limit)
        with pulse:
            response = await self.upstream.open(request, pulse)
            try:
                while piece := await response.receive_some():
                    pulse.received(())
                    received += piece
            finally:
                await response.aclose()
        return received

    @property
    def active(self) -> int:
        return sum(each.active for each in self.upstream.statistics().values())


@asynccontextmanager
async def house(behave: Answer, *, tls: bool = False) -> AsyncIterator[House]:
    keeper = Timekeeper()
    ledger = Ledger(clock=trio.current_time, wall=lambda: 0.0, token=lambda: "id")
    outlet = Outlet(MemoryExchange(), ledger.entry(method="POST", path="/", peer=""), LIMITS)
    upstream = HttpUpstream(ssl_context=client_context)
    reached = trio.Event()

    async def answer(connection: RawConnection) -> None:
        await behave(connection)
        reached.set()
        await connection.wait_gone() if behave is not deaf else await trio.sleep_forever()

    async with raw_server(answer, ssl_context=server_context() if tls else None) as server, trio.open_nursery() as all_:
        all_.start_soon(keeper.run)
        await wait_all_tasks_blocked()
        yield House(server, upstream, Sentry(outlet, keeper, lambda: None), reached)
        upstream.close()
        all_.cancel_scope.cancel()


async def silent(connection: RawConnection) -> None:
    """Reads and never answers."""
    await connection.read_request()


async def deaf(connection: RawConnection) -> None:
    """Does not even read."""
    if isinstance(connection.stream, trio.SSLStream):
        await connection.stream.do_handshake()


async def halting(connection: RawConnection) -> None:
    """Stops in the midst of its answer."""
    await connection.read_request()
    await connection.send(HEAD + chunked(b"some", last=False))


async def good(connection: RawConnection) -> None:
    while await connection.read_request():
        await connection.send(OK)


@pytest.mark.parametrize("tls", [False, True], ids=["tcp", "tls"])
@pytest.mark.parametrize(
    ("answer", "body", "phase", "seconds"),
    [
        pytest.param(silent, b"{}", Phase.FIRST_BYTE, 20, id="no answer"),
        pytest.param(deaf, b"x" * 30_000_000, Phase.FIRST_BYTE, 20, id="nobody reads the request"),
        pytest.param(halting, b"{}", Phase.IDLE, 30, id="half an answer"),
    ],
)
async def test_what_takes_too_long_is_cut_off_on_time(
    answer: Answer, body: bytes, phase: Phase, seconds: float, tls: bool, mock_clock: MockClock
) -> None:
    async with house(answer, tls=tls) as subject:
        pulse = subject.pulse()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(subject.ask, pulse, body=body))
            await subject.reached.wait()
            await wait_all_tasks_blocked(0.01)
            mock_clock.jump(seconds - 0.5)
            await wait_all_tasks_blocked(0.01)
            assert (pulse.expired, subject.active) == (None, 1)
            mock_clock.jump(1)

        assert pulse.expired is phase
        assert subject.active == 0
        assert f"p sent no{'thing' if phase is Phase.IDLE else ''}" in pulse.failure().message


async def test_a_connection_that_is_never_made_is_waited_for_no_longer_than_it_may(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def dial(*_: object) -> None:
        await trio.sleep_forever()

    async with house(good) as subject:
        monkeypatch.setattr(Dialer, "dial", dial)
        pulse = subject.pulse()

        assert await subject.ask(pulse) == b""

        assert (pulse.expired, subject.active) == (Phase.CONNECT, 0)
        assert trio.current_time() == pytest.approx(10)


async def test_a_slot_that_never_gets_free_is_waited_for_no_longer_than_it_may(mock_clock: MockClock) -> None:
    async with house(halting) as subject, trio.open_nursery() as nursery:
        nursery.start_soon(subject.ask, subject.pulse())
        await subject.reached.wait()
        mock_clock.autojump_threshold = 0
        pulse = subject.pulse()

        assert await subject.ask(pulse, limit=1) == b""

        assert (pulse.expired, subject.active) == (Phase.CONNECT, 1)  # the other's
        assert trio.current_time() == pytest.approx(10)
        nursery.cancel_scope.cancel()


async def test_a_stale_connection_is_replaced_within_the_same_deadlines(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def once(connection: RawConnection) -> None:
        await connection.read_request()
        await connection.send(OK)
        await connection.read_request()
        connection.reset()

    async def dial(*_: object) -> None:
        await trio.sleep_forever()

    async with house(once) as subject:
        assert await subject.ask(subject.pulse()) == b"ok"
        monkeypatch.setattr(Dialer, "dial", dial)
        pulse, began = subject.pulse(), trio.current_time()

        assert await subject.ask(pulse) == b""

        assert pulse.expired is Phase.FIRST_BYTE  # the request went out, on a connection that was no good
        assert trio.current_time() - began == pytest.approx(20, abs=1)
        assert subject.active == 0


async def test_what_went_back_to_the_pool_is_not_cut(autojump_clock: MockClock) -> None:
    async with house(good) as subject:
        first = subject.pulse()
        with first:
            request = UpstreamRequest(method="POST", url=subject.server.url, headers=(), body=b"{}")
            response = await subject.upstream.open(request, first)  # whole with its head, and given back
            first.expire()
            assert await response.receive_some() == b"ok"
        assert first.expired is None
        assert await subject.ask(subject.pulse()) == b"ok"
        assert subject.server.accepted == 1


async def test_who_is_cancelled_from_outside_has_not_expired(autojump_clock: MockClock) -> None:
    async with house(silent) as subject:
        pulse = subject.pulse()
        with trio.move_on_after(1) as outside:
            await subject.ask(pulse)
        assert outside.cancelled_caught
        assert (pulse.expired, subject.active) == (None, 0)


async def test_another_closed_resource_is_no_deadline(autojump_clock: MockClock) -> None:
    async with house(good) as subject:
        with pytest.raises(trio.ClosedResourceError), subject.pulse():
            raise trio.ClosedResourceError


async def test_cut_at_any_moment_nothing_is_left_and_nobody_else_is_hit() -> None:
    choices = random.Random(11)

    async def moody(connection: RawConnection) -> None:
        with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            while await connection.read_request():
                if choices.randrange(3):
                    await connection.send(HEAD)
                    await trio.lowlevel.checkpoint()
                    await connection.send(chunked(b"ok"))
                else:
                    await connection.send(OK)

    async with house(moody) as subject:
        ends = {"whole": 0, "cut": 0}

        async def expire(pulse: Pulse, turns: int, done: list[bool]) -> None:
            for _ in range(turns):
                await trio.lowlevel.checkpoint()
            if not done.pop():
                pulse.expire()

        async def once() -> None:
            pulse = subject.pulse()
            done = [False]
            async with trio.open_nursery() as nursery:
                nursery.start_soon(expire, pulse, choices.randrange(30), done)
                received = await subject.ask(pulse, limit=5)
                done[:] = [True]
            if pulse.expired is None:
                assert received == b"ok"
                ends["whole"] += 1
            else:
                ends["cut"] += 1

        async def several() -> None:
            for _ in range(100):
                await once()

        async with trio.open_nursery() as nursery:
            for _ in range(10):
                nursery.start_soon(several)
        assert min(ends.values()) > 50, ends
        assert subject.active == 0
        assert await subject.ask(subject.pulse()) == b"ok"
