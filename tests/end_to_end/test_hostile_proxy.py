"""What hostile clients ask and hostile providers answer, through the whole proxy over real sockets.

Whatever comes, the answer is one that the client's protocol has a shape for, or the connection closes; nothing of what was sent gets into
a header or a target towards a provider; the log has no traceback and no key; and the next client is served.
"""

from __future__ import annotations

import gzip
import io
import json
import logging
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import attrs
import brotli
import pytest
import trio
from backports import zstd

from tests.support.answers import ANSWERS
from tests.support.clients import Answer, connect, post
from tests.support.houses import snapshot_of
from tests.support.raw_server import RawConnection, RawRequest, chunked, raw_server
from tests.support.running import WIRES, Proxy, asking, config_of, running_proxy
from trioproxy.config.model import Snapshot
from trioproxy.logs import HumanFormatter

_MIB = 2**20
_SECRETS = ("UPKEY", "CLIENTKEY")
_CLIENTS = "api-keys: [CLIENTKEY]\ndisable-cooling: true\n"
_IMPATIENT = "timeouts: {first-byte: 0.5, idle: 0.5, response: 2}\n"
_ASKING = {
    "openai_chat": "/v1/chat/completions",
    "openai_responses": "/v1/responses",
    "anthropic": "/v1/messages",
    "gemini": "/v1beta/models/gemini/m:generateContent",
}
PROTOCOLS = sorted(_ASKING)
KEY = "Authorization: Bearer CLIENTKEY"


def spoken(target: bytes) -> str:
    for path, protocol in ((b"/chat/completions", "openai_chat"), (b"/responses", "openai_responses")):
        if path in target:
            return protocol
    return "anthropic" if b"/messages" in target else "gemini"


@attrs.define(eq=False)
class Provider:
    """Answers well, or with ``raw`` bytes and then silence or an end."""

    raw: bytes | None = None
    holds: bool = False
    requests: list[RawRequest] = attrs.field(factory=list)
    left: trio.Event = attrs.field(factory=trio.Event)

    async def serve(self, connection: RawConnection) -> None:
        while (request := await connection.read_request()) is not None:
            self.requests.append(request)
            raw = self.raw
            if raw is None:
                answer = ANSWERS[spoken(request.target)]
                streams = b"stream" in request.target or b'"stream":true' in request.body.replace(b" ", b"")
                body = answer.stream if streams else answer.whole
                kind = b"text/event-stream" if streams else b"application/json"
                raw = b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\ncontent-length: %d\r\n\r\n%b" % (kind, len(body), body)
                await connection.send(raw)
                continue
            try:
                await connection.send(raw)
                if self.holds:
                    await connection.wait_gone()
            finally:
                self.left.set()
            return


@attrs.define(eq=False, kw_only=True)
class House:
    """A provider and a proxy before it, and what was logged."""

    provider: Provider
    proxy: Proxy
    log: io.StringIO
    patient: Snapshot
    """The same without short deadlines, which a busy machine could make a good answer miss."""

    async def send(self, data: bytes, method: str = "POST") -> Answer | None:
        """What one connection brings; None where it is closed without an answer."""
        client = await connect(self.proxy.port)
        try:
            with trio.fail_after(60):
                return await client.ask(data, method)
        except EOFError:
            return None
        finally:
            await client.leave()

    async def assert_still_serves(self) -> None:
        self.provider.raw = None
        self.proxy.app.cell.swap(self.patient)
        for protocol in PROTOCOLS:
            answer = await self.send(with_key(asking(protocol, "m")))
            assert answer is not None
            assert (answer.status, answer.body) == (200, ANSWERS[protocol].stream)
        await self.proxy.wait_quiet()
        self.proxy.assert_nothing_held()

    def assert_log_is_clean(self) -> None:
        text = self.log.getvalue()
        assert "Traceback" not in text
        assert "a bug in the proxy" not in text
        assert "handler failed" not in text
        assert [secret for secret in _SECRETS if secret in text] == []
        assert re.search(r"[\x00-\x09\x0b-\x1f\x7f]", text) is None

    def assert_provider_saw_only_requests(self) -> None:
        for request in self.provider.requests:
            path = request.target.partition(b"?")[0]
            assert not re.search(rb"[\x00-\x20\x7f-\xff#\\]|/\.\.?(/|$)", path), path
            assert request.method in ("POST", "GET")
            assert not [name for name, _ in request.headers if b"evil" in name]
            assert b"CLIENTKEY" not in request.target + b"".join(value for _, value in request.headers)


