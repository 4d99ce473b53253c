"""Answers that are no streams, heads, and errors as clients see them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Sequence
from typing import Any

import attrs
import pytest
from trio.testing import MockClock

from tests.support.answers import ANSWERS
from tests.support.chunking import cut
from tests.support.houses import Bench, ask, posted
from tests.support.upstreams import Delay, Fault, Script
from trioproxy.config.model import ErrorFormat
from trioproxy.errors import ErrorKind
from trioproxy.ledger.entry import Outcome
from trioproxy.neutral.events import Delta, Event
from trioproxy.neutral.usage import Usage
from trioproxy.protocols import table
from trioproxy.protocols.base import StreamSeen
from trioproxy.protocols.table import NAMES

JSON = ((b"content-type", b"application/json"),)
PROTOCOLS = sorted(ANSWERS)


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_whole_answer_passes_unchanged_and_is_metered(protocol: str) -> None:
    whole = ANSWERS[protocol].whole
    length = (b"content-length", b"%d" % len(whole))
    bench = Bench(Script(headers=(*JSON, length), chunks=[whole[:9], whole[9:]]))
    exchange = await bench.serve(ask(protocol, stream=False))
    assert exchange.body == whole
    assert exchange.header(b"content-length") == length[1]
    assert bench.last.outcome is Outcome.COMPLETE
    assert bench.last.usage == Usage(input=3, output=2)


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_stream_is_metered(protocol: str) -> None:
    bench = Bench(Script(chunks=ANSWERS[protocol].frames))
    await bench.serve(ask(protocol))
    expected = None if protocol == "openai_chat" else Usage(input=3, output=2)
    assert bench.last.usage == expected
    assert bench.last.observed


async def test_a_length_beside_chunks_is_not_the_bodys() -> None:
    whole = ANSWERS["openai_chat"].whole
    framing = ((b"content-length", b"5"), (b"transfer-encoding", b"chunked"))
    bench = Bench(Script(headers=(*JSON, *framing), chunks=[whole]))
    exchange = await bench.serve(ask("openai_chat", stream=False))
    assert exchange.body == whole
    assert exchange.header(b"content-length") is None
    assert bench.last.outcome is Outcome.COMPLETE


async def test_a_cut_whole_answer_is_broken_off() -> None:
    whole = ANSWERS["anthropic"].whole
    length = (b"content-length", b"%d" % len(whole))
    bench = Bench(Script(headers=(*JSON, length), chunks=[whole[:9], Fault()]))
    exchange = await bench.serve(ask("anthropic", stream=False))
    assert (exchange.body, exchange.aborted) == (whole[:9], True)
    assert bench.last.outcome is Outcome.FAILED


async def test_a_whole_answer_that_breaks_before_its_first_byte_is_a_502() -> None:
    bench = Bench(Script(headers=(*JSON, (b"content-length", b"99")), chunks=[Fault()]))
    exchange = await bench.serve(ask("anthropic", stream=False))
    assert exchange.status == 502
    assert json.loads(exchange.body)["type"] == "error"


async def test_an_empty_answer_is_a_502() -> None:
    bench = Bench(Script(headers=JSON, chunks=[]))
    exchange = await bench.serve(ask("anthropic", stream=False))
    assert exchange.status == 502


async def test_an_empty_answer_of_another_operation_passes() -> None:
    bench = Bench(Script(status=204, headers=(), chunks=[]))
    exchange = await bench.serve(posted("/v1/audio/speech", b'{"model":"chat-m","input":"x"}'))
    assert (exchange.status, exchange.body) == (204, b"")
    assert bench.last.outcome is Outcome.COMPLETE


async def test_other_operations_pass_whatever_they_are() -> None:
    sound = bytes(range(256))
    bench = Bench(Script(headers=((b"content-type", b"audio/mpeg"),), chunks=[sound]))
    exchange = await bench.serve(posted("/v1/audio/speech", b'{"model":"chat-m","input":"x"}'))
    assert (exchange.header(b"content-type"), exchange.body) == (b"audio/mpeg", sound)


async def test_an_error_body_behind_a_200_is_passed_and_told_as_a_failure() -> None:
    body = b'{"type":"error","error":{"type":"overloaded_error","message":"full"}}'
    bench = Bench(Script(headers=JSON, chunks=[body]))
    exchange = await bench.serve(ask("anthropic", stream=False))
    assert (exchange.status, exchange.body) == (200, body)
    assert bench.last.outcome is Outcome.FAILED


async def test_a_whole_body_that_is_not_json_passes_unmetered() -> None:
    bench = Bench(Script(headers=JSON, chunks=[b"not json"]))
    exchange = await bench.serve(ask("anthropic", stream=False))
    assert exchange.body == b"not json"
    assert (bench.last.outcome, bench.last.observed, bench.last.usage) == (Outcome.COMPLETE, False, None)


async def test_a_very_long_whole_body_passes_unmetered() -> None:
    pieces = [b'{"x":"' + b"y" * 4_000_000, b"y" * 5_000_000, b'"}']
    bench = Bench(Script(headers=JSON, chunks=pieces))
    exchange = await bench.serve(ask("anthropic", stream=False))
    assert exchange.body == b"".join(pieces)
    assert not bench.last.observed


async def test_a_whole_answer_has_its_own_deadline(autojump_clock: MockClock) -> None:
    bench = Bench(Script(headers=JSON, chunks=[b"{", *(step for _ in range(20) for step in (Delay(100), b" "))]))
    exchange = await bench.serve(ask("anthropic", stream=False))
    assert exchange.aborted
    assert bench.last.failure is not None
    assert "timeouts.response" in bench.last.failure.message


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_whole_answer_to_a_request_for_a_stream_is_told_as_a_stream(protocol: str) -> None:
    answer = ANSWERS[protocol]
    bench = Bench(Script(headers=JSON, chunks=[answer.whole[:9], answer.whole[9:]]))
    exchange = await bench.serve(ask(protocol))
    assert exchange.header(b"content-type") == b"text/event-stream"
    assert answer.terminal in exchange.body
    assert b"data: " in exchange.body
    assert b"hello" in exchange.body
    assert answer.failed not in exchange.body
    assert (bench.last.outcome, bench.last.usage) == (Outcome.COMPLETE, Usage(input=3, output=2))


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_stream_to_a_request_for_one_body_is_told_as_one(protocol: str) -> None:
    answer = ANSWERS[protocol]
    bench = Bench(Script(chunks=answer.frames))
    exchange = await bench.serve(ask(protocol, stream=False))
    assert exchange.header(b"content-type") == b"application/json"
    said = json.dumps(json.loads(exchange.body))
    assert "hello" in said
    assert '"f"' in said
    assert bench.last.outcome is Outcome.COMPLETE


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_torn_stream_to_a_request_for_one_body_is_no_answer(protocol: str) -> None:
    answer = ANSWERS[protocol]
    bench = Bench(Script(chunks=[answer.start, answer.text, Fault()]), repeat_last=True)
    exchange = await bench.serve(ask(protocol, stream=False))
    assert exchange.status == 502
    assert "error" in json.loads(exchange.body)
    assert bench.last.outcome is Outcome.FAILED


async def test_a_stream_of_events_is_geminis_array_for_who_asked_for_that() -> None:
    bench = Bench(Script(chunks=ANSWERS["gemini"].frames))
    exchange = await bench.serve(posted("/v1beta/models/gemini-m:streamGenerateContent", b'{"contents":[]}'))
    assert exchange.header(b"content-type") == b"application/json"
    elements = json.loads(exchange.body)
    assert [part["text"] for each in elements[:2] for part in each["candidates"][0]["content"]["parts"]] == [
        "hel",
        "lo",
    ]
    assert elements[-1]["candidates"][0]["finishReason"]


@pytest.mark.parametrize("protocol", NAMES)
async def test_an_error_behind_a_200_is_no_answer_to_a_request_for_a_stream(protocol: str) -> None:
    said = {"type": "error", "error": {"type": "overloaded_error", "message": "too much", "code": 503}}
    bench = Bench(Script(headers=JSON, chunks=[json.dumps(said).encode()]), repeat_last=True)
    exchange = await bench.serve(ask(protocol))
    assert exchange.status in (500, 502, 503, 529)
    assert json.loads(exchange.body)["error"]["message"] == "too much"
    assert bench.last.outcome is Outcome.FAILED


@pytest.mark.parametrize("headers", [(), ((b"content-type", b"text/plain"),)])
async def test_a_stream_that_does_not_say_so_is_observed_all_the_same(headers: Any) -> None:
    answer = ANSWERS["openai_chat"]
    bench = Bench(Script(headers=headers, chunks=[answer.start]))
    exchange = await bench.serve(ask("openai_chat"))
    assert answer.failed in exchange.body
    assert exchange.header(b"content-type") == b"text/event-stream"


@pytest.mark.parametrize("said", [b"text/event-stream; charset=utf-8", b"Text/Event-Stream"])
async def test_the_type_of_a_stream_that_says_so_passes_as_it_is(said: bytes) -> None:
    bench = Bench(Script(headers=((b"content-type", said),), chunks=ANSWERS["openai_chat"].frames))
    exchange = await bench.serve(ask("openai_chat"))
    assert [value for name, value in exchange.headers if name == b"content-type"] == [said]


async def test_geminis_growing_array_is_a_stream() -> None:
    elements = [json.loads(frame.removeprefix(b"data: ")) for frame in ANSWERS["gemini"].frames]
    pieces = [
        b"[" + json.dumps(elements[0]).encode(),
        *[b",\r\n" + json.dumps(each).encode() for each in elements[1:]],
        b"]",
    ]
    target = "/v1beta/models/gemini-m:streamGenerateContent"
    bench = Bench(Script(headers=JSON, chunks=pieces))
    exchange = await bench.serve(posted(target, b'{"contents":[]}'))
    assert exchange.body == b"".join(pieces)
    assert bench.last.outcome is Outcome.COMPLETE
    cut = Bench(Script(headers=JSON, chunks=pieces[:2]))
    exchange = await cut.serve(posted(target, b'{"contents":[]}'))
    told = json.loads(exchange.body)
    assert told[:2] == elements[:2]
    assert told[2]["error"]["status"]
    assert cut.last.outcome is Outcome.FAILED
    torn = Bench(Script(headers=JSON, chunks=[pieces[0], pieces[1][:20]]))
    exchange = await torn.serve(posted(target, b'{"contents":[]}'))
    assert exchange.aborted  # nothing can stand behind half an element
    assert torn.last.outcome is Outcome.FAILED


async def test_vendor_headers_pass_and_those_of_one_hop_do_not() -> None:
    headers = (
        (b"content-type", b"text/event-stream; charset=utf-8"),
        (b"cache-control", b"no-store"),
        (b"x-request-id", b"theirs"),
        (b"openai-processing-ms", b"5"),
        (b"x-ratelimit-remaining-tokens", b"9"),
        (b"set-cookie", b"a=b"),
        (b"server", b"cloudflare"),
        (b"transfer-encoding", b"chunked"),
        (b"connection", b"keep-alive"),
        (b"content-length", b"5"),
    )
    bench = Bench(Script(headers=headers, chunks=ANSWERS["openai_chat"].frames))
    exchange = await bench.serve(ask("openai_chat"))
    assert exchange.headers == headers[:5]


@pytest.mark.parametrize("of", ["openai_chat", "anthropic"])
@pytest.mark.parametrize("status", [200, 429])
async def test_an_exchange_has_an_id_where_the_clients_sdk_looks_for_it(of: str, status: int) -> None:
    """Anthropic's reads `request-id` alone, and its errors have it in their body."""
    good, bad = ANSWERS[of].frames, [b'{"error":{"message":"m","type":"t"}}']
    headers = JSON if status == 429 else ((b"content-type", b"text/event-stream"),)
    bench = Bench(Script(status=status, headers=headers, chunks=good if status == 200 else bad))
    exchange = await bench.serve(ask("anthropic", of=of))
    told = bench.last.id
    assert exchange.header(b"request-id") == exchange.header(b"x-request-id") == told.encode()
    if status == 429:
        assert json.loads(exchange.body)["request_id"] == told
    other = Bench(Script(chunks=ANSWERS["openai_chat"].frames))
    assert (await other.serve(ask("openai_chat"))).header(b"request-id") is None


