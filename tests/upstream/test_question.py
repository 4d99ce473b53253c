from __future__ import annotations

import json
from typing import Any

import pytest

from trioproxy.upstream.fixture import RecordedRequest
from trioproxy.upstream.question import Question

CHAT = "/v1/chat/completions"


def asked(body: Any = None, path: str = CHAT, query: str = "", **options: Any) -> Question:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else b""
    return Question.of(RecordedRequest(path=path, query=query, body=raw), **options)


@pytest.mark.parametrize(
    ("path", "operation", "model"),
    [
        ("/v1/chat/completions", "chat/completions", "b"),
        ("/api/paas/v4/chat/completions/", "chat/completions", "b"),
        ("/chat/completions", "chat/completions", "b"),
        ("/v1/completions", "completions", "b"),
        ("/v1/responses", "responses", "b"),
        ("/backend-api/codex/responses", "responses", "b"),
        ("/v1/responses/compact", "responses/compact", "b"),
        ("/v1/messages", "messages", "b"),
        ("/anthropic/v1/messages/count_tokens", "messages/count_tokens", "b"),
        ("/v1beta/models/gemini-2.5-flash:generateContent", "generateContent", "gemini-2.5-flash"),
        ("/v1beta/models/gemini%2Dx%3AgenerateContent", "generateContent", "gemini-x"),
        ("/v1/projects/p/locations/l/publishers/google/models/g:countTokens", "countTokens", "g"),
        ("/v1/embeddings", "embeddings", "b"),
        ("/v1/images/generations", "images/generations", "b"),
        ("/v1/models/gpt-5", "models/gpt-5", "b"),
        ("/v1/what/ever", "/v1/what/ever", "b"),
    ],
)
def test_the_operation_is_known_wherever_it_is_mounted(path: str, operation: str, model: str) -> None:
    question = asked({"model": "b"}, path)

    assert (question.operation, question.model) == (operation, model)


@pytest.mark.parametrize(
    ("body", "path", "query", "stream", "framing"),
    [
        ({"stream": True}, CHAT, "", True, ""),
        ({"stream": False}, CHAT, "alt=sse", False, ""),
        ({"stream": 1}, CHAT, "", False, ""),
        ({}, "/v1beta/models/g:streamGenerateContent", "key=k&alt=sse", True, "sse"),
        ({}, "/v1beta/models/g:streamGenerateContent", "", True, ""),
        ({}, "/v1beta/models/g:generateContent", "", False, ""),
    ],
)
def test_whether_and_how_a_stream_is_asked_for(body: Any, path: str, query: str, stream: bool, framing: str) -> None:
    question = asked(body, path, query)

    assert (question.stream, question.framing) == (stream, framing)


@pytest.mark.parametrize(
    ("body", "tools"),
    [
        ({"tools": [{"type": "function", "function": {"name": "b"}}, {"type": "function", "function": {"name": "a"}}]}, ("a", "b")),
        ({"tools": [{"type": "function", "name": "f"}, {"type": "web_search"}]}, ("f",)),
        ({"tools": [{"name": "g", "input_schema": {}}]}, ("g",)),
        ({"tools": [{"functionDeclarations": [{"name": "x"}, {"name": "y"}]}]}, ("x", "y")),
        ({"tools": [{"function_declarations": [{"name": "x"}, 1]}]}, ("x",)),
        ({"tools": [{"googleSearch": {}}, None, {"name": 1}]}, ()),
        ({"tools": "none"}, ()),
        ({}, ()),
    ],
)  # fmt: skip
def test_the_tools_of_every_protocol(body: Any, tools: tuple[str, ...]) -> None:
    assert asked(body).tools == tools


@pytest.mark.parametrize(
    ("body", "turn", "answers_tool"),
    [
        ({"messages": [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}]}, "b", False),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}]}, "a\nb", False),
        ({"messages": [{"role": "user", "content": [{"type": "image", "source": {"data": "x"}}]}]}, "", False),
        ({"messages": [{"role": "tool", "tool_call_id": "c", "content": "18"}]}, "18", True),
        ({"messages": [{"role": "user", "content": [{"type": "tool_result", "content": [{"text": "18"}]}]}]}, "18", True),
        ({"input": "hello"}, "hello", False),
        ({"input": [{"role": "user", "content": [{"type": "input_text", "text": "hi"}]}]}, "hi", False),
        ({"input": [{"type": "function_call_output", "call_id": "c", "output": "18"}]}, "18", True),
        ({"contents": [{"role": "user", "parts": [{"text": "hi"}, {"inlineData": {}}]}]}, "hi", False),
        ({"contents": [{"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"t": 18}}}]}]}, '{"t":18}', True),
        ({"contents": [{"parts": [{"function_response": {"response": {"result": 1}}}]}]}, '{"result":1}', True),
        ({"messages": ["odd"]}, "odd", False),
        ({"messages": [7]}, "", False),
        ({"messages": []}, "", False),
        ({}, "", False),
    ],
)  # fmt: skip
def test_the_last_turn_of_every_protocol(body: Any, turn: str, answers_tool: bool) -> None:
    question = asked(body)

    assert (question.last_turn, question.answers_tool) == (turn, answers_tool)


@pytest.mark.parametrize(
    ("body", "reasoning"),
    [
        ({"thinking": {"type": "enabled"}}, True),
        ({"thinking": {"type": "disabled"}}, False),
        ({"reasoning_effort": "low"}, True),
        ({"reasoning": {"effort": "low"}}, True),
        ({"generationConfig": {"thinkingConfig": {"includeThoughts": True}}}, True),
        ({"generationConfig": {"thinkingConfig": {}}}, False),
        ({"generationConfig": {}}, False),
        ({}, False),
    ],
)
def test_whether_reasoning_is_asked_for(body: Any, reasoning: bool) -> None:
    assert asked(body).reasoning is reasoning


def test_what_differs_from_run_to_run_is_left_out() -> None:
    body = {"model": "m", "user": "u", "metadata": {"user_id": "x"}, "a": {"b": 1, "c": {"d": 2}}}

    assert asked(body).document == {"model": "m", "a": {"b": 1, "c": {"d": 2}}}
    assert asked(body, volatile=["a.c.d", "a.x", "model.z"]).document == body | {"a": {"b": 1}}
    assert asked(body | {"metadata": {"user_id": "x", "k": 1}}).document["metadata"] == {"k": 1}
    assert asked({"metadata": {}}).document == {"metadata": {}}


@pytest.mark.parametrize(("body", "document"), [(b"", {}), (b"text", "text"), (b"\xff", "\ufffd"), (b"[1]", [1])])
def test_a_body_that_is_no_object_is_compared_all_the_same(body: bytes, document: Any) -> None:
    question = asked(body)

    assert question.document == document
    assert (question.model, question.tools, question.last_turn) == ("", (), "")


def test_a_key_in_the_query_is_no_part_of_the_question() -> None:
    assert asked({}, query="key=a&b=2&a=1").query == (("a", "1"), ("b", "2"))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"model": "m", "stream": True}, "POST chat/completions for m, streamed"),
        ({}, "POST chat/completions"),
    ],
)
def test_a_question_in_words(body: Any, words: str) -> None:
    assert str(asked(body)) == words
