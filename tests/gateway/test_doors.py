"""Paths and methods, and what is answered here: life signs, models, refusals."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.exchanges import Headers, MemoryExchange, request_head
from tests.support.houses import SIMPLE, Bench, posted
from trioproxy.gateway.control import dialect
from trioproxy.gateway.doors import spoken_at
from trioproxy.ledger.entry import Outcome

KEYED = "api-keys:\n  - k-one\n  - {key: k-two, models: ['chat-*']}\n" + SIMPLE


async def asked(method: str, target: str, headers: Headers = (), *, config: str = SIMPLE) -> MemoryExchange:
    return await Bench(config=config).serve(MemoryExchange(head=request_head(method, target, headers)))


async def got(target: str, headers: Headers = (), **options: str) -> Any:
    exchange = await asked("GET", target, headers, **options)
    assert exchange.status == 200
    assert exchange.header(b"content-type") == b"application/json"
    assert exchange.header(b"x-request-id")
    return json.loads(exchange.body)


@pytest.mark.parametrize("path", ["/healthz", "/health", "/", "/v1/models", "/models"])
async def test_head_answers_without_a_body(path: str) -> None:
    exchange = await asked("HEAD", path)
    assert (exchange.status, exchange.body) == (200, b"")
    assert int(exchange.header(b"content-length") or b"0") > 0


async def test_a_sign_of_life() -> None:
    bench = Bench()
    exchange = await bench.serve(MemoryExchange(head=request_head("GET", "/healthz")))
    assert json.loads(exchange.body) == {"status": "ok"}
    assert bench.last.outcome is Outcome.COMPLETE


async def test_the_banner_lists_what_there_is() -> None:
    assert "POST /v1/messages" in (await got("/"))["endpoints"]


@pytest.mark.parametrize("path", ["/v1/models", "/models"])
async def test_the_list_of_models_for_openai_clients(path: str) -> None:
    listed = await got(path)
    assert listed["object"] == "list"
    assert {card["id"] for card in listed["data"]} == {"chat-m", "responses-m", "anthropic-m", "gemini-m"}


async def test_the_list_of_models_for_anthropic_clients() -> None:
    listed = await got("/v1/models", ((b"anthropic-version", b"2023-06-01"),))
    assert listed["has_more"] is False
    assert listed["data"][0]["type"] == "model"


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/v1beta/models", ()),
        ("/v1/models", ((b"x-goog-api-key", b"k"),)),
        ("/v1/models", ((b"x-goog-api-client", b"genai"),)),
        ("/api/provider/google/v1beta/models", ()),
        ("/api/provider/google/v1beta1/models", ()),
    ],
)
async def test_the_list_of_models_for_gemini_clients(path: str, headers: Headers) -> None:
    listed = await got(path, headers)
    assert all(model["name"].startswith("models/") for model in listed["models"])


async def test_the_catalogue_for_codex_leaves_openais_own_models_to_it() -> None:
    config = """
openai-api-key:
  - {api-key: K, models: [{name: gpt-5.4}, {name: house-model}]}
