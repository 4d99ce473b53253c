"""The Upstream seam: what every implementation owes its caller, over every implementation."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import attrs
import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from tests.support.raw_server import RawConnection, chunked, raw_server, refusing_port
from tests.support.recording import DiskRecording
from tests.support.socket_provider import provider
from tests.support.tls import client_context, server_context
from tests.support.upstreams import Delay, Fault, RecordedProgress, Script, ScriptedUpstream
from trioproxy.errors import ErrorKind, UpstreamFault
from trioproxy.upstream.base import Headers, Progress, SocketTurn, Upstream, UpstreamRequest, UpstreamResponse
from trioproxy.upstream.fixture import Chunk, Ending, Fixture, write_fixture
from trioproxy.upstream.http import HttpUpstream
from trioproxy.upstream.replay import ReplayUpstream, recorded_request
from trioproxy.upstream.sockets import ProviderSockets, SocketUpstream
from trioproxy.websocket.link import Link

pytestmark = pytest.mark.timeout(30)


@attrs.frozen(kw_only=True)
class Plan:
    """What the provider does. ``ending`` is ``whole``, ``cut`` (it hangs up before the end), ``stall`` (silence for ever behind the pieces),
    ``mute`` (silence instead of a head) or ``refuse`` (nobody listens)."""

    status: int = 200
    headers: Headers = ((b"content-type", b"text/event-stream"), (b"x-request-id", b"r-1"))
    pieces: tuple[bytes, ...] = (b"data: 1\n\n", b"data: 2\n\n", b"data: [DONE]\n\n")
    ending: str = "whole"

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)


@attrs.frozen(kw_only=True)
class Site:
    """An upstream and what can be seen of its far side: ``wait_nothing_open`` returns when no exchange is under way on either side."""

    upstream: Upstream
    request: UpstreamRequest
    wait_nothing_open: Callable[[], Awaitable[None]]


Build = Callable[[Plan], AbstractAsyncContextManager[Site]]


def asked(url: str) -> UpstreamRequest:
    return UpstreamRequest(
        method="POST",
        url=url + "/v1/chat/completions",
        headers=((b"content-type", b"application/json"), (b"authorization", b"Bearer k")),
        body=b'{"model":"m","stream":true}',
        protocol="openai_chat",
        model="m",
        stream=True,
    )


async def _provide(plan: Plan, framing: str, connection: RawConnection) -> None:
    while await connection.read_request():
        if plan.ending == "mute":
            await connection.wait_gone()
            return
        head = b"HTTP/1.1 %d X\r\n" % plan.status + b"".join(b"%b: %b\r\n" % pair for pair in plan.headers)
        match framing:
            case "chunked":
                await connection.send(head + b"transfer-encoding: chunked\r\n\r\n")
                for piece in plan.pieces:
                    await connection.send(chunked(piece, last=False))
            case "length":
                extra = 5 if plan.ending in ("cut", "stall") else 0
                await connection.send(head + b"content-length: %d\r\n\r\n" % (len(plan.body) + extra))
                for piece in plan.pieces:
                    await connection.send(piece)
            case _:
                await connection.send(head + b"\r\n" + plan.body)
        match plan.ending:
            case "stall":
                await connection.wait_gone()
                return
            case "cut":
                return
            case _ if framing == "close":
                return
            case _ if framing == "chunked":
                await connection.send(b"0\r\n\r\n")


@asynccontextmanager
async def over_http(framing: str, tls: bool, plan: Plan) -> AsyncIterator[Site]:
    async with raw_server(partial(_provide, plan, framing), ssl_context=server_context() if tls else None) as server:
        upstream = HttpUpstream(ssl_context=client_context)

        async def wait_nothing_open() -> None:
            assert all(each.active == each.waiting == 0 for each in upstream.statistics().values())
            idle = sum(each.idle for each in upstream.statistics().values())
            await server.wait_open(idle)

        url = f"http://127.0.0.1:{refusing_port()}" if plan.ending == "refuse" else server.url
        yield Site(upstream=upstream, request=asked(url), wait_nothing_open=wait_nothing_open)
        upstream.close()
        await server.wait_open(0)


@asynccontextmanager
async def scripted(plan: Plan) -> AsyncIterator[Site]:
    steps: list[bytes | Delay | Fault] = list(plan.pieces)
    if plan.ending == "cut":
        steps.append(Fault())
    if plan.ending == "stall":
        steps.append(Delay())
    upstream = ScriptedUpstream(
        Script(
            plan.status,
            plan.headers,
            steps,
            connect_error=Fault(ErrorKind.UNREACHABLE, "nobody listens") if plan.ending == "refuse" else None,
            head_delay=float("inf") if plan.ending == "mute" else 0.0,
        ),
        repeat_last=True,
    )

    async def wait_nothing_open() -> None:
        await wait_all_tasks_blocked()
        assert upstream.all_closed

    yield Site(upstream=upstream, request=asked("http://scripted"), wait_nothing_open=wait_nothing_open)


_ENDINGS = {"whole": Ending.COMPLETE, "cut": Ending.TRUNCATED, "stall": Ending.STALL, "mute": Ending.COMPLETE}


def _keep(fixture: Fixture, folder: str) -> None:
    Path(folder, "exchange.json").write_bytes(write_fixture(fixture))


@asynccontextmanager
async def replayed(plan: Plan) -> AsyncIterator[Site]:
    request = asked("http://replay")
    fixture = Fixture(
        request=recorded_request(request),
        status=plan.status,
        headers=plan.headers,
        head_at=1e9 if plan.ending == "mute" else 0.0,
        chunks=tuple(Chunk(0.0, piece) for piece in plan.pieces),
        ending=_ENDINGS.get(plan.ending, Ending.COMPLETE),
    )
    with TemporaryDirectory() as folder:
        _keep(fixture, folder)
        upstream = ReplayUpstream(folder)
        if plan.ending == "refuse":
            upstream = ReplayUpstream(folder, volatile=(), match="strict", repeat=False)
            await upstream.open(request, RecordedProgress())
        yield Site(upstream=upstream, request=request, wait_nothing_open=wait_all_tasks_blocked)


@asynccontextmanager
async def recorded(inner: Build, plan: Plan) -> AsyncIterator[Site]:
    with TemporaryDirectory() as folder:
        async with inner(plan) as site:
            yield attrs.evolve(site, upstream=DiskRecording(site.upstream, Path(folder)))


@attrs.define(eq=False)
class _AtTheTap:
    """An answer whose body is waited for and taken, as long as it has a tap."""

    tap = None
    inner: UpstreamResponse

    @property
    def status(self) -> int:
        return self.inner.status

    @property
    def headers(self) -> Headers:
        return self.inner.headers

    @property
    def whole(self) -> bool:
        return self.inner.whole

    async def receive_some(self) -> bytes:
        while (tap := self.inner.tap) is not None:
            await tap.ready()
            piece = tap.take()
            if piece is not None:
                return piece
        return await self.inner.receive_some()

    async def aclose(self) -> None:
        await self.inner.aclose()


@attrs.frozen
class _Tapped:
    inner: Upstream

    async def open(self, request: UpstreamRequest, progress: Progress) -> UpstreamResponse:
        return _AtTheTap(await self.inner.open(request, progress))


@asynccontextmanager
async def tapped(inner: Build, plan: Plan) -> AsyncIterator[Site]:
    async with inner(plan) as site:
        yield attrs.evolve(site, upstream=_Tapped(site.upstream))


@attrs.define(eq=False)
class _Pieces:
    """What a socket's messages say, as the pieces that the plan had."""

    whole = False
    tap = None
    inner: UpstreamResponse

    @property
    def status(self) -> int:
        return self.inner.status

    @property
    def headers(self) -> Headers:
        return self.inner.headers

    async def receive_some(self) -> bytes:
        while event := await self.inner.receive_some():
            document = json.loads(event.removeprefix(b"data: "))
            if piece := base64.b64decode(document.get("piece", "")):
                return piece
        return b""

    async def aclose(self) -> None:
        await self.inner.aclose()