ERRORS = [
    (b"", "upstream_error_body_empty"),
    (b"oops", "upstream_error_body_non_json"),
    (b'{"x":1}', "upstream_error_body_unknown_shape"),
    (b'{"detail":[{"msg":"a"},{"msg":"b"}]}', "upstream_error"),
]


@pytest.mark.parametrize("protocol", ["openai_chat", "openai_responses", "anthropic"])
@pytest.mark.parametrize(("body", "kind"), ERRORS)
async def test_an_error_without_a_usable_shape_is_given_one(protocol: str, body: bytes, kind: str) -> None:
    bench = Bench(Script(status=500, headers=JSON, chunks=[body] if body else []))
    exchange = await bench.serve(ask(protocol))
    assert exchange.status == 500
    error = json.loads(exchange.body)["error"]
    assert error["status"] == 500
    assert error["type"] == kind
    if body.startswith(b'{"detail"'):
        assert error["message"] == "a; b"
    assert "code" not in error or error["code"] is None


async def test_errors_as_text() -> None:
    bench = Bench(
        Script(
            status=429, headers=(*JSON, (b"retry-after", b"3")), chunks=[b'{"error":{"message":"quota","type":"t"}}']
        ),
        settings={"error_format": ErrorFormat.TEXT},
    )
    exchange = await bench.serve(ask("openai_chat"))
    assert exchange.status == 429
    assert exchange.header(b"content-type") == b"text/plain; charset=utf-8"
    assert exchange.header(b"retry-after") == b"3"
    assert exchange.body == b"quota"


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_an_unknown_model_is_refused_in_the_clients_words(protocol: str) -> None:
    bench = Bench()
    body = b'{"model":"chat-n","messages":[],"input":"x","max_tokens":1,"contents":[]}'
    targets = {
        "openai_chat": "/v1/chat/completions",
        "openai_responses": "/v1/responses",
        "anthropic": "/v1/messages",
        "gemini": "/v1beta/models/chat-n:generateContent",
    }
    exchange = await bench.serve(posted(targets[protocol], body))
    assert exchange.status == 404
    assert "chat-m" in json.loads(exchange.body)["error"]["message"]
    assert bench.last.outcome is Outcome.REFUSED


