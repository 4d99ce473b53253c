"""What every exchange does, whatever carries it. A new transport is one more carrier."""

from __future__ import annotations

import json
import socket
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeAlias

import attrs
import pytest
import trio
from trio.testing import memory_stream_pair, wait_all_tasks_blocked

from tests.support.clients import Answer, RawClient
from tests.support.exchanges import Headers, MemoryExchange, request_head
from tests.support.links import link_pair
from trioproxy.errors import ClientFault, ErrorKind, ProxyFault
from trioproxy.gateway.exchange import Exchange, Handler
from trioproxy.gateway.remembering import Remembering
from trioproxy.protocols.openai_responses.conversations import Conversations
from trioproxy.server.connections import Connections
from trioproxy.server.h11_loop import serve_connection
from trioproxy.server.streams import LeanStream
from trioproxy.server.turn import WebSocketTurn
from trioproxy.websocket.link import Link, LinkClosed, Said

MIB = 1024 * 1024
TEXT = (b"content-type", b"text/plain")


@attrs.frozen(kw_only=True)
class Asked:
    """A request."""

    method: str = "POST"
    target: str = "/path?q=1"
    headers: tuple[tuple[bytes, bytes], ...] = ((b"host", b"test"), (b"x-one", b"1"), (b"x-two", b"2"))
    body: bytes = b""


class Client(Protocol):
    """The other end of an exchange."""

    async def seen(self) -> Answer | None:
        """The answer once it is over, None where there was none."""
        ...

    async def seen_bytes(self, count: int) -> None:
        """Return when ``count`` bytes of the answer's body, or more, are here."""
        ...

    async def leave(self) -> None:
        """Go away."""
        ...


Script: TypeAlias = Callable[[Client], Awaitable[None]]
Carrier: TypeAlias = Callable[[Asked, Handler, Script], Awaitable[None]]


@attrs.define(eq=False)
class MemoryClient:
    exchange: MemoryExchange

    async def seen(self) -> Answer | None:
        await self.exchange.wait_over()
        if not self.exchange.flushed:
            return None
        assert self.exchange.status is not None
        return Answer(
            status=self.exchange.status,
            headers=tuple((name.decode(), value.decode()) for name, value in self.exchange.headers),
            body=self.exchange.body,
            whole=self.exchange.finished,
        )

    async def seen_bytes(self, count: int) -> None:
        while len(self.exchange.body) < count:
            await self.exchange.wait_chunks(len(self.exchange.chunks) + 1)

    async def leave(self) -> None:
        self.exchange.disconnect()


@attrs.define(eq=False)
class WireClient:
    raw: RawClient
    method: str

    async def seen(self) -> Answer | None:
        try:
            return await self.raw.answer(self.method)
        except EOFError:
            return None

    async def seen_bytes(self, count: int) -> None:
        while len(bytes(self.raw.arrived).partition(b"\r\n\r\n")[2]) < count:
            assert await self.raw.more()

    async def leave(self) -> None:
        await self.raw.leave()


async def in_memory(asked: Asked, handler: Handler, script: Script) -> None:
    exchange = MemoryExchange(head=request_head(asked.method, asked.target, asked.headers), body=asked.body)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(handler, exchange)
        await script(MemoryClient(exchange))


async def remembered(asked: Asked, handler: Handler, script: Script) -> None:
    exchange = MemoryExchange(head=request_head(asked.method, asked.target, asked.headers), body=asked.body)
    kept = Conversations(limit=1 << 20, owner_limit=1 << 20, seconds=60)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(handler, Remembering(exchange, kept, "somebody", 1 << 20))
        await script(MemoryClient(exchange))


async def on_wire(
    server: trio.abc.Stream,
    client: trio.abc.Stream,
    asked: Asked,
    handler: Handler,
    script: Script,
    house: Connections | None = None,
) -> None:
    fields = b"".join(b"%b: %b\r\n" % field for field in asked.headers)
    length = b"content-length: %d\r\n" % len(asked.body) if asked.body else b""
    raw = RawClient(client)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(lambda: serve_connection(server, handler, connections=house))
        nursery.start_soon(
            raw.send, f"{asked.method} {asked.target} HTTP/1.1\r\n".encode() + fields + length + b"\r\n" + asked.body
        )
        await script(WireClient(raw, asked.method))
        await raw.leave()


