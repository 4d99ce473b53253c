"""Clients that leave at any moment, under contention for connections: nothing stays behind, nobody is blamed, everybody else is served.

Each model's name tells the upstream what to play: ``mute`` (no head, ever), ``hold`` (so many frames, then silence), ``flood`` (text without
end), ``whole``. After ``mute`` and ``hold`` the upstream sends nothing any more: its connection can only be closed by somebody who
noticed the client's leaving while waiting, and not by a write that failed.
"""

from __future__ import annotations

import os
import random
import re
import socket
import statistics
import struct
from collections import Counter

import attrs
import pytest
import trio
import trio.testing

from tests.support.answers import ANSWERS
from tests.support.clients import RawClient, connect
from tests.support.raw_server import RawConnection, RawRequest, chunked, raw_server
from tests.support.running import PATIENT, WIRES, Proxy, asking, config_of, open_files, running_proxy
from trioproxy.ledger.entry import Outcome

_PLAN = re.compile(rb"(mute|hold|flood|whole)-(\d+)-(\d+)")
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
_PROTOCOLS = tuple(WIRES)
# Whose text frame may be repeated as often as one likes.
_FLOODING = ("openai_chat", "gemini")


def _spoken(request: RawRequest) -> str:
    for path, protocol in ((b"chat/completions", "openai_chat"), (b"responses", "openai_responses")):
        if path in request.target:
            return protocol
    return "gemini" if b"models/" in request.target else "anthropic"


@attrs.define(eq=False)
class _Theatre:
    """The upstream. ``asked`` and ``freed``, by the number in a model's name: it is asked; its connection was closed, and when."""

    asked: dict[int, trio.Event] = attrs.field(factory=dict)
    freed: dict[int, float] = attrs.field(factory=dict)

    async def play(self, connection: RawConnection) -> None:
        while (request := await connection.read_request()) is not None:
            found = _PLAN.search(request.target + request.body)
            assert found is not None
            plan, count, number = found[1].decode(), int(found[2]), int(found[3])
            answer = ANSWERS[_spoken(request)]
            self.asked[number].set()
            if plan == "whole":
                await connection.send(_HEAD + chunked(*filter(None, answer.frames)))
                continue
            try:
                if plan != "mute":
                    await connection.send(_HEAD)
                    for frame in filter(None, answer.frames[: 2 + count]):
                        await connection.send(chunked(frame, last=False))
                while plan == "flood":
                    await connection.send(chunked(answer.text, last=False))
                await connection.wait_gone()
            finally:
                self.freed[number] = trio.current_time()
            return


@attrs.define(eq=False, kw_only=True)
class _Crowd:
    """The clients: ``left`` is when each number left."""

    proxy: Proxy
    theatre: _Theatre
    dice: random.Random
    left: dict[int, float] = attrs.field(factory=dict)
    noticed: set[int] = attrs.field(factory=set)
    """Those whose leaving the proxy must have seen: their request had reached the upstream."""
    served: set[int] = attrs.field(factory=set)

    async def visit(self, number: int) -> None:
        self.theatre.asked[number] = trio.Event()
        client = await connect(self.proxy.port)
        protocol, wire = self.dice.choice(_PROTOCOLS), self.dice.choice(_PROTOCOLS)
        match self.dice.randrange(8):
            case 0 | 1:
                await self._be_served(client, number, protocol, wire)
            case 2:
                await client.send(asking(protocol, f"mute-0-{number}", wire=wire)[: self.dice.choice((None, -5, 40))])
                await self._hesitate()
            case 3:
                await client.send(asking(protocol, f"mute-0-{number}", wire=wire))
                await self.theatre.asked[number].wait()
                await self._hesitate()
                self.noticed.add(number)
            case 4 | 5 | 6:
                # Five frames is one less than there are: the upstream's end never comes.
                await client.send(asking(protocol, f"hold-{self.dice.randrange(5)}-{number}", wire=wire))
                await self._leave_mid_stream(client, number)
            case _:
                wire = self.dice.choice(_FLOODING)
                await client.send(asking(protocol, f"flood-0-{number}", wire=wire))
                await self._leave_mid_stream(client, number)
        self.left[number] = trio.current_time()
        if self.dice.random() < 0.5 and isinstance(client.stream, trio.SocketStream):
            client.stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        await client.leave()

    async def _be_served(self, client: RawClient, number: int, protocol: str, wire: str) -> None:
        for _ in range(self.dice.randrange(1, 3)):  # some ask twice on one connection
            answer = await client.ask(asking(protocol, f"whole-0-{number}", wire=wire), "POST")
            assert answer.status == 200
            assert answer.whole
            if protocol == wire:
                assert answer.body == ANSWERS[protocol].stream
            else:
                assert b"hel" in answer.body
                assert ANSWERS[protocol].terminal in answer.body
                assert ANSWERS[protocol].failed not in answer.body
            self.served.add(number)

    async def _leave_mid_stream(self, client: RawClient, number: int) -> None:
        while b"hel" not in client.arrived:
            assert await client.more(), bytes(client.arrived)
        self.noticed.add(number)
        await self._hesitate()

    async def _hesitate(self) -> None:
        for _ in range(self.dice.randrange(12)):
            await trio.lowlevel.checkpoint()


