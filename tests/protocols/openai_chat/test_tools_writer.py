from __future__ import annotations

from typing import Any

import pytest

from tests.protocols.openai_chat.chat import rewritten, written
from trioproxy.errors import ClientFault
from trioproxy.neutral.extras import packed
from trioproxy.neutral.parts import CacheHint, Text, ToolKind
from trioproxy.neutral.request import Conversation, Role, ServerTool, Tool, ToolChoice, ToolChoiceMode, ToolSpec, Turn

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
GRAMMAR = {"type": "grammar", "syntax": "lark", "definition": "start: WORD"}
SEARCH = ServerTool(
    family="web_search",
    protocol="anthropic",
    payload={
        "type": "web_search_20250305",
        "name": "web_search",
        "user_location": {"type": "approximate", "city": "Paris", "region": None},
    },
)


def _said(*tools: ToolSpec, **members: Any) -> Conversation:
    return Conversation(model="m", turns=(Turn(role=Role.USER, parts=(Text(text="hi"),)),), tools=tools, **members)


def _choice(mode: str, *names: str, kind: ToolKind = ToolKind.FUNCTION) -> ToolChoice:
    return ToolChoice(mode=ToolChoiceMode(mode), names=names, kind=kind)


def test_a_strict_tool_whose_schema_may_not_be() -> None:
    result = written(_said(Tool(name="f", schema={"type": "object", "properties": {"a": {}}}, strict=True)))
    assert "strict" not in result.body["tools"][0]["function"]
    assert [loss.path for loss in result.losses] == ["tools[0].strict"]


def test_functions() -> None:
    full = Tool(name="f", description="d", schema=SCHEMA, strict=True)
    body = written(_said(full, Tool(name="g", strict=False))).body
    assert body["tools"] == [
        {"type": "function", "function": {"name": "f", "description": "d", "parameters": SCHEMA, "strict": True}},
        {"type": "function", "function": {"name": "g", "parameters": {"type": "object", "properties": {}}}},
    ]
    assert "tool_choice" not in body
    assert "parallel_tool_calls" not in body


def test_custom_tools_where_the_target_has_them() -> None:
    custom = Tool(name="sh", description="d", kind=ToolKind.CUSTOM, grammar=GRAMMAR)
    result = written(_said(custom), "custom-tools")
    nested = {"type": "grammar", "grammar": {"syntax": "lark", "definition": "start: WORD"}}
    assert result.body["tools"] == [{"type": "custom", "custom": {"name": "sh", "description": "d", "format": nested}}]
    assert not result.naming
    plain = written(_said(Tool(name="sh", kind=ToolKind.CUSTOM, grammar={"type": "text"})), "custom-tools")
    assert plain.body["tools"][0]["custom"]["format"] == {"type": "text"}


@pytest.mark.parametrize(
    ("description", "grammar", "expected"),
    [
        ("d", GRAMMAR, "d\n\n`input` must match this lark grammar:\nstart: WORD"),
        (None, GRAMMAR, "`input` must match this lark grammar:\nstart: WORD"),
        ("d", {"type": "text"}, "d"),
        ("d", None, "d"),
    ],
)
def test_custom_tools_are_functions_elsewhere(description: str | None, grammar: Any, expected: str) -> None:
    result = written(_said(Tool(name="sh", description=description, kind=ToolKind.CUSTOM, grammar=grammar)))
    (tool,) = result.body["tools"]
    assert tool["type"] == "function"
    assert tool["function"]["description"] == expected
    assert tool["function"]["parameters"]["required"] == ["input"]
    assert result.naming.custom == {"sh"}


def test_namespaces_are_flattened_and_long_names_cut() -> None:
    long = "x" * 80
    result = written(
        _said(Tool(name="read", namespace="fs"), Tool(name=long), Tool(name="a b"), tool_choice=_choice("named", long))
    )
    names = [tool["function"]["name"] for tool in result.body["tools"]]
    assert names[0] == "fs__read"
    assert len(names[1]) == 64
    assert names[2] == "a_b"
    assert result.body["tool_choice"]["function"]["name"] == names[1]
    assert result.naming.originals[names[1]] == (long, None)
    assert result.naming.originals["fs__read"] == ("read", "fs")


def test_breakpoints_and_fields_of_others() -> None:
    tool = Tool(name="f", cache=CacheHint(ttl="1h"), extras=packed("anthropic", {"defer_loading": True}))
    assert [loss.path for loss in written(_said(tool)).losses] == ["tools[0].defer_loading", "tools[0].cache_control"]
    assert written(_said(tool), "cache-control").body["tools"][0]["cache_control"] == {"type": "ephemeral", "ttl": "1h"}


# Tools that the provider runs.


def test_web_search_where_the_target_has_it() -> None:
    body = written(_said(SEARCH, tool_choice=_choice("named", "web_search")), "web-search-options").body
    assert body["web_search_options"] == {"user_location": {"type": "approximate", "approximate": {"city": "Paris"}}}
    assert "tools" not in body
    assert "tool_choice" not in body
    sized = ServerTool(
        family="web_search", protocol="openai_responses", payload={"type": "web_search", "search_context_size": "low"}
    )
    result = written(_said(sized, Tool(name="f"), tool_choice=_choice("named", "web_search")), "web-search-options")
    assert result.body["web_search_options"] == {"search_context_size": "low"}
    assert "tool_choice" not in result.body
    assert result.losses == ()
    limited = ServerTool(family="web_search", protocol="anthropic", payload={"max_uses": 3, "blocked_domains": None})
    assert [loss.path for loss in written(_said(limited), "web-search-options").losses] == ["tools[0].max_uses"]