async def test_a_compressed_answer_passes_as_it_is_and_nothing_is_added() -> None:
    packed = gzip.compress(ANSWERS["openai_chat"].start)
    headers = ((b"content-type", b"text/event-stream"), (b"content-encoding", b"gzip"))
    bench = Bench(Script(headers=headers, chunks=[packed[:9], packed[9:]]))
    exchange = await bench.serve(ask("openai_chat"))
    assert exchange.body == packed
    assert exchange.header(b"content-encoding") == b"gzip"
    assert (bench.last.outcome, bench.last.observed) == (Outcome.COMPLETE, False)


PACKED = ((b"content-type", b"text/event-stream"), (b"content-encoding", b"gzip"))


async def test_a_compressed_answer_is_unpacked_to_be_translated() -> None:
    packed = gzip.compress(ANSWERS["openai_chat"].stream)
    bench = Bench(Script(headers=PACKED, chunks=cut(packed, 5)))
    exchange = await bench.serve(ask("anthropic", of="openai_chat"))
    assert exchange.status == 200
    assert exchange.header(b"content-encoding") is None
    assert exchange.body.endswith(b'event: message_stop\ndata: {"type":"message_stop"}\n\n')


@pytest.mark.parametrize("broken", [b"\x1f\x8b nonsense", gzip.compress(ANSWERS["openai_chat"].stream)[:40]])
async def test_a_compressed_answer_that_is_broken_is_a_failure(broken: bytes) -> None:
    bench = Bench(Script(headers=PACKED, chunks=[broken]))
    exchange = await bench.serve(ask("anthropic", of="openai_chat"))
    assert b"message_stop" not in exchange.body
    assert b"can't be unpacked" in exchange.body


