"""The translating lane, every client protocol with every provider protocol: whole, cut, stalled, refused."""

from __future__ import annotations

import itertools
import json

import pytest
import trio
from trio.testing import MockClock

from tests.support.answers import ANSWERS
from tests.support.houses import Bench, ask, posted
from tests.support.upstreams import Delay, Fault, Script
from trioproxy.errors import ErrorKind
from trioproxy.gateway import pairs
from trioproxy.ledger.entry import Outcome
from trioproxy.protocols.table import NAMES
from trioproxy.upstream.base import Headers
from trioproxy.wire.sse import SSEDecoder

pytestmark = pytest.mark.usefixtures("ends_either_way")

JSON = ((b"content-type", b"application/json"),)
PAIRS = list(itertools.permutations(NAMES, 2))
of_each_pair = pytest.mark.parametrize(("client", "provider"), PAIRS)


def answering(provider: str, *, stream: bool) -> Script:
    answer = ANSWERS[provider]
    return Script(chunks=answer.frames) if stream else Script(headers=JSON, chunks=[answer.whole])


@of_each_pair
@pytest.mark.parametrize("asked", [True, False], ids=["streaming", "whole"])
@pytest.mark.parametrize("answered", [True, False], ids=["streamed", "at-once"])
async def test_streams_and_whole_answers_cross_freely(client: str, provider: str, asked: bool, answered: bool) -> None:
    bench = Bench(answering(provider, stream=answered))
    exchange = await bench.serve(ask(client, of=provider, stream=asked))
    assert exchange.status == 200
    assert exchange.header(b"content-type") == (b"text/event-stream" if asked else b"application/json")
    assert b"hel" in exchange.body
    if asked:
        assert ANSWERS[client].terminal in exchange.body.replace(b'"finishReason":', ANSWERS[client].terminal)
        assert SSEDecoder().feed(exchange.body)
    else:
        json.loads(exchange.body)
    assert (bench.last.outcome, bench.last.lane) == (Outcome.COMPLETE, "translate")


@of_each_pair
async def test_each_event_goes_on_as_soon_as_it_is_there(autojump_clock: MockClock, client: str, provider: str) -> None:
    answer = ANSWERS[provider]
    bench = Bench(Script(chunks=[answer.start, Delay(10), answer.text, Delay(10), *answer.frames[2:]]))
    exchange = ask(client, of=provider)
    seen: list[bytes] = []

    async def look() -> None:
        for _ in range(2):
            await trio.sleep(5)
            seen.append(exchange.body)
            await trio.sleep(5)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(look)
        await bench.serve(exchange)
    assert b"hel" in seen[1]
    assert seen[0] or provider == "gemini" or client == "gemini"


@of_each_pair
@pytest.mark.parametrize("end", [(), (Fault(),), (Delay(),)], ids=["eof", "reset", "silence"])
async def test_a_bad_end_is_told_in_the_clients_words(
    autojump_clock: MockClock, client: str, provider: str, end: tuple[Delay | Fault, ...]
) -> None:
    answer = ANSWERS[provider]
    bench = Bench(Script(chunks=[answer.start, answer.text, answer.text[:30], *end]))
    exchange = await bench.serve(ask(client, of=provider))
    assert ANSWERS[client].failed in exchange.body
    assert ANSWERS[client].terminal not in exchange.body
    assert b'"finishReason":' not in exchange.body
    assert exchange.finished
    assert bench.last.outcome is Outcome.FAILED
    assert bench.last.failure is not None
    assert bench.last.failure.kind in (ErrorKind.TRUNCATED, ErrorKind.TIMEOUT)


# What is whole by its own word and has no terminal behind it: a chat stream without [DONE], and any stream of Gemini's.
CALLED_WHOLE = {
    "openai_chat": ANSWERS["openai_chat"].stream.removesuffix(b"data: [DONE]\n\n"),
    "gemini": ANSWERS["gemini"].stream,
}


@of_each_pair
@pytest.mark.parametrize("asked", [True, False], ids=["streaming", "whole"])
@pytest.mark.parametrize("end", [(), (Fault(),), (Delay(),)], ids=["eof", "reset", "silence"])
async def test_what_was_called_whole_ends_well_whatever_becomes_of_the_transfer(
    autojump_clock: MockClock, client: str, provider: str, asked: bool, end: tuple[Delay | Fault, ...]
) -> None:
    if provider not in CALLED_WHOLE:
        return
    bench = Bench(Script(chunks=[CALLED_WHOLE[provider], *end]))
    exchange = await bench.serve(ask(client, of=provider, stream=asked))
    assert exchange.status == 200
    assert exchange.finished
    assert ANSWERS[client].failed not in exchange.body
    if asked:
        assert ANSWERS[client].terminal in exchange.body.replace(b'"finishReason":', ANSWERS[client].terminal)
    else:
        json.loads(exchange.body)
    assert bench.last.outcome is Outcome.COMPLETE


