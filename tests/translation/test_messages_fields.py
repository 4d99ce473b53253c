"""Every member, block, tool and choice of a Messages request at the other protocols: said there, a loss by name, or refused by name.

The table is what a client may rely on. Where Anthropic's package is installed, no member, block and tool it knows is missing.
"""

from __future__ import annotations

import typing
from collections.abc import Iterator
from typing import Any

import pytest

from tests.translation.fates import LOST, REFUSED, SAID, fate
from tests.translation.requests import read_request
from trioproxy.protocols.anthropic.words import WORDS
from trioproxy.protocols.table import NAMES

CHAT, RESPONSES, _, GEMINI = NAMES
_OTHERS = (CHAT, RESPONSES, GEMINI)


_PNG = {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}
_PDF = {"type": "base64", "media_type": "application/pdf", "data": "JVBERg=="}
_SCHEMA = {"type": "object", "properties": {"x": {"type": "string"}}, "required": ["x"], "additionalProperties": False}
_TOOL = {"name": "f", "input_schema": _SCHEMA}
_TEXT = {"type": "text", "text": "t"}
_IMAGE = {"type": "image", "source": _PNG}
_CACHED = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
_CALL = {"type": "tool_use", "id": "t", "name": "f", "input": {"x": "1"}}
_REFERENCE = {"type": "tool_reference", "name": "f"}
_SEARCH = {"type": "search_result", "title": "T", "source": "https://a.example/", "content": [_TEXT]}
_OUTPUT = {"type": "json_schema", "schema": _SCHEMA}
_USER = {"role": "user", "content": "hi"}

# Not to think is an effort, too.
_STAND_FOR = ("output_config",)


def _all(fate: str) -> tuple[str, str, str]:
    return fate, fate, fate


# Name -> the members, and their fate at Chat Completions, Responses and Gemini.
MEMBERS: dict[str, tuple[dict[str, Any], tuple[str, str, str]]] = {
    "billing_policy": ({"billing_policy": {"type": "billing_policy", "bill_to": "self"}}, _all(LOST)),
    "cache_control": ({"cache_control": {"type": "ephemeral"}}, _all(LOST)),
    "compaction": ({"compaction": {"type": "summarize"}}, _all(REFUSED)),
    "container": ({"container": {"skills": [{"type": "anthropic", "skill_id": "pptx"}]}}, _all(REFUSED)),
    "context_management": ({"context_management": {"edits": [{"type": "clear_tool_uses_20250919"}]}}, _all(LOST)),
    "diagnostics": ({"diagnostics": {"previous_message_id": "m"}}, _all(LOST)),
    "fallback_credit_token": ({"fallback_credit_token": "x"}, _all(LOST)),
    "fallbacks": ({"fallbacks": "default"}, _all(LOST)),
    "inference_geo": ({"inference_geo": "us"}, _all(REFUSED)),
    "inference_geo anywhere": ({"inference_geo": "global"}, _all(SAID)),
    "max_tokens of none": ({"max_tokens": 0}, _all(LOST)),
    "mcp_servers": ({"mcp_servers": [{"type": "url", "url": "https://a.example/", "name": "s"}]}, _all(REFUSED)),
    "metadata": ({"metadata": {"user_id": "u"}}, (SAID, SAID, LOST)),
    "output_config.effort": ({"output_config": {"effort": "low"}}, _all(SAID)),
    "output_config.format": ({"output_config": {"format": _OUTPUT}}, _all(SAID)),
    "output_config.task_budget": ({"output_config": {"task_budget": {"type": "tokens", "total": 9}}}, _all(LOST)),
    "service_tier": ({"service_tier": "standard_only"}, (LOST, SAID, SAID)),
    "speed": ({"speed": "fast"}, _all(LOST)),
    "stop_sequences": ({"stop_sequences": ["x"]}, (SAID, LOST, SAID)),
    "stream": ({"stream": True}, _all(SAID)),
    "system": ({"system": "s"}, _all(SAID)),
    "system with a breakpoint": ({"system": [{**_TEXT, **_CACHED}]}, _all(LOST)),
    "temperature": ({"temperature": 0.5, "top_p": 0.5}, _all(SAID)),
    "top_k": ({"top_k": 4}, (LOST, LOST, SAID)),
    "thinking by budget": ({"thinking": {"type": "enabled", "budget_tokens": 2048}}, _all(SAID)),
    "thinking off": ({"thinking": {"type": "disabled"}}, (LOST, SAID, LOST)),
    "thinking": ({"thinking": {"type": "adaptive", "display": "summarized"}}, _all(SAID)),
    "thinking between tools": ({"thinking": {"type": "between_tools"}}, _all(LOST)),
    "thread begun": ({"thread": {"type": "create"}}, _all(LOST)),
    "thread gone on with": ({"thread": {"type": "continue", "previous_message_id": "msg_1"}}, _all(REFUSED)),
    "tool_choice auto": ({"tools": [_TOOL], "tool_choice": {"type": "auto"}}, _all(SAID)),
    "tool_choice any": ({"tools": [_TOOL], "tool_choice": {"type": "any"}}, _all(SAID)),
    "tool_choice none": ({"tools": [_TOOL], "tool_choice": {"type": "none"}}, _all(SAID)),
    "tool_choice tool": ({"tools": [_TOOL], "tool_choice": {"type": "tool", "name": "f"}}, _all(SAID)),
    "tool_choice of none": ({"tools": [_TOOL], "tool_choice": {"type": "tool", "name": "g"}}, _all(REFUSED)),
    "one call": (
        {"tools": [_TOOL], "tool_choice": {"type": "auto", "disable_parallel_tool_use": True}},
        (SAID, SAID, LOST),
    ),
    "what says nothing": (
        {"container": None, "mcp_servers": [], "context_management": {}, "thread": None, "fallbacks": None, "speed": "standard"},
        _all(SAID),
    ),
}  # fmt: skip