async def over_memory_streams(asked: Asked, handler: Handler, script: Script) -> None:
    client, server = memory_stream_pair()
    await on_wire(server, client, asked, handler, script)


async def sockets() -> tuple[LeanStream, trio.SocketStream]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = await trio.open_tcp_stream(*listener.getsockname())
        accepted, _ = listener.accept()
    accepted.setblocking(False)
    return LeanStream(accepted), client


async def over_sockets(asked: Asked, handler: Handler, script: Script) -> None:
    server, client = await sockets()
    await on_wire(server, client, asked, handler, script)


async def over_attended_sockets(asked: Asked, handler: Handler, script: Script) -> None:
    server, client = await sockets()
    house = Connections()
    async with trio.open_nursery() as nursery:
        await nursery.start(house.attend)
        await on_wire(server, client, asked, handler, script, house)
        nursery.cancel_scope.cancel()


@attrs.define(eq=False)
class PlainTeller:
    """Says an answer in messages so that nothing is lost: the head as text, each piece as bytes, the end as empty text."""

    link: Link

    async def begin(self, status: int, headers: Headers) -> None:
        fields = [[name.decode("latin-1"), value.decode("latin-1")] for name, value in headers]
        await self.link.send(json.dumps([status, fields]))

    async def say(self, data: bytes) -> None:
        await self.link.send(data)

    async def end(self) -> None:
        await self.link.send("")


@attrs.define(eq=False)
class SocketClient:
    link: Link
    messages: list[Said] = attrs.field(factory=list)

    async def seen(self) -> Answer | None:
        while await self.more():
            pass
        return self.answer()

    async def seen_bytes(self, count: int) -> None:
        while len(self.body()) < count:
            assert await self.more()

    async def leave(self) -> None:
        await self.link.break_off()

    async def more(self) -> bool:
        try:
            self.messages.append(await self.link.receive())
        except LinkClosed:
            return False
        return True

    def body(self) -> bytes:
        return b"".join(message for message in self.messages if isinstance(message, bytes))

    def answer(self) -> Answer | None:
        if not self.messages:
            return None
        status, fields = json.loads(self.messages[0])
        headers = tuple((name.lower(), value) for name, value in fields)
        return Answer(status=status, headers=headers, body=self.body(), whole=self.messages[-1] == "")


async def over_a_websocket(asked: Asked, handler: Handler, script: Script) -> None:
    client, server = await link_pair()
    gone = trio.Event()

    async def read() -> None:
        try:
            while True:
                await server.receive()
        except LinkClosed:
            gone.set()

    async def serve(nursery: trio.Nursery) -> None:
        turn = WebSocketTurn(
            request_head(asked.method, asked.target, asked.headers), asked.body, PlainTeller(server), gone
        )
        await handler(turn)
        nursery.cancel_scope.cancel()
        await server.break_off()

    async with trio.open_nursery() as outer, trio.open_nursery() as nursery:
        outer.start_soon(script, SocketClient(client))
        nursery.start_soon(read)
        nursery.start_soon(serve, nursery)


CARRIERS: tuple[Carrier, ...] = (
    in_memory,
    remembered,
    over_memory_streams,
    over_sockets,
    over_attended_sockets,
    over_a_websocket,
)


@pytest.fixture(params=CARRIERS, ids=lambda carrier: carrier.__name__)
def carrier(request: pytest.FixtureRequest) -> Carrier:
    found: Carrier = request.param
    return found


async def perform(
    carrier: Carrier, handler: Handler, script: Script | None = None, asked: Asked | None = None
) -> Answer | None:
    """Run ``handler`` against ``script``; what the client saw. A handler's failure is the test's, unlike a server's."""
    failures: list[Exception] = []
    handled = trio.Event()
    answers: list[Answer | None] = []

    async def watched(exchange: Exchange) -> None:
        try:
            await handler(exchange)
        except Exception as exc:
            failures.append(exc)
            await exchange.abort()
        finally:
            handled.set()

    async def scripted(client: Client) -> None:
        with trio.fail_after(20):
            if script is not None:
                await script(client)
            else:
                answers.append(await client.seen())
            await handled.wait()

    await carrier(asked or Asked(), watched, scripted)
    if failures:
        raise failures[0]
    return answers[0] if answers else None


