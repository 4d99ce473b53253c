from __future__ import annotations

from typing import Any

import pytest

from trioproxy.errors import ClientFault, ErrorKind
from trioproxy.neutral.extras import own, settled
from trioproxy.neutral.parts import Opaque, Text, ToolCall, ToolResult
from trioproxy.neutral.request import (
    Conversation,
    Effort,
    OutputFormat,
    OutputKind,
    Role,
    Sampling,
    ServerTool,
    Tool,
    ToolChoiceMode,
)
from trioproxy.protocols.base import Asked, ModelSpot, WriteTarget
from trioproxy.protocols.openai_responses import PROTOCOL

PNG = "data:image/png;base64,iVBORw0KGgo="
SCHEMA = {"type": "object", "properties": {"q": {"type": "string"}}, "required": ["q"], "additionalProperties": False}

FULL: dict[str, Any] = {
    "model": "gpt-6-astra",
    "instructions": "Be terse.",
    "input": [
        {
            "type": "additional_tools",
            "role": "developer",
            "tools": [
                {
                    "type": "namespace",
                    "name": "mcp__files",
                    "description": "Files",
                    "tools": [
                        {
                            "type": "custom",
                            "name": "apply",
                            "format": {"type": "grammar", "syntax": "lark", "definition": "x"},
                        },
                        {"type": "function", "name": "read", "parameters": SCHEMA, "strict": False},
                    ],
                },
                {"type": "web_search"},
            ],
        },
        {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "Think."}]},
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "Look:", "prompt_cache_breakpoint": {"mode": "explicit", "ttl": "30m"}},
                {"type": "input_image", "image_url": PNG, "detail": "low"},
                {"type": "input_image", "image_url": "https://a.example/b.png", "detail": "auto"},
                {"type": "input_file", "file_id": "file-1"},
                {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBE"},
            ],
        },
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": "hm"}],
            "encrypted_content": "gAAA",
        },
        {
            "type": "message",
            "id": "msg_1",
            "role": "assistant",
            "status": "completed",
            "phase": "commentary",
            "content": [{"type": "output_text", "text": "Calling.", "annotations": []}],
        },
        {
            "type": "function_call",
            "id": "fc_1",
            "call_id": "c1",
            "name": "read",
            "namespace": "mcp__files",
            "arguments": "{}",
        },
        {"type": "custom_tool_call", "call_id": "c2", "name": "apply", "namespace": "mcp__files", "input": "*** Begin"},
        {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "x"}},
        {"type": "function_call_output", "call_id": "c1", "output": "text"},
        {
            "type": "custom_tool_call_output",
            "call_id": "c2",
            "output": [
                {"type": "input_text", "text": "done"},
                {"type": "input_image", "image_url": PNG, "detail": "auto"},
            ],
        },
        {"role": "system", "content": "Mind the gap."},
        {"role": "user", "content": "Go on."},
    ],
    "tools": [
        {"type": "function", "name": "lookup", "description": "Looks up", "parameters": SCHEMA, "strict": True},
        {"type": "image_generation", "model": "gpt-image-1"},
    ],
    "tool_choice": "auto",
    "parallel_tool_calls": False,
    "max_output_tokens": 900,
    "temperature": 0.5,
    "top_p": 0.9,
    "reasoning": {"effort": "high", "summary": "auto"},
    "text": {"format": {"type": "json_schema", "name": "out", "schema": SCHEMA, "strict": True}, "verbosity": "low"},
    "metadata": {"a": "b"},
    "prompt_cache_key": "key",
    "safety_identifier": "user-1",
    "service_tier": "flex",
    "store": False,
    "include": ["reasoning.encrypted_content"],
    "truncation": "auto",
    "max_tool_calls": 4,
}


def conversation_of(body: dict[str, Any]) -> Conversation:
    """A body read."""
    asked = Asked(
        protocol=PROTOCOL.name,
        endpoint=PROTOCOL.endpoints[0],
        model=body.get("model", "m"),
        stream=bool(body.get("stream")),
        body=b"",
        spot=ModelSpot.JSON,
    )
    return PROTOCOL.read_request(body, asked)


def round_trip(body: dict[str, Any]) -> dict[str, Any]:
    """A body read and written again."""
    target = WriteTarget(model=body.get("model", "m"), stream=bool(body.get("stream")))
    written = PROTOCOL.write_request(conversation_of(body), target)
    assert not written.losses
    return written.body


def refused(body: dict[str, Any]) -> str | None:
    """The member that a refusal names."""
    with pytest.raises(ClientFault) as caught:
        conversation_of(body)
    assert caught.value.failure.kind is ErrorKind.INVALID_REQUEST
    return caught.value.failure.param


def test_everything_at_once_comes_out_as_it_went_in() -> None:
    assert round_trip(FULL) == FULL


