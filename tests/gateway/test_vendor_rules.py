"""What one vendor demands beyond its protocol, in both lanes: the requests it gets, and its errors that come with status 200."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.answers import ANSWERS, sse
from tests.support.exchanges import MemoryExchange
from tests.support.houses import Bench, posted
from tests.support.upstreams import Delay, Script
from trioproxy.errors import ErrorKind
from trioproxy.ledger.entry import Outcome

JSON = ((b"content-type", b"application/json"),)
TOOL = {"name": "look", "input_schema": {"type": "object", "properties": {}}}
LOOP = [
    {"role": "user", "content": "hi"},
    {
        "role": "assistant",
        "content": [
            {"type": "thinking", "thinking": "hm", "signature": "trioproxy:unsigned::"},
            {"type": "tool_use", "id": "toolu_01A", "name": "look", "input": {}},
        ],
    },
    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_01A", "content": "42"}]},
]


def one(block: str, model: str, *more: str) -> str:
    """A house with one provider on its own base URL."""
    lines = [f"{block}:", "  - api-key: K", f"    models: [{{name: {model}, alias: m}}]"]
    return "\n".join([*lines, *(f"    {line}" for line in more)])


def messages(**body: Any) -> MemoryExchange:
    document = {"model": "m", "max_tokens": 2048, "messages": [{"role": "user", "content": "hi"}], "stream": True}
    return posted("/v1/messages", json.dumps({**document, **body}).encode())


def chat(**body: Any) -> MemoryExchange:
    document = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
    return posted("/v1/chat/completions", json.dumps({**document, **body}).encode())


async def sent(config: str, exchange: MemoryExchange, protocol: str = "openai_chat") -> tuple[Any, Bench]:
    bench = Bench(Script(chunks=ANSWERS[protocol].frames), config=config, settings={"loss_header": True})
    await bench.serve(exchange)
    assert exchange.status == 200, exchange.body
    return bench.sent, bench


async def test_mistral_in_translation() -> None:
    body, _ = await sent(
        one("mistral", "mistral-large-latest"), messages(messages=LOOP, tools=[TOOL], tool_choice={"type": "any"})
    )
    assert body["tool_choice"] == "any"
    assert "stream_options" not in body
    asked = next(each for each in body["messages"] if "tool_calls" in each)
    answered = next(each for each in body["messages"] if each["role"] == "tool")
    assert len(answered["tool_call_id"]) == 9
    assert asked["tool_calls"][0]["id"] == answered["tool_call_id"]
    assert "reasoning_content" not in asked


async def test_mistral_in_passing() -> None:
    call = {"id": "call_far_too_long", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    history = [
        {"role": "assistant", "content": None, "tool_calls": [call], "reasoning_content": "hm"},
        {"role": "tool", "tool_call_id": "call_far_too_long", "content": "42"},
    ]
    body, _ = await sent(
        one("mistral", "mistral-large-latest"),
        chat(messages=history, tool_choice="required", stream=True, stream_options={"include_usage": True}),
    )
    assert body["messages"][0]["tool_calls"][0]["id"] == body["messages"][1]["tool_call_id"] != "call_far_too_long"
    assert "reasoning_content" not in body["messages"][0]
    assert body["tool_choice"] == "any"
    assert "stream_options" not in body


@pytest.mark.parametrize(("model", "asked"), [("openai/gpt-oss-120b", "high"), ("llama-3.3-70b-versatile", None)])
async def test_groq_is_asked_to_think_where_it_can(model: str, asked: str | None) -> None:
    exchange = messages(thinking={"type": "enabled", "budget_tokens": 20000})
    body, bench = await sent(one("groq", model), exchange)
    assert body.get("reasoning_effort") == asked
    lost = b"thinking" in (exchange.header(b"x-trioproxy-loss") or b"")
    assert lost is (asked is None)
    assert bench.last.losses == (0 if asked else 1)


async def test_groq_in_passing_says_what_it_left_out() -> None:
    exchange = chat(logit_bias={"1": 2}, stream=True)
    body, _ = await sent(one("groq", "llama-3.1-8b-instant"), exchange)
    assert "logit_bias" not in body
    assert exchange.header(b"x-trioproxy-loss") == b"logit_bias"


async def test_deepseek_gets_its_thoughts_back() -> None:
    body, _ = await sent(
        one("deepseek", "deepseek-v4-pro", "base-url: https://api.deepseek.com"),
        posted(
            "/v1/responses",
            json.dumps(
                {
                    "model": "m",
                    "stream": True,
                    "reasoning": {"effort": "high"},
                    "text": {"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}}},
                    "input": [
                        {"role": "user", "content": "hi"},
                        {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "hm"}]},
                        {"type": "function_call", "call_id": "c", "name": "look", "arguments": "{}"},
                        {"type": "function_call_output", "call_id": "c", "output": "42"},
                    ],
                }
            ).encode(),
        ),
    )
    assert next(each for each in body["messages"] if each["role"] == "assistant")["reasoning_content"] == "hm"
    assert body["thinking"] == {"type": "enabled"}
    assert body["response_format"] == {"type": "json_object"}


@pytest.mark.parametrize(
    ("block", "model", "members"),
    [
        ("siliconflow", "Qwen/Qwen3-32B", {"enable_thinking": True, "thinking_budget": 1500, "top_k": 5}),
        ("kilo", "z-ai/glm-4.7", {"reasoning": {"max_tokens": 1500}}),
        ("qwen", "qwen3-max", {"enable_thinking": True, "thinking_budget": 1500}),
        ("kimi", "kimi-k2.5", {"thinking": {"type": "enabled"}}),
        ("iflow", "glm-4.7", {"chat_template_kwargs": {"clear_thinking": False, "enable_thinking": True}}),
    ],
)
async def test_each_is_asked_to_think_in_its_own_way(block: str, model: str, members: dict[str, Any]) -> None:
    exchange = messages(thinking={"type": "enabled", "budget_tokens": 1500}, top_k=5)
    config = one(block, model)
    body, _ = await sent(config, exchange)
    assert {name: body.get(name) for name in members} == members
    assert "reasoning_effort" not in body


async def test_an_openai_reasoning_model_behind_a_compatible_server() -> None:
    config = """