@of_each_pair
@pytest.mark.parametrize("body", [[], [b" \n"]], ids=["nothing", "blanks"])
async def test_an_answer_without_anything_in_it_is_called_empty(client: str, provider: str, body: list[bytes]) -> None:
    bench = Bench(Script(headers=JSON, chunks=body))
    exchange = await bench.serve(ask(client, of=provider, stream=False))
    assert exchange.status == 502
    assert b"the provider's answer is broken: its body is empty" in exchange.body
    assert bench.last.outcome is Outcome.FAILED


async def test_a_breakdown_that_hangs_is_a_breakdown(autojump_clock: MockClock) -> None:
    broken = ANSWERS["gemini"].end.replace(b'"STOP"', b'"MALFORMED_FUNCTION_CALL"')
    bench = Bench(Script(chunks=[ANSWERS["gemini"].start, broken, Delay()]))
    exchange = await bench.serve(ask("openai_chat", of="gemini"))
    assert b"MALFORMED_FUNCTION_CALL" in exchange.body
    assert ANSWERS["openai_chat"].terminal not in exchange.body
    assert bench.last.outcome is Outcome.FAILED


@of_each_pair
async def test_a_stalled_tool_call_is_told_in_the_clients_words(
    autojump_clock: MockClock, client: str, provider: str
) -> None:
    answer = ANSWERS[provider]
    pings = [step for _ in range(30) for step in (Delay(10), answer.ping)]
    bench = Bench(Script(chunks=[answer.start, answer.text, answer.call, answer.args, *pings]))
    bench.shorten(tool_call=50)
    began = trio.current_time()
    exchange = await bench.serve(ask(client, of=provider))
    assert trio.current_time() - began == pytest.approx(50)
    assert ANSWERS[client].failed in exchange.body
    assert ANSWERS[client].terminal not in exchange.body


@of_each_pair
async def test_a_providers_own_error_keeps_its_message(client: str, provider: str) -> None:
    answer = ANSWERS[provider]
    bench = Bench(Script(chunks=[answer.start, answer.text, answer.error]))
    exchange = await bench.serve(ask(client, of=provider))
    assert ANSWERS[client].failed in exchange.body
    assert b"upstream is full" in exchange.body
    assert ANSWERS[client].terminal not in exchange.body
    assert bench.last.outcome is Outcome.FAILED


@of_each_pair
@pytest.mark.parametrize("stream", [True, False])
async def test_an_error_before_any_content_is_a_status(client: str, provider: str, stream: bool) -> None:
    bench = Bench(Script(chunks=[ANSWERS[provider].error]))
    exchange = await bench.serve(ask(client, of=provider, stream=stream))
    assert exchange.status is not None
    assert exchange.status >= 500
    assert "upstream is full" in json.loads(exchange.body)["error"]["message"]


@of_each_pair
async def test_an_error_status_is_rendered_in_the_clients_words(client: str, provider: str) -> None:
    body = b'{"type":"error","error":{"message":"quota","code":429,"type":"rate_limit_error","status":"RESOURCE_EXHAUSTED"}}'
    headers = (*JSON, (b"retry-after", b"7"), (b"request-id", b"r"), (b"server", b"s"))
    bench = Bench(Script(status=429, headers=headers, chunks=[body]))
    exchange = await bench.serve(ask(client, of=provider))
    assert exchange.status == 429
    assert json.loads(exchange.body)["error"]["message"] == "quota"
    assert exchange.header(b"retry-after") == b"7"
    assert exchange.header(b"request-id") == b"r"
    assert exchange.header(b"server") is None


@of_each_pair
async def test_a_whole_answer_that_breaks_is_an_error_status(client: str, provider: str) -> None:
    half = ANSWERS[provider].whole[:20]
    broken: list[list[bytes | Fault]] = [[half, Fault()], [half], [b"[]"]]
    for chunks in broken:
        bench = Bench(Script(headers=JSON, chunks=chunks))
        exchange = await bench.serve(ask(client, of=provider, stream=False))
        assert exchange.status == 502
        assert json.loads(exchange.body)["error"]["message"]


async def test_a_cut_stream_is_no_whole_answer() -> None:
    answer = ANSWERS["anthropic"]
    bench = Bench(Script(chunks=[answer.start, answer.text]))
    exchange = await bench.serve(ask("openai_chat", of="anthropic", stream=False))
    assert exchange.status == 502
    assert bench.last.outcome is Outcome.FAILED