def test_everything_at_once_is_understood() -> None:
    asked = conversation_of(FULL)

    assert [part.text for part in asked.system if isinstance(part, Text)] == ["Be terse.", "Think."]
    assert [turn.role for turn in asked.turns] == [Role.USER, Role.ASSISTANT, Role.USER, Role.SYSTEM, Role.USER]
    user, assistant, results, _, _ = asked.turns
    assert len(user.parts) == 5
    assert [type(part).__name__ for part in assistant.parts] == ["Reasoning", "Text", "ToolCall", "ToolCall", "Opaque"]
    assert [part.call_id for part in results.parts if isinstance(part, ToolResult)] == ["c1", "c2"]
    names = [(tool.name, tool.namespace) if isinstance(tool, Tool) else tool.family for tool in asked.tools]
    assert names == [
        ("lookup", None),
        "image_generation",
        ("apply", "mcp__files"),
        ("read", "mcp__files"),
        "web_search",
    ]
    assert asked.sampling == Sampling(max_tokens=900, temperature=0.5, top_p=0.9)
    assert asked.reasoning is not None
    assert (asked.reasoning.effort, asked.reasoning.summary, asked.reasoning.visible) == (Effort.HIGH, "auto", True)
    assert asked.output == OutputFormat(kind=OutputKind.JSON_SCHEMA, schema=SCHEMA, name="out", strict=True)
    assert (asked.verbosity, asked.user, asked.cache_key, asked.service_tier) == ("low", "user-1", "key", "flex")
    assert (asked.parallel_tools, dict(asked.metadata)) == (False, {"a": "b"})
    assert asked.tool_choice is not None
    assert asked.tool_choice.mode is ToolChoiceMode.AUTO


def test_other_protocols_lose_only_what_has_a_meaning() -> None:
    asked = conversation_of(FULL)

    assert [loss.path for loss in settled(asked.extras, "anthropic")] == ["truncation", "max_tool_calls"]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"model": "m", "input": "hi"}, id="a string"),
        pytest.param({"model": "m"}, id="no input"),
        pytest.param({"model": "m", "input": None, "instructions": None, "tools": [], "metadata": {}}, id="blanks"),
        pytest.param({"model": "m", "input": [], "stream": False}, id="an empty list"),
        pytest.param(
            {"model": "m", "input": "hi", "stream": True, "stream_options": {"include_obfuscation": False}},
            id="a stream",
        ),
        pytest.param(
            {"model": "m", "input": "hi", "background": False, "store": True, "top_logprobs": 2}, id="defaults and not"
        ),
        pytest.param(
            {"model": "m", "input": "hi", "background": True, "conversation": {"id": "c"}, "prompt": {"id": "p"}},
            id="essential",
        ),
        pytest.param({"model": "m", "input": "hi", "user": "u", "safety_identifier": "s"}, id="both users"),
        pytest.param({"model": "m", "input": "hi", "user": "u"}, id="the older user"),
        pytest.param(
            {"model": "m", "input": "hi", "include": ["message.output_text.logprobs", "reasoning.encrypted_content"]},
            id="include",
        ),
        pytest.param(
            {"model": "m", "input": "hi", "reasoning": {"effort": None, "generate_summary": "concise"}},
            id="the older summary",
        ),
        pytest.param(
            {"model": "m", "input": "hi", "reasoning": {"summary": "auto", "generate_summary": "concise"}},
            id="both summaries",
        ),
        pytest.param({"model": "m", "input": "hi", "reasoning": {"summary": "none"}}, id="no summary"),
        pytest.param(
            {"model": "m", "input": "hi", "reasoning": {"effort": "ultra", "context": "all_turns"}},
            id="an unknown effort",
        ),
        pytest.param({"model": "m", "input": "hi", "reasoning": {}}, id="empty reasoning"),
        pytest.param(
            {"model": "m", "input": "hi", "reasoning": {"effort": "none", "summary": None}}, id="no reasoning"
        ),
        pytest.param({"model": "m", "input": "hi", "text": {}}, id="empty text"),
        pytest.param(
            {"model": "m", "input": "hi", "text": {"format": {"type": "text"}, "verbosity": None}}, id="plain text"
        ),
        pytest.param({"model": "m", "input": "hi", "text": {"format": None, "new": 1}}, id="an unknown member of text"),
        pytest.param(
            {"model": "m", "input": "hi", "text": {"format": {"type": "json_object", "strict": None, "new": 1}}},
            id="an unknown member of format",
        ),
        pytest.param({"model": "m", "input": "hi", "presence_penalty": 0.5, "frequency_penalty": 0}, id="penalties"),
        pytest.param({"model": "m", "input": "hi", "previous_response_id": "resp_0"}, id="previous"),
        pytest.param({"model": "m", "input": "hi", "brand_new": {"x": [1]}, "newer": None}, id="unknown members"),
        pytest.param(
            {"model": "m", "input": "hi", "metadata": {"n": "1"}, "moderation": {"model": "x"}}, id="metadata"
        ),
    ],
)
def test_a_body_comes_out_as_it_went_in(body: dict[str, Any]) -> None:
    assert round_trip(body) == body


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"conversation_id": "resp_a"}, "resp_a"),
        ({"conversation_id": "resp_a", "previous_response_id": "resp_b"}, "resp_b"),
        ({"conversation_id": "resp_a", "previous_response_id": ""}, "resp_a"),
        ({"conversation_id": None}, None),
    ],
)
def test_conversation_id_is_another_name_for_the_previous_response(
    members: dict[str, Any], expected: str | None
) -> None:
    body = {"model": "m", "input": "hi", **members}

    assert conversation_of(body).previous_response_id == expected
    written = round_trip(body)
    assert written.get("previous_response_id") == expected
    assert "conversation_id" not in written