async def _storm(visits: int, at_once: int, connections: int, seed: int, *, places: int | None = None) -> None:
    """``places`` is how many requests each provider takes at once."""
    files = open_files()
    theatre = _Theatre()
    async with (
        raw_server(theatre.play) as upstream,
        running_proxy(_limited(config_of(upstream.url, connections=connections, more=PATIENT), places)) as proxy,
    ):
        tasks = trio.lowlevel.current_statistics().tasks_living
        crowd = _Crowd(proxy=proxy, theatre=theatre, dice=random.Random(seed))
        numbers = iter(range(visits))

        async def come_and_go() -> None:
            for number in numbers:
                await crowd.visit(number)

        async with trio.open_nursery() as nursery:
            for _ in range(at_once):
                nursery.start_soon(come_and_go)
        await proxy.wait_quiet()
        proxy.assert_nothing_held()
        with trio.fail_after(30):
            await upstream.wait_open(proxy.idle_upstream)
        await trio.testing.wait_all_tasks_blocked()
        # One task serves each warm connection at the upstream's end; nothing else may live that did not before.
        assert trio.lowlevel.current_statistics().tasks_living == tasks + proxy.idle_upstream
        assert proxy.app.health.cooling(trio.current_time()) == []
        _check_accounts(proxy, crowd)
        assert set(crowd.noticed) <= set(theatre.freed)
        delays = sorted(theatre.freed[number] - crowd.left[number] for number in crowd.noticed)
        print(
            f"{visits} visits, {len(crowd.noticed)} left mid-exchange; upstream freed after "
            f"{statistics.median(delays) * 1000:.1f} ms (median), {delays[len(delays) * 99 // 100] * 1000:.1f} ms (p99), "
            f"{delays[-1] * 1000:.1f} ms (longest)"
        )
    assert open_files() == files


def _limited(config: str, places: int | None) -> str:
    if places is None:
        return config
    limit = f"    limits: {{concurrent: {places}}}\n    max-connections"
    return config.replace("    max-connections", limit) + f"server: {{max-concurrent-requests: {3 * places}}}\n"


def _check_accounts(proxy: Proxy, crowd: _Crowd) -> None:
    for x in proxy.settled:
        if "whole" in (x.model or "") and x.outcome is not Outcome.COMPLETE:
            print(x)
    outcomes: dict[int, set[Outcome]] = {}
    for settled in proxy.settled:
        if settled.model is not None:  # else the client left before its request was whole
            outcomes.setdefault(int(settled.model.rpartition("-")[2]), set()).add(settled.outcome)
        assert (settled.status == 499) is (settled.outcome is Outcome.CLIENT_GONE)
    assert [outcomes[number] for number in crowd.served if outcomes[number] != {Outcome.COMPLETE}] == []
    assert [outcomes[number] for number in crowd.noticed if outcomes[number] != {Outcome.CLIENT_GONE}] == []
    counted = Counter(settled.outcome for settled in proxy.settled)
    assert set(counted) == {Outcome.COMPLETE, Outcome.CLIENT_GONE}


async def test_clients_that_leave_take_everything_with_them() -> None:
    await _storm(2000, 40, 20, seed=20261120)


async def test_nothing_leaks_where_connections_are_scarcer_still() -> None:
    await _storm(200, 40, 1, seed=7)


async def test_nothing_leaks_where_places_are_scarcer_than_clients() -> None:
    await _storm(400, 40, 1000, seed=11, places=3)


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.skipif("TRIOPROXY_SOAK" not in os.environ, reason="ten thousand clients: set TRIOPROXY_SOAK=1")
async def test_ten_thousand_clients_leave_nothing_behind() -> None:
    await _storm(10_000, 40, 20, seed=1)