async def test_a_translated_answer_that_fails_before_its_head_may_fail_over() -> None:
    config = """
claude-api-key:
  - {api-key: ONE, base-url: "http://a.test", models: [{name: anthropic-m}]}
  - {api-key: TWO, base-url: "http://a.test", models: [{name: anthropic-m}]}
"""
    answer = ANSWERS["anthropic"]
    bench = Bench(Script(chunks=[answer.start, answer.text]), Script(chunks=answer.frames), config=config)
    exchange = await bench.serve(ask("openai_chat", of="anthropic", stream=False))
    assert exchange.status == 200
    assert len(bench.upstream.requests) == 2


async def test_the_provider_is_asked_in_its_own_words() -> None:
    bench = Bench(Script(chunks=ANSWERS["anthropic"].frames))
    headers = {"authorization": "Bearer mine", "openai-beta": "b", "user-agent": "agent/1", "x-stainless-lang": "js"}
    await bench.serve(ask("openai_chat", of="anthropic", headers=headers, max_completion_tokens=64))
    [request] = bench.upstream.requests
    told = {name.decode(): value.decode() for name, value in request.headers}
    assert request.url == "http://anthropic.test/v1/messages"
    assert told == {
        "user-agent": "agent/1",
        "accept": "text/event-stream",
        "content-type": "application/json",
        "anthropic-version": "2023-06-01",
        "accept-encoding": "identity",
        "x-api-key": "UPKEY",
        "authorization": "Bearer UPKEY",
    }
    assert bench.sent["model"] == "anthropic-up"
    assert bench.sent["max_tokens"] == 64
    assert bench.sent["stream"] is True


async def test_a_stream_of_gemini_is_asked_for_as_events() -> None:
    bench = Bench(Script(chunks=ANSWERS["gemini"].frames))
    await bench.serve(ask("openai_chat", of="gemini"))
    assert bench.upstream.requests[0].url == "http://gemini.test/v1beta/models/gemini-up:streamGenerateContent?alt=sse"


async def test_a_gemini_client_may_want_a_growing_array() -> None:
    bench = Bench(Script(chunks=ANSWERS["anthropic"].frames))
    exchange = posted(
        "/v1beta/models/anthropic-m:streamGenerateContent", b'{"contents":[{"role":"user","parts":[{"text":"hi"}]}]}'
    )
    await bench.serve(exchange)
    assert exchange.header(b"content-type") == b"application/json"
    elements = json.loads(exchange.body)
    assert elements[-1]["candidates"][0]["finishReason"]


async def test_a_thinking_suffix_outranks_the_body() -> None:
    bench = Bench(Script(chunks=ANSWERS["openai_chat"].frames))
    exchange = ask("anthropic", of="openai_chat", thinking={"type": "disabled"})
    document = json.loads(exchange.request_body) | {"model": "chat-m(high)"}
    await bench.serve(posted("/v1/messages", json.dumps(document).encode()))
    assert bench.sent["reasoning_effort"] == "high"


async def test_what_could_not_be_said_is_counted_and_may_be_shown() -> None:
    bench = Bench(Script(chunks=ANSWERS["anthropic"].frames), settings={"loss_header": True})
    exchange = await bench.serve(ask("openai_chat", of="anthropic", seed=7))
    assert b"seed" in (exchange.header(b"x-trioproxy-loss") or b"")
    assert bench.last.losses >= 1
    assert len(bench.last.lost) == bench.last.losses