def with_key(request: bytes) -> bytes:
    return request.replace(b"\r\n\r\n", b"\r\n" + KEY.encode() + b"\r\n\r\n", 1)


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(HumanFormatter())
    logger = logging.getLogger("trioproxy")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel("INFO")
    yield stream
    logger.setLevel(level)
    logger.removeHandler(handler)


@asynccontextmanager
async def house(log: io.StringIO, provider: Provider | None = None, *, more: str = "") -> AsyncIterator[House]:
    played = provider if provider is not None else Provider()
    async with raw_server(played.serve) as server:
        config = config_of(server.url, more=_CLIENTS)
        async with running_proxy(config + more, keepalive=0) as proxy:
            yield House(provider=played, proxy=proxy, log=log, patient=snapshot_of(config))


def assert_native(answer: Answer, protocol: str) -> None:
    """The error is one that clients of ``protocol`` can read."""
    assert answer.header("content-type") == "application/json"
    document = json.loads(answer.body)
    error = document["error"]
    assert isinstance(error["message"], str)
    assert error["message"]
    match protocol:
        case "anthropic":
            assert document["type"] == "error"
            assert isinstance(error["type"], str)
        case "gemini":
            assert error["code"] == answer.status
            assert isinstance(error["status"], str)
        case _:
            assert isinstance(error["type"], str)


def bodies(protocol: str) -> dict[str, bytes]:
    """Bodies that no protocol takes."""
    model = f'"model":"{WIRES[protocol]}/m",'.encode()
    key = {"openai_responses": b'"input"', "gemini": b'"contents"'}.get(protocol, b'"messages"')
    said = {
        "openai_responses": b'"hi"',
        "gemini": b'[{"role":"user","parts":[{"text":"hi"}]}]',
    }.get(protocol, b'[{"role":"user","content":"hi"}]')
    return {
        "nothing": b"",
        "blanks": b"  \r\n ",
        "null": b"null",
        "a list": b"[" + said + b"]",
        "a string": b'"hi"',
        "bad UTF-8": b"{" + model + key + b":" + said.replace(b"hi", b"\xff\xc0\x80") + b"}",
        "UTF-16": b"\xff\xfe" + model.decode().encode("utf-16-le"),
        "NaN": b"{" + model + key + b":" + said + b',"temperature":NaN}',
        "infinity": b"{" + model + key + b":" + said + b',"temperature":-Infinity}',
        "a deep list": b"{" + model + key + b":" + b"[" * 200_000 + b"]" * 200_000 + b"}",
        "a deep object": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        "half a document": b"{" + model + key + b":" + said,
        "two documents": b"{" + model + key + b":" + said + b"}{}",
        "a control character": b"{" + model + key + b":" + said.replace(b"hi", b"\x00\x1b") + b"}",
        "a comma too many": b"{" + model + key + b":" + said + b",}",
        "a number as key": b"{1:2}",
    }


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_body_that_is_none_is_refused_in_the_clients_own_words(protocol: str, log: io.StringIO) -> None:
    async with house(log) as here:
        for name, body in bodies(protocol).items():
            answer = await here.send(post(body, KEY, "Content-Type: application/json", target=_ASKING[protocol]))
            assert answer is not None, name
            assert answer.status == 400, (name, answer.body)
            assert_native(answer, protocol)
        assert here.provider.requests == []
        await here.assert_still_serves()
    here.assert_log_is_clean()


@pytest.mark.parametrize("protocol", [name for name in PROTOCOLS if name != "gemini"])
@pytest.mark.parametrize(
    "model", [5, None, True, [], {"a": 1}, "", "\ud800", "a" * 100_000, "nobody/serves-this"], ids=repr
)
async def test_a_model_that_is_none_is_refused(protocol: str, model: Any, log: io.StringIO) -> None:
    async with house(log) as here:
        document = json.loads(asking(protocol, "m").partition(b"\r\n\r\n")[2])
        body = json.dumps({**document, "model": model}).encode()
        answer = await here.send(post(body, KEY, target=_ASKING[protocol]))
        assert answer is not None
        assert answer.status in (400, 404)
        assert_native(answer, protocol)
        assert len(answer.body) < 4096
        assert here.provider.requests == []
    here.assert_log_is_clean()