async def answer_whole(exchange: Exchange, body: bytes = b"ok") -> None:
    await exchange.start(200, (TEXT,))
    await exchange.send(body)
    await exchange.finish()


async def send_for_ever(exchange: Exchange) -> None:
    # A kernel takes one more piece before it knows that nobody is there.
    while True:
        await exchange.send(b"more")


# The request.


async def test_the_head_is_as_sent(carrier: Carrier) -> None:
    async def handler(exchange: Exchange) -> None:
        head = exchange.head
        assert (head.method, head.target, head.path, head.query) == ("POST", "/path?q=1", "/path", "q=1")
        assert head.headers[:3] == ((b"host", b"test"), (b"x-one", b"1"), (b"x-two", b"2"))
        assert head.header(b"x-two") == b"2"
        assert head.header(b"x-three") is None
        assert not exchange.started
        await answer_whole(exchange)

    answer = await perform(carrier, handler)
    assert answer is not None
    assert answer.status == 200


@pytest.mark.parametrize("body", [b"", b"x", bytes(range(256)) * 1000], ids=["empty", "one", "many"])
async def test_the_body_is_whole(carrier: Carrier, body: bytes) -> None:
    async def handler(exchange: Exchange) -> None:
        assert await exchange.receive_body(MIB) == body
        await answer_whole(exchange)

    answer = await perform(carrier, handler, asked=Asked(body=body))
    assert answer is not None
    assert answer.whole


async def test_a_body_of_exactly_the_limit_passes(carrier: Carrier) -> None:
    async def handler(exchange: Exchange) -> None:
        assert len(await exchange.receive_body(1000)) == 1000
        await answer_whole(exchange)

    await perform(carrier, handler, asked=Asked(body=bytes(1000)))


async def test_a_body_over_the_limit_is_refused_and_the_refusal_arrives(carrier: Carrier) -> None:
    async def handler(exchange: Exchange) -> None:
        with pytest.raises(ClientFault) as caught:
            await exchange.receive_body(999)
        assert caught.value.failure.kind is ErrorKind.TOO_LARGE
        await exchange.start(413, (TEXT,))
        await exchange.send(b"too large")
        await exchange.finish()

    answer = await perform(carrier, handler, asked=Asked(body=bytes(200_000)))
    assert answer is not None
    assert (answer.status, answer.body, answer.whole) == (413, b"too large", True)


async def test_the_body_comes_once(carrier: Carrier) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.receive_body(MIB)
        with pytest.raises(RuntimeError, match="before"):
            await exchange.receive_body(MIB)
        await answer_whole(exchange)

    await perform(carrier, handler, asked=Asked(body=b"x"))


# The answer.


async def test_an_answer_arrives_as_it_was_given(carrier: Carrier) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.start(201, (TEXT, (b"x-answer", b"a, b"), (b"x-answer-two", b"")))
        assert exchange.started
        for piece in (b"one ", b"", b"two ", bytes(70_000)):
            await exchange.send(piece)
        await exchange.finish()

    answer = await perform(carrier, handler)
    assert answer is not None
    assert (answer.status, answer.body, answer.whole) == (201, b"one two " + bytes(70_000), True)
    assert answer.header("content-type") == "text/plain"
    assert answer.header("x-answer") == "a, b"
    assert answer.header("x-answer-two") == ""


async def test_each_piece_arrives_when_it_is_sent(carrier: Carrier) -> None:
    seen = [trio.Event() for _ in range(3)]

    async def handler(exchange: Exchange) -> None:
        await exchange.start(200, (TEXT,))
        for event in seen:
            await exchange.send(b"12345")
            await event.wait()
        await exchange.finish()

    async def script(client: Client) -> None:
        for number, event in enumerate(seen, 1):
            await client.seen_bytes(5 * number)
            event.set()
        answer = await client.seen()
        assert answer is not None
        assert answer.body == b"12345" * 3

    await perform(carrier, handler, script)


