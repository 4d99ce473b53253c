"""Who may open a socket, and what everybody else is told."""

from __future__ import annotations

import json
from typing import Any

import pytest
from trio.testing import wait_all_tasks_blocked

from tests.support.clients import Answer, RawClient, get
from tests.support.exchanges import request_head
from tests.support.houses import SIMPLE, Bench
from tests.support.links import Frames, frame, upgrade_lines
from tests.support.sockets import SocketBench, response_script
from trioproxy.config.model import Settings
from trioproxy.ledger.entry import Outcome
from trioproxy.server.upgrade import socket_kind, stranger

KEYED = SIMPLE + "\napi-keys: [sk-client-key]\n"


async def asked(
    *headers: str, path: str = "/v1/responses", config: str = SIMPLE, settings: dict[str, Any] | None = None
) -> tuple[Answer, Bench]:
    house = SocketBench(Bench(config=config, settings=settings))
    async with house.connection() as stream:
        answer = await RawClient(stream).ask(get(path, *headers).replace(b"Host: test", b"Host: localhost"))
    return answer, house.bench


@pytest.mark.parametrize(
    "key",
    [
        "Authorization: Bearer sk-client-key",
        "x-api-key: sk-client-key",
        "x-goog-api-key: sk-client-key",
    ],
)
async def test_a_key_opens_the_socket(key: str) -> None:
    house = SocketBench(Bench(response_script("resp_1"), config=KEYED))
    name, value = key.split(": ")
    async with house.socket(**{name.lower(): value, "origin": "https://evil.test"}) as client:
        assert (await client.turn(input="hi"))["type"] == "response.completed"
    sent = house.bench.upstream.requests[0]
    assert b"sk-client-key" not in b"".join(value for _, value in sent.headers) + sent.body
    assert house.bench.last.client is not None


async def test_a_key_in_the_query() -> None:
    house = SocketBench(Bench(response_script("resp_1"), config=KEYED))
    async with house.socket("/v1/responses?key=sk-client-key") as client:
        assert (await client.turn(input="hi"))["type"] == "response.completed"


async def test_the_key_of_a_browser_is_a_subprotocol() -> None:
    house = SocketBench(Bench(response_script("resp_1"), config=KEYED))
    async with house.connection() as stream:
        client = Frames(stream)
        offer = "Sec-WebSocket-Protocol: openai-insecure-api-key.sk-client-key, responses"
        await stream.send_all(get("/v1/responses", *upgrade_lines(offer)))
        status, headers = await client.head()
        assert (status, headers["sec-websocket-protocol"]) == (101, "responses")
        await stream.send_all(frame(1, b'{"type":"response.create","model":"responses-m","input":"hi"}'))
        got = await client.next()
        assert got is not None
        assert b"response.created" in got[2]
    sent = house.bench.upstream.requests[0]
    assert b"sk-client-key" not in b"".join(value for _, value in sent.headers)


async def test_a_request_to_upgrade_has_no_body() -> None:
    answer, _ = await asked(*upgrade_lines("Content-Length: 5"))
    assert (answer.status, "it has a body" in answer.body.decode()) == (400, True)


@pytest.mark.parametrize("headers", [(), ("Authorization: Bearer sk-wrong",)], ids=["none", "wrong"])
async def test_without_a_key_there_is_no_handshake(headers: tuple[str, ...]) -> None:
    answer, bench = await asked(*upgrade_lines(*headers), config=KEYED)
    assert answer.status == 401
    assert json.loads(answer.body)["error"]["code"] == "invalid_api_key"
    assert (bench.last.outcome, bench.last.status) == (Outcome.REFUSED, 401)


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        (("Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",), "Version must be 13"),
        (("Sec-WebSocket-Version: 13",), "one Sec-WebSocket-Key"),
        (("Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: x"), "16 bytes"),
    ],
)
async def test_a_handshake_with_a_flaw(headers: tuple[str, ...], words: str) -> None:
    answer, _ = await asked("Connection: upgrade", "Upgrade: WebSocket", *headers)
    assert (answer.status, words in answer.body.decode()) == (400, True)