async def test_an_answer_in_an_unknown_coding_can_not_be_translated() -> None:
    headers = ((b"content-type", b"text/event-stream"), (b"content-encoding", b"rot13"))
    bench = Bench(Script(headers=headers, chunks=[ANSWERS["openai_chat"].stream]))
    exchange = await bench.serve(ask("anthropic", of="openai_chat"))
    assert exchange.status == 502
    assert "compressed" in json.loads(exchange.body)["error"]["message"]


@pytest.mark.parametrize(("coding", "said"), [(b"gzip", "told so"), (b"rot13", "compressed")])
async def test_a_compressed_error_keeps_its_status_and_its_words(coding: bytes, said: str) -> None:
    body = gzip.compress(b'{"error":{"message":"told so","type":"t"}}')
    bench = Bench(Script(status=503, headers=(*JSON, (b"content-encoding", coding)), chunks=[body]))
    exchange = await bench.serve(ask("openai_chat"))
    assert exchange.status == 503
    assert exchange.header(b"content-encoding") is None
    assert said in json.loads(exchange.body)["error"]["message"]


@attrs.define(eq=False)
class BrokenReader:
    """A reader with a bug."""

    seen: StreamSeen = attrs.field(factory=StreamSeen)

    def feed(self, item: object, /) -> list[Event]:
        raise ZeroDivisionError

    forgets: frozenset[type[Delta]] = frozenset()

    counter = b""

    def look(self, item: object, /) -> None:
        return None

    skim = look

    def grew(self, model: Delta, texts: Sequence[str], number: int | None, /) -> None:
        raise ZeroDivisionError

    def close(self) -> list[Event]:
        raise ZeroDivisionError


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def read_body(document: object) -> list[Event]:
        raise ZeroDivisionError

    spoilt = attrs.evolve(
        table.protocol("openai_chat"), stream_reader=BrokenReader, read_body=read_body, glance=read_body
    )
    found = {name: table.protocol(name) for name in table.NAMES} | {"openai_chat": spoilt}
    monkeypatch.setattr(table, "protocol", found.__getitem__)
    table.match.cache_clear()
    yield
    table.match.cache_clear()


