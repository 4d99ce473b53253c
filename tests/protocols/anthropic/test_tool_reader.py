from __future__ import annotations

from typing import Any

import pytest

from tests.protocols.anthropic.wires import read
from trioproxy.errors import ClientFault
from trioproxy.neutral.extras import foreign, settled
from trioproxy.neutral.parts import CacheHint
from trioproxy.neutral.request import ServerTool, Tool, ToolChoice, ToolChoiceMode

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}


def test_a_clients_tool() -> None:
    (tool,) = read(
        tools=[
            {
                "type": "custom",
                "name": "f",
                "description": "does f",
                "input_schema": SCHEMA,
                "strict": True,
                "cache_control": {"type": "ephemeral"},
                "defer_loading": True,
                "eager_input_streaming": True,
            }
        ]
    ).tools
    assert isinstance(tool, Tool)
    assert (tool.name, tool.description, tool.schema, tool.strict) == ("f", "does f", SCHEMA, True)
    assert tool.cache == CacheHint()
    losses, essential = foreign(tool.extras, "gemini", path="tools[0]")
    assert [loss.path for loss in losses] == ["tools[0].defer_loading", "tools[0].eager_input_streaming"]
    assert essential == ()


@pytest.mark.parametrize(
    ("kind", "family"),
    [
        ("web_search_20250305", "web_search"),
        ("web_fetch_20250910", "web_fetch"),
        ("code_execution_20260120", "code_execution"),
        ("computer_toolset_20260801", None),
        ("bash_tool", None),
    ],
)
def test_tools_that_the_api_defines(kind: str, family: str | None) -> None:
    tool = {"type": kind, "name": "x", "max_uses": 2}
    assert read(tools=[tool]).tools == (ServerTool(family=family, protocol="anthropic", payload=tool),)


def test_their_cache_breakpoint() -> None:
    plain = {"type": "web_search_20250305", "name": "x", "cache_control": {"type": "ephemeral", "ttl": "1h"}}
    odd = {"type": "web_search_20250305", "name": "x", "cache_control": {"type": "ephemeral", "scope": "global"}}
    first, second = read(tools=[plain, odd]).tools
    assert first.cache == CacheHint(ttl="1h")
    assert isinstance(second, ServerTool)
    assert (second.cache, second.payload) == (None, odd)


@pytest.mark.parametrize(
    ("choice", "expected", "parallel"),
    [
        (None, None, None),
        ({"type": "auto"}, ToolChoice(mode=ToolChoiceMode.AUTO), None),
        ({"type": "any", "disable_parallel_tool_use": True}, ToolChoice(mode=ToolChoiceMode.REQUIRED), False),
        ({"type": "none"}, ToolChoice(mode=ToolChoiceMode.NONE), None),
        ({"type": "tool", "name": "f"}, ToolChoice(mode=ToolChoiceMode.NAMED, names=("f",)), None),
    ],
)
def test_the_choice(choice: Any, expected: Any, parallel: bool | None) -> None:
    conversation = read(tool_choice=choice)
    assert (conversation.tool_choice, conversation.parallel_tools) == (expected, parallel)


def test_parallel_calls_may_be_asked_for() -> None:
    assert read(tool_choice={"type": "auto", "disable_parallel_tool_use": False}).parallel_tools is True


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"tools": ["f"]}, "tools[0]"),
        ({"tools": {}}, "tools"),
        ({"tools": [{"input_schema": {}}]}, "tools[0].name"),
        ({"tools": [{"name": "f", "input_schema": "x"}]}, "tools[0].input_schema"),
        ({"tool_choice": {"type": "some"}}, "tool_choice.type"),
        ({"tool_choice": {"type": "tool"}}, "tool_choice.name"),
    ],
)
def test_what_a_tool_must_be(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(ClientFault) as caught:
        read(**fields)
    assert caught.value.failure.param == param


@pytest.mark.parametrize("kind", ["bash_20250124", "text_editor_20250728", "memory_20250818"])
def test_tools_that_the_api_defines_and_the_client_runs(kind: str) -> None:
    declared = {"type": kind, "name": "x", "cache_control": {"type": "ephemeral"}, "max_characters": 9}
    (tool,) = read(tools=[declared]).tools
    assert isinstance(tool, Tool)
    assert tool.name == "x"
    assert tool.description
    assert tool.schema is not None
    assert tool.schema["properties"].keys() >= {"command"}
    assert [loss.path for loss in settled(tool.extras, "gemini")] == ["max_characters"]


def test_a_screen_is_shown_in_part_only_to_whom_the_client_can_show_it() -> None:
    declared = {"type": "computer_20251124", "name": "computer", "display_width_px": 1, "display_height_px": 2}
    bare, zooming = read(tools=[{**declared, "enable_zoom": False}, {**declared, "enable_zoom": True}]).tools
    assert isinstance(bare, Tool)
    assert isinstance(zooming, Tool)
    assert bare.schema is not None
    assert zooming.schema is not None
    assert "zoom" not in bare.schema["properties"]["action"]["enum"]
    assert "region" not in bare.schema["properties"]
    assert "zoom" in zooming.schema["properties"]["action"]["enum"]
    assert settled(bare.extras, "gemini") == settled(zooming.extras, "gemini") == []
