"""Operations that cross by another one: compacting and completing, of providers that only generate."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.answers import ANSWERS
from tests.support.houses import SIMPLE, Bench, posted
from tests.support.upstreams import Fault, Script
from trioproxy.ledger.entry import Outcome

JSON = ((b"content-type", b"application/json"),)
MODELS = {"anthropic": "anthropic-m", "gemini": "gemini-m", "openai_responses": "responses-m", "openai_chat": "chat-m"}
ONLY_CHATS = """
deepseek:
  - api-key: UPKEY
    base-url: http://chat.test/v1
    models: [{name: chat-up, alias: chat-m}]
"""

HISTORY = [
    {"role": "user", "content": "first"},
    {"role": "assistant", "content": "ok"},
    {"role": "user", "content": "second"},
]


def compacting(model: str, **more: Any) -> Any:
    body = {"model": model, "input": HISTORY, "instructions": "be brief", **more}
    return posted("/v1/responses/compact", json.dumps(body).encode())


def completing(model: str, **more: Any) -> Any:
    body = {"model": model, "prompt": "once upon", "max_tokens": 9, **more}
    return posted("/v1/completions", json.dumps(body).encode())


@pytest.mark.parametrize("provider", ["openai_chat", "anthropic", "gemini"])
@pytest.mark.parametrize("stream", [True, False])
async def test_a_provider_that_cannot_compact_is_asked_for_a_summary(provider: str, stream: bool) -> None:
    answer = ANSWERS[provider]
    script = Script(chunks=answer.frames) if stream else Script(headers=JSON, chunks=[answer.whole])
    bench = Bench(script)
    exchange = await bench.serve(compacting(MODELS[provider]))
    assert exchange.status == 200
    assert exchange.header(b"content-type") == b"application/json"
    body = json.loads(exchange.body)
    assert body["object"] == "response.compaction"
    assert [item["type"] for item in body["output"]] == ["message", "message", "compaction"]
    assert body["usage"].keys() >= {"input_tokens", "output_tokens", "total_tokens"}
    sent = json.dumps(bench.sent)
    assert "be brief" in sent
    assert "replaced by a summary" in sent
    assert not bench.sent.get("stream")
    assert (bench.last.operation, bench.last.lane) == ("compact", "translate")


@pytest.mark.parametrize("provider", ["openai_chat", "anthropic", "gemini"])
@pytest.mark.parametrize("stream", [True, False])
async def test_a_request_that_ends_in_a_trigger_is_compacted(provider: str, stream: bool) -> None:
    answer = ANSWERS[provider]
    bench = Bench(Script(chunks=answer.frames) if stream else Script(headers=JSON, chunks=[answer.whole]))
    body = {"model": MODELS[provider], "input": [*HISTORY, {"type": "compaction_trigger"}], "stream": stream}
    exchange = await bench.serve(posted("/v1/responses", json.dumps(body).encode()))
    assert exchange.status == 200
    last = exchange.body.decode().rstrip().rpartition("data: ")[2]
    response = json.loads(last)["response"] if stream else json.loads(exchange.body)
    assert [item["type"] for item in response["output"]] == ["compaction"]
    assert "replaced by a summary" in json.dumps(bench.sent)
    assert bool(bench.sent.get("stream")) == (stream and provider != "gemini")
    assert (bench.last.operation, bench.last.lane) == ("generate", "translate")


async def test_what_was_compacted_here_goes_on_with_any_provider() -> None:
    first = Bench(Script(headers=JSON, chunks=[ANSWERS["openai_chat"].whole]))
    compacted = json.loads((await first.serve(compacting("chat-m"))).body)["output"]
    document = {"input": [*compacted, {"role": "user", "content": "third"}], "stream": True}
    for provider in ("anthropic", "openai_responses"):
        bench = Bench(Script(chunks=ANSWERS[provider].frames))
        body = json.dumps({"model": MODELS[provider], **document}).encode()
        exchange = await bench.serve(posted("/v1/responses", body))
        assert exchange.status == 200
        sent = bench.upstream.requests[-1].body
        assert b"hello" in sent
        assert b"trioproxy/1:" not in sent


async def test_one_that_compacts_is_asked_to() -> None:
    bench = Bench(Script(headers=JSON, chunks=[b'{"object":"response.compaction","output":[]}']))
    exchange = await bench.serve(compacting("responses-m"))
    assert exchange.body == b'{"object":"response.compaction","output":[]}'
    assert bench.upstream.requests[0].url == "http://responses.test/v1/responses/compact"


async def test_without_a_summary_the_conversation_is_not_replaced() -> None:
    silent = {"choices": [{"index": 0, "message": {"role": "assistant", "content": ""}, "finish_reason": "stop"}]}
    bench = Bench(Script(headers=JSON, chunks=[json.dumps({"id": "c", **silent}).encode()]))
    exchange = await bench.serve(compacting("chat-m"))
    assert exchange.status == 502
    assert "summary" in json.loads(exchange.body)["error"]["message"]


@pytest.mark.parametrize("provider", ["anthropic", "gemini", "openai_responses"])
@pytest.mark.parametrize("stream", [True, False])
async def test_a_prompt_is_completed_by_a_model_that_chats(provider: str, stream: bool) -> None:
    answer = ANSWERS[provider]
    bench = Bench(Script(chunks=answer.frames) if stream else Script(headers=JSON, chunks=[answer.whole]))
    exchange = await bench.serve(completing(MODELS[provider], stream=stream))
    assert exchange.status == 200
    assert "once upon" in json.dumps(bench.sent)
    if stream:
        assert exchange.body.endswith(b"data: [DONE]\n\n")
        assert b'"object":"text_completion"' in exchange.body
        assert b'"text":"hel' in exchange.body
    else:
        assert json.loads(exchange.body)["choices"][0]["text"].startswith("hel")
    assert bench.last.operation == "completions"


async def test_a_provider_of_chats_alone_completes_by_chatting() -> None:
    bench = Bench(Script(headers=JSON, chunks=[ANSWERS["openai_chat"].whole]), config=ONLY_CHATS)
    exchange = await bench.serve(completing("chat-m"))
    assert json.loads(exchange.body)["object"] == "text_completion"
    assert bench.upstream.requests[0].url == "http://chat.test/v1/chat/completions"
    assert bench.sent["messages"] == [{"role": "user", "content": "once upon"}]
    assert bench.sent["max_tokens"] == 9


async def test_one_that_completes_is_asked_to() -> None:
    bench = Bench(Script(headers=JSON, chunks=[b'{"object":"text_completion"}']))
    exchange = await bench.serve(completing("chat-m", echo=True))
    assert exchange.body == b'{"object":"text_completion"}'
    assert bench.upstream.requests[0].url == "http://chat.test/v1/completions"


NO_PLACE = [
    (404, b'{"detail":"Not Found"}'),
    (404, b'{"error":{"message":"This is a chat model, use v1/chat/completions","type":"invalid_request_error"}}'),
    (405, b""),
]


@pytest.mark.parametrize(("status", "body"), NO_PLACE)
async def test_one_that_turns_out_to_lack_it_is_asked_otherwise(status: int, body: bytes) -> None:
    bench = Bench(
        Script(status=status, headers=JSON, chunks=[body]),
        Script(headers=JSON, chunks=[ANSWERS["openai_responses"].whole]),
    )
    exchange = await bench.serve(compacting("responses-m"))
    assert exchange.status == 200
    assert json.loads(exchange.body)["output"][-1]["type"] == "compaction"
    paths = [request.url.removeprefix("http://responses.test/v1") for request in bench.upstream.requests]
    assert paths == ["/responses/compact", "/responses"]
    assert [each.status for each in bench.last.tries] == [status, None]


async def test_a_chat_model_asked_to_complete_is_asked_to_chat() -> None:
    said = Script(status=404, headers=JSON, chunks=[NO_PLACE[1][1]])
    bench = Bench(said, Script(chunks=ANSWERS["openai_chat"].frames))
    exchange = await bench.serve(completing("chat-m", stream=True))
    assert b'"object":"text_completion"' in exchange.body
    assert bench.upstream.requests[1].url == "http://chat.test/v1/chat/completions"


async def test_what_the_other_way_cannot_serve_keeps_the_providers_own_word() -> None:
    bench = Bench(Script(status=404, headers=JSON, chunks=[NO_PLACE[1][1]]))
    exchange = await bench.serve(completing("chat-m", echo=True))
    assert (exchange.status, exchange.body) == (404, NO_PLACE[1][1])


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, b'{"error":{"message":"no model x","type":"invalid_request_error","code":"model_not_found"}}'),
        (429, b'{"error":{"message":"slow down","type":"rate_limit_error"}}'),
    ],
)
async def test_any_other_refusal_is_told(status: int, body: bytes) -> None:
    bench = Bench(Script(status=status, headers=JSON, chunks=[body]))
    exchange = await bench.serve(compacting("responses-m"))
    assert (exchange.status, exchange.body) == (status, body)


@pytest.mark.parametrize(("name", "value"), [("echo", True), ("suffix", "."), ("logprobs", 1), ("best_of", 3)])
async def test_what_a_chat_cannot_complete_is_refused_before_anything_is_asked(name: str, value: Any) -> None:
    bench = Bench()
    exchange = await bench.serve(completing("anthropic-m", **{name: value}))
    assert exchange.status == 400
    assert json.loads(exchange.body)["error"]["param"] == name
    assert bench.upstream.requests == []


async def test_a_completion_that_breaks_off_ends_in_an_error() -> None:
    answer = ANSWERS["anthropic"]
    bench = Bench(Script(chunks=[answer.start, answer.text, Fault()]))
    exchange = await bench.serve(completing("anthropic-m", stream=True))
    assert b'"error":' in exchange.body
    assert b"[DONE]" not in exchange.body
    assert bench.last.outcome is Outcome.FAILED


async def test_every_model_of_these_tests_is_in_the_house() -> None:
    assert all(model in SIMPLE for model in MODELS.values())
