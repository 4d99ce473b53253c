"""A conversation too long for its model, told to a client of Responses where it asked for a stream: inside it, as OpenAI tells it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.exchanges import MemoryExchange
from tests.support.houses import Bench, ask
from tests.support.sockets import SocketBench
from tests.support.upstreams import Script
from trioproxy.protocols.openai_responses.conversations import Conversations

OVERFLOW = "context_length_exceeded"
SAID: dict[str, dict[str, Any]] = {
    # DeepSeek's words: no code tells it.
    "openai_chat": {
        "error": {
            "message": "This model's maximum context length is 131072 tokens. However, you requested 140000 tokens.",
            "type": "invalid_request_error",
            "code": "invalid_request_error",
        }
    },
    "anthropic": {
        "type": "error",
        "error": {"type": "invalid_request_error", "message": "prompt is too long: 210000 tokens > 200000 maximum"},
    },
    "gemini": {
        "error": {
            "code": 400,
            "message": "The input token count (1100000) exceeds the maximum number of tokens allowed (1048576).",
            "status": "INVALID_ARGUMENT",
        }
    },
    "openai_responses": {
        "error": {
            "message": "Your input exceeds the context window.",
            "type": "invalid_request_error",
            "code": OVERFLOW,
        }
    },
}


def bench_of(provider: str, said: Any = None) -> Bench:
    raw = json.dumps(said or SAID[provider]).encode()
    return Bench(Script(status=400, headers=((b"content-type", b"application/json"),), chunks=[raw]))


async def served(client: str, provider: str, *, stream: bool, said: Any = None) -> MemoryExchange:
    return await bench_of(provider, said).serve(ask(client, of=provider, stream=stream))


def events(exchange: MemoryExchange) -> list[Any]:
    return [json.loads(line[6:]) for line in exchange.body.splitlines() if line.startswith(b"data: ")]


@pytest.mark.parametrize("provider", ["openai_chat", "anthropic", "gemini"])
async def test_a_stream_tells_it(provider: str) -> None:
    exchange = await served("openai_responses", provider, stream=True)
    assert exchange.status == 200
    assert dict(exchange.headers)[b"content-type"] == b"text/event-stream"
    created, failed = events(exchange)
    assert (created["type"], failed["type"]) == ("response.created", "response.failed")
    assert failed["response"]["error"]["code"] == OVERFLOW
    assert failed["response"]["id"] == created["response"]["id"]


@pytest.mark.parametrize("provider", sorted(SAID))
async def test_a_status_tells_who_asked_for_no_stream(provider: str) -> None:
    exchange = await served("openai_responses", provider, stream=False)
    assert (exchange.status, json.loads(exchange.body)["error"]["code"]) == (400, OVERFLOW)


async def test_a_provider_s_own_error_passes() -> None:
    exchange = await served("openai_responses", "openai_responses", stream=True)
    assert (exchange.status, json.loads(exchange.body)) == (400, SAID["openai_responses"])


@pytest.mark.parametrize("client", ["openai_chat", "anthropic"])
async def test_other_clients_are_told_by_status(client: str) -> None:
    assert (await served(client, "gemini", stream=True)).status == 400


async def test_other_errors_are_told_by_status() -> None:
    said = {"type": "error", "error": {"type": "invalid_request_error", "message": "messages.0: no such role"}}
    exchange = await served("openai_responses", "anthropic", stream=True, said=said)
    assert exchange.status == 400


async def test_a_socket_tells_it_too() -> None:
    house = SocketBench(bench_of("anthropic"), conversations=Conversations(limit=0, owner_limit=0, seconds=0))
    async with house.socket() as client:
        told = await client.turn(model="anthropic-m", input="hi")
    assert (told["type"], told["response"]["error"]["code"]) == ("response.failed", OVERFLOW)
