"""Lean streams against real sockets, adapted and replayed ones against memory."""

from __future__ import annotations

import select
import socket
from contextlib import suppress

import attrs
import pytest
import trio
from trio.testing import lockstep_stream_pair, memory_stream_pair, wait_all_tasks_blocked

from trioproxy.server.streams import AdaptedStream, Inbox, LeanStream, ReplayedStream, client_stream

FULL = bytes(16 * 1024 * 1024)


def lean_pair(*, small: bool = False) -> tuple[LeanStream, LeanStream]:
    """Two ends of a TCP connection on loopback."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        if small:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        one = socket.create_connection(listener.getsockname())
        if small:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        other, _ = listener.accept()
    for each in (one, other):
        each.setblocking(False)
        each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return LeanStream(one), LeanStream(other)


def fill(sock: socket.socket) -> None:
    """Send until the kernel takes no more."""
    with suppress(BlockingIOError):
        while True:
            sock.send(bytes(65536))


class TestLeanStream:
    async def test_bytes_pass_both_ways(self) -> None:
        one, other = lean_pair()
        async with one, other:
            await one.send_all(b"ping")
            assert await other.receive_some() == b"ping"
            await other.send_all(bytearray(b"pong"))
            assert await one.receive_some(2) == b"po"
            assert await one.receive_some() == b"ng"

    async def test_much_passes_a_full_buffer(self) -> None:
        one, other = lean_pair(small=True)
        data = bytes(range(256)) * 4096
        received = bytearray()
        async with one, other, trio.open_nursery() as nursery:
            nursery.start_soon(one.send_all, data)
            while len(received) < len(data):
                received += await other.receive_some()
        assert received == data
        assert not one.torn

    async def test_it_passes_as_a_trio_stream(self) -> None:
        one, other = lean_pair()
        async with one, other:
            assert isinstance(one, trio.abc.HalfCloseableStream)
            await one.wait_send_all_might_not_block()
            await one.send_eof()
            assert await other.receive_some() == b""
            await other.send_all(b"still")
            assert await one.receive_some() == b"still"

    async def test_sends_let_others_run_now_and_then(self) -> None:
        one, other = lean_pair()
        ran = False

        async def bystander() -> None:
            nonlocal ran
            ran = True

        async with one, other, trio.open_nursery() as nursery:
            nursery.start_soon(bystander)
            sends = 0
            while not ran:
                await one.send_all(b"x")
                sends += 1
        # Two turns at most: who of those that are ready goes first is chance.
        assert 1 < sends <= 128

    async def test_a_second_sender_is_a_bug(self) -> None:
        one, other = lean_pair(small=True)
        async with one, other, trio.open_nursery() as nursery:
            nursery.start_soon(one.send_all, FULL)
            await wait_all_tasks_blocked()
            with pytest.raises(trio.BusyResourceError):
                await one.send_all(b"x")
            nursery.cancel_scope.cancel()

    async def test_a_send_cut_in_its_midst_tears_the_stream(self) -> None:
        one, other = lean_pair(small=True)
        async with one, other:
            with trio.CancelScope() as scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(one.send_all, FULL)
                    await wait_all_tasks_blocked()
                    scope.cancel()
            assert one.torn

    async def test_a_send_cut_before_its_first_byte_tears_nothing(self) -> None:
        one, other = lean_pair(small=True)
        async with one, other:
            fill(one.socket)
            with trio.CancelScope() as scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(one.send_all, b"x")
                    await wait_all_tasks_blocked()
                    scope.cancel()
            assert not one.torn

    async def test_a_broken_connection_says_so(self) -> None:
        one, other = lean_pair()
        async with one, other:
            await other.reset()
            with pytest.raises(trio.BrokenResourceError, match="reset"):
                await one.receive_some()
            with pytest.raises(trio.BrokenResourceError, match="broke"):
                await one.send_all(b"x")
            assert one.torn
            with pytest.raises(trio.BrokenResourceError, match="broke"):
                await one.send_eof()

    async def test_a_broken_connection_ends_a_waiting_send(self) -> None:
        one, other = lean_pair(small=True)

        async def send() -> None:
            with pytest.raises(trio.BrokenResourceError):
                await one.send_all(FULL)

        async with one, other, trio.open_nursery() as nursery:
            nursery.start_soon(send)
            await wait_all_tasks_blocked()
            await other.reset()
        assert one.torn

    async def test_a_close_wakes_all_who_wait(self) -> None:
        one, other = lean_pair(small=True)
        woken = 0

        async def wait(operation: str, *args: bytes) -> None:
            nonlocal woken
            with pytest.raises(trio.ClosedResourceError):
                await getattr(one, operation)(*args)
            woken += 1

        async with other, trio.open_nursery() as nursery:
            for operation, args in (("receive_some", ()), ("wait_hangup", ()), ("send_all", (FULL,))):
                nursery.start_soon(wait, operation, *args)
            await wait_all_tasks_blocked()
            await one.aclose()
            await one.aclose()
            await one.reset()
        assert woken == 3

    async def test_a_closed_stream_says_so(self) -> None:
        one, other = lean_pair()
        await one.aclose()
        async with other:
            for operation in (
                one.receive_some(),
                one.send_all(b"x"),
                one.send_eof(),
                one.wait_hangup(),
                one.wait_send_all_might_not_block(),
            ):
                with pytest.raises(trio.ClosedResourceError):
                    await operation
            with pytest.raises(trio.ClosedResourceError):
                one.push(b"x")

    @pytest.mark.skipif(not hasattr(select, "epoll"), reason="only epoll tells of a hang-up behind unread bytes")
    @pytest.mark.parametrize("manner", ["aclose", "reset", "send_eof"])
    async def test_a_hangup_is_seen_behind_unread_bytes(self, manner: str) -> None:
        one, other = lean_pair()
        seen = trio.Event()

        async def watch() -> None:
            await one.wait_hangup()
            seen.set()

        async with one, other, trio.open_nursery() as nursery:
            await other.send_all(b"unread")
            nursery.start_soon(watch)
            await wait_all_tasks_blocked()
            assert not seen.is_set()
            await getattr(other, manner)()
            with trio.fail_after(10):
                await seen.wait()

    async def test_where_a_hangup_can_not_be_seen_it_is_waited_for_in_vain(
        self, monkeypatch: pytest.MonkeyPatch, autojump_clock: trio.testing.MockClock
    ) -> None:
        monkeypatch.delattr(select, "epoll", raising=False)
        one, other = lean_pair()
        async with one, other:
            with trio.move_on_after(1000) as scope:
                await one.wait_hangup()
        assert scope.cancelled_caught

    async def test_wakings_for_nothing_are_survived(self) -> None:
        one, other = lean_pair()

        @attrs.define(eq=False)
        class Spurious:
            sock: socket.socket
            woken: int = 0

            def fileno(self) -> int:
                return self.sock.fileno()

            def send(self, data: bytes) -> int:
                return self.sock.send(data)

            def recv(self, size: int) -> bytes:
                self.woken += 1
                if self.woken == 1:
                    raise BlockingIOError
                return self.sock.recv(size)

        async with one, other:
            await other.send_all(b"x")
            spurious = Spurious(one.socket)
            stream = LeanStream(spurious)  # type: ignore[arg-type]
            assert await stream.receive_some() == b"x"
            assert spurious.woken == 2


class TestAdaptedStream:
    async def test_bytes_pass(self) -> None:
        here, there = memory_stream_pair()
        stream = client_stream(here)
        assert isinstance(stream, AdaptedStream)
        await stream.send_all(b"ping")
        assert await there.receive_some() == b"ping"
        await there.send_all(b"pong")
        assert await stream.receive_some() == b"pong"
        assert not stream.torn
        await stream.send_eof()
        assert await there.receive_some() == b""
        await stream.reset()
        with pytest.raises(trio.BrokenResourceError):
            await there.send_all(b"x")

    async def test_a_cut_send_tears_it(self) -> None:
        here, _ = lockstep_stream_pair()
        stream = AdaptedStream(here)
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(stream.send_all, b"x")
                await wait_all_tasks_blocked()
                scope.cancel()
        assert stream.torn

    async def test_what_can_not_half_close_does_not(self) -> None:
        here, there = memory_stream_pair()

        class Whole(trio.abc.Stream):
            async def send_all(self, data: bytes | bytearray | memoryview) -> None:
                await here.send_all(data)

            async def wait_send_all_might_not_block(self) -> None:
                await here.wait_send_all_might_not_block()

            async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
                return await here.receive_some(max_bytes)

            async def aclose(self) -> None:
                await here.aclose()

        stream = client_stream(Whole())
        await stream.send_eof()
        await stream.send_all(b"more")
        assert await there.receive_some() == b"more"
        await stream.aclose()

    async def test_a_hangup_is_waited_for_in_vain(self, autojump_clock: trio.testing.MockClock) -> None:
        here, there = memory_stream_pair()
        await there.aclose()
        with trio.move_on_after(1000) as scope:
            await AdaptedStream(here).wait_hangup()
        assert scope.cancelled_caught

    async def test_a_lean_stream_needs_no_adapter(self) -> None:
        one, other = lean_pair()
        async with one, other:
            assert client_stream(one) is one


class TestInbox:
    async def test_what_arrives_stays_until_it_is_taken(self) -> None:
        here, there = memory_stream_pair()
        inbox = Inbox(client_stream(here))
        await there.send_all(b"one ")
        assert await inbox.receive()
        await there.send_all(b"two")
        assert await inbox.receive()
        assert inbox.pending == b"one two"
        await there.send_eof()
        assert not await inbox.receive()
        assert not await inbox.receive()
        assert inbox.ended

    async def test_a_break_is_an_end(self) -> None:
        one, other = lean_pair()
        async with one, other:
            inbox = Inbox(one)
            await other.reset()
            assert not await inbox.receive()

    async def test_a_cancelled_wait_loses_nothing(self) -> None:
        one, other = lean_pair()
        async with one, other:
            inbox = Inbox(one)
            with trio.CancelScope() as scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(inbox.receive)
                    await wait_all_tasks_blocked()
                    scope.cancel()
            await other.send_all(b"x")
            assert await inbox.receive()
            assert inbox.pending == b"x"


class TestReplayedStream:
    async def test_it_gives_again_what_was_received(self) -> None:
        here, there = memory_stream_pair()
        async with ReplayedStream(b"replayed", here) as stream:
            assert await stream.receive_some(3) == b"rep"
            assert await stream.receive_some() == b"layed"
            await there.send_all(b"new")
            assert await stream.receive_some() == b"new"
            await stream.wait_send_all_might_not_block()
            await stream.send_all(b"back")
            assert await there.receive_some() == b"back"
        with pytest.raises(trio.BrokenResourceError):
            await there.send_all(b"x")

    async def test_with_nothing_to_replay_it_is_the_stream(self) -> None:
        here, there = memory_stream_pair()
        stream = ReplayedStream(b"", here)
        await there.send_all(b"new")
        assert await stream.receive_some(2) == b"ne"
        assert await stream.receive_some() == b"w"