async def test_what_cannot_be_said_is_refused_before_anything_is_asked() -> None:
    bench = Bench()
    audio = [{"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}}]}]
    exchange = await bench.serve(ask("openai_chat", of="anthropic", messages=audio))
    assert exchange.status == 400
    assert "audio" in json.loads(exchange.body)["error"]["message"]
    assert bench.upstream.requests == []
    assert bench.last.outcome is Outcome.REFUSED


async def test_a_pair_that_is_not_ready_is_refused_with_the_ways_that_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairs, "READY", frozenset({("gemini", "anthropic")}))
    bench = Bench()
    exchange = await bench.serve(ask("openai_chat", of="anthropic"))
    assert exchange.status == 501
    message = json.loads(exchange.body)["error"]["message"]
    assert "anthropic or gemini" in message
    assert bench.upstream.requests == []


async def test_a_candidate_that_cannot_serve_leaves_those_that_can(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairs, "READY", frozenset())
    config = """
claude-api-key: [{api-key: A, base-url: "http://a.test", models: [{name: m}]}]
openai-compatibility: [{name: c, base-url: "http://c.test/v1", api-key-entries: [{api-key: C}], models: [{name: m}]}]
"""
    bench = Bench(Script(chunks=ANSWERS["openai_chat"].frames), config=config, repeat_last=True)
    for _ in range(2):
        exchange = await bench.serve(posted("/v1/chat/completions", b'{"model":"m","messages":[],"stream":true}'))
        assert exchange.status == 200
    assert {request.url for request in bench.upstream.requests} == {"http://c.test/v1/chat/completions"}


async def test_what_one_candidate_cannot_say_another_may() -> None:
    config = """
claude-api-key: [{api-key: A, base-url: "http://a.test", priority: 5, models: [{name: m}]}]
openai-compatibility: [{name: c, base-url: "http://c.test/v1", api-key-entries: [{api-key: C}], models: [{name: m}]}]
"""
    audio = [{"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}}]}]
    body = json.dumps({"model": "m", "messages": audio, "stream": True}).encode()
    bench = Bench(Script(chunks=ANSWERS["openai_chat"].frames), config=config)
    exchange = await bench.serve(posted("/v1/chat/completions", body))
    assert exchange.status == 200


async def test_tool_names_come_back_as_the_client_knows_them() -> None:
    long = "mcp__" + "server_" * 12 + "__tool"
    tools = [{"type": "function", "function": {"name": long, "parameters": {"type": "object", "properties": {}}}}]
    answer = ANSWERS["gemini"]

    def renamed(request: object) -> Script:
        name = bench.sent["tools"][0]["functionDeclarations"][0]["name"]
        return Script(
            chunks=[frame.replace(b'"name": "f"', b'"name": "%b"' % name.encode()) for frame in answer.frames]
        )

    bench = Bench(renamed)
    exchange = await bench.serve(ask("openai_chat", of="gemini", tools=tools))
    assert f'"name":"{long}"'.encode() in exchange.body.replace(b'": "', b'":"')


async def test_a_body_too_long_to_be_translated_whole_is_an_error() -> None:
    bench = Bench(Script(headers=JSON, chunks=[b"{" + b" " * 2000] * 2), settings={"max_body": 3000})
    exchange = await bench.serve(ask("openai_chat", of="anthropic", stream=False))
    assert exchange.status == 502


def test_every_pair_of_known_protocols_is_listed_once() -> None:
    assert set(PAIRS) >= pairs.READY


STREAMS = ((b"content-type", b"text/event-stream"),)
HEADS = pytest.mark.parametrize("head", [STREAMS, JSON])


@of_each_pair
@pytest.mark.parametrize("stream", [True, False])
async def test_a_body_is_what_it_says_whatever_its_head_says(client: str, provider: str, stream: bool) -> None:
    answer = ANSWERS[provider]
    for headers, body in ((STREAMS, b" \n" + answer.whole), (JSON, b"\n" + answer.stream)):
        bench = Bench(Script(headers=headers, chunks=[body[:1], body[1:9], body[9:]]))
        exchange = await bench.serve(ask(client, of=provider, stream=stream))
        assert exchange.status == 200
        assert b"hel" in exchange.body
        assert bench.last.outcome is Outcome.COMPLETE


@HEADS
async def test_an_error_that_calls_itself_a_stream_keeps_its_words(head: Headers) -> None:
    body = b'{"error":{"message":"no such thing","type":"invalid_request_error","code":"x"}}'
    bench = Bench(Script(headers=head, chunks=[body]))
    exchange = await bench.serve(ask("anthropic", of="openai_chat"))
    assert exchange.status == 400
    assert json.loads(exchange.body)["error"]["message"] == "no such thing"


@HEADS
@pytest.mark.parametrize("body", [b"", b"  ", b"<html>", b"oops"])
async def test_a_body_that_is_nothing_is_an_error(head: Headers, body: bytes) -> None:
    bench = Bench(Script(headers=head, chunks=[body]))
    exchange = await bench.serve(ask("anthropic", of="openai_chat"))
    assert exchange.status == 502
    assert json.loads(exchange.body)["type"] == "error"


async def test_chunks_of_gemini_in_a_list_are_understood() -> None:
    elements = [frame.removeprefix(b"data: ").strip() for frame in ANSWERS["gemini"].frames]
    bench = Bench(Script(headers=JSON, chunks=[b"[", b",".join(elements), b"]"]))
    exchange = await bench.serve(ask("openai_chat", of="gemini"))
    assert exchange.body.endswith(ANSWERS["openai_chat"].terminal + b"\n\n")