@attrs.frozen
class _OverSockets:
    inner: SocketUpstream

    async def open(self, request: UpstreamRequest, progress: Progress) -> UpstreamResponse:
        response = await self.inner.open(request, progress)
        return _Pieces(response) if response.status == 200 else response


@asynccontextmanager
async def over_a_socket(plan: Plan) -> AsyncIterator[Site]:
    async def answer(link: Link, message: object, number: int) -> None:
        if plan.status != 200:
            await link.send(json.dumps({"type": "error", "status": plan.status, **json.loads(plan.body)}))
            return
        for piece in plan.pieces if plan.ending != "mute" else ():
            await link.send(json.dumps({"type": "piece", "piece": base64.b64encode(piece).decode()}))
        match plan.ending:
            case "whole":
                await link.send('{"type":"response.completed","response":{"id":"resp_1"}}')
            case "cut":
                await link.break_off()
            case _:
                pass

    async with provider(answer=answer) as made, trio.open_nursery() as nursery:
        sockets, http = ProviderSockets(nursery), HttpUpstream()
        port = refusing_port() if plan.ending == "refuse" else made.port
        request = attrs.evolve(
            asked(f"http://127.0.0.1:{port}"),
            url=f"http://127.0.0.1:{port}/v1/responses",
            protocol="openai_responses",
            turn=SocketTurn(sockets=sockets),
        )

        async def wait_nothing_open() -> None:
            await wait_all_tasks_blocked(0.01)
            assert sockets.busy == 0

        yield Site(upstream=_OverSockets(SocketUpstream(http)), request=request, wait_nothing_open=wait_nothing_open)
        nursery.cancel_scope.cancel()
        http.close()


