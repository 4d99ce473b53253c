"""What agents send here in other protocols' words, and what it becomes before anybody reads it."""

from __future__ import annotations

from typing import Any

import pytest

from trioproxy.errors import ClientFault
from trioproxy.protocols.base import Asked, Endpoint, Operation, PeekRequest
from trioproxy.protocols.openai_chat.endpoints import peek
from trioproxy.protocols.openai_chat.guests import as_chat
from trioproxy.wire.jsoncodec import dumps, loads

_CHAT = Endpoint(method="POST", path="/v1/chat/completions", operation=Operation.GENERATE)


def _peeked(document: Any, endpoint: Endpoint = _CHAT) -> Asked:
    return peek(
        PeekRequest(endpoint=endpoint, params={}, query="", content_type="application/json", body=dumps(document))
    )


def _said(document: Any) -> Any:
    return as_chat(document)


def _messages(*messages: Any) -> Any:
    said = _said({"model": "m", "messages": list(messages)})
    return said and said["messages"]


_FUNCTION = {"type": "function", "function": {"name": "f", "arguments": '{"x":1}'}}
_IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA"}}
_SHOWN = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}


@pytest.mark.parametrize(
    "document",
    [
        {"model": "m", "messages": [{"role": "user", "content": "tool_use"}]},
        {"model": "m", "messages": [{"role": "user", "content": [{"type": "text", "text": '"tool_use"'}]}, 3]},
        {"model": "m", "messages": [{"role": "user", "content": [{"type": "image", "source": "x"}]}]},
        {"model": "m", "messages": [{"role": "user", "content": [{"type": {"tool_use": 1}}, {"type": ["image"]}]}]},
        {"model": "m", "messages": [{"role": "user", "content": [{"type": "document", "source": {"type": "file"}}]}]},
        {"model": "m", "messages": [{"role": "user", "content": [{"type": "input_image", "file_id": "x"}, "s"]}]},
        {
            "model": "m",
            "messages": [],
            "tools": [{"type": "function", "function": {"name": "f"}}, {"type": "mcp", "name": "x"}],
        },
        {
            "model": "m",
            "messages": [],
            "tools": [7, {"google_search": {}}],
            "tool_choice": {"type": "tool", "name": "f"},
        },
        {"model": "m", "messages": [], "input": "x"},
        {"model": "m", "input": 3},
        {"model": "m"},
    ],
)
def test_what_is_in_order_or_can_not_be_understood_stays(document: Any) -> None:
    assert _said(document) is None


def test_the_bytes_of_another_request_stay() -> None:
    request = PeekRequest(
        endpoint=_CHAT,
        params={},
        query="",
        content_type="",
        body=b'{ "model":"m",  "messages":[{"content":"input_text"}]}',
    )
    assert peek(request).body is request.body


def test_a_rewritten_request_has_its_model_where_it_says() -> None:
    asked = _peeked({"input": "hi", "model": "m"})
    assert asked.document == loads(asked.body) == {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
    assert asked.model_span is not None
    assert asked.body[slice(*asked.model_span)] == b'"m"'


def test_other_endpoints_have_an_input_of_their_own() -> None:
    endpoint = Endpoint(method="POST", path="/v1/embeddings", operation=Operation.EMBEDDINGS)
    assert _peeked({"input": "hi", "model": "m"}, endpoint).document == {"input": "hi", "model": "m"}


def test_a_request_without_a_model_is_refused_all_the_same() -> None:
    with pytest.raises(ClientFault):
        _peeked({"input": "hi"})


@pytest.mark.parametrize(
    ("tool", "expected"),
    [
        (
            {
                "name": "f",
                "description": "d",
                "input_schema": {"type": "object"},
                "cache_control": {"type": "ephemeral"},
            },
            {
                "type": "function",
                "function": {"name": "f", "description": "d", "parameters": {"type": "object"}},
                "cache_control": {"type": "ephemeral"},
            },
        ),
        (
            {"type": "custom", "name": "f", "input_schema": {}},
            {"type": "function", "function": {"name": "f", "parameters": {}}},
        ),
        (
            {"type": "function", "name": "f", "parameters": {}, "strict": True},
            {"type": "function", "function": {"name": "f", "parameters": {}, "strict": True}},
        ),
        (
            {"type": "custom", "name": "p", "format": {"type": "grammar", "syntax": "lark", "definition": "x"}},
            {
                "type": "custom",
                "custom": {
                    "name": "p",
                    "format": {"type": "grammar", "grammar": {"syntax": "lark", "definition": "x"}},
                },
            },
        ),
    ],
)
def test_tools_without_an_object_around_them(tool: Any, expected: Any) -> None:
    said = _said({"model": "m", "messages": [], "tools": [tool, {"type": "mcp"}]})
    assert said["tools"] == [expected, {"type": "mcp"}]
    assert "tool_choice" not in said


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ({"type": "auto"}, {"tool_choice": "auto"}),
        ({"type": "any", "disable_parallel_tool_use": True}, {"tool_choice": "required", "parallel_tool_calls": False}),
        ({"type": "tool", "name": "f"}, {"tool_choice": {"type": "function", "function": {"name": "f"}}}),
        ({"type": "custom", "name": "f"}, {"tool_choice": {"type": "custom", "custom": {"name": "f"}}}),
        ({"type": "mcp"}, {"tool_choice": {"type": "mcp"}}),
        ("auto", {"tool_choice": "auto"}),
    ],
)
def test_the_choice_beside_such_tools(choice: Any, expected: Any) -> None:
    said = _said({"model": "m", "messages": [], "tools": [{"name": "f"}], "tool_choice": choice})
    assert {name: value for name, value in said.items() if name in ("tool_choice", "parallel_tool_calls")} == expected


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ({"type": "tool", "name": "f"}, {"type": "function", "function": {"name": "f"}}),
        ({"type": "function", "name": "f"}, {"type": "function", "function": {"name": "f"}}),
        ({"type": "tool", "name": "c"}, {"type": "custom", "custom": {"name": "c"}}),
        ({"type": "function", "name": "c"}, {"type": "custom", "custom": {"name": "c"}}),
    ],
)
def test_a_tool_chosen_in_other_words_is_chosen_though_the_tools_are_in_ours(choice: Any, expected: Any) -> None:
    tools = [{"type": "function", "function": {"name": "f"}}, {"type": "custom", "custom": {"name": "c"}}]

    assert _said({"messages": [], "tools": tools, "tool_choice": choice})["tool_choice"] == expected


