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


def test_the_turn_is_the_users_words_and_the_results_behind_them() -> None:
    question = asked({"messages": [{"role": "user", "content": "a"}, {"role": "tool", "content": "18"}]})

    assert (question.last_turn, question.results, question.answers_tool) == ("a", ("18",), True)
    assert asked({"input": "a"}).answers_tool is False


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


def test_a_star_is_any_name_or_number() -> None:
    body = {"input": [{"id": 1, "a": 1}, {"id": 2}, 3], "tools": {"x": {"id": 1, "b": 2}}}

    assert asked(body, volatile=["input.*.id"]).document == body | {"input": [{"a": 1}, 3]}
    assert asked(body, volatile=["*.*.id", "input.2"]).document == {"input": [{"a": 1}], "tools": {"x": {"b": 2}}}


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


SCHEMA = {"type": "json_schema", "name": "x", "schema": {"type": "object"}}


@pytest.mark.parametrize(
    ("body", "as_json"),
    [
        ({}, False),
        ({"response_format": {"type": "text"}}, False),
        ({"response_format": {"type": "json_object"}}, True),
        ({"response_format": {"type": "json_schema", "json_schema": SCHEMA}}, True),
        ({"text": {"verbosity": "low"}}, False),
        ({"text": {"format": {"type": "text"}}}, False),
        ({"text": {"format": SCHEMA}}, True),
        ({"text": "of another kind"}, False),
        ({"output_config": {"effort": "low"}}, False),
        ({"output_config": {"format": SCHEMA}}, True),
        ({"output_format": SCHEMA}, True),
        ({"generationConfig": {"temperature": 1}}, False),
        ({"generationConfig": {"responseMimeType": "text/plain"}}, False),
        ({"generationConfig": {"responseMimeType": "application/json"}}, True),
    ],
)
def test_whether_the_answer_is_to_be_json(body: Any, as_json: bool) -> None:
    assert asked(body).as_json is as_json