"""
    listed = await got("/v1/models?client_version=0.169.0", config=config)
    assert [model["slug"] for model in listed["models"]] == ["house-model"]
    assert listed["models"][0]["base_instructions"]


async def test_the_list_can_be_of_one_provider_and_is_of_what_a_key_may_use() -> None:
    of_one = await got("/v1/models?provider=chat")
    assert [card["id"] for card in of_one["data"]] == ["chat-m"]
    of_key = await got("/v1/models", ((b"authorization", b"Bearer k-two"),), config=KEYED)
    assert [card["id"] for card in of_key["data"]] == ["chat-m"]


async def test_one_model() -> None:
    assert (await got("/v1/models/chat-m"))["id"] == "chat-m"
    assert (await got("/v1beta/models/gemini-m"))["name"] == "models/gemini-m"
    missing = await asked("GET", "/v1/models/none")
    assert missing.status == 404
    assert json.loads(missing.body)["error"]["code"] == "model_not_found"


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "//v1/messages",
        "/v1//messages",
        "/v1/messages/",
        "/v1/./messages",
        "/v1/../v1/messages",
        "/v1%2Fmessages",
        "/v1/mess%61ges",
        "/V1/messages",
        "/v1/v1/messages",
        "/v1/models/",
        "/v1/models/a//b",
        "/v1beta/models/../x:generateContent",
        "/v1beta/models/a%2F..%2Fb:generateContent",
        "/v1beta/models/a%00b:generateContent",
        "/v1beta/models/a%zz:generateContent",
        "/v1beta/models/a%5Cb:generateContent",
        "/v1beta/models/%FF:generateContent",
        "/backend-api/codexresponses",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_what_is_not_a_path_of_ours_is_not_found(method: str, path: str) -> None:
    exchange = await asked(method, path)
    assert exchange.status == 404
    assert json.loads(exchange.body)["error"]["message"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/v1/messages", b"POST"),
        ("PUT", "/v1/chat/completions", b"POST"),
        ("OPTIONS", "/v1/messages", b"POST"),
        ("POST", "/healthz", b"GET, HEAD"),
        ("DELETE", "/v1/models", b"GET, HEAD"),
        ("POST", "/v1/models/x", b"GET, HEAD"),
    ],
)
async def test_a_wrong_method_is_told_the_right_one(method: str, path: str, allowed: bytes) -> None:
    exchange = await asked(method, path)
    assert exchange.status == 405
    assert exchange.header(b"allow") == allowed
    assert not any(name.startswith(b"access-control-") for name, _ in exchange.headers)


@pytest.mark.parametrize("path", ["/v1/responses", "/responses", "/nothing"])
async def test_an_upgrade_to_websocket_is_refused_so_that_codex_falls_back(path: str) -> None:
    exchange = await asked("GET", path, ((b"connection", b"Upgrade"), (b"upgrade", b"websocket")))
    assert exchange.status == 426


async def test_another_upgrade_is_not_taken_up_and_does_no_harm() -> None:
    exchange = await asked("GET", "/healthz", ((b"upgrade", b"h2c"),))
    assert exchange.status == 200


@pytest.mark.parametrize(
    ("path", "headers", "name"),
    [
        ("/v1/messages", (), "anthropic"),
        ("/api/provider/anthropic/nothing", (), "anthropic"),
        ("/v1beta/nothing", (), "gemini"),
        ("/backend-api/codex/nothing", (), "openai_responses"),
        ("/nothing", (), "openai_chat"),
        ("/nothing", ((b"anthropic-version", b"x"),), "anthropic"),
        ("/nothing", ((b"x-goog-api-key", b"x"),), "gemini"),
    ],
)
def test_a_refusal_speaks_the_clients_language(path: str, headers: Headers, name: str) -> None:
    head = request_head("POST", path, headers)
    assert spoken_at(head).name == name
    if path != "/v1/messages":
        assert dialect(head).name == name


@pytest.mark.parametrize(
    ("target", "protocol"),
    [
        ("/v1/chat/completions", "openai_chat"),
        ("/chat/completions", "openai_chat"),
        ("/v1/responses", "openai_responses"),
        ("/responses", "openai_responses"),
        ("/backend-api/codex/responses", "openai_responses"),
        ("/v1/messages", "anthropic"),
        ("/messages", "anthropic"),
        ("/api/provider/anthropic/v1/messages", "anthropic"),
        ("/api/provider/openai/v1/chat/completions", "openai_chat"),
        ("/api/provider/openai/responses", "openai_responses"),
        ("/v1beta/models/gemini-m:generateContent", "gemini"),
        ("/v1/models/gemini-m:generateContent", "gemini"),
        ("/models/gemini-m:streamGenerateContent", "gemini"),
        ("/api/provider/google/v1beta1/publishers/google/models/gemini-m:generateContent", "gemini"),
        ("/v1/messages/count_tokens", "anthropic"),
        ("/v1/embeddings", "openai_chat"),
        ("/v1/images/generations", "openai_chat"),
        ("/v1/audio/speech", "openai_chat"),
    ],
)
async def test_every_endpoint_is_found(target: str, protocol: str) -> None:
    bench = Bench()
    await bench.serve(posted(target, b'{"model": "absent"'))
    assert bench.last.protocol == protocol
    assert bench.last.status in (400, 404)


@pytest.mark.parametrize(
    ("method", "path", "meant"),
    [
        ("POST", "//v1/messages", "/v1/messages"),
        ("POST", "/v1/v1/messages", "/v1/messages"),
        ("POST", "/v1/v1beta/models/m:generateContent", "/v1beta/models/m:generateContent"),
        ("GET", "/v1/models/", "/v1/models"),
        ("GET", "/v1//models", "/v1/models"),
    ],
)
async def test_a_path_with_a_part_too_many_is_refused_with_the_one_that_was_meant(
    method: str, path: str, meant: str
) -> None:
    exchange = await asked(method, path)
    assert exchange.status == 404
    assert f"if {meant} was meant" in json.loads(exchange.body)["error"]["message"]


@pytest.mark.parametrize("path", ["/nothing", "//nothing", "/v1/v1/nothing", "/"])
async def test_a_path_that_is_near_to_nothing_is_refused_with_the_list(path: str) -> None:
    exchange = await asked("POST", path)
    assert b"was meant" not in exchange.body