BUILDS: dict[str, Build] = {
    "socket": over_a_socket,
    "http, chunked": partial(over_http, "chunked", False),
    "http, length": partial(over_http, "length", False),
    "http, until close": partial(over_http, "close", False),
    "https, chunked": partial(over_http, "chunked", True),
    "http, chunked, at the tap": partial(tapped, partial(over_http, "chunked", False)),
    "http, length, at the tap": partial(tapped, partial(over_http, "length", False)),
    "http, until close, at the tap": partial(tapped, partial(over_http, "close", False)),
    "https, chunked, at the tap": partial(tapped, partial(over_http, "chunked", True)),
    "scripted": scripted,
    "replay": replayed,
    "recording http": partial(recorded, partial(over_http, "chunked", False)),
    "recording replay": partial(recorded, replayed),
}
# A body that ends with its connection can't be told from a cut one.
FRAMED = {name: build for name, build in BUILDS.items() if not name.startswith("http, until close")}

every = pytest.mark.parametrize("build", BUILDS.values(), ids=BUILDS.keys())
# On a socket no answer has headers of its own.
HEADED = {name: build for name, build in BUILDS.items() if name != "socket"}
headed = pytest.mark.parametrize("build", HEADED.values(), ids=HEADED.keys())
framed = pytest.mark.parametrize("build", FRAMED.values(), ids=FRAMED.keys())


async def read_all(response: UpstreamResponse) -> bytes:
    received = bytearray()
    await read_into(received, response)
    return bytes(received)


async def read_into(received: bytearray, response: UpstreamResponse) -> None:
    while piece := await response.receive_some():
        received += piece


@headed
async def test_the_head_comes_first_and_in_order(build: Build) -> None:
    async with build(Plan()) as site:
        response = await site.upstream.open(site.request, RecordedProgress())

        assert response.status == 200
        names = [name for name, _ in response.headers]
        assert names == [name.lower() for name in names]
        kept = [pair for pair in response.headers if pair[0] in (b"content-type", b"x-request-id")]
        assert kept == [(b"content-type", b"text/event-stream"), (b"x-request-id", b"r-1")]
        await response.aclose()
        await site.wait_nothing_open()


@every
@pytest.mark.parametrize(
    "pieces", [(), (b"x",), (b"data: 1\n\n", b"data: 2\n\n"), tuple(b"%d," % n for n in range(300)), (b"z" * 300_000,)],
    ids=["none", "one byte", "two", "many", "large"],
)  # fmt: skip
async def test_the_body_comes_whole_and_its_end_is_told_again_and_again(
    build: Build, pieces: tuple[bytes, ...]
) -> None:
    plan = Plan(pieces=pieces)
    async with build(plan) as site:
        response = await site.upstream.open(site.request, RecordedProgress())

        assert await read_all(response) == plan.body
        assert await response.receive_some() == b""
        await response.aclose()
        await site.wait_nothing_open()


@every
@pytest.mark.parametrize("status", [400, 429, 500, 503])
async def test_an_error_status_is_an_answer(build: Build, status: int) -> None:
    async with build(Plan(status=status, pieces=(b'{"error":{}}',))) as site:
        response = await site.upstream.open(site.request, RecordedProgress())

        assert response.status == status
        assert await read_all(response) == b'{"error":{}}'
        await response.aclose()