# Name -> a declaration, and its fate.
TOOLS: dict[str, tuple[dict[str, Any], tuple[str, str, str]]] = {
    "custom": ({**_TOOL, "type": "custom", "strict": True, "description": "d"}, _all(SAID)),
    "a breakpoint": ({**_TOOL, **_CACHED}, _all(LOST)),
    "deferred": ({**_TOOL, "defer_loading": True}, _all(LOST)),
    "examples": ({**_TOOL, "input_examples": [{"x": "1"}]}, _all(LOST)),
    "what holds anyway": (
        {**_TOOL, "defer_loading": False, "allowed_callers": ["direct"], "eager_input_streaming": None},
        _all(SAID),
    ),
    **{
        kind: ({"type": kind, "name": "x"}, _all(SAID))
        for kind in (
            "bash_20241022", "bash_20250124", "memory_20250818", "text_editor_20241022", "text_editor_20250124",
            "text_editor_20250429", "text_editor_20250728", "computer_20241022", "computer_20250124", "computer_20251124",
        )
    },
    **{
        kind: ({"type": kind, "name": "web_search"}, (LOST, SAID, SAID))
        for kind in ("web_search_20250305", "web_search_20260209", "web_search_20260318")
    },
    **{
        kind: ({"type": kind, "name": "web_fetch"}, (LOST, LOST, SAID))
        for kind in ("web_fetch_20250910", "web_fetch_20260209", "web_fetch_20260309", "web_fetch_20260318")
    },
    **{
        kind: ({"type": kind, "name": "code_execution"}, (LOST, SAID, SAID))
        for kind in (
            "code_execution_20250522", "code_execution_20250825", "code_execution_20260120", "code_execution_20260521",
        )
    },
    **{
        kind: ({"type": kind, "name": "x"}, _all(LOST))
        for kind in (
            "advisor_20260301", "browser_toolset_20260801", "computer_toolset_20260801", "tool_search_tool_bm25_20251119",
            "tool_search_tool_bm25", "tool_search_tool_regex_20251119", "tool_search_tool_regex",
        )
    },
    "mcp_toolset": ({"type": "mcp_toolset", "mcp_server_name": "s"}, _all(LOST)),
}  # fmt: skip

_UPLOADED = {"type": "file", "file_id": "file_1"}
_MIXED = {"type": "content", "content": [_TEXT, _IMAGE]}

