"""The Realtime API: a socket on either side, end to end with a provider on a real socket."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import attrs
import pytest
import trio
from trio.testing import lockstep_stream_pair, wait_all_tasks_blocked

from tests.support.clients import Answer, RawClient, get
from tests.support.houses import Bench
from tests.support.links import StreamBytes, upgrade_lines
from tests.support.sockets import SocketBench
from trioproxy.ledger.entry import Outcome
from trioproxy.server.streams import ReplayedStream
from trioproxy.websocket.handshake import accept, connect
from trioproxy.websocket.link import Link, LinkClosed

CONFIG = """
api-keys: [sk-client]
openai-compatibility:
  - name: talker
    base-url: http://127.0.0.1:{port}/v1
    api-key-entries: [{{api-key: UPKEY}}{more}]
    models: [{{name: gpt-realtime, alias: rt}}]
claude-api-key:
  - {{api-key: OTHER, base-url: "http://127.0.0.1:{port}", models: [{{name: claude, alias: cl}}]}}
"""
Script = Callable[[Link], Awaitable[None]]


async def echo(link: Link) -> None:
    while True:
        await link.send(await link.receive())


@attrs.define(eq=False)
class Talker:
    """A provider of the Realtime API. ``refusals`` are answered first, one a handshake."""

    script: Script = echo
    refusals: list[bytes] = attrs.field(factory=list)
    heads: list[str] = attrs.field(factory=list)
    closes: list[LinkClosed] = attrs.field(factory=list)
    port: int = 0
    mute: bool = False

    async def serve(self, stream: trio.abc.Stream) -> None:
        async with stream:
            raw = b""
            while b"\r\n\r\n" not in raw:
                raw += await stream.receive_some()
            self.heads.append(raw.decode())
            if self.mute:
                await trio.sleep_forever()
            if self.refusals:
                await stream.send_all(self.refusals.pop(0))
                return
            subprotocol = "realtime" if b"realtime" in raw.partition(b"rotocol: ")[2].partition(b"\r\n")[0] else None
            link = await accept(StreamBytes(ReplayedStream(raw, stream)), limit=1 << 26, subprotocol=subprotocol)
            try:
                await self.script(link)
                await link.receive()
            except LinkClosed as closed:
                self.closes.append(closed)


@asynccontextmanager
async def talking(
    talker: Talker, *, more: str = "", settings: dict[str, Any] | None = None
) -> AsyncIterator[SocketBench]:
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, talker.serve, 0, host="127.0.0.1"))
        talker.port = listeners[0].socket.getsockname()[1]
        yield SocketBench(Bench(config=CONFIG.format(port=talker.port, more=more), settings=settings))
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def calling(
    house: SocketBench, *, path: str = "/v1/realtime?model=rt", protocols: tuple[str, ...] = (), key: str = "sk-client"
) -> AsyncIterator[Link]:
    async with house.connection() as stream:
        headers = (
            (b"authorization", b"Bearer " + key.encode()),
            (b"openai-beta", b"realtime=v1"),
            (b"origin", b"https://a"),
        )
        yield await connect(
            StreamBytes(stream),
            host="127.0.0.1",
            target=path,
            limit=1 << 26,
            headers=headers if key else headers[1:],
            subprotocols=protocols,
        )


async def ended(link: Link) -> LinkClosed:
    try:
        while True:
            await link.receive()
    except LinkClosed as closed:
        return closed


async def asked(house: SocketBench, path: str = "/v1/realtime?model=rt", *more: str) -> Answer:
    async with house.connection() as stream:
        lines = upgrade_lines("Authorization: Bearer sk-client", *more)
        return await RawClient(stream).ask(get(path, *lines).replace(b"Host: test", b"Host: localhost"))


async def test_messages_pass_in_both_directions_as_they_are() -> None:
    talker = Talker()
    async with talking(talker) as house:
        async with calling(house) as link:
            for message in ('{ "type":"x" }', b"\0\1", "x" * 300_000):
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(link.send, message)
                    assert await link.receive() == message
            await link.close(1000, "done")
        await wait_all_tasks_blocked()
    head = talker.heads[0].lower()
    assert head.startswith("get /v1/realtime?model=gpt-realtime http/1.1")
    assert "authorization: bearer upkey" in head
    assert "openai-beta: realtime=v1" in head
    assert not [word for word in ("sk-client", "origin", "https://a") if word in head]
    assert (talker.closes[0].code, talker.closes[0].reason) == (1000, "done")
    last = house.bench.last
    assert (last.outcome, last.status, last.model, last.provider, last.upstream_model) == (
        Outcome.COMPLETE,
        101,
        "rt",
        "talker",
        "gpt-realtime",
    )
    assert last.bytes_out == len('{ "type":"x" }') + 2 + 300_000


async def test_a_browser_says_its_key_as_a_subprotocol_which_goes_no_further() -> None:
    talker = Talker()
    protocols = ("realtime", "openai-insecure-api-key.sk-client", "openai-beta.realtime-v1")
    async with talking(talker) as house, calling(house, protocols=protocols, key="") as link:
        assert link.subprotocol == "realtime"
        await link.close()
    assert "Sec-WebSocket-Protocol: realtime, openai-beta.realtime-v1" in talker.heads[0]
    assert "sk-client" not in talker.heads[0]


async def test_a_wrong_key_is_refused() -> None:
    talker = Talker()
    async with talking(talker) as house:
        async with house.connection() as stream:
            lines = upgrade_lines("Sec-WebSocket-Protocol: openai-insecure-api-key.wrong")
            answer = await RawClient(stream).ask(get("/v1/realtime?model=rt", *lines))
        assert answer.status == 401
    assert talker.heads == []


async def test_a_key_in_the_query_goes_no_further() -> None:
    talker = Talker()
    async with talking(talker) as house, calling(house, path="/v1/realtime?key=sk-client&model=rt&x=1", key="") as link:
        await link.close()
    assert talker.heads[0].startswith("GET /v1/realtime?model=gpt-realtime&x=1 ")


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/v1/realtime", 400, "names no model"),
        ("/v1/realtime?model=nothing", 404, "nothing"),
        ("/v1/realtime?model=cl", 501, "no provider of cl has the Realtime API"),
    ],
)
async def test_requests_that_nobody_can_serve(path: str, status: int, words: str) -> None:
    async with talking(Talker()) as house:
        answer = await asked(house, path)
        assert (answer.status, words in answer.body.decode()) == (status, True)
        assert house.bench.last.status == status


async def test_switched_off_it_is_426() -> None:
    async with talking(Talker(), settings={"realtime": False}) as house:
        assert (await asked(house)).status == 426


async def test_the_next_credential_is_tried_until_the_handshake_is_answered() -> None:
    body = b'{"error":{"message":"too fast","code":"rate_limit_exceeded"}}'
    refusal = b"HTTP/1.1 429 X\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)
    talker = Talker(refusals=[refusal])
    async with talking(talker, more=", {api-key: SECOND}") as house:
        async with calling(house) as link:
            await link.send("hi")
            assert await link.receive() == "hi"
            await link.close()
        await wait_all_tasks_blocked()
        assert [each.status for each in house.bench.last.tries] == [429, None]


@pytest.mark.parametrize(
    ("refusal", "status", "words"),
    [
        (b"HTTP/1.1 403 X\r\ncontent-length: 29\r\n\r\n" + b'{"error":{"message":"no pay"}}'[:29] + b"", 403, "pay"),
        (b"HTTP/1.1 404 X\r\ncontent-length: 0\r\n\r\n", 501, "has no Realtime API"),
        (b"HTTP/1.1 200 X\r\ncontent-length: 0\r\n\r\n", 502, "did not open a WebSocket"),
        (b"", 502, "did not open a WebSocket"),
    ],
)
async def test_a_providers_refusal_is_an_answer_of_http(refusal: bytes, status: int, words: str) -> None:
    async with talking(Talker(refusals=[refusal])) as house:
        answer = await asked(house)
        assert answer.status == status
        assert words in answer.body.decode()


async def test_all_that_rest_are_not_asked() -> None:
    refusal = b"HTTP/1.1 429 X\r\ncontent-length: 0\r\nretry-after: 60\r\n\r\n"
    talker = Talker(refusals=[refusal])
    async with talking(talker) as house:
        assert (await asked(house)).status == 429
        answer = await asked(house)
        assert (answer.status, json.loads(answer.body)["error"]["code"]) == (429, "model_cooldown")
    assert len(talker.heads) == 1


@pytest.mark.parametrize(("code", "heard"), [(1000, 1000), (4001, 4001), (1011, 1011)])
async def test_what_the_provider_says_of_its_end_the_client_hears(code: int, heard: int) -> None:
    async def script(link: Link) -> None:
        await link.send("bye")
        await link.close(code, "because")

    async with talking(Talker(script)) as house:
        async with calling(house) as link:
            assert await link.receive() == "bye"
            end = await ended(link)
        assert (end.code, end.reason) == (heard, "because")
        assert house.bench.last.outcome is Outcome.COMPLETE


async def test_a_provider_that_is_gone() -> None:
    async def script(link: Link) -> None:
        await link.break_off()

    async with talking(Talker(script)) as house:
        async with calling(house) as link:
            end = await ended(link)
        assert (end.code, "provider" in end.reason) == (1011, True)
        assert house.bench.last.outcome is Outcome.FAILED


async def test_a_client_that_is_gone() -> None:
    talker = Talker()
    async with talking(talker) as house:
        async with calling(house) as link:
            await link.break_off()
        while not talker.closes:
            await trio.lowlevel.checkpoint()
        assert (talker.closes[0].code, talker.closes[0].reason) == (1001, "the client is gone")
        assert house.bench.last.outcome is Outcome.CLIENT_GONE


async def test_a_client_that_breaks_the_rules() -> None:
    talker = Talker()
    async with talking(talker, settings={"max_body": 1000}) as house:
        async with calling(house) as link:
            await link.send("x" * 2000)
            assert (await ended(link)).code == 1009
        assert house.bench.last.outcome is Outcome.REFUSED


@pytest.mark.parametrize("which", ["idle", "total"])
async def test_deadlines(which: str) -> None:
    talker = Talker()
    settings = {"websocket_idle": 0.1} if which == "idle" else {}
    async with talking(talker, settings=settings) as house:
        if which == "total":
            house.bench.shorten(total=0.1)
        async with calling(house) as link:
            end = await ended(link)
        assert (end.code, ("nothing was said" if which == "idle" else "deadline") in end.reason) == (1001, True)
        assert talker.closes[0].code == 1001
        assert house.bench.last.outcome is Outcome.REFUSED


async def test_a_provider_that_does_not_answer_the_handshake() -> None:
    async with talking(Talker(mute=True)) as house:
        house.bench.shorten(connect=0.05)
        answer = await asked(house)
        assert (answer.status, "did not answer the handshake" in answer.body.decode()) == (504, True)


async def test_silence_is_pinged_on_both_sides() -> None:
    talker = Talker()
    async with talking(talker, settings={"keepalive": 0.02, "websocket_idle": 0.2}) as house, calling(house) as link:
        before = link.last_sent
        await ended(link)
        assert link.last_sent > before  # pongs


async def test_usage_is_added_up() -> None:
    def done(cached: int) -> str:
        usage = {"input_tokens": 10, "output_tokens": 5, "input_token_details": {"cached_tokens": cached}}
        return json.dumps({"type": "response.done", "response": {"usage": usage}})

    async def script(link: Link) -> None:
        for message in (
            done(4),
            '{"type":"response.done"',
            '{"type":"response.done","response":{"usage":null}}',
            done(1),
        ):
            await link.send(message)
        await link.close()

    async with talking(Talker(script)) as house:
        async with calling(house) as link:
            await ended(link)
        usage = house.bench.last.usage
        assert usage is not None
        assert (usage.input, usage.output, usage.cache_read) == (20, 10, 5)


async def test_a_slow_client_slows_the_provider() -> None:
    sent = 0

    async def script(link: Link) -> None:
        nonlocal sent
        while True:
            await link.send(b"x" * 100_000)
            sent += 1

    async with talking(Talker(script)) as house:
        house.streams = lockstep_stream_pair
        async with calling(house) as link:
            before = -1
            while sent != before:
                before = sent
                await wait_all_tasks_blocked(0.05)
            stalled = sent
            for _ in range(10):
                await link.receive()
            assert stalled < 1000
            await link.break_off()


async def test_a_drain_says_goodbye_to_both() -> None:
    talker = Talker()
    async with talking(talker) as house:
        async with calling(house) as link:
            await link.send("hi")
            await link.receive()
            house.drain.begin(0)
            house.house.cancel_active()
            end = await ended(link)
        assert (end.code, end.reason) == (1012, "the server is shutting down")
        assert (talker.closes[0].code, talker.closes[0].reason) == (1001, "the proxy is shutting down")
        assert house.bench.last.outcome is Outcome.SHUT_DOWN