async def through(rest: Awaitable[None] | None) -> None:
    if rest is not None:
        await rest


@pytest.mark.parametrize("size", [5, 4 * MIB])
@pytest.mark.parametrize("declared", [True, False])
async def test_what_is_offered_arrives_as_what_is_sent(carrier: Carrier, size: int, *, declared: bool) -> None:
    # Four megabytes are more than a kernel takes at once.
    pieces = (b"one ", bytes(size), b"two ")
    body = b"".join((*pieces, bytes(size)))

    async def handler(exchange: Exchange) -> None:
        await exchange.start(200, ((b"content-length", b"%d" % len(body)),) if declared else (TEXT,), flush=False)
        for piece in pieces:
            await through(exchange.offer(piece))
        await through(exchange.offer_last(bytes(size)))
        await through(exchange.offer_last(b"none"))
        with pytest.raises(ClientFault):
            await through(exchange.offer(b"none"))

    answer = await perform(carrier, handler)
    assert answer is not None
    assert (answer.body, answer.whole) == (body, True)


@pytest.mark.parametrize("tail", [b"de", b"defg"])
async def test_an_offered_end_keeps_to_the_declared_length(carrier: Carrier, tail: bytes) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.start(200, ((b"content-length", b"6"),))
        await through(exchange.offer(b"abc"))
        with pytest.raises(ProxyFault, match=r"shorter|longer"):
            await through(exchange.offer_last(tail))

    answer = await perform(carrier, handler)
    assert answer is not None
    assert not answer.whole


async def test_an_answer_without_body(carrier: Carrier) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.start(200, ())
        await exchange.finish()

    answer = await perform(carrier, handler)
    assert answer is not None
    assert (answer.status, answer.body, answer.whole) == (200, b"", True)


async def test_a_declared_length_is_the_framing(carrier: Carrier) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.start(200, ((b"Content-Length", b"6"),))
        await exchange.send(b"abc")
        await exchange.send(b"def")
        await exchange.finish()

    answer = await perform(carrier, handler)
    assert answer is not None
    assert (answer.body, answer.whole) == (b"abcdef", True)
    assert ("content-length", "6") in {(name.lower(), value) for name, value in answer.headers}


async def test_more_than_the_declared_length_is_a_fault_and_breaks_the_transfer(carrier: Carrier) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.start(200, ((b"content-length", b"6"),))
        await exchange.send(b"abc")
        with pytest.raises(ProxyFault, match="longer"):
            await exchange.send(b"defg")

    answer = await perform(carrier, handler)
    assert answer is not None
    assert not answer.whole


async def test_less_than_the_declared_length_is_a_fault_and_breaks_the_transfer(carrier: Carrier) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.start(200, ((b"content-length", b"6"),))
        await exchange.send(b"abc")
        with pytest.raises(ProxyFault, match="shorter"):
            await exchange.finish()

    answer = await perform(carrier, handler)
    assert answer is not None
    assert not answer.whole


async def test_framing_headers_are_not_the_handlers(carrier: Carrier) -> None:
    framing = (
        (b"Transfer-Encoding", b"gzip"),
        (b"Connection", b"x-answer"),
        (b"Keep-Alive", b"timeout=5"),
        (b"date", b"never"),
    )

    async def handler(exchange: Exchange) -> None:
        await exchange.start(200, (*framing, TEXT))
        await exchange.finish()

    answer = await perform(carrier, handler)
    assert answer is not None
    assert answer.whole
    assert not {("transfer-encoding", "gzip"), ("connection", "x-answer"), ("date", "never")} & set(answer.headers)
    assert answer.header("keep-alive") is None


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("status", [200, 204, 304])
async def test_answers_that_have_no_body(carrier: Carrier, method: str, status: int) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.start(status, (TEXT, (b"content-length", b"3"))[: 1 if status == 204 else 2])
        await exchange.send(b"abc")
        await exchange.finish()

    answer = await perform(carrier, handler, asked=Asked(method=method))
    assert answer is not None
    assert (answer.status, answer.whole) == (status, True)
    assert answer.body == (b"abc" if (method, status) == ("GET", 200) else b"")