@pytest.mark.parametrize(
    "choice",
    [{"type": "tool", "name": "x"}, {"type": "function", "function": {"name": "f"}, "name": "f"}, {"type": "tool"}],
)
def test_a_choice_that_names_no_tool_here_stays_as_it_came(choice: Any) -> None:
    tools = [7, {"type": "function", "function": {"name": "f"}}]

    assert _said({"messages": [], "tools": tools, "tool_choice": choice}) is None


def test_calls_and_their_results_as_blocks() -> None:
    said = _messages(
        {"role": "user", "content": "hi"},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "t", "signature": "s"},
                {"type": "redacted_thinking", "data": "d"},
                {"type": "text", "text": "a"},
                {"type": "tool_use", "id": "c", "name": "f", "input": {"x": 1}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "c", "content": [{"type": "text", "text": "r"}, _IMAGE, "s"]},
                {"type": "tool_result", "tool_use_id": "e", "content": "no", "is_error": True},
                {"type": "tool_result", "tool_use_id": "g", "content": [_IMAGE], "is_error": True},
                {"type": "text", "text": "go"},
            ],
        },
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": "h", "cache_control": {"type": "ephemeral"}}],
        },
    )
    claude = "anthropic-claude-v1"
    assert said == [
        {"role": "user", "content": "hi"},
        {
            "role": "assistant",
            "content": [{"type": "text", "text": "a"}],
            "tool_calls": [{"id": "c", **_FUNCTION}],
            "reasoning_details": [
                {"format": claude, "type": "reasoning.text", "text": "t", "signature": "s"},
                {"format": claude, "type": "reasoning.encrypted", "data": "d"},
            ],
        },
        {"role": "tool", "tool_call_id": "c", "content": [{"type": "text", "text": "r"}, _SHOWN, "s"]},
        {"role": "tool", "tool_call_id": "e", "content": "Error: no"},
        {"role": "tool", "tool_call_id": "g", "content": [{"type": "text", "text": "Error:"}, _SHOWN]},
        {"role": "user", "content": [{"type": "text", "text": "go"}]},
        {"role": "tool", "tool_call_id": "h", "content": "", "cache_control": {"type": "ephemeral"}},
    ]


def test_calls_without_words_beside_others() -> None:
    call = {"id": "b", **_FUNCTION}
    (said,) = _messages(
        {"role": "assistant", "content": [{"type": "tool_use", "id": "c", "name": "f"}], "tool_calls": [call]}
    )
    assert said["content"] is None
    assert [each["id"] for each in said["tool_calls"]] == ["b", "c"]
    assert said["tool_calls"][1]["function"]["arguments"] == "{}"


def test_a_call_told_in_both_words_is_one_call() -> None:
    call = {"id": "b", **_FUNCTION}
    blocks = [{"type": "tool_use", "id": "b", "name": "f", "input": {"x": 2}}]
    (said,) = _messages({"role": "assistant", "content": blocks, "tool_calls": [call, 7]})
    assert (said["content"], said["tool_calls"]) == (None, [call, 7])


