"""How a WebSocket begins, on either side."""

from __future__ import annotations

import base64

import pytest
import trio
from trio.testing import memory_stream_pair

from tests.support.clients import get
from tests.support.links import KEY, Frames, StreamBytes, upgrade_lines
from trioproxy.websocket.handshake import NotAccepted, accept, connect, flaw

GOOD = ((b"sec-websocket-version", b"13"), (b"sec-websocket-key", KEY.encode()))


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        (GOOD, None),
        (GOOD[1:], "Version must be 13"),
        (((b"sec-websocket-version", b"8"), GOOD[1]), "Version must be 13"),
        (GOOD[:1], "one Sec-WebSocket-Key"),
        ((*GOOD, GOOD[1]), "one Sec-WebSocket-Key"),
        ((GOOD[0], (b"sec-websocket-key", b"short")), "16 bytes"),
        ((GOOD[0], (b"sec-websocket-key", base64.b64encode(bytes(15)))), "16 bytes"),
    ],
)
def test_flaws(headers: tuple[tuple[bytes, bytes], ...], words: str | None) -> None:
    found = flaw(headers)
    assert found is None if words is None else words in (found or "")


async def answered(*headers: str, subprotocol: str | None = None) -> tuple[int, dict[str, str]]:
    near, far = memory_stream_pair()
    await near.send_all(get("/", *upgrade_lines(*headers)))
    link = await accept(StreamBytes(far), limit=100, subprotocol=subprotocol, headers=((b"x-one", b"1"),))
    assert link.subprotocol == subprotocol
    return await Frames(near).head()


async def test_the_answer_to_a_handshake() -> None:
    status, headers = await answered(subprotocol=None)
    assert status == 101
    # The accept token for a key of sixteen zero bytes, as RFC 6455 section 4.2.2 computes it.
    assert headers == {
        "upgrade": "websocket",
        "connection": "Upgrade",
        "sec-websocket-accept": "ICX+Yqv66kxgM0FcWaLWlFLwTAI=",
        "x-one": "1",
    }


@pytest.mark.parametrize(
    ("offer", "answer"),
    [
        ("permessage-deflate", "permessage-deflate; client_no_context_takeover; server_no_context_takeover"),
        (
            "permessage-deflate; client_max_window_bits",
            "permessage-deflate; client_no_context_takeover; server_no_context_takeover; client_max_window_bits=15",
        ),
        ("permessage-deflate; server_max_window_bits=99", None),
        ("permessage-deflate; server_max_window_bits=x", None),
        ("x-webkit-deflate-frame", None),
    ],
)
async def test_offers_of_compression(offer: str, answer: str | None) -> None:
    _, headers = await answered(f"Sec-WebSocket-Extensions: {offer}")
    assert headers.get("sec-websocket-extensions") == answer


async def test_a_subprotocol_that_was_chosen() -> None:
    _, headers = await answered("Sec-WebSocket-Protocol: realtime, other", subprotocol="realtime")
    assert headers["sec-websocket-protocol"] == "realtime"


@pytest.mark.parametrize("request_", [b"", b"GET / HTTP/1.1\r\n", get("/"), b"\x16\x03\x01\r\n\r\n"])
async def test_what_is_no_handshake(request_: bytes) -> None:
    near, far = memory_stream_pair()
    await near.send_all(request_)
    await near.send_eof()
    with pytest.raises(NotAccepted):
        await accept(StreamBytes(far), limit=100)


async def told(answer: bytes) -> NotAccepted:
    near, far = memory_stream_pair()
    await far.send_all(answer)
    await far.send_eof()
    with pytest.raises(NotAccepted) as caught:
        await connect(StreamBytes(near), host="test", target="/x", limit=100)
    return caught.value


async def test_a_refusal_is_kept_whole() -> None:
    error = await told(b"HTTP/1.1 401 No\r\nContent-Length: 2\r\nX-Why: key\r\n\r\n{}")
    assert error.answer is not None
    assert (error.answer.status, error.answer.body, dict(error.answer.headers)[b"x-why"]) == (401, b"{}", b"key")
    assert str(error) == "it answered 401"


async def test_a_refusal_that_is_cut_short_still_says_its_status() -> None:
    error = await told(b"HTTP/1.1 503 No\r\nContent-Length: 200\r\n\r\npart")
    assert error.answer is not None
    assert (error.answer.status, error.answer.body) == (503, b"part")


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"what?\r\n\r\n",
        b"HTTP/1.1 101 Yes\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: wrong\r\n\r\n",
        b"HTTP/1.1 101 Yes\r\n\r\n",
    ],
)
async def test_answers_that_are_none(answer: bytes) -> None:
    assert (await told(answer)).answer is None


async def test_what_a_client_asks() -> None:
    near, far = memory_stream_pair()

    async def ask() -> None:
        with pytest.raises(NotAccepted):
            await connect(
                StreamBytes(near),
                host="api.test:8443",
                target="/v1/x?model=m",
                limit=100,
                headers=((b"authorization", b"Bearer k"), (b"host", b"evil"), (b"sec-websocket-key", b"evil")),
                subprotocols=("a", "b"),
            )

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        raw = bytes(await far.receive_some())
        await trio.aclose_forcefully(far)
    first, *lines = raw.decode().split("\r\n")
    fields = dict(line.split(": ", 1) for line in lines if line)
    assert first == "GET /v1/x?model=m HTTP/1.1"
    assert fields["Host"] == "api.test:8443"
    assert fields["authorization"] == "Bearer k"
    assert fields["Sec-WebSocket-Protocol"] == "a, b"
    assert "evil" not in raw.decode()