async def test_a_held_head_goes_with_the_first_piece(carrier: Carrier) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.start(200, (TEXT,), flush=False)
        assert exchange.started
        await exchange.send(b"body")
        await exchange.finish()

    answer = await perform(carrier, handler)
    assert answer is not None
    assert (answer.status, answer.body, answer.whole) == (200, b"body", True)


async def test_a_held_head_goes_with_the_end(carrier: Carrier) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.start(200, ((b"content-length", b"0"),), flush=False)
        await exchange.finish()

    answer = await perform(carrier, handler)
    assert answer is not None
    assert (answer.status, answer.whole) == (200, True)


# The order of things.


async def test_an_answer_starts_once(carrier: Carrier) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.start(200, ())
        with pytest.raises(RuntimeError, match="started before"):
            await exchange.start(500, ())
        await exchange.finish()

    answer = await perform(carrier, handler)
    assert answer is not None
    assert answer.status == 200


async def test_nothing_goes_before_the_start(carrier: Carrier) -> None:
    async def handler(exchange: Exchange) -> None:
        with pytest.raises(RuntimeError, match="not started"):
            await exchange.send(b"x")
        with pytest.raises(RuntimeError, match="not started"):
            await exchange.finish()
        assert not exchange.started
        await answer_whole(exchange)

    answer = await perform(carrier, handler)
    assert answer is not None
    assert answer.body == b"ok"


async def test_the_end_is_the_end(carrier: Carrier) -> None:
    async def handler(exchange: Exchange) -> None:
        await answer_whole(exchange)
        await exchange.finish()
        await exchange.abort()
        with pytest.raises(ClientFault) as caught:
            await exchange.send(b"more")
        assert caught.value.failure.kind is ErrorKind.CLIENT_GONE

    answer = await perform(carrier, handler)
    assert answer is not None
    assert (answer.body, answer.whole) == (b"ok", True)


async def test_an_aborted_answer_is_never_whole(carrier: Carrier) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.start(200, (TEXT,))
        await exchange.send(b"part")
        await exchange.abort()
        await exchange.abort()
        await exchange.finish()
        with pytest.raises(ClientFault) as caught:
            await exchange.send(b"more")
        assert caught.value.failure.kind is ErrorKind.CLIENT_GONE

    answer = await perform(carrier, handler)
    assert answer is not None
    assert (answer.body, answer.whole) == (b"part", False)


@pytest.mark.parametrize("held", [False, True], ids=["not started", "held"])
async def test_an_abort_before_anything_went_out_shows_no_answer(carrier: Carrier, held: bool) -> None:
    async def handler(exchange: Exchange) -> None:
        if held:
            await exchange.start(200, (), flush=False)
        await exchange.abort()

    assert await perform(carrier, handler) is None


@pytest.mark.parametrize(
    "header",
    [
        (b"x-a", b"1\r\nx-injected: 1"),
        (b"x-a", b"1\nx-injected: 1"),
        (b"x-a", b"1\rx-injected: 1"),
        (b"x-a\r\nx-injected", b"1"),
        (b"x-a", b"1\0"),
        (b"x-a\0", b"1"),
    ],
    ids=repr,
)
async def test_a_header_can_not_bring_another(carrier: Carrier, header: tuple[bytes, bytes]) -> None:
    async def handler(exchange: Exchange) -> None:
        with pytest.raises(ProxyFault, match="header"):
            await exchange.start(200, (TEXT, header))
        assert not exchange.started
        await exchange.start(502, (TEXT,))
        await exchange.finish()

    answer = await perform(carrier, handler)
    assert answer is not None
    assert (answer.status, answer.header("x-injected")) == (502, None)