def test_what_stands_where_calls_should_is_no_call() -> None:
    block = {"type": "tool_use", "id": "c", "name": "f"}
    (said,) = _messages({"role": "assistant", "content": [block], "tool_calls": 7})
    assert [each["id"] for each in said["tool_calls"]] == ["c"]
    items = [
        {"role": "assistant", "content": "x", "tool_calls": 7},
        {"type": "function_call", "call_id": "c", "name": "f"},
    ]
    assert [each["id"] for each in _said({"model": "m", "input": items})["messages"][0]["tool_calls"]] == ["c"]


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ({**_IMAGE, "cache_control": {"type": "ephemeral"}}, {**_SHOWN, "cache_control": {"type": "ephemeral"}}),
        ({"type": "image", "source": {"type": "url", "url": "u"}}, {"type": "image_url", "image_url": {"url": "u"}}),
        (
            {
                "type": "document",
                "title": "a",
                "source": {"type": "base64", "media_type": "application/pdf", "data": "AA"},
            },
            {"type": "file", "file": {"filename": "a", "file_data": "data:application/pdf;base64,AA"}},
        ),
        ({"type": "document", "source": {"type": "text", "data": "x"}}, {"type": "text", "text": "x"}),
        (
            {"type": "document", "title": "a", "source": {"type": "text", "data": "x"}},
            {"type": "text", "text": "a:\nx"},
        ),
        ({"type": "input_text", "text": "x"}, {"type": "text", "text": "x"}),
        ({"type": "output_text"}, {"type": "text", "text": ""}),
        (
            {"type": "input_image", "image_url": "u", "detail": "low"},
            {"type": "image_url", "image_url": {"url": "u", "detail": "low"}},
        ),
        (
            {"type": "input_file", "filename": "a.pdf", "file_url": "u"},
            {"type": "file", "file": {"filename": "a.pdf", "file_data": "u"}},
        ),
        ({"type": "input_file", "file_id": "f"}, {"type": "file", "file": {"file_id": "f"}}),
    ],
)
def test_parts_of_other_protocols(part: Any, expected: Any) -> None:
    assert _messages({"role": "user", "content": [part]}) == [{"role": "user", "content": [expected]}]


def test_a_body_of_the_responses_api() -> None:
    said = _said(
        {
            "model": "m",
            "stream": True,
            "instructions": "S",
            "input": [
                {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]},
                {"type": "reasoning", "id": "r", "summary": [], "encrypted_content": "e"},
                {"type": "message", "role": "assistant", "id": "i", "status": "completed", "content": "a"},
                {"type": "function_call", "call_id": "c", "name": "f", "arguments": '{"x":1}'},
                {"type": "custom_tool_call", "call_id": "d", "name": "p", "input": "free"},
                {"type": "function_call_output", "call_id": "c", "output": "r"},
                {"type": "custom_tool_call_output", "call_id": "d", "output": [{"type": "input_text", "text": "r"}]},
                {"type": "function_call", "call_id": "e", "name": "f"},
                {"type": "web_search_call"},
                7,
            ],
            "tools": [{"type": "function", "name": "f"}],
            "max_output_tokens": 9,
            "reasoning": {"effort": "high", "summary": "auto"},
            "include": ["reasoning.encrypted_content"],
            "text": {"verbosity": "low", "format": {"type": "json_schema", "name": "n", "schema": {}}},
        }
    )
    assert said == {
        "model": "m",
        "stream": True,
        "tools": [{"type": "function", "function": {"name": "f"}}],
        "max_completion_tokens": 9,
        "verbosity": "low",
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}}},
        "reasoning_effort": "high",
        "messages": [
            {"role": "system", "content": "S"},
            {"role": "user", "content": [{"type": "text", "text": "hi"}]},
            {
                "role": "assistant",
                "content": "a",
                "tool_calls": [
                    {"type": "function", "id": "c", "function": {"name": "f", "arguments": '{"x":1}'}},
                    {"type": "custom", "id": "d", "custom": {"name": "p", "input": "free"}},
                ],
            },
            {"role": "tool", "tool_call_id": "c", "content": "r"},
            {"role": "tool", "tool_call_id": "d", "content": [{"type": "text", "text": "r"}]},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"type": "function", "id": "e", "function": {"name": "f", "arguments": "{}"}}],
            },
            {"type": "web_search_call"},
            7,
        ],
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [({}, {}), ({"format": {"type": "json_object"}}, {"response_format": {"type": "json_object"}}), (7, {})],
)
def test_the_form_of_the_answer(text: Any, expected: Any) -> None:
    said = _said({"model": "m", "input": "hi", "text": text, "reasoning": None})
    assert said == {"model": "m", "messages": [{"role": "user", "content": "hi"}], **expected}