NAMES = [
    "m\r\nX-Evil: 1",
    "m HTTP/1.1\r\nevil: 1\r\n\r\n",
    "m\0",
    "m\n",
    "../../admin",
    "..",
    ".",
    "..\\..\\admin",
    "%2e%2e/%2e%2e/admin",
    "m?key=evil",
    "m#fragment",
    "m:streamGenerateContent?alt=sse",
    "m%0d%0aX-Evil:%201",
    "m/../../x",
    "\u202e\u0000m",
    "модель",
    "m m",
    "//evil.example/m",
    "@evil.example",
]


@pytest.mark.parametrize("name", NAMES)
async def test_a_models_name_stays_a_name(name: str, log: io.StringIO) -> None:
    """As a JSON value towards every wire: Gemini's has it in the path."""
    async with house(log) as here:
        for protocol in ("openai_chat", "openai_responses", "anthropic"):
            for wire in PROTOCOLS:
                answer = await here.send(with_key(asking(protocol, name, wire=wire)))
                assert answer is not None
                assert answer.status in (200, 400, 404)
                if answer.status != 200:
                    assert_native(answer, protocol)
        here.assert_provider_saw_only_requests()
        await here.assert_still_serves()
    here.assert_log_is_clean()


@pytest.mark.parametrize(
    "segment",
    [
        "gemini%2F..%2F..%2Fadmin",
        "gemini/../../admin",
        "..%2f..%2fadmin",
        "gemini/m%0d%0aX-Evil:1",
        "gemini/m%00",
        "gemini/m%3Fkey=evil",
        "gemini/m%23",
        "gemini/%252e%252e",
        "gemini/m%",
        "gemini/m%zz",
        "gemini/m%ff",
        "gemini%2fm",
        "",
        "%",
        "a" * 10_000,
    ],
)
async def test_a_model_in_the_path_stays_a_name(segment: str, log: io.StringIO) -> None:
    async with house(log) as here:
        for verb in ("generateContent", "streamGenerateContent?alt=sse", "countTokens"):
            body = b'{"contents":[{"role":"user","parts":[{"text":"hi"}]}]}'
            answer = await here.send(post(body, KEY, target=f"/v1beta/models/{segment}:{verb}"))
            assert answer is not None
            assert answer.status < 500, answer.body
            if answer.status >= 400:
                assert_native(answer, "gemini")
        here.assert_provider_saw_only_requests()
        await here.assert_still_serves()
    here.assert_log_is_clean()


async def test_of_two_models_neither_slips_past_the_other(log: io.StringIO) -> None:
    """Whoever reads the first of two keys and whoever reads the last must not mean different models."""
    async with house(log) as here:
        body = b'{"model":"chat/a","messages":[{"role":"user","content":"hi"}],"stream":true,"model":"chat/b"}'
        answer = await here.send(post(body, KEY, target="/v1/chat/completions"))
        assert answer is not None
        if answer.status != 200:
            assert answer.status == 400
            assert_native(answer, "openai_chat")
        for request in here.provider.requests:
            assert set(re.findall(rb'"model": ?"([^"]*)"', request.body)) == {b"b"}
        await here.assert_still_serves()
    here.assert_log_is_clean()


@pytest.mark.parametrize(
    ("target", "method"),
    [
        ("//v1/chat/completions", "POST"),
        ("/v1/../v1/chat/completions", "POST"),
        ("/v1/%2e%2e/v1/chat/completions", "POST"),
        ("/v1/chat/completions%00", "POST"),
        ("/v1/chat%2Fcompletions", "POST"),
        ("/v1/chat/completions;x=1", "POST"),
        ("/V1/CHAT/COMPLETIONS", "POST"),
        ("/v1/chat/completions/../../../etc/passwd", "POST"),
        ("/%2e%2e/%2e%2e/etc/passwd", "GET"),
        ("/v1/models/..%2f..%2fetc%2fpasswd", "GET"),
        ("/v1/chat/completions", "TRACE"),
        ("/v1/chat/completions", "DELETE"),
        ("/v1/chat/completions", "QQQ"),
        ("*", "OPTIONS"),
        ("http://evil.example/v1/chat/completions", "DELETE"),
    ],
)
async def test_a_path_means_what_it_says_or_nothing(target: str, method: str, log: io.StringIO) -> None:
    async with house(log) as here:
        answer = await here.send(
            f"{method} {target} HTTP/1.1\r\nHost: a\r\n{KEY}\r\nContent-Length: 2\r\n\r\n{{}}".encode()
        )
        assert answer is not None
        assert 400 <= answer.status < 500
        assert "message" in json.loads(answer.body)["error"]
        assert here.provider.requests == []
        await here.assert_still_serves()
    here.assert_log_is_clean()