@pytest.mark.parametrize("name", ["background", "conversation", "prompt", "top_logprobs"])
def test_what_no_other_protocol_has_is_refused_by_name(name: str) -> None:
    asked = conversation_of({"model": "m", "input": "hi", name: True})

    with pytest.raises(ClientFault) as caught:
        settled(asked.extras, "openai_chat")
    assert caught.value.failure.param == name


def test_members_nobody_knows_are_extras() -> None:
    asked = conversation_of({"model": "m", "input": "hi", "brand_new": 1, "text": {"shiny": True}})

    assert own(asked.extras, PROTOCOL.name) == {"brand_new": 1, "text": {"shiny": True}}


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"input": 5}, "input"),
        ({"input": ["x"]}, "input[0]"),
        ({"input": [{"content": "x"}]}, "input[0].type"),
        ({"input": [{"type": 5}]}, "input[0].type"),
        ({"input": [{"role": "wizard", "content": "x"}]}, "input[0].role"),
        ({"input": [{"role": "user", "content": 5}]}, "input[0].content"),
        ({"input": [{"role": "user", "content": ["x"]}]}, "input[0].content[0]"),
        ({"input": [{"role": "user", "content": [{"text": "x"}]}]}, "input[0].content[0].type"),
        ({"input": [{"type": "function_call", "name": "f", "arguments": "{}"}]}, "input[0].call_id"),
        ({"input": [{"type": "function_call_output", "call_id": "c", "output": None}]}, "input[0].output"),
        (
            {
                "input": [
                    {"type": "function_call_output", "call_id": "c", "output": [{"type": "refusal", "refusal": "x"}]}
                ]
            },
            "input[0].output",
        ),
        ({"input": [{"type": "reasoning", "summary": [{"type": "summary_text"}]}]}, "input[0].summary[0].text"),
        ({"input": [{"role": "assistant", "content": [{"type": []}]}]}, "input[0].content[0].type"),
        ({"input": [{"type": "additional_tools", "tools": [5]}]}, "input[0].tools[0]"),
        ({"instructions": []}, "instructions"),
        ({"tools": {}}, "tools"),
        ({"tools": [5]}, "tools[0]"),
        ({"tools": [{"type": "function"}]}, "tools[0].name"),
        ({"tools": [{"type": "namespace", "name": "n", "tools": [{"type": "custom"}]}]}, "tools[0].tools[0].name"),
        ({"tool_choice": "any"}, "tool_choice"),
        ({"tool_choice": 5}, "tool_choice"),
        ({"tool_choice": {"type": "function"}}, "tool_choice.name"),
        ({"tool_choice": {"type": "allowed_tools", "mode": "none", "tools": []}}, "tool_choice.mode"),
        ({"max_output_tokens": 1.5}, "max_output_tokens"),
        ({"max_output_tokens": True}, "max_output_tokens"),
        ({"temperature": "hot"}, "temperature"),
        ({"temperature": True}, "temperature"),
        ({"parallel_tool_calls": 1}, "parallel_tool_calls"),
        ({"reasoning": "high"}, "reasoning"),
        ({"reasoning": {"effort": 5}}, "reasoning.effort"),
        ({"text": "x"}, "text"),
        ({"text": {"format": {"type": "xml"}}}, "text.format.type"),
        ({"metadata": []}, "metadata"),
    ],
)
def test_a_malformed_member_is_refused_by_name(members: dict[str, Any], param: str) -> None:
    assert refused({"model": "m", **members}) == param