def test_elsewhere_it_is_lost_unless_the_request_turns_on_it() -> None:
    cached = ServerTool(family="web_search", protocol="anthropic", payload={"name": "web_search"}, cache=CacheHint())
    result = written(_said(cached, Tool(name="f")))
    assert [tool["function"]["name"] for tool in result.body["tools"]] == ["f"]
    assert [loss.path for loss in result.losses] == ["tools[0].cache_control", "tools[0]"]
    assert "tools" not in written(_said(SEARCH, tool_choice=_choice("auto"))).body
    for choice in (_choice("required"), _choice("named", "web_search")):
        with pytest.raises(ClientFault) as caught:
            written(_said(SEARCH, tool_choice=choice))
        assert caught.value.failure.param == "tool_choice"
    assert written(_said(SEARCH, Tool(name="f"), tool_choice=_choice("required"))).body["tool_choice"] == "required"


@pytest.mark.parametrize("payload", [{"type": "bash_20250124"}, {}])
def test_any_other_tool_of_a_provider_is_lost(payload: Any) -> None:
    result = written(_said(ServerTool(family=None, protocol="anthropic", payload=payload)))
    assert [loss.path for loss in result.losses] == ["tools[0]"]


# The choice.


@pytest.mark.parametrize("mode", ["auto", "none", "required"])
def test_words(mode: str) -> None:
    assert written(_said(Tool(name="f"), tool_choice=_choice(mode))).body["tool_choice"] == mode


def test_one_tool_by_name() -> None:
    custom = Tool(name="sh", kind=ToolKind.CUSTOM)
    choice = _choice("named", "sh", kind=ToolKind.CUSTOM)
    assert written(_said(custom, tool_choice=choice)).body["tool_choice"] == {
        "type": "function",
        "function": {"name": "sh"},
    }
    assert written(_said(custom, tool_choice=choice), "custom-tools").body["tool_choice"] == {
        "type": "custom",
        "custom": {"name": "sh"},
    }


def test_some_tools_are_allowed() -> None:
    tools = (Tool(name="f"), Tool(name="g"), Tool(name="sh", kind=ToolKind.CUSTOM))
    choice = _choice("required", "f", "sh", "unheard of")
    told = written(_said(*tools, tool_choice=choice), "allowed-tools", "custom-tools").body
    assert len(told["tools"]) == 3
    assert told["tool_choice"] == {
        "type": "allowed_tools",
        "allowed_tools": {
            "mode": "required",
            "tools": [{"type": "function", "function": {"name": "f"}}, {"type": "custom", "custom": {"name": "sh"}}],
        },
    }
    untold = written(_said(*tools, tool_choice=choice)).body
    assert [tool["function"]["name"] for tool in untold["tools"]] == ["f", "sh"]
    assert untold["tool_choice"] == "required"


def test_a_choice_without_tools_is_left_out() -> None:
    body = written(_said(tool_choice=_choice("auto"), parallel_tools=True)).body
    assert "tool_choice" not in body
    assert "parallel_tool_calls" not in body


def test_parallel_calls() -> None:
    assert written(_said(Tool(name="f"), parallel_tools=False)).body["parallel_tool_calls"] is False


# The same protocol.


@pytest.mark.parametrize(
    "members",
    [
        {
            "tools": [
                {
                    "type": "function",
                    "function": {
                        "name": "f",
                        "description": "",
                        "parameters": SCHEMA,
                        "strict": False,
                        "odd": 1,
                        "none": None,
                    },
                    "odd": 2,
                }
            ]
        },
        {"tools": [{"function": {"name": "f"}, "cache_control": {"type": "ephemeral"}, "none": None}]},
        {
            "tools": [{"type": "openrouter:web_search", "parameters": {}}],
            "tool_choice": {"type": "openrouter:web_search"},
        },
        {"tools": [], "tool_choice": "auto", "parallel_tool_calls": True},
        {"web_search_options": {}},
        {
            "tools": [{"type": "function", "function": {"name": "f"}}],
            "tool_choice": {"type": "function", "function": {"name": "f"}},
        },
        {"tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": "any"},
        {"tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": {"type": "auto"}},
        {
            "tools": [{"type": "function", "function": {"name": "f"}}, {"type": "function", "function": {"name": "g"}}],
            "tool_choice": {
                "type": "allowed_tools",
                "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "f"}}]},
            },
        },
    ],
)
def test_tools_of_this_protocol_are_given_back_as_they_were(members: Any) -> None:
    body = rewritten(**members)
    assert {name: body.get(name) for name in members} == members


def test_custom_tools_of_this_protocol() -> None:
    nested = {"type": "grammar", "grammar": {"syntax": "lark", "definition": "x"}}
    members: Any = {
        "tools": [{"type": "custom", "custom": {"name": "sh", "format": nested, "odd": 1}}],
        "tool_choice": {"type": "custom", "custom": {"name": "sh"}},
    }
    body = rewritten(quirks=["custom-tools"], **members)
    assert {name: body.get(name) for name in members} == members


def test_the_deprecated_functions_are_asked_for_as_tools() -> None:
    body = rewritten(functions=[{"name": "f", "parameters": SCHEMA}], function_call={"name": "f"})
    assert body["tools"] == [{"type": "function", "function": {"name": "f", "parameters": SCHEMA}}]
    assert body["tool_choice"] == {"type": "function", "function": {"name": "f"}}
    assert "functions" not in body
    assert "parallel_tool_calls" not in body