@every
async def test_the_connect_phase_ends_once(build: Build) -> None:
    async with build(Plan()) as site:
        progress = RecordedProgress()

        response = await site.upstream.open(site.request, progress)

        assert progress.sent == 1
        await response.aclose()


@every
async def test_a_way_that_does_not_exist_is_unreachable(build: Build) -> None:
    async with build(Plan(ending="refuse")) as site:
        with pytest.raises(UpstreamFault) as caught:
            await site.upstream.open(site.request, RecordedProgress())

        # A replay has no network: what can't be had there is a recording.
        assert caught.value.failure.kind in (ErrorKind.UNREACHABLE, ErrorKind.NOT_FOUND)
        await site.wait_nothing_open()


@framed
async def test_a_cut_body_is_never_an_end(build: Build) -> None:
    plan = Plan(ending="cut")
    async with build(plan) as site:
        response = await site.upstream.open(site.request, RecordedProgress())
        received = bytearray()

        with pytest.raises(UpstreamFault) as caught:
            await read_into(received, response)

        assert caught.value.failure.kind is ErrorKind.TRUNCATED
        assert received == plan.body
        with pytest.raises(UpstreamFault):
            await response.receive_some()
        await response.aclose()
        await site.wait_nothing_open()


@framed
async def test_leaving_in_the_middle_closes(build: Build) -> None:
    async with build(Plan(ending="stall")) as site:
        response = await site.upstream.open(site.request, RecordedProgress())
        await response.receive_some()

        await response.aclose()
        await response.aclose()

        await site.wait_nothing_open()
        with pytest.raises(UpstreamFault):
            await read_all(response)


@framed
async def test_leaving_before_the_body_closes(build: Build) -> None:
    async with build(Plan(ending="stall")) as site:
        response = await site.upstream.open(site.request, RecordedProgress())

        await response.aclose()

        await site.wait_nothing_open()


@every
async def test_leaving_after_the_end_is_harmless(build: Build) -> None:
    async with build(Plan()) as site:
        response = await site.upstream.open(site.request, RecordedProgress())
        await read_all(response)

        await response.aclose()
        await response.aclose()

        assert await response.receive_some() == b""
        await site.wait_nothing_open()


@every
async def test_a_cancelled_open_leaves_nothing(build: Build, nursery: trio.Nursery) -> None:
    async with build(Plan(ending="mute")) as site:
        progress = RecordedProgress()
        with trio.CancelScope() as scope:

            async def cancel_when_sent() -> None:
                while not progress.sent:
                    await trio.lowlevel.checkpoint()
                scope.cancel()

            nursery.start_soon(cancel_when_sent)
            await site.upstream.open(site.request, progress)

        assert scope.cancelled_caught
        await site.wait_nothing_open()


@framed
async def test_a_cancelled_read_leaves_nothing_once_closed(build: Build, nursery: trio.Nursery) -> None:
    plan = Plan(ending="stall")
    async with build(plan) as site:
        response = await site.upstream.open(site.request, RecordedProgress())
        received = bytearray()
        with trio.CancelScope() as scope:

            async def cancel_when_all_came() -> None:
                while received != plan.body:
                    await trio.lowlevel.checkpoint()
                scope.cancel()

            nursery.start_soon(cancel_when_all_came)
            await read_into(received, response)

        assert scope.cancelled_caught
        await response.aclose()
        await site.wait_nothing_open()
        # A later read must not look like an honest end.
        with pytest.raises(UpstreamFault):
            await response.receive_some()


@every
async def test_closing_works_under_cancellation(build: Build) -> None:
    async with build(Plan()) as site:
        response = await site.upstream.open(site.request, RecordedProgress())
        with trio.CancelScope() as scope:
            scope.cancel()
            await response.aclose()

        await site.wait_nothing_open()


@every
async def test_exchanges_run_side_by_side(build: Build, nursery: trio.Nursery) -> None:
    plan = Plan(pieces=tuple(b"%d," % number for number in range(50)))
    async with build(plan) as site:
        bodies: list[bytes] = []

        async def exchange() -> None:
            response = await site.upstream.open(site.request, RecordedProgress())
            bodies.append(await read_all(response))
            await response.aclose()

        async with trio.open_nursery() as workers:
            for _ in range(20):
                workers.start_soon(exchange)

        assert bodies == [plan.body] * 20
        await site.wait_nothing_open()
