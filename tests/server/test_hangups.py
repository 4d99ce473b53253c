"""One task that looks out for all clients' hang-ups."""

from __future__ import annotations

import os
import select
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import memory_stream_pair, wait_all_tasks_blocked

from trioproxy.server.hangups import Hangups, Line
from trioproxy.server.streams import LeanStream, client_stream

pytestmark = pytest.mark.skipif(
    not hasattr(select, "epoll"), reason="only epoll tells of a hang-up behind unread bytes"
)

RESET = struct.pack("ii", 1, 0)


def pair() -> tuple[LeanStream, socket.socket]:
    """A connection as a server has it, and its client."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        client = socket.create_connection(listening.getsockname())
        served, _ = listening.accept()
    served.setblocking(False)
    return LeanStream(served), client


@asynccontextmanager
async def looking_out() -> AsyncIterator[Hangups]:
    hangups = Hangups()
    async with trio.open_nursery() as nursery:
        await nursery.start(hangups.run)
        yield hangups
        nursery.cancel_scope.cancel()


async def hear(line: Line) -> None:
    """Return when the client of ``line`` has hung up."""
    told = trio.Event()
    line.tell(told.set)
    with trio.fail_after(10):
        await told.wait()


@pytest.mark.parametrize("ahead", [0, 1, 100_000])
@pytest.mark.parametrize("reset", [False, True])
async def test_a_hang_up_is_told_behind_whatever_was_sent_ahead(ahead: int, reset: bool) -> None:
    async with looking_out() as hangups:
        stream, client = pair()
        line = hangups.watch(stream)
        told: list[int] = []
        line.tell(lambda: told.append(1))
        client.sendall(bytes(ahead))
        await wait_all_tasks_blocked()
        assert (told, line.dead) == ([], False)
        if reset:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        client.close()
        await hear(line)
        assert line.dead
        stream.close()


async def test_the_end_of_sending_alone_counts() -> None:
    async with looking_out() as hangups:
        stream, client = pair()
        line = hangups.watch(stream)
        client.shutdown(socket.SHUT_WR)
        await hear(line)
        client.close()
        stream.close()


async def test_who_asks_afterwards_is_told_at_once_and_once() -> None:
    async with looking_out() as hangups:
        stream, client = pair()
        line = hangups.watch(stream)
        client.close()
        await hear(line)
        told: list[int] = []
        line.tell(lambda: told.append(1))
        assert told == [1]
        await wait_all_tasks_blocked()
        assert told == [1]
        stream.close()


async def test_who_no_longer_wants_to_know_is_not_told() -> None:
    async with looking_out() as hangups:
        (stream, client), (other, its_client) = pair(), pair()
        line = hangups.watch(stream)
        line.tell(lambda: pytest.fail("nobody is to be told"))
        line.tell(None)
        client.close()
        its_client.close()
        await hear(hangups.watch(other))
        assert line.dead
        stream.close()
        other.close()


async def test_a_number_that_comes_again_is_somebody_elses() -> None:
    """A connection that was closed early is forgotten after its descriptor's number was given to another."""
    async with looking_out() as hangups:
        (stream, client), (accepted, its_client) = pair(), pair()
        line = hangups.watch(stream)
        number = stream.socket.fileno()
        stream.close()
        client.close()
        assert os.dup2(accepted.socket.fileno(), number) == number
        accepted.close()
        other = LeanStream(socket.socket(fileno=number))
        second = hangups.watch(other)
        hangups.forget(line)
        its_client.close()
        await hear(second)
        other.close()


async def test_what_is_no_socket_or_comes_too_early_is_not_watched() -> None:
    here, _ = memory_stream_pair()
    stream, client = pair()
    hangups = Hangups()
    assert not hangups.watch(stream).watched
    async with looking_out() as running:
        assert not running.watch(client_stream(here)).watched
        line = running.watch(stream)
        assert line.watched
        running.forget(line)
    stream.close()
    client.close()