@pytest.mark.parametrize("status", [0, 100, 101, 199, 1000])
async def test_only_final_statuses_start_an_answer(carrier: Carrier, status: int) -> None:
    async def handler(exchange: Exchange) -> None:
        with pytest.raises(ProxyFault, match="status"):
            await exchange.start(status, ())
        await answer_whole(exchange)

    answer = await perform(carrier, handler)
    assert answer is not None
    assert answer.status == 200


# The client's leaving.


@pytest.mark.parametrize("body", [b"", b"asked"])
async def test_a_leaving_client_is_noticed_while_nothing_is_sent(carrier: Carrier, body: bytes) -> None:
    watching = trio.Event()
    left = trio.Event()

    async def handler(exchange: Exchange) -> None:
        await exchange.receive_body(MIB)
        watching.set()
        await exchange.wait_disconnected()
        assert left.is_set()
        await exchange.abort()

    async def script(client: Client) -> None:
        await watching.wait()
        await wait_all_tasks_blocked()
        left.set()
        await client.leave()

    await perform(carrier, handler, script, asked=Asked(body=body))


@pytest.mark.parametrize("late", [False, True])
async def test_a_leaving_client_is_told_of_where_nobody_waits(carrier: Carrier, late: bool) -> None:
    watching, left, told = trio.Event(), trio.Event(), trio.Event()

    async def handler(exchange: Exchange) -> None:
        await exchange.receive_body(MIB)
        watching.set()
        if late:
            await exchange.wait_disconnected()
        if not exchange.on_disconnect(told.set):
            await exchange.wait_disconnected()
            told.set()
        await told.wait()
        assert left.is_set()
        await exchange.abort()

    async def script(client: Client) -> None:
        await watching.wait()
        await wait_all_tasks_blocked()
        assert not told.is_set()
        left.set()
        await client.leave()

    await perform(carrier, handler, script)


@pytest.mark.parametrize("started", [False, True])
async def test_who_tells_of_the_client_ends_the_handler_on_demand(carrier: Carrier, started: bool) -> None:
    cancelled: list[bool] = []

    async def handler(exchange: Exchange) -> None:
        await exchange.receive_body(MIB)
        end = exchange.on_disconnect(lambda: pytest.fail("the client is still there"))
        if started:
            await exchange.start(200, (TEXT,))
            await exchange.send(b"part")
        if end is None:
            await exchange.abort()
            return
        end()
        try:
            await trio.sleep_forever()
        except trio.Cancelled:
            cancelled.append(True)
            raise

    answer = await perform(carrier, handler)
    assert answer is None or (answer.body, answer.whole) == (b"part", False)
    assert cancelled == [True] or carrier is not over_attended_sockets


async def watch(exchange: Exchange, scope: trio.CancelScope) -> None:
    await exchange.wait_disconnected()
    scope.cancel()


async def test_a_leaving_client_is_noticed_in_the_midst_of_an_answer(carrier: Carrier) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.receive_body(MIB)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch, exchange, nursery.cancel_scope)
            await exchange.start(200, (TEXT,))
            await exchange.send(b"part")
            await trio.Event().wait()
        await exchange.abort()

    async def script(client: Client) -> None:
        await client.seen_bytes(4)
        await client.leave()

    await perform(carrier, handler, script)


async def test_sending_to_a_client_that_left_says_so(carrier: Carrier) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.start(200, (TEXT,))
        await exchange.send(b"part")
        await exchange.wait_disconnected()
        with pytest.raises(ClientFault) as caught:
            await send_for_ever(exchange)
        assert caught.value.failure.kind is ErrorKind.CLIENT_GONE
        await exchange.abort()

    async def script(client: Client) -> None:
        await client.seen_bytes(4)
        await client.leave()

    await perform(carrier, handler, script)


async def test_watching_ends_when_it_is_cancelled(carrier: Carrier) -> None:
    async def handler(exchange: Exchange) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(exchange.wait_disconnected)
            await wait_all_tasks_blocked()
            await exchange.start(200, (TEXT,))
            await exchange.send(b"part ")
            nursery.cancel_scope.cancel()
        await exchange.send(b"rest")
        await exchange.finish()

    answer = await perform(carrier, handler)
    assert answer is not None
    assert (answer.body, answer.whole) == (b"part rest", True)