async def test_what_is_too_much_is_refused(log: io.StringIO) -> None:
    target = "/v1/messages"
    cases: dict[str, tuple[bytes, int]] = {
        "a gzip bomb": (post(gzip.compress(bytes(100 * _MIB), 9), KEY, "Content-Encoding: gzip", target=target), 413),
        "a zstd bomb": (post(zstd.compress(bytes(100 * _MIB)), KEY, "Content-Encoding: zstd", target=target), 413),
        "a brotli bomb": (
            post(brotli.compress(bytes(80 * _MIB), quality=1), KEY, "Content-Encoding: br", target=target),
            413,
        ),
        "a declared length": (
            f"POST {target} HTTP/1.1\r\nHost: a\r\n{KEY}\r\nContent-Length: {64 * _MIB + 1}\r\n\r\n".encode(),
            413,
        ),
        "a whole body of blanks": (post(b" " * (64 * _MIB), KEY, target=target), 400),
        "a header": (post(b"{}", KEY, "X-Big: " + "x" * 70_000, target=target), 431),
        "a key": (post(b"{}", "Authorization: Bearer " + "k" * 60_000, target=target), 401),
        "many keys": (post(b"{}", "x-api-key: a", "x-goog-api-key: b", "Authorization: Bearer c", target=target), 401),
        "torn gzip": (post(gzip.compress(b"{}")[:-4], KEY, "Content-Encoding: gzip", target=target), 400),
        "an unknown encoding": (post(b"{}", KEY, "Content-Encoding: exi", target=target), 415),
    }
    async with house(log) as here:
        for name, (request, status) in cases.items():
            answer = await here.send(request)
            assert answer is not None, name
            assert answer.status == status, (name, answer.body)
            if status != 431:  # which never became a request
                assert_native(answer, "anthropic")
        assert here.provider.requests == []
        await here.assert_still_serves()
    here.assert_log_is_clean()


@pytest.mark.parametrize(
    "kind", ["multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=b"]
)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--b--\r\n",
        b"--b\r\n\r\n",
        b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\n\xff\xfe\r\n--b--\r\n',
        b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\n' + b"m" * 100_000 + b"\r\n--b--\r\n",
        b'--b\r\nContent-Disposition: form-data; name="model\r\n--b' * 1000,
    ],
    ids=range(6),
)
async def test_a_form_that_is_none_is_refused(kind: str, body: bytes, log: io.StringIO) -> None:
    async with house(log) as here:
        answer = await here.send(post(body, KEY, f"Content-Type: {kind}", target="/v1/audio/transcriptions"))
        assert answer is not None
        assert 400 <= answer.status < 500
        assert_native(answer, "openai_chat")
        assert here.provider.requests == []
    here.assert_log_is_clean()


# -- hostile providers

_OK = b"HTTP/1.1 200 OK\r\n"
_SSE = _OK + b"content-type: text/event-stream\r\n"
_CHUNKED = _SSE + b"transfer-encoding: chunked\r\n\r\n"
_TEXT = b'data: {"a":"' + b"x" * 1000 + b'"}\n\n'

