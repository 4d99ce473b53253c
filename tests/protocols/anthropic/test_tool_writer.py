from __future__ import annotations

from typing import Any

import pytest

from tests.protocols.anthropic.wires import assistant, lost, read, user, write
from trioproxy.errors import ClientFault
from trioproxy.neutral.extras import packed
from trioproxy.neutral.parts import CacheHint, Text, ToolCall, ToolKind, ToolResult
from trioproxy.neutral.request import ServerTool, Tool, ToolChoice, ToolChoiceMode
from trioproxy.protocols.anthropic import PROTOCOL
from trioproxy.protocols.anthropic.tool_writer import WEB_SEARCH
from trioproxy.protocols.base import WriteTarget

CLOSED = {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": False, "required": ["a"]}
LOOSE = {"type": "object", "properties": {"a": {"type": "string", "maxLength": 3}}}
F = Tool(name="f", schema=LOOSE)
G = Tool(name="g", schema=LOOSE)


def choice(mode: ToolChoiceMode, *names: str, **fields: Any) -> ToolChoice:
    return ToolChoice(mode=mode, names=names, **fields)


def test_a_function() -> None:
    tool = Tool(name="f", description="", schema=LOOSE, cache=CacheHint(), extras=packed("openai_chat", {"odd": 1}))
    written = write(tools=(tool,))
    assert written.body["tools"] == [
        {"name": "f", "description": "", "input_schema": LOOSE, "cache_control": {"type": "ephemeral"}}
    ]
    assert lost(written) == ["tools[0].odd"]
    assert not written.naming


def test_a_function_without_a_schema() -> None:
    assert write(tools=(Tool(name="f"),)).body["tools"] == [
        {"name": "f", "input_schema": {"type": "object", "properties": {}}}
    ]


def test_combinators_at_the_root_are_resolved() -> None:
    written = write(tools=(Tool(name="f", schema={"anyOf": [CLOSED]}),))
    assert "anyOf" not in written.body["tools"][0]["input_schema"]
    assert lost(written) == ["tools[0].parameters"]


def test_strict_where_the_schema_can_be_enforced() -> None:
    written = write(tools=(Tool(name="f", schema=CLOSED, strict=True), Tool(name="g", schema=LOOSE, strict=True)))
    assert [tool.get("strict") for tool in written.body["tools"]] == [True, None]
    assert lost(written) == ["tools[1].strict"]
    assert "strict" not in write(tools=(Tool(name="f", schema=CLOSED, strict=False),)).body["tools"][0]


def test_only_so_many_tools_are_strict() -> None:
    written = write(tools=tuple(Tool(name=f"f{n}", schema=CLOSED, strict=True) for n in range(21)))
    assert sum("strict" in tool for tool in written.body["tools"]) == 20
    assert lost(written) == ["tools[20].strict"]


def test_names_are_made_legal_and_can_be_restored() -> None:
    written = write(
        user("a"),
        assistant(ToolCall(call_id="c", name="a.b", arguments="{}")),
        user(ToolResult(call_id="c", content=(Text(text="x"),))),
        tools=(Tool(name="a.b"), Tool(name="f", namespace="files"), Tool(name="x" * 140)),
        tool_choice=choice(ToolChoiceMode.NAMED, "f"),
    )
    names = [tool["name"] for tool in written.body["tools"]]
    assert names[:2] == ["a_b", "files__f"]
    assert len(names[2]) <= 128
    assert written.body["messages"][1]["content"][0]["name"] == "a_b"
    assert written.body["tool_choice"] == {"type": "tool", "name": "files__f"}
    assert written.naming.originals == {"a_b": ("a.b", None), "files__f": ("f", "files"), names[2]: ("x" * 140, None)}


def test_custom_tools_become_functions_with_one_text() -> None:
    grammar = {"type": "grammar", "syntax": "lark", "definition": "start: x"}
    written = write(
        tools=(
            Tool(name="patch", description="Patch.", kind=ToolKind.CUSTOM, grammar=grammar),
            Tool(name="bare", kind=ToolKind.CUSTOM, grammar={"definition": "x"}),
            Tool(name="free", description="Free.", kind=ToolKind.CUSTOM),
        )
    )
    patch, bare, free = written.body["tools"]
    assert patch["description"] == "Patch.\n\n`input` must follow this lark grammar:\nstart: x"
    assert bare["description"] == "`input` must follow this formal grammar:\nx"
    assert free["description"] == "Free."
    assert patch["input_schema"]["required"] == ["input"]
    assert written.naming.custom == {"patch", "bare", "free"}
    assert lost(written) == ["tools[0].format", "tools[1].format"]


def test_web_search_of_other_protocols() -> None:
    place = {"type": "approximate", "approximate": {"country": "DE", "city": ""}}
    payload = {
        "type": "web_search",
        "user_location": place,
        "filters": {"allowed_domains": ["a.example"]},
        "search_context_size": "high",
    }
    gemini = ServerTool(family="web_search", protocol="gemini", payload={"googleSearch": {}})
    written = write(tools=(ServerTool(family="web_search", protocol="openai_responses", payload=payload),))
    assert written.body["tools"] == [
        {
            "type": WEB_SEARCH,
            "name": "web_search",
            "user_location": {"type": "approximate", "country": "DE"},
            "allowed_domains": ["a.example"],
        }
    ]
    assert lost(written) == ["tools[0].search_context_size"]
    assert write(tools=(gemini,)).body["tools"] == [{"type": WEB_SEARCH, "name": "web_search"}]


@pytest.mark.parametrize(
    ("payload", "written"),
    [
        ({"max_uses": 3, "blocked_domains": ["b.example"]}, {"max_uses": 3, "blocked_domains": ["b.example"]}),
        ({"googleSearch": {"excludeDomains": ["b.example"]}}, {"blocked_domains": ["b.example"]}),
        ({"googleSearch": {"timeRangeFilter": {"startTime": "x"}}}, {}),
        ({"filters": {"odd": 1}}, {}),
        ({"filters": {"allowed_domains": ["a.example"], "blocked_domains": None}}, {"allowed_domains": ["a.example"]}),
        ({"max_uses": 0}, {}),
    ],
)
def test_settings_of_web_search(payload: dict[str, Any], written: dict[str, Any]) -> None:
    tool = ServerTool(family="web_search", protocol="elsewhere", payload=payload, cache=CacheHint())
    found = write(tools=(tool,))
    assert found.body["tools"] == [
        {"type": WEB_SEARCH, "name": "web_search", **written, "cache_control": {"type": "ephemeral"}}
    ]
    assert len(found.losses) == (0 if written else 1)


@pytest.mark.parametrize("name", ["googleSearch", "web_search"])
def test_a_foreign_search_that_is_chosen_is_chosen_here_by_its_name(name: str) -> None:
    search = ServerTool(family="web_search", protocol="gemini", payload={"googleSearch": {}})
    written = write(tools=(search,), tool_choice=choice(ToolChoiceMode.NAMED, name))
    assert written.body["tool_choice"] == {"type": "tool", "name": "web_search"}


def test_a_foreign_tool_that_nobody_here_has_can_not_be_chosen() -> None:
    maps = ServerTool(family=None, protocol="gemini", payload={"googleMaps": {}})
    with pytest.raises(ClientFault, match="googleMaps, which the target can't run"):
        write(tools=(maps, F), tool_choice=choice(ToolChoiceMode.NAMED, "googleMaps"))


def test_settings_without_a_value_are_none() -> None:
    payload = {"user_location": None, "max_uses": None, "filters": {"allowed_domains": None}}
    assert write(tools=(ServerTool(family="web_search", protocol="elsewhere", payload=payload),)).losses == ()


def test_server_tools_without_a_counterpart() -> None:
    search = ServerTool(family="web_search", protocol="gemini", payload={})
    written = write(
        tools=(
            ServerTool(family="image_generation", protocol="openai_responses", payload={}),
            ServerTool(family=None, protocol="openai_responses", payload={}),
            Tool(name="web_search"),
            search,
        )
    )
    assert [tool["name"] for tool in written.body["tools"]] == ["web_search"]
    assert lost(written) == ["tools[0]", "tools[1]", "tools[3]"]


@pytest.mark.parametrize(
    ("given", "written"),
    [
        (None, None),
        (choice(ToolChoiceMode.AUTO), {"type": "auto"}),
        (choice(ToolChoiceMode.NONE), {"type": "none"}),
        (choice(ToolChoiceMode.REQUIRED), {"type": "any"}),
        (choice(ToolChoiceMode.NAMED, "g"), {"type": "tool", "name": "g"}),
        (choice(ToolChoiceMode.REQUIRED, "g"), {"type": "tool", "name": "g"}),
    ],
)
def test_the_choice(given: ToolChoice | None, written: Any) -> None:
    assert write(tools=(F, G), tool_choice=given).body.get("tool_choice") == written


@pytest.mark.parametrize("mode", [ToolChoiceMode.AUTO, ToolChoiceMode.REQUIRED])
def test_tools_that_are_not_allowed_are_not_declared(mode: ToolChoiceMode) -> None:
    search = ServerTool(family="web_search", protocol="gemini", payload={})
    written = write(tools=(F, search, G, Tool(name="h")), tool_choice=choice(mode, "f", "h"))
    assert [tool["name"] for tool in written.body["tools"]] == ["f", "h"]


@pytest.mark.parametrize(
    ("given", "written"),
    [
        (None, {"type": "auto", "disable_parallel_tool_use": True}),
        (choice(ToolChoiceMode.REQUIRED), {"type": "any", "disable_parallel_tool_use": True}),
        (choice(ToolChoiceMode.NONE), {"type": "none"}),
    ],
)
def test_one_call_at_a_time(given: ToolChoice | None, written: Any) -> None:
    assert write(tools=(F,), tool_choice=given, parallel_tools=False).body["tool_choice"] == written


def test_parallel_calls_are_the_default() -> None:
    assert "tool_choice" not in write(tools=(F,), parallel_tools=True).body
    assert "tool_choice" not in write(parallel_tools=False).body


def test_no_choice_among_no_tools() -> None:
    written = write(tool_choice=choice(ToolChoiceMode.REQUIRED, extras=packed("gemini", {"odd": 1})))
    assert "tool_choice" not in written.body
    assert lost(written) == ["tool_choice.odd", "tool_choice"]
    assert write(tool_choice=choice(ToolChoiceMode.AUTO)).losses == ()


@pytest.mark.parametrize(
    "fields",
    [
        {"tools": [{"name": "f"}], "tool_choice": {"type": "any", "odd": 1}},
        {"tools": [{"name": "f", "input_schema": {"anyOf": []}, "strict": False, "type": "custom", "odd": 1}]},
        {"tools": [{"name": "f", "cache_control": {"type": "ephemeral", "scope": "global"}}]},
        {"tools": [{"type": "bash_20250124", "name": "bash", "cache_control": {"type": "ephemeral"}}]},
        {"tools": [{"type": "mcp_toolset", "mcp_server_name": "x", "cache_control": {"type": "ephemeral", "x": 1}}]},
        {"tool_choice": {"type": "auto", "disable_parallel_tool_use": False}},
        {"tools": [{"name": "f"}], "tool_choice": {"type": "tool", "name": "f", "disable_parallel_tool_use": True}},
    ],
)
def test_this_apis_tools_come_back_as_they_were(fields: dict[str, Any]) -> None:
    written = PROTOCOL.write_request(read(**fields), WriteTarget(model="m"))
    assert {name: written.body.get(name) for name in fields} == fields
    assert written.losses == ()