@pytest.mark.parametrize(
    ("path", "settings"),
    [
        ("/v1/responses", {"responses_websocket": False}),
        ("/v1/chat/completions", {}),
        ("/v1/responses/compact", {}),
        ("/nowhere", {}),
        ("/", {}),
    ],
)
async def test_elsewhere_or_switched_off_it_is_426(path: str, settings: dict[str, Any]) -> None:
    answer, _ = await asked(*upgrade_lines(), path=path, settings=settings)
    assert (answer.status, answer.header("upgrade")) == (426, "HTTP/1.1")


async def test_another_protocol_is_not_switched_to() -> None:
    answer, _ = await asked("Connection: Upgrade", "Upgrade: h2c")
    assert answer.status == 405


@pytest.mark.parametrize("method", ["POST", "HEAD", "PUT"])
def test_only_get_opens_a_socket(method: str) -> None:
    assert socket_kind(request_head(method, "/v1/responses")) is None


@pytest.mark.parametrize(
    ("host", "origin", "settings", "may"),
    [
        ("127.0.0.1:8317", None, {}, True),
        ("[::1]:8317", None, {}, True),
        ("localhost:8317", None, {}, True),
        ("app.localhost", None, {}, True),
        ("127.0.0.1:8317", "http://127.0.0.1:8317", {}, True),
        ("localhost", "http://LOCALHOST", {}, True),
        ("127.0.0.1:8317", "http://127.0.0.1:9999", {}, False),
        ("127.0.0.1:8317", "https://evil.test", {}, False),
        ("127.0.0.1:8317", "null", {}, False),
        ("evil.test:8317", "http://evil.test:8317", {}, False),  # DNS rebinding: the page's own name, our address
        ("evil.test", None, {}, False),
        ("box.lan", None, {"host": "box.lan"}, True),
        ("box.lan", None, {"allow_anonymous": True}, True),
        ("box.lan", "https://evil.test", {"allow_anonymous": True}, False),
    ],
)
def test_strangers(host: str, origin: str | None, settings: dict[str, Any], may: bool) -> None:
    fields = [(b"host", host.encode())] + ([(b"origin", origin.encode())] if origin else [])
    head = request_head("GET", "/v1/responses", tuple(fields))
    assert (stranger(head, Settings(**settings), keyed=False) is None) == may
    assert stranger(head, Settings(**settings), keyed=True) is None


async def test_a_page_of_somebody_elses_gets_no_socket_where_no_key_is_asked_for() -> None:
    answer, bench = await asked(*upgrade_lines("Origin: https://evil.test"))
    assert answer.status == 403
    assert bench.last.status == 403


async def test_a_client_that_is_gone_before_the_answer() -> None:
    house = SocketBench(Bench())
    async with house.connection() as stream:
        await stream.send_all(
            get("/v1/responses", *upgrade_lines(), "x-pad: y").replace(b"Host: test", b"Host: localhost")
        )
        await stream.aclose()
        await wait_all_tasks_blocked()
    assert house.house.statistics().open == 0


async def test_byte_for_byte() -> None:
    """What a client of bytes sees of a whole session."""
    house = SocketBench(Bench(response_script("resp_1")))
    async with house.connection() as stream:
        client = Frames(stream)
        raw = get("/v1/responses", *upgrade_lines()).replace(b"Host: test", b"Host: localhost")
        for byte in raw:
            await stream.send_all(bytes([byte]))
        status, headers = await client.head()
        assert (status, headers["connection"].lower()) == (101, "upgrade")
        body = json.dumps({"type": "response.create", "model": "responses-m", "input": "hi"}).encode()
        await stream.send_all(frame(1, body[:10], fin=False) + frame(9, b"?") + frame(0, body[10:]))
        seen: list[Any] = []
        while not seen or seen[-1]["type"] != "response.completed":
            got = await client.next()
            assert got is not None
            if got[0] == 1:
                seen.append(json.loads(got[2]))
            else:
                assert got == (10, 0x80, b"?")
        await stream.send_all(frame(8, b"\x03\xe8"))
        assert await client.close_code() == (1000, "")
        assert await client.next() is None
