"""Usage asked for in a client's place, and taken out of the answer again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.config.making import made
from tests.support.houses import Bench, ask, posted
from tests.support.upstreams import Script
from trioproxy.gateway import passages
from trioproxy.gateway.metering import ASK_FOR_USAGE, UsageDropper, asking_for_usage
from trioproxy.neutral.usage import Usage
from trioproxy.protocols.base import PeekRequest
from trioproxy.protocols.table import match
from trioproxy.wire.splice import inserted

pytestmark = pytest.mark.usefixtures("ends_either_way")

CONFIG = """
openai-compatibility:
  - {name: chat, base-url: "http://chat.test/v1", api-key-entries: [{api-key: K}], models: [{name: chat-up, alias: chat-m}], %s}
"""
ASKED, UNASKED = CONFIG % "include-usage: true", CONFIG % "priority: 0"


def chunk(**members: Any) -> bytes:
    document = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "chat-up", **members}
    return b"data: " + json.dumps(document, separators=(",", ":")).encode() + b"\n\n"


def choice(delta: Any, reason: str | None = None) -> Any:
    return [{"index": 0, "delta": delta, "finish_reason": reason}]


ROLE = chunk(choices=choice({"role": "assistant", "content": ""}), usage=None)
TEXT = chunk(choices=choice({"content": 'say \\"finish_reason\\":\\"stop\\" and "usage":{}'}), usage=None)
LAST = chunk(choices=choice({}, "stop"), usage=None)
USAGE = chunk(choices=[], usage={"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12})
DONE = b"data: [DONE]\n\n"
STREAM = ROLE + TEXT + LAST + USAGE + DONE
KEPT = ROLE + TEXT + LAST + DONE


def peeked(body: bytes, path: str = "/v1/chat/completions") -> Any:
    (door,) = match(path)
    return door.protocol.peek(
        PeekRequest(endpoint=door.endpoint, params=door.params, query="", content_type="", body=body)
    )


def with_usage(body: bytes, **options: str) -> bytes | None:
    return asking_for_usage(peeked(body, **options), body)


@pytest.mark.parametrize(
    ("body", "sent"),
    [
        (
            b'{"model":"m","stream":true}',
            b'{"stream_options":{"include_usage":true},"model":"m","stream":true}',
        ),
        (
            b' {\n "model" : "m",\n "stream" : true }\n',
            b' {"stream_options":{"include_usage":true},\n "model" : "m",\n "stream" : true }\n',
        ),
        (
            b'{"model":"m","stream":true,"stream_options" : null , "n":1}',
            b'{"model":"m","stream":true,"stream_options" : {"include_usage":true} , "n":1}',
        ),
        (
            b'{"model":"m","stream":true,"stream_options":{ }}',
            b'{"model":"m","stream":true,"stream_options":{"include_usage":true }}',
        ),
        (
            b'{"model":"m","stream":true,"stream_options":{"include_obfuscation": false}}',
            b'{"model":"m","stream":true,"stream_options":{"include_usage":true,"include_obfuscation": false}}',
        ),
    ],
)
def test_one_member_is_spliced_in_and_no_other_byte_moves(body: bytes, sent: bytes) -> None:
    assert with_usage(body) == sent
    assert json.loads(sent)["stream_options"]["include_usage"] is True


@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"m"}',
        b'{"model":"m","stream":false}',
        b'{"model":"m","stream":true,"stream_options":{"include_usage":true}}',
        b'{"model":"m","stream":true,"stream_options":{"include_usage":false}}',
        b'{"model":"m","stream":true,"stream_options":{"include_usage":null}}',
        b'{"model":"m","stream":true,"stream_options":7}',
        b'{"model":"m","stream":true,"stream_options":{},"stream_options":{"x":1}}',
    ],
)
def test_who_said_something_of_it_or_does_not_stream_is_left_alone(body: bytes) -> None:
    assert with_usage(body) is None


@pytest.mark.parametrize("path", ["/v1/responses", "/v1/completions", "/v1/messages"])
def test_other_operations_are_left_alone(path: str) -> None:
    assert with_usage(b'{"model":"m","stream":true,"max_tokens":1}', path=path) is None


@pytest.mark.parametrize(
    ("body", "whole"), [(b"{}", b'{"a":1}'), (b" { } ", b' {"a":1 } '), (b'{"b":{}}', b'{"a":1,"b":{}}')]
)
def test_a_member_is_inserted(body: bytes, whole: bytes) -> None:
    assert inserted(body, "a", b"1") == whole


def dropped(pieces: Iterator[bytes] | list[bytes]) -> bytes:
    dropper = UsageDropper()
    return b"".join([dropper.feed(piece) for piece in pieces]) + dropper.close()


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_the_usage_chunk_goes_and_nothing_else_at_every_byte_border(end: bytes) -> None:
    stream, kept = STREAM.replace(b"\n", end), KEPT.replace(b"\n", end)
    assert dropped([stream]) == kept
    assert dropped([stream[at : at + 1] for at in range(len(stream))]) == kept
    for at in range(len(stream)):
        assert dropped([stream[:at], stream[at:]]) == kept, at
        assert dropped([stream[:at], stream[at : at + 9], stream[at + 9 :]]) == kept, at


EVENTS = (ROLE, TEXT, LAST, USAGE, DONE, b": a comment\n\n", b"event: x\n" + TEXT)


@given(st.lists(st.sampled_from(EVENTS), max_size=8), st.sampled_from([b"\n", b"\r\n", b"\r"]), st.data())
def test_whatever_comes_in_whatever_pieces(events: list[bytes], end: bytes, data: st.DataObject) -> None:
    stream = b"".join([LAST, *events]).replace(b"\n", end)
    kept = b"".join([LAST, *(event for event in events if event != USAGE)]).replace(b"\n", end)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    assert dropped([stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]) == kept


def test_nothing_waits_before_the_last_word_and_whole_events_never_do() -> None:
    dropper = UsageDropper()
    early = ROLE + TEXT
    for at in range(len(early)):
        assert dropper.feed(early[at : at + 1]) == early[at : at + 1]
    assert dropper.feed(LAST) == LAST
    assert dropper.feed(USAGE) == b""
    assert dropper.feed(DONE) == DONE


@pytest.mark.parametrize(
    "stream",
    [
        ROLE + TEXT + LAST + DONE,
        ROLE + chunk(choices=choice({}, "stop"), usage={"prompt_tokens": 1}) + DONE,
        ROLE + LAST + chunk(choices=[], usage=None) + DONE,
        ROLE + LAST + chunk(choices=[]) + DONE,
        ROLE + LAST + b": a comment\n\n" + b'data: {"usage": {]\n\n' + DONE,
        ROLE + LAST + b'data: {"error":{"message":"m","usage":{}}}\n\n',
        ROLE + TEXT,
        b"",
        b"half an ev",
    ],
)
def test_everything_else_passes(stream: bytes) -> None:
    assert dropped([stream]) == stream
    assert dropped([stream[at : at + 1] for at in range(len(stream))]) == stream


@pytest.mark.parametrize(
    ("stream", "kept"),
    [
        (ROLE + USAGE + DONE, ROLE + DONE),
        (ROLE + LAST + USAGE.rstrip(b"\n"), ROLE + LAST),
        (ROLE + LAST + DONE.rstrip(b"\n"), ROLE + LAST + DONE.rstrip(b"\n")),
        (ROLE + LAST + b"event: x\n" + USAGE + LAST + DONE, ROLE + LAST + LAST + DONE),
    ],
)
def test_odd_ends(stream: bytes, kept: bytes) -> None:
    assert dropped([stream]) == kept
    assert dropped([ROLE, stream[len(ROLE) :]]) == kept


async def test_a_client_that_did_not_ask_is_metered_and_sees_nothing_of_it() -> None:
    bench = Bench(Script(chunks=[ROLE, TEXT + LAST, USAGE[:20], USAGE[20:] + DONE]), config=ASKED)
    exchange = await bench.serve(ask("openai_chat"))
    assert bench.sent["stream_options"] == {"include_usage": True}
    assert exchange.body == KEPT
    assert bench.last.usage == Usage(input=7, output=5)
    assert bench.last.lane == "pass"


async def test_a_client_that_asked_gets_it() -> None:
    bench = Bench(Script(chunks=[STREAM]), config=ASKED)
    exchange = await bench.serve(ask("openai_chat", stream_options={"include_usage": True}))
    assert exchange.body == STREAM
    assert bench.last.usage == Usage(input=7, output=5)


async def test_a_server_nobody_vouches_for_is_asked_what_the_client_asked_to_the_byte() -> None:
    bench = Bench(Script(chunks=[STREAM]), config=UNASKED)
    body = b'{ "model":"chat-m", "stream" : true, "messages":[] }'
    exchange = await bench.serve(posted("/v1/chat/completions", body))
    assert bench.upstream.requests[-1].body == body.replace(b"chat-m", b"chat-up")
    assert exchange.body == STREAM


async def test_a_whole_answer_is_not_touched() -> None:
    whole = b'{"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}],"usage":{}}'
    bench = Bench(Script(chunks=[whole], headers=((b"content-type", b"application/json"),)), config=ASKED)
    exchange = await bench.serve(ask("openai_chat", stream=False))
    assert exchange.body == whole


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("openai-api-key: [{api-key: k}]", True),
        ('openai-api-key: [{api-key: k, base-url: "http://127.0.0.1:9/v1"}]', True),
        ('openai-api-key: [{api-key: k, base-url: "https://gateway.example/v1"}]', False),
        ('openai-api-key: [{api-key: k, base-url: "https://gateway.example/v1", include-usage: true}]', True),
        ("openai-api-key: [{api-key: k, include-usage: false}]", False),
        ("openai-api-key: [{api-key: k, include-usage: false, quirks: [ask-for-usage]}]", False),
        ('openai-compatibility: [{name: c, base-url: "http://127.0.0.1:9/v1"}]', False),
        ('openai-compatibility: [{name: c, base-url: "http://127.0.0.1:9/v1", quirks: [ask-for-usage]}]', True),
        ("mistral: [{api-key: k}]", False),
        ("together: [{api-key: k}]", False),
        ("groq: [{api-key: k}]", True),
    ],
)
def test_who_is_asked(text: str, rule: bool) -> None:
    (credential,) = made(text).credentials
    assert (ASK_FOR_USAGE in credential.quirks) is rule


JSON_HEAD = ((b"content-type", b"application/json; charset=utf-8"),)
EMBEDDED = json.dumps(
    {"object": "list", "data": [{"embedding": [0.25] * 50}], "usage": {"prompt_tokens": 9, "total_tokens": 9}}
).encode()
ELSEWHERE = """
codex-api-key: [{api-key: K, base-url: "http://responses.test/v1", models: [{name: r-up, alias: r-m}]}]
gemini-api-key: [{api-key: K, base-url: "http://gemini.test", models: [{name: g-up, alias: g-m}]}]
"""


async def test_what_is_no_answer_is_metered_too() -> None:
    bench = Bench(Script(chunks=[EMBEDDED[:100], EMBEDDED[100:]], headers=JSON_HEAD), config=UNASKED)
    exchange = await bench.serve(posted("/v1/embeddings", b'{"model":"chat-m","input":"x"}'))
    assert exchange.body == EMBEDDED
    assert bench.last.usage == Usage(input=9)


async def test_legacy_completions_are_metered() -> None:
    body = b'{"choices":[{"text":"hi","index":0}],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}'
    bench = Bench(Script(chunks=[body], headers=JSON_HEAD), config=UNASKED)
    exchange = await bench.serve(posted("/v1/completions", b'{"model":"chat-m","prompt":"x"}'))
    assert exchange.body == body
    assert bench.last.usage == Usage(input=3, output=2)


async def test_a_compaction_is_metered() -> None:
    body = b'{"object":"response.compaction","output":[],"usage":{"input_tokens":3,"output_tokens":2,"total_tokens":5}}'
    bench = Bench(Script(chunks=[body], headers=JSON_HEAD), config=ELSEWHERE)
    exchange = await bench.serve(posted("/v1/responses/compact", b'{"model":"r-m","input":"x"}'))
    assert exchange.body == body
    assert bench.last.usage is not None
    assert (bench.last.usage.input, bench.last.usage.output) == (3, 2)


async def test_an_embedding_of_gemini_is_metered() -> None:
    body = b'{"embedding":{"values":[0.5]},"usageMetadata":{"promptTokenCount":4}}'
    bench = Bench(Script(chunks=[body], headers=JSON_HEAD), config=ELSEWHERE)
    exchange = await bench.serve(posted("/v1beta/models/g-m:embedContent", b'{"content":{"parts":[{"text":"x"}]}}'))
    assert exchange.body == body
    assert bench.last.usage is not None
    assert bench.last.usage.input == 4


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[1]",
        b"{",
        b'{"usage": {',
        b'{"data":[]}',
        b'{"usage":null}',
        b'{"usage":7}',
        b'{"data":["usage"]}',
        b'{"data":{"usage":{"prompt_tokens":1}}}',
    ],
)
async def test_where_nothing_is_told_nothing_is_known_and_the_bytes_pass(body: bytes) -> None:
    bench = Bench(Script(chunks=[body], headers=JSON_HEAD), config=UNASKED)
    exchange = await bench.serve(posted("/v1/embeddings", b'{"model":"chat-m","input":"x"}'))
    assert exchange.body == body
    assert bench.last.usage is None


async def test_a_sound_is_not_kept_to_be_looked_at() -> None:
    bench = Bench(Script(chunks=[b"RIFF" * 5000], headers=((b"content-type", b"audio/wav"),)), config=UNASKED)
    exchange = await bench.serve(posted("/v1/audio/speech", b'{"model":"chat-m","input":"x","voice":"v"}'))
    assert exchange.body == b"RIFF" * 5000
    assert bench.last.usage is None


async def test_a_body_of_very_many_numbers_passes_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passages, "MOST_OBSERVED", 100)
    bench = Bench(Script(chunks=[EMBEDDED[:90], EMBEDDED[90:]], headers=JSON_HEAD), config=UNASKED)
    exchange = await bench.serve(posted("/v1/embeddings", b'{"model":"chat-m","input":"x"}'))
    assert exchange.body == EMBEDDED
    assert bench.last.usage is None