# Name -> the user's blocks, and their fate.
USER_BLOCKS: dict[str, tuple[list[dict[str, Any]], tuple[str, str, str]]] = {
    "text": ([_TEXT], _all(SAID)),
    "a breakpoint": ([{**_TEXT, **_CACHED}], _all(LOST)),
    "image": ([_IMAGE], _all(SAID)),
    "image by address": ([{"type": "image", "source": {"type": "url", "url": "https://a.example/a.png"}}], _all(SAID)),
    "image uploaded": ([{"type": "image", "source": _UPLOADED}], _all(REFUSED)),
    "image transformed": ([{**_IMAGE, "transformations": {"x": 1}}], _all(LOST)),
    "document": ([{"type": "document", "source": _PDF, "context": "c"}], _all(SAID)),
    "document with a title": ([{"type": "document", "source": _PDF, "title": "T"}], (SAID, SAID, LOST)),
    "document to be cited": ([{"type": "document", "source": _PDF, "citations": {"enabled": True}}], _all(LOST)),
    "document by address": (
        [{"type": "document", "source": {"type": "url", "url": "https://a.example/a.pdf"}}],
        (REFUSED, SAID, SAID),
    ),
    "document of text": (
        [{"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "t"}}],
        _all(SAID),
    ),
    "document of blocks": ([{"type": "document", "source": _MIXED, "title": "T"}], _all(SAID)),
    "document uploaded": ([{"type": "document", "source": _UPLOADED}], _all(REFUSED)),
    "search_result": ([_SEARCH], _all(SAID)),
    "container_upload": ([{"type": "container_upload", "file_id": "file_1"}], _all(REFUSED)),
    "an unknown block": ([_TEXT, {"type": "hologram"}], _all(REFUSED)),
    "what a provider's tool gave": ([_TEXT, {"type": "web_search_tool_result", "tool_use_id": "t"}], _all(LOST)),
    "compaction": ([{"type": "compaction", "content": "so far"}], _all(SAID)),
    "compaction that failed": ([_TEXT, {"type": "compaction", "content": None}], _all(LOST)),
    "compaction that is hidden": ([{"type": "compaction", "content": None, "encrypted_content": "x"}], _all(REFUSED)),
}

# Name -> what a tool gave, and its fate.
RESULTS: dict[str, tuple[dict[str, Any], tuple[str, str, str]]] = {
    "nothing": ({}, _all(SAID)),
    "a string": ({"content": "r"}, _all(SAID)),
    "an error": ({"content": "no", "is_error": True}, _all(SAID)),
    "text": ({"content": [_TEXT]}, _all(SAID)),
    "image": ({"content": [_TEXT, _IMAGE]}, (LOST, SAID, SAID)),
    "document": ({"content": [{"type": "document", "source": _PDF}]}, (LOST, SAID, SAID)),
    "search_result": ({"content": [_SEARCH]}, _all(SAID)),
    "tool_reference": ({"content": [{"type": "tool_reference", "tool_name": "f"}]}, _all(SAID)),
    "browser_state": ({"content": [{"type": "browser_state", "tabs": []}]}, _all(SAID)),
    "a toolset's": ({"content": "r", "toolset_name": "computer"}, _all(LOST)),
}

# Name -> the model's blocks, and their fate.
MODEL_BLOCKS: dict[str, tuple[list[dict[str, Any]], tuple[str, str, str]]] = {
    "tool_use": ([_TEXT, _CALL], _all(SAID)),
    "tool_use of a program": ([{**_CALL, "caller": {"type": "code_execution_20260120", "tool_id": "x"}}], _all(LOST)),
    "thinking": ([{"type": "thinking", "thinking": "hm", "signature": "c2ln"}, _TEXT], _all(LOST)),
    "redacted_thinking": ([{"type": "redacted_thinking", "data": "eA=="}, _TEXT], _all(LOST)),
    **{
        kind: ([{"type": kind, "id": "s", "tool_use_id": "s", "name": "x", "input": {}, "content": []}, _TEXT], _all(LOST))
        for kind in (
            "server_tool_use", "web_search_tool_result", "web_fetch_tool_result", "advisor_tool_result",
            "code_execution_tool_result", "bash_code_execution_tool_result", "text_editor_code_execution_tool_result",
            "tool_search_tool_result", "mcp_tool_use", "mcp_tool_result", "mcp_tool_listing", "fallback",
        )
    },
}  # fmt: skip

# Name -> what a system message amid the conversation is, and its fate.
SYSTEM: dict[str, tuple[dict[str, Any], tuple[str, str, str]]] = {
    "words": ({"content": "now"}, (SAID, SAID, LOST)),
    "words for a while": ({"content": "now", "clear_at": "next_user_message"}, _all(LOST)),
    "effort": ({"output_config": {"effort": "low"}}, _all(SAID)),
    "tool_addition": ({"content": [{"type": "tool_addition", "tool": _REFERENCE}]}, _all(SAID)),
    "tool_removal": ({"content": [{"type": "tool_removal", "tool": _REFERENCE}]}, _all(SAID)),
}


def _loop(blocks: list[dict[str, Any]], result: dict[str, Any]) -> list[dict[str, Any]]:
    answer = {"type": "tool_result", "tool_use_id": "t", **result}
    last = [answer] if _CALL["id"] in [block.get("id") for block in blocks] else [_TEXT]
    return [_USER, {"role": "assistant", "content": blocks}, {"role": "user", "content": last}]


def _cases() -> Iterator[tuple[str, dict[str, Any], tuple[str, str, str]]]:
    for name, (members, fates) in MEMBERS.items():
        yield name, {"messages": [_USER], **members}, fates
    for name, (tool, fates) in TOOLS.items():
        yield f"tool: {name}", {"messages": [_USER], "tools": [tool]}, fates
    conversations = {
        **{
            f"user: {name}": ([{"role": "user", "content": each}], fates) for name, (each, fates) in USER_BLOCKS.items()
        },
        **{f"model: {name}": (_loop(each, {}), fates) for name, (each, fates) in MODEL_BLOCKS.items()},
        **{f"result: {name}": (_loop([_CALL], each), fates) for name, (each, fates) in RESULTS.items()},
        **{f"system: {name}": ([_USER, {"role": "system", **each}], fates) for name, (each, fates) in SYSTEM.items()},
    }
    for name, (messages, fates) in conversations.items():
        yield name, {"messages": messages, "tools": [_TOOL]}, fates


CASES = list(_cases())


def _fate(members: Any, target: str) -> tuple[str, list[str]]:
    """What becomes of a request, and the names it is told by."""
    said = read_request("anthropic", {"model": "m", "max_tokens": 64, **members})
    return fate(said, target, WORDS)


@pytest.mark.parametrize(("name", "members", "fates"), CASES, ids=[name for name, _, _ in CASES])
def test_what_becomes_of_it(name: str, members: Any, fates: tuple[str, str, str]) -> None:
    told = [_fate(members, target) for target in _OTHERS]
    assert tuple(became for became, _ in told) == fates, told
    for _, paths in told:
        for path in paths:
            assert path.partition(".")[0].partition("[")[0] in {*members, *_STAND_FOR}, path


def _kinds(union: Any) -> set[str]:
    """The types that a union of the package's holds."""
    found: set[str] = set()
    for each in typing.get_args(union):
        kind = getattr(each, "__annotations__", {}).get("type") if not typing.get_args(each) else None
        found |= _kinds(each) if kind is None else _literals(each)
    return found


def _literals(kind: Any) -> set[str]:
    fields = getattr(kind, "model_fields", None)
    hint = fields["type"].annotation if fields else typing.get_type_hints(kind)["type"]
    inner = typing.get_args(hint)
    return {name for each in inner for name in (typing.get_args(each) or (each,)) if isinstance(name, str)}


def test_nothing_is_missing() -> None:
    types = pytest.importorskip("anthropic.types.beta")
    params = pytest.importorskip("anthropic.types.beta.message_create_params")
    known = {*params.MessageCreateParamsBase.__annotations__, "stream"} - {"betas", "user_profile_id", "workspace_id"}
    assert known <= {member for _, members, _ in CASES for member in members} | {"model", "max_tokens", "messages"}
    tools = {tool.get("type", "custom") for tool, _ in TOOLS.values()}
    assert _kinds(types.BetaToolUnionParam) <= tools
    blocks = {
        block["type"]
        for _, members, _ in CASES
        for message in members["messages"]
        for block in (message.get("content") if isinstance(message.get("content"), list) else ())
    }
    assert _kinds(types.BetaContentBlockParam) <= blocks