def test_tools_that_items_bring_are_declared_once() -> None:
    loaded = {"type": "function", "name": "f", "parameters": SCHEMA}
    search = {"type": "web_search"}
    body = {
        "model": "m",
        "tools": [{"type": "tool_search"}, {**loaded, "defer_loading": True}],
        "input": [
            {"role": "user", "content": "x"},
            {"type": "tool_search_call", "call_id": None, "execution": "server", "arguments": {"queries": ["f"]}},
            {
                "type": "tool_search_output",
                "call_id": None,
                "execution": "server",
                "status": "completed",
                "tools": [loaded],
            },
            {
                "type": "additional_tools",
                "role": "developer",
                "tools": [loaded, search, search, {**loaded, "name": "g"}],
            },
        ],
    }
    asked = conversation_of(body)

    assert round_trip(body) == body
    assert [tool.name if isinstance(tool, Tool) else tool.family for tool in asked.tools] == [
        None,
        "f",
        "web_search",
        "g",
    ]
    assert asked.tools[2] == ServerTool(family="web_search", protocol=PROTOCOL.name, payload=search)
    assert [type(part) for part in asked.turns[1].parts] == [Opaque, Opaque]


def test_a_namespace_of_the_providers_own_making_is_left_out() -> None:
    call = {"type": "function_call", "call_id": "c", "name": "f", "namespace": "f", "arguments": "{}", "async": True}
    body = {"model": "m", "tools": [{"type": "function", "name": "f"}], "input": [call]}
    (turn,) = conversation_of(body).turns

    (part,) = turn.parts
    assert isinstance(part, ToolCall)
    assert part.namespace is None
    assert own(part.extras, PROTOCOL.name) == {"async": True}
    assert round_trip(body) == body


UPDATE = {"type": "configuration_update", "reasoning": {"effort": "high"}}
FORM = {"type": "json_schema", "name": "n", "schema": SCHEMA}


def test_what_items_configure_is_asked_for_and_the_last_one_counts() -> None:
    low = {**UPDATE, "reasoning": {"effort": "low"}}
    texts = {"type": "configuration_update", "text": {"format": FORM}}
    body = {
        "model": "m",
        "input": [{"role": "user", "content": "x"}, low, UPDATE, texts],
        "reasoning": {"effort": "minimal", "summary": "auto"},
    }
    asked = conversation_of(body)

    assert asked.reasoning is not None
    assert (asked.reasoning.effort, asked.reasoning.summary) == (Effort.HIGH, "auto")
    assert asked.output is not None
    assert asked.output.kind is OutputKind.JSON_SCHEMA
    assert len(asked.turns) == 1
    assert round_trip(body) == body
    assert round_trip({"model": "m", "input": [UPDATE]}) == {"model": "m", "input": [UPDATE]}


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"input": [{"type": "configuration_update", "reasoning": 5}]}, "input[0].reasoning"),
        ({"input": [UPDATE], "reasoning": "high"}, "reasoning"),
    ],
)
def test_a_malformed_configuration_is_refused_by_name(body: dict[str, Any], param: str) -> None:
    with pytest.raises(ClientFault) as caught:
        conversation_of({"model": "m", **body})
    assert caught.value.failure.param == param


@pytest.mark.parametrize(
    ("members", "name"),
    [
        ({"generate": False}, "generate"),
        ({"prompt_cache_options": {"prewarm": True, "mode": "explicit"}}, "prompt_cache_options"),
        ({"moderation": {"model": "m", "policy": {"input": None, "output": {"mode": "block"}}}}, "moderation"),
    ],
)
def test_what_asks_for_no_answer_or_not_for_any_is_refused_elsewhere(members: dict[str, Any], name: str) -> None:
    body = {"model": "m", "input": "x", **members}
    with pytest.raises(ClientFault) as caught:
        settled(conversation_of(body).extras, "anthropic")
    assert caught.value.failure.param == name
    assert round_trip(body) == body


@pytest.mark.parametrize(
    "members",
    [
        {"prompt_cache_options": {"mode": "explicit"}},
        {"moderation": {"model": "m", "policy": {"input": {"mode": "score"}}}},
        {"moderation": {"model": "m"}},
        {"prompt_cache_options": "x", "moderation": "y"},
    ],
)
def test_their_milder_forms_are_losses(members: dict[str, Any]) -> None:
    found = settled(conversation_of({"model": "m", "input": "x", **members}).extras, "anthropic")
    assert [loss.path for loss in found] == list(members)


def test_what_is_spelled_out_and_so_anyway_is_no_loss() -> None:
    body = {
        "model": "m",
        "input": [{"role": "user", "content": "x"}],
        "generate": True,
        "stream_options": {"include_obfuscation": False},
        "reasoning": {"effort": "low", "context": "auto", "mode": "standard"},
        "tools": [{"type": "function", "name": "f", "defer_loading": False, "allowed_callers": ["direct"]}],
    }
    asked = conversation_of(body)
    assert asked.reasoning is not None
    (tool,) = asked.tools
    assert isinstance(tool, Tool)
    assert [*settled(asked.extras, "x"), *settled(asked.reasoning.extras, "x"), *settled(tool.extras, "x")] == []
    assert round_trip(body) == body