# What is answered, and whether the provider then keeps the connection open.
PROVIDERS: dict[str, tuple[bytes, bool]] = {
    "no HTTP": (b"SSH-2.0-OpenSSH_9.2\r\n", False),
    "nothing": (b"", False),
    "silence": (b"", True),
    "half a head": (b"HTTP/1.1 200 OK\r\ncontent-ty", True),
    "a head without end": (_OK + b"x: y\r\n" * 100_000, True),
    "a header without end": (_OK + b"x: " + b"y" * 1_000_000, True),
    "interim answers without end": (b"HTTP/1.1 100 Continue\r\n\r\n" * 50_000, True),
    "a bad status": (b"HTTP/1.1 20x OK\r\n\r\n", True),
    "a status of two digits": (b"HTTP/1.1 99 OK\r\ncontent-length: 0\r\n\r\n", True),
    "switching protocols": (b"HTTP/1.1 101 Switching\r\nupgrade: evil\r\n\r\n", True),
    "an injected header": (_OK + b"x-a: b\rset-cookie: evil=1\r\ncontent-length: 2\r\n\r\n{}", True),
    "two lengths": (_OK + b"content-length: 2\r\ncontent-length: 5\r\n\r\n{}evil", True),
    "no chunk size": (_CHUNKED + b"zz\r\nevil\r\n", True),
    "an endless chunk size": (_CHUNKED + b"1" * 100_000, True),
    "a negative chunk": (_CHUNKED + b"-5\r\nhello\r\n", True),
    "chunks that overlap": (_CHUNKED + b"3\r\nabcdef\r\n0\r\n\r\n", True),
    "gzip that nobody asked for": (_SSE + b"content-encoding: gzip\r\n\r\n" + gzip.compress(_TEXT)[:-3], False),
    "a coding that nobody knows": (_SSE + b"content-encoding: exi\r\n\r\nabc", False),
    "a page": (_OK + b"content-type: text/html\r\ncontent-length: 20\r\n\r\n<html>sign in</html>", False),
    "an empty answer": (_OK + b"content-length: 0\r\n\r\n", False),
    "no content": (b"HTTP/1.1 204 No Content\r\n\r\n", False),
    "a redirect": (b"HTTP/1.1 302 Found\r\nlocation: http://evil.example/\r\ncontent-length: 0\r\n\r\n", False),
    "bad UTF-8 in an event": (_CHUNKED + chunked(b'data: {"a":"\xff\xfe\xc0"}\n\n', last=False), True),
    "no JSON in an event": (_CHUNKED + chunked(b"data: <html>\n\n"), False),
    "a deep event": (_CHUNKED + chunked(b"data: " + b"[" * 100_000 + b"\n\n"), False),
    "NaN in an event": (_CHUNKED + chunked(b'data: {"choices":NaN}\n\n'), False),
    "an error that is none": (b"HTTP/1.1 500 X\r\ncontent-length: 6\r\n\r\n\xff\xfe\x00\r\n\x1b", False),
    "an endless error": (b"HTTP/1.1 429 X\r\n\r\n" + b'{"error":' + b"x" * (4 * _MIB), True),
    "a retry-after that is none": (
        b"HTTP/1.1 429 X\r\nretry-after: 1e999\r\ncontent-length: 2\r\n\r\n{}",
        False,
    ),
}


@pytest.mark.parametrize("name", PROVIDERS)
async def test_a_hostile_provider_is_told_of_and_left(name: str, log: io.StringIO) -> None:
    raw, holds = PROVIDERS[name]
    async with house(log, more=_IMPATIENT) as here:
        provider = here.provider
        for protocol, wire in (
            *((each, each) for each in PROTOCOLS),
            ("anthropic", "openai_chat"),
            ("gemini", "anthropic"),
        ):
            provider.raw, provider.holds, provider.left = raw, holds, trio.Event()
            answer = await here.send(with_key(asking(protocol, "m", wire=wire)))
            assert answer is not None
            assert answer.header("set-cookie") is None
            assert answer.header("location") is None
            assert b"evil" not in answer.body
            if answer.header("content-encoding") is not None:
                # It goes by as it came: whoever takes it apart finds out by itself what it is.
                assert raw.endswith(answer.body)
            elif answer.status == 200:
                # It had begun. What the client has ends in an error, or visibly without an end.
                assert not answer.whole or ANSWERS[protocol].failed in answer.body, answer.body[-500:]
            else:
                assert 400 <= answer.status < 600
                assert answer.status != 500 or name in ("an error that is none",)
                assert_native(answer, protocol)
            with trio.fail_after(10):
                await provider.left.wait()
        await here.assert_still_serves()
    here.assert_log_is_clean()


async def test_an_event_without_end_is_cut_off(log: io.StringIO) -> None:
    endless = _CHUNKED + chunked(b"data: " + b"x" * (17 * _MIB), last=False)
    async with house(log, Provider(raw=endless, holds=True)) as here:
        for wire in ("openai_chat", "anthropic"):
            here.provider.raw, here.provider.holds, here.provider.left = endless, True, trio.Event()
            answer = await here.send(with_key(asking("openai_chat", "m", wire=wire)))
            assert answer is not None
            assert answer.status != 200 or not answer.whole or ANSWERS["openai_chat"].failed in answer.body[-1000:]
            with trio.fail_after(10):
                await here.provider.left.wait()
        await here.assert_still_serves()
    here.assert_log_is_clean()