openai-compatibility:
  - {name: c, base-url: "http://c.test/v1", api-key-entries: [{api-key: C}], models: [{name: gpt-5-mini, alias: m}]}
"""
    exchange = messages(temperature=0.2, stop_sequences=["."], system="be brief")
    body, _ = await sent(config, exchange)
    assert body["max_completion_tokens"] == 2048
    assert not {"max_tokens", "temperature", "stop"} & body.keys()
    assert exchange.header(b"x-trioproxy-loss") == b"stop_sequences; temperature"


async def test_a_model_known_not_to_think_is_not_asked_to() -> None:
    exchange = chat(reasoning_effort="high", stream=True)
    body, bench = await sent(one("claude-api-key", "claude-3-5-haiku-20241022"), exchange, "anthropic")
    assert "thinking" not in body
    assert b"reasoning" in (exchange.header(b"x-trioproxy-loss") or b"")
    assert bench.last.losses >= 1


async def test_vertex_gets_no_ids_and_gemini_does() -> None:
    for block, named in (("vertex-api-key", False), ("gemini-api-key", True)):
        body, _ = await sent(one(block, "gemini-2.5-pro"), messages(messages=LOOP, tools=[TOOL]), "gemini")
        call = next(part for content in body["contents"] for part in content["parts"] if "functionCall" in part)
        assert ("id" in call["functionCall"]) is named
        assert body["safetySettings"]


# Errors that come with status 200

MINIMAX_LIMIT = {"base_resp": {"status_code": 1002, "status_msg": "rate limit"}, "choices": None}
MINIMAX_POOR = {"base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}}
IFLOW_EXPIRED = {"status": "439", "msg": "token expired"}
MINIMAX = one("minimax", "MiniMax-M2.5", "base-url: https://api.minimax.io/v1")
IFLOW = one("iflow", "qwen3-max")
CASES = [(MINIMAX, MINIMAX_LIMIT, 429), (MINIMAX, MINIMAX_POOR, 402), (IFLOW, IFLOW_EXPIRED, 401)]


@pytest.mark.parametrize("asking", [chat, messages], ids=["pass", "translate"])
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(("config", "error", "status"), CASES, ids=["limit", "balance", "expired"])
async def test_an_error_in_a_good_status_gets_a_true_one(
    asking: Any, stream: bool, config: str, error: Any, status: int
) -> None:
    raw = json.dumps(error).encode()
    # In pieces: nothing may go out before all of it was read.
    bench = Bench(Script(headers=JSON, chunks=[raw[:9], raw[9:]]), config=config)
    exchange = await bench.serve(asking(stream=stream))
    assert exchange.status == status
    said = error.get("msg") or error["base_resp"]["status_msg"]
    assert said in json.loads(exchange.body)["error"]["message"]
    assert bench.last.outcome is Outcome.FAILED


async def test_another_key_is_tried_after_such_an_error() -> None:
    config = MINIMAX + "\n" + "\n".join(MINIMAX.splitlines()[1:]).replace("api-key: K", "api-key: L")
    whole = ANSWERS["openai_chat"].whole
    bench = Bench(
        Script(headers=JSON, chunks=[json.dumps(MINIMAX_LIMIT).encode()]),
        Script(headers=(*JSON, (b"content-length", b"%d" % len(whole))), chunks=[whole[:20], whole[20:]]),
        config=config,
    )
    exchange = await bench.serve(chat())
    assert (exchange.status, exchange.body) == (200, whole)
    assert exchange.header(b"content-length") == b"%d" % len(whole)
    assert [each.kind for each in bench.last.tries] == [ErrorKind.RATE_LIMITED, None]


async def test_such_an_error_in_a_stream_is_one_too() -> None:
    bench = Bench(Script(chunks=[sse(MINIMAX_LIMIT)]), config=MINIMAX)
    exchange = await bench.serve(messages())
    assert exchange.status == 429


async def test_an_answer_too_long_to_be_read_is_not_held_for_ever(autojump_clock: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("trioproxy.gateway.passages.MOST_OBSERVED", 100)
    body = json.dumps({"choices": [], "x": "y" * 200}).encode()
    bench = Bench(Script(headers=JSON, chunks=[body[:50], body[50:150], Delay(5), body[150:]]), config=MINIMAX)
    exchange = await bench.serve(chat())
    assert (exchange.status, exchange.body) == (200, body)


@pytest.mark.parametrize(
    "config", [one("minimax", "MiniMax-M2.5"), one("mistral", "mistral-large-latest")], ids=["passing", "translated"]
)
async def test_nobody_keeps_the_thread_of_another_vendors_client(config: str) -> None:
    protocol = "anthropic" if "minimax" in config else "openai_chat"
    body, _ = await sent(config, messages(thread={"type": "create"}), protocol)
    assert "thread" not in body
    bench = Bench(Script(chunks=ANSWERS[protocol].frames), config=config)
    exchange = await bench.serve(messages(thread={"type": "continue", "previous_message_id": "msg_1"}))
    assert exchange.status == 400
    assert json.loads(exchange.body)["error"]["details"] == {"error_code": "thread_not_found"}
    assert bench.upstream.requests == []
