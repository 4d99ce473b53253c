"""Listeners: addresses, accepting under trouble, room, and the drain."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.support.clients import RawClient, connect, get, post
from trioproxy.errors import ClientFault
from trioproxy.gateway.exchange import Exchange, Handler
from trioproxy.server.connections import Drain
from trioproxy.server.limits import ServerLimits
from trioproxy.server.listen import Serving, bind, serve

MIB = 1024 * 1024


async def echo(exchange: Exchange) -> None:
    body = await exchange.receive_body(MIB)
    await exchange.start(200, (), flush=False)
    await exchange.send(exchange.head.peer.encode() + b" " + body)
    await exchange.finish()


@asynccontextmanager
async def serving(handler: Handler = echo, **options: Any) -> AsyncIterator[Serving]:
    """A server on a port of its own, gone at the end."""
    async with trio.open_nursery() as nursery:
        server: Serving = await nursery.start(lambda task_status: serve(handler, task_status=task_status, **options))
        yield server
        nursery.cancel_scope.cancel()
    assert server.connections.statistics().open == 0


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6 loopback")


class TestAddresses:
    async def test_a_port_of_the_systems_choice(self) -> None:
        async with serving() as server:
            assert server.addresses == (("127.0.0.1", server.port),)
            assert server.port > 0
            client = await connect(server.port)
            answer = await client.ask(get())
            assert answer.body.startswith(b"127.0.0.1:")
            await client.leave()

    @needs_ipv6
    async def test_every_address_of_a_name_has_the_same_port(self) -> None:
        async with serving(host="localhost") as server:
            for host, port in server.addresses:
                assert port == server.port
                client = await connect(server.port, host)
                assert (await client.ask(get())).status == 200
                await client.leave()

    @needs_ipv6
    async def test_no_host_is_both_families(self) -> None:
        async with serving(host="") as server:
            for host, peer in (("127.0.0.1", b"127.0.0.1:"), ("::1", b"[::1]:")):
                client = await connect(server.port, host)
                assert (await client.ask(get())).body.startswith(peer)
                await client.leave()

    async def test_without_ipv6_no_host_is_ipv4(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(socket, "has_dualstack_ipv6", lambda: False)
        async with serving(host="") as server:
            assert server.addresses[0][0] == "0.0.0.0"

    async def test_a_taken_port_is_said_to_be_taken(self) -> None:
        async with serving() as server:
            with pytest.raises(
                OSError, match=f"can't listen on 127.0.0.1:{server.port}: Address already in use$"
            ) as caught:
                await bind("127.0.0.1", server.port)
            assert caught.value.errno == errno.EADDRINUSE

    @pytest.mark.skipif(not hasattr(socket, "SO_REUSEPORT"), reason="this platform shares no ports")
    async def test_a_port_can_be_shared(self) -> None:
        async with serving(reuse_port=True) as one, serving(reuse_port=True, port=one.port) as other:
            assert one.addresses == other.addresses

    async def test_an_address_of_another_machine_is_refused(self) -> None:
        with pytest.raises(OSError, match=r"can't listen on 192\.0\.2\.1:0"):
            await bind("192.0.2.1", 0)
        with pytest.raises(OSError, match=r"can't listen on no-such-host\.invalid: "):
            await bind("no-such-host.invalid", 0)

    async def test_listeners_can_be_brought(self) -> None:
        listeners = await bind("127.0.0.1", 0)
        async with serving(listeners=listeners) as server:
            assert server.port == listeners[0].getsockname()[1]
        assert listeners[0].fileno() == -1


class TestNames:
    """Names with several addresses, some of which are trouble."""

    @staticmethod
    def resolve_to(monkeypatch: pytest.MonkeyPatch, *hosts: str) -> None:
        async def getaddrinfo(host: str, port: int, **options: Any) -> list[Any]:
            return [(socket.AF_INET6 if ":" in each else socket.AF_INET, 1, 6, "", (each, port)) for each in hosts]

        monkeypatch.setattr(trio.socket, "getaddrinfo", getaddrinfo)

    async def test_an_address_that_is_not_here_is_passed_over(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.resolve_to(monkeypatch, "192.0.2.1", "127.0.0.1", "127.0.0.1")
        listeners = await bind("name", 0)
        assert [listener.getsockname()[0] for listener in listeners] == ["127.0.0.1"]
        listeners[0].close()

    async def test_a_port_that_is_taken_on_the_second_address_is_given_up(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.resolve_to(monkeypatch, "127.0.0.1", "127.0.0.2")
        create = socket.create_server
        tried: list[str] = []

        def create_server(address: tuple[str, int], **options: Any) -> socket.socket:
            tried.append(address[0])
            if address[0] == "127.0.0.2" and len(tried) < 5:
                raise OSError(errno.EADDRINUSE, "Address already in use")
            return create(address, **options)

        monkeypatch.setattr(socket, "create_server", create_server)
        listeners = await bind("name", 0)
        assert tried == ["127.0.0.1", "127.0.0.2"] * 3
        assert len({listener.getsockname()[1] for listener in listeners}) == 1
        for listener in listeners:
            listener.close()

    async def test_there_may_be_no_port_on_all_addresses(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.resolve_to(monkeypatch, "127.0.0.1")

        def create_server(address: tuple[str, int], **options: Any) -> socket.socket:
            raise OSError(errno.EADDRINUSE, "Address already in use")

        monkeypatch.setattr(socket, "create_server", create_server)
        with pytest.raises(OSError, match="can't listen on name: no port is free"):
            await bind("name", 0)


class Listening:
    """A listening socket whose ``accept`` fails as told, then works."""

    def __init__(self, failures: list[int]) -> None:
        self.sock = socket.create_server(("127.0.0.1", 0))
        self.sock.setblocking(False)
        self.failures = failures

    def __getattr__(self, name: str) -> Any:
        return getattr(self.sock, name)

    def accept(self) -> tuple[socket.socket, Any]:
        if self.failures:
            raise OSError(self.failures[0], os.strerror(self.failures.pop(0)))
        return self.sock.accept()


class TestAccepting:
    @pytest.mark.parametrize(
        ("code", "logged"),
        [
            (errno.ECONNABORTED, False),
            (errno.EPROTO, False),
            (errno.EAGAIN, False),
            (errno.EMFILE, True),
            (errno.ENFILE, True),
            (errno.ENOMEM, True),
            (errno.EINVAL, True),
        ],
    )
    async def test_it_survives(
        self, code: int, logged: bool, caplog: pytest.LogCaptureFixture, autojump_clock: MockClock
    ) -> None:
        listening = Listening([code, code])
        async with serving(listeners=[listening]) as server:
            client = await connect(server.port)
            with trio.fail_after(10):
                assert (await client.ask(get())).status == 200
            await client.leave()
        assert listening.failures == []
        assert caplog.text.count("can't accept connections") == (2 if logged else 0)

    async def test_out_of_descriptors_an_idle_connection_goes(self, autojump_clock: MockClock) -> None:
        listening = Listening([])
        async with serving(listeners=[listening]) as server:
            idle = await connect(server.port)
            assert (await idle.ask(get())).status == 200
            listening.failures.append(errno.EMFILE)
            client = await connect(server.port)
            assert (await client.ask(get())).status == 200
            assert await idle.rest() == b""
            await idle.leave()
            await client.leave()

    async def test_room_is_made_of_idle_connections_only(self) -> None:
        release = trio.Event()

        async def handler(exchange: Exchange) -> None:
            if exchange.head.target == "/busy":
                await release.wait()
            await echo(exchange)

        async with serving(handler, limits=ServerLimits(connections=2)) as server:
            busy, idle = [await connect(server.port) for _ in range(2)]
            await busy.send(get("/busy"))
            for _ in range(2):
                assert (await idle.ask(get())).status == 200
            third = await connect(server.port)
            # The third waits in the backlog until the idle one has made room; the busy one stays.
            assert (await third.ask(get())).status == 200
            assert await idle.rest() == b""
            release.set()
            assert (await busy.answer()).status == 200
            for client in (busy, idle, third):
                await client.leave()

    async def test_a_client_that_resets_at_once_is_no_trouble(self) -> None:
        async with serving() as server:
            for _ in range(20):
                sock = socket.create_connection(("127.0.0.1", server.port))
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                sock.close()
            client = await connect(server.port)
            assert (await client.ask(get())).status == 200
            await client.leave()


@asynccontextmanager
async def draining_server(handler: Handler, **options: Any) -> AsyncIterator[tuple[Serving, Drain, trio.Event]]:
    """A server that ends by its drain alone."""
    drain, ended = Drain(), trio.Event()

    async def run(*, task_status: trio.TaskStatus[Serving]) -> None:
        await serve(handler, drain=drain, task_status=task_status, **options)
        ended.set()

    async with trio.open_nursery() as nursery:
        server: Serving = await nursery.start(run)
        yield server, drain, ended
        with trio.fail_after(100):
            await ended.wait()
    statistics = server.connections.statistics()
    assert (statistics.open, statistics.idle, statistics.active) == (0, 0, 0)


def streaming(release: trio.Event, cleanup: Callable[[Exchange], Awaitable[None]] | None = None) -> Handler:
    """A handler that streams until it is released; ``cleanup`` is what it does when it is cancelled."""

    async def handler(exchange: Exchange) -> None:
        await exchange.receive_body(MIB)
        try:
            await exchange.start(200, ())
            await exchange.send(b"part ")
            await release.wait()
            await exchange.send(b"rest")
            await exchange.finish()
        except trio.Cancelled:
            if cleanup is not None:
                with trio.CancelScope(shield=True):
                    await cleanup(exchange)
            raise

    return handler


async def begin_streaming(port: int) -> RawClient:
    client = await connect(port)
    await client.send(post(b""))
    while b"part " not in client.arrived:
        await client.more()
    return client


class TestDraining:
    async def test_without_connections_it_is_over_at_once(self) -> None:
        async with draining_server(echo) as (server, drain, ended):
            drain.begin()
            await ended.wait()
            with pytest.raises(OSError, match=r"."):
                await connect(server.port)

    async def test_idle_connections_close_at_once(self) -> None:
        async with draining_server(echo) as (server, drain, ended):
            fresh, used = await connect(server.port), await connect(server.port)
            assert (await used.ask(get())).status == 200
            await wait_all_tasks_blocked()
            drain.begin()
            for client in (fresh, used):
                assert await client.rest() == b""
                assert not client.reset
            await ended.wait()
            await fresh.leave()
            await used.leave()

    async def test_a_running_answer_ends_in_peace(self, autojump_clock: MockClock) -> None:
        release = trio.Event()
        async with draining_server(streaming(release)) as (server, drain, ended):
            client = await begin_streaming(server.port)
            drain.begin(30)
            await trio.sleep(20)
            assert not ended.is_set()
            release.set()
            answer = await client.answer()
            assert (answer.body, answer.whole) == (b"part rest", True)
            await ended.wait()
            await client.leave()

    async def test_at_the_deadline_a_handler_can_say_so(self, autojump_clock: MockClock) -> None:
        async def say_so(exchange: Exchange) -> None:
            await exchange.send(b"shutting down")
            await exchange.finish()

        async with draining_server(streaming(trio.Event(), say_so)) as (server, drain, ended):
            client = await begin_streaming(server.port)
            began = trio.current_time()
            drain.begin(30)
            answer = await client.answer()
            assert trio.current_time() == began + 30
            assert (answer.body, answer.whole) == (b"part shutting down", True)
            await ended.wait()
            await client.leave()

    async def test_at_the_deadline_a_handler_can_answer_who_is_still_sending(self) -> None:
        sent = trio.Event()

        async def refusing(exchange: Exchange) -> None:
            try:
                await exchange.receive_body(MIB)
            except trio.Cancelled:
                with trio.CancelScope(shield=True):
                    await exchange.start(503, ((b"content-length", b"4"),))
                    await exchange.finish(b"gone")
                    await sent.wait()
                raise

        async with draining_server(refusing) as (server, drain, _):
            client = await connect(server.port)
            request = post(b"x" * 20_000)
            await client.send(request[:10_000])
            await wait_all_tasks_blocked()
            drain.begin(0)
            answer = await client.answer()
            assert (answer.status, answer.header("connection"), answer.body) == (503, "close", b"gone")
            # Closed with these unread, a slower client would lose the answer to a reset.
            await client.send(request[10_000:])
            sent.set()
            assert await client.rest() == b""
            assert not client.reset
            await client.leave()

    async def test_at_the_deadline_a_handler_that_says_nothing_is_broken_off(
        self, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with draining_server(streaming(trio.Event())) as (server, drain, ended):
            client = await begin_streaming(server.port)
            drain.begin(30)
            answer = await client.answer()
            assert (answer.body, answer.whole) == (b"part ", False)
            await ended.wait()
            await client.leave()
        assert "1 requests are cut short" in caplog.text

    async def test_at_the_deadline_a_handler_that_has_not_begun_is_answered_for(
        self, autojump_clock: MockClock
    ) -> None:
        async def handler(exchange: Exchange) -> None:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.sleep_forever)
                nursery.start_soon(trio.sleep_forever)

        async with draining_server(handler) as (server, drain, ended):
            client = await connect(server.port)
            await client.send(get())
            await wait_all_tasks_blocked()
            drain.begin(30)
            answer = await client.answer()
            assert (answer.status, answer.header("retry-after"), answer.header("connection")) == (503, "1", "close")
            assert b"shutting_down" in answer.body
            await ended.wait()
            await client.leave()

    async def test_a_handler_that_clings_to_a_client_that_does_not_read_is_pried_off(
        self, autojump_clock: MockClock
    ) -> None:
        gone: list[str] = []

        async def cling(exchange: Exchange) -> None:
            try:
                while True:
                    await exchange.send(bytes(MIB))
            except ClientFault as exc:
                gone.append(exc.failure.kind.value)

        async with draining_server(streaming(trio.Event(), cling)) as (server, drain, ended):
            client = await connect(server.port, receive_buffer=4096)
            await client.send(post(b""))
            await wait_all_tasks_blocked()
            began = trio.current_time()
            drain.begin(30)
            await ended.wait()
            assert trio.current_time() == began + 30 + ServerLimits().farewell_seconds
            await client.leave()
        assert gone == ["client_gone"]

    async def test_a_request_that_is_half_here_is_still_served(self) -> None:
        async with draining_server(echo) as (server, drain, ended):
            client = await connect(server.port)
            request = post(b"body")
            await client.send(request[:10])
            await wait_all_tasks_blocked()
            drain.begin(30)
            await wait_all_tasks_blocked()
            answer = await client.ask(request[10:])
            assert (answer.status, answer.header("connection")) == (200, "close")
            await ended.wait()
            await client.leave()

    async def test_a_second_word_shortens_the_first(self, autojump_clock: MockClock) -> None:
        async with draining_server(streaming(trio.Event())) as (server, drain, ended):
            client = await begin_streaming(server.port)
            began = trio.current_time()
            drain.begin()
            await trio.sleep(5)
            drain.begin(0)
            await ended.wait()
            assert trio.current_time() == began + 5
            await client.leave()
