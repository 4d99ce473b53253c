"""``count_tokens`` through the gateway: passed, translated, estimated."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.exchanges import MemoryExchange
from tests.support.houses import SIMPLE, Bench, posted
from tests.support.upstreams import Fault, Script
from trioproxy.errors import ErrorKind, Failure
from trioproxy.gateway.counts import CountTranslation
from trioproxy.gateway.estimates import BY_BYTES
from trioproxy.ledger.entry import Outcome
from trioproxy.protocols.table import protocol

JSON = ((b"content-type", b"application/json"),)
MODELS = {"anthropic": "anthropic-m", "gemini": "gemini-m", "openai_responses": "responses-m", "openai_chat": "chat-m"}
URLS = {
    "anthropic": "http://anthropic.test/v1/messages/count_tokens",
    "gemini": "http://gemini.test/v1beta/models/gemini-up:countTokens",
    "openai_responses": "http://responses.test/v1/responses/input_tokens",
}
COUNTS: dict[str, Any] = {
    "anthropic": {"input_tokens": 16},
    "gemini": {"totalTokens": 16},
    "openai_responses": {"object": "response.input_tokens", "input_tokens": 16},
}
CLIENTS = sorted(COUNTS)


def counting(client: str, model: str, **more: Any) -> MemoryExchange:
    match client:
        case "anthropic":
            target = "/v1/messages/count_tokens"
            body = {"model": model, "messages": [{"role": "user", "content": "hi there"}], **more}
        case "openai_responses":
            target, body = "/v1/responses/input_tokens", {"model": model, "input": "hi there", **more}
        case _:
            target = f"/v1beta/models/{model}:countTokens"
            body = {"contents": [{"role": "user", "parts": [{"text": "hi there"}]}], **more}
    return posted(target, json.dumps(body).encode())


def answer(provider: str) -> Script:
    return Script(headers=JSON, chunks=[json.dumps(COUNTS[provider]).encode()])


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("provider", CLIENTS)
async def test_a_provider_that_counts_is_asked_in_its_own_words(client: str, provider: str) -> None:
    bench = Bench(answer(provider))
    exchange = await bench.serve(counting(client, MODELS[provider]))
    assert exchange.status == 200
    assert json.loads(exchange.body) == COUNTS[client]
    assert exchange.header(b"x-trioproxy-estimate") is None
    assert bench.upstream.requests[0].url == URLS[provider]
    assert "hi there" in json.dumps(bench.sent)
    assert not {"max_tokens", "stream", "generationConfig", "max_output_tokens"} & bench.sent.keys()
    assert bench.last.lane == ("pass" if client == provider else "translate")


@pytest.mark.parametrize("client", CLIENTS)
async def test_where_nobody_counts_an_estimate_is_given_and_named(client: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trioproxy.gateway.counts.tokenizer", lambda: BY_BYTES)
    bench = Bench()
    exchange = await bench.serve(counting(client, "chat-m"))
    assert exchange.status == 200
    document = json.loads(exchange.body)
    assert document.keys() == COUNTS[client].keys()
    assert document.get("input_tokens", document.get("totalTokens")) == 10
    assert exchange.header(b"x-trioproxy-estimate") == b"bytes"
    assert (bench.last.outcome, bench.last.lane) == (Outcome.COMPLETE, "estimate")


async def test_a_request_that_cannot_be_read_is_not_estimated() -> None:
    bench = Bench()
    exchange = await bench.serve(posted("/v1/messages/count_tokens", b'{"model":"chat-m","messages":"hi"}'))
    assert exchange.status == 400
    assert bench.last.outcome is Outcome.REFUSED


async def test_a_candidate_that_counts_goes_before_one_that_does_not() -> None:
    config = """
openai-compatibility: [{name: c, base-url: "http://c.test/v1", api-key-entries: [{api-key: C}], models: [{name: m}], priority: 5}]
claude-api-key: [{api-key: A, base-url: "http://a.test", models: [{name: m}]}]
"""
    bench = Bench(answer("anthropic"), config=config)
    exchange = await bench.serve(counting("gemini", "m"))
    assert json.loads(exchange.body) == {"totalTokens": 16}


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, b'{"detail":"Not Found"}'),
        (404, b'{"error":{"message":"Invalid URL (POST /v1/x)","type":"invalid_request_error"}}'),
        (405, b""),
        (501, b'{"error":{"message":"no","type":"x"}}'),
    ],
)
@pytest.mark.parametrize("client", ["openai_responses", "anthropic"])
async def test_a_server_that_has_no_place_to_count_is_estimated_for(client: str, status: int, body: bytes) -> None:
    bench = Bench(Script(status=status, headers=JSON, chunks=[body]))
    exchange = await bench.serve(counting(client, "responses-m"))
    assert exchange.status == 200
    assert exchange.header(b"x-trioproxy-estimate") is not None
    assert bench.last.tries[0].status == status
    credential = next(each for each in bench.snapshot.credentials if each.wire("openai_responses"))
    assert bench.health.resting(credential.id, "responses-up", 0) is None


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, b'{"error":{"message":"no model x","type":"invalid_request_error","code":"model_not_found"}}'),
        (429, b'{"error":{"message":"slow down","type":"rate_limit_error"}}'),
        (400, b'{"error":{"message":"bad","type":"invalid_request_error"}}'),
    ],
)
async def test_what_else_a_provider_says_is_told(status: int, body: bytes) -> None:
    bench = Bench(Script(status=status, headers=JSON, chunks=[body]))
    exchange = await bench.serve(counting("anthropic", "responses-m"))
    assert exchange.status == status
    assert json.loads(body)["error"]["message"] in json.loads(exchange.body)["error"]["message"]


@pytest.mark.parametrize(
    "chunks", [[b"{}"], [b"{"], [b'{"input_tokens":', Fault()], [b" " * 3000]], ids=["none", "broken", "cut", "long"]
)
async def test_an_answer_that_is_no_count_is_an_error(chunks: list[Any]) -> None:
    bench = Bench(Script(headers=JSON, chunks=chunks), settings={"max_body": 2000})
    exchange = await bench.serve(counting("gemini", "anthropic-m"))
    assert exchange.status == 502
    assert bench.last.failure is not None
    assert bench.last.failure.kind in (ErrorKind.MALFORMED, ErrorKind.TRUNCATED)


def test_a_count_has_no_midst_to_tell_a_failure_in() -> None:
    count = CountTranslation(protocol("gemini"), protocol("anthropic"), limit=9)
    assert count.failing(Failure(kind=ErrorKind.TIMEOUT, message="late")) is None
    assert not count.done


async def test_the_pairs_of_the_bench_are_those_of_the_simple_house() -> None:
    assert all(model in SIMPLE for model in MODELS.values())