async def test_an_observer_with_a_bug_never_touches_the_bytes(broken: None) -> None:
    answer = ANSWERS["openai_chat"]
    for chunks in (answer.frames, [answer.start, answer.text], [answer.stream]):
        bench = Bench(Script(chunks=chunks))
        exchange = await bench.serve(ask("openai_chat"))
        assert exchange.body == b"".join(chunks)
        assert exchange.finished
        assert (bench.last.outcome, bench.last.observed) == (Outcome.COMPLETE, False)


async def test_without_an_observer_a_broken_transfer_is_broken_off(broken: None) -> None:
    answer = ANSWERS["openai_chat"]
    bench = Bench(Script(chunks=[answer.start, Fault()]))
    exchange = await bench.serve(ask("openai_chat"))
    assert (exchange.body, exchange.aborted) == (answer.start, True)


async def test_an_observer_of_whole_bodies_with_a_bug_never_touches_them(broken: None) -> None:
    whole = ANSWERS["openai_chat"].whole
    bench = Bench(Script(headers=JSON, chunks=[whole]))
    exchange = await bench.serve(ask("openai_chat", stream=False))
    assert (exchange.body, bench.last.outcome, bench.last.observed) == (whole, Outcome.COMPLETE, False)


async def test_a_bug_of_ours_is_a_500_and_is_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import logging

    monkeypatch.setattr(logging.getLogger("trioproxy"), "propagate", True)
    bench = Bench()
    bench.gateway.failover = None  # type: ignore[assignment]
    exchange = await bench.serve(ask("openai_chat"))
    assert exchange.status == 500
    assert b"NoneType" not in exchange.body
    assert "AttributeError" in caplog.text
    assert bench.last.failure is not None
    assert bench.last.failure.kind is ErrorKind.INTERNAL


@pytest.mark.parametrize("protocol", ["anthropic"])
async def test_a_rule_for_answers_may_fill_in_what_an_imitation_leaves_out(protocol: str) -> None:
    config = """
claude-api-key:
  - {api-key: K, base-url: "http://imitation.test", quirks: [fill-anthropic-answer], models: [{name: anthropic-m}]}
"""
    answer = ANSWERS["anthropic"]
    bench = Bench(Script(chunks=[b": hello\n\n", *answer.frames]), config=config)
    exchange = await bench.serve(ask("anthropic"))
    assert b'"caller":{"type":"direct"}' in exchange.body
    assert exchange.body.endswith(answer.end)
    assert bench.last.outcome is Outcome.COMPLETE
    document = json.loads(answer.whole)
    del document["type"]
    whole = Bench(
        Script(headers=(*JSON, (b"content-length", b"1")), chunks=[json.dumps(document).encode()]), config=config
    )
    exchange = await whole.serve(ask("anthropic", stream=False))
    assert json.loads(exchange.body)["type"] == "message"
    assert exchange.header(b"content-length") is None
    whole_text = Bench(Script(headers=JSON, chunks=[b"no json"]), config=config)
    assert (await whole_text.serve(ask("anthropic", stream=False))).body == b"no json"


QUOTING = "openai-compatibility: [{name: c, base-url: 'http://up.test/v1', api-key-entries: [{api-key: %s}], models: [{name: chat-m}]}]"


@pytest.mark.parametrize("form", ErrorFormat)
@pytest.mark.parametrize(("key", "told"), [("sk-secret-of-ours", "no key ***"), ("none", "no key none")])
async def test_an_error_does_not_tell_the_client_the_providers_key(form: ErrorFormat, key: str, told: str) -> None:
    said = json.dumps({"error": {"message": f"no key {key}", "type": "t", "code": "c"}}).encode()
    config = QUOTING % key + "\ndisable-cooling: true"
    bench = Bench(
        Script(status=401, headers=JSON, chunks=[said[:40], said[40:]]), config=config, settings={"error_format": form}
    )
    exchange = await bench.serve(ask("openai_chat"))
    assert exchange.status == 401
    assert told in exchange.body.decode()
