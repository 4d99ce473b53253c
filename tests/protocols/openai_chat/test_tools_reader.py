from __future__ import annotations

from typing import Any

import pytest

from tests.protocols.openai_chat.chat import conversation
from trioproxy.errors import ClientFault
from trioproxy.neutral.extras import foreign, own
from trioproxy.neutral.parts import CacheHint, ToolKind
from trioproxy.neutral.request import ServerTool, Tool, ToolChoiceMode, ToolSpec

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}


def _tool(document: Any) -> ToolSpec:
    (tool,) = conversation(tools=[document]).tools
    return tool


def test_functions() -> None:
    function = {"name": "f", "description": "d", "parameters": SCHEMA, "strict": True}
    assert _tool({"type": "function", "function": function}) == Tool(
        name="f", description="d", schema=SCHEMA, strict=True
    )
    bare = _tool(
        {"function": {"name": "f", "strict": None, "odd": 1}, "cache_control": {"type": "ephemeral"}, "eager": True}
    )
    assert isinstance(bare, Tool)
    assert (bare.name, bare.schema, bare.strict, bare.cache) == ("f", None, None, CacheHint())
    assert own(bare.extras, "openai_chat") == {"eager": True, "function": {"odd": 1}}


def test_custom_tools_and_their_grammars() -> None:
    nested = {"type": "grammar", "grammar": {"syntax": "lark", "definition": "x"}}
    tool = _tool({"type": "custom", "custom": {"name": "sh", "description": "d", "format": nested}})
    assert isinstance(tool, Tool)
    assert (tool.kind, tool.description) == (ToolKind.CUSTOM, "d")
    assert tool.grammar == {"type": "grammar", "syntax": "lark", "definition": "x"}
    tool = _tool({"type": "custom", "custom": {"name": "sh", "format": {"type": "text"}}})
    assert isinstance(tool, Tool)
    assert tool.grammar == {"type": "text"}
    tool = _tool({"type": "custom", "custom": {"name": "sh"}})
    assert isinstance(tool, Tool)
    assert tool.grammar is None


@pytest.mark.parametrize(
    ("kind", "family"),
    [("openrouter:web_search", "web_search"), ("code_interpreter", "code_execution"), ("x:advisor", None)],
)
def test_tools_that_the_provider_runs(kind: str, family: str | None) -> None:
    document = {"type": kind, "parameters": {"a": 1}}
    assert _tool(document) == ServerTool(family=family, protocol="openai_chat", payload=document)


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("google_search", "web_search"),
        ("codeExecution", "code_execution"),
        ("url_context", "web_fetch"),
        ("googleMaps", None),
    ],
)
def test_tools_declared_as_google_does(name: str, family: str | None) -> None:
    document = {name: {"defer_loading": True, "lat": "1"}}
    assert _tool(document) == ServerTool(family=family, protocol="openai_chat", payload=document)


@pytest.mark.parametrize("document", [{"web_surfing": {}}, {"google_search": {}, "url_context": {}}, {}])
def test_a_tool_without_a_type_that_is_none_of_googles(document: dict[str, Any]) -> None:
    with pytest.raises(ClientFault, match=r"`tools\[0\]\.function` must be an object"):
        _tool(document)


def test_web_search_options_are_a_tool() -> None:
    first, search = conversation(
        tools=[{"type": "function", "function": {"name": "f"}}], web_search_options={"search_context_size": "low"}
    ).tools
    assert isinstance(first, Tool)
    assert search == ServerTool(
        family="web_search",
        protocol="openai_chat",
        payload={"search_context_size": "low", "type": "web_search_options"},
    )


@pytest.mark.parametrize(
    ("kind", "family"),
    [
        ("web_search_20250305", "web_search"),
        ("web_fetch_20250910", "web_fetch"),
        ("code_execution_20250825", "code_execution"),
        ("web_search_x", None),
        ("computer_20250124", None),
    ],
)
def test_anthropics_own_tools_have_families_too(kind: str, family: str | None) -> None:
    payload = {"type": kind, "name": "n"}
    assert _tool(payload) == ServerTool(family=family, protocol="openai_chat", payload=payload)


def test_the_deprecated_functions() -> None:
    said = conversation(functions=[{"name": "f", "parameters": SCHEMA}], function_call={"name": "f"})
    (tool,) = said.tools
    assert isinstance(tool, Tool)
    assert (tool.name, tool.schema) == ("f", SCHEMA)
    assert said.tool_choice is not None
    assert (said.tool_choice.mode, said.tool_choice.names) == (ToolChoiceMode.NAMED, ("f",))
    assert said.parallel_tools is False
    for word, mode in (("auto", ToolChoiceMode.AUTO), ("none", ToolChoiceMode.NONE)):
        choice = conversation(functions=[{"name": "f"}], function_call=word).tool_choice
        assert choice is not None
        assert choice.mode is mode


@pytest.mark.parametrize(
    ("value", "mode", "names", "kind"),
    [
        ("auto", ToolChoiceMode.AUTO, (), ToolKind.FUNCTION),
        ("none", ToolChoiceMode.NONE, (), ToolKind.FUNCTION),
        ("required", ToolChoiceMode.REQUIRED, (), ToolKind.FUNCTION),
        ("any", ToolChoiceMode.REQUIRED, (), ToolKind.FUNCTION),
        ({"type": "auto"}, ToolChoiceMode.AUTO, (), ToolKind.FUNCTION),
        ({"type": "function", "function": {"name": "f"}}, ToolChoiceMode.NAMED, ("f",), ToolKind.FUNCTION),
        ({"type": "custom", "custom": {"name": "sh"}}, ToolChoiceMode.NAMED, ("sh",), ToolKind.CUSTOM),
        (
            {
                "type": "allowed_tools",
                "allowed_tools": {"mode": "required", "tools": [{"type": "function", "function": {"name": "f"}}]},
            },
            ToolChoiceMode.REQUIRED,
            ("f",),
            ToolKind.FUNCTION,
        ),
        (
            {
                "type": "allowed_tools",
                "mode": "auto",
                "tools": [{"type": "function", "name": "f"}, {"type": "custom", "custom": {"name": "g"}}],
            },
            ToolChoiceMode.AUTO,
            ("f", "g"),
            ToolKind.FUNCTION,
        ),
    ],
)
def test_every_form_of_choice(value: Any, mode: ToolChoiceMode, names: tuple[str, ...], kind: ToolKind) -> None:
    choice = conversation(tool_choice=value).tool_choice
    assert choice is not None
    assert (choice.mode, choice.names, choice.kind) == (mode, names, kind)
    assert foreign(choice.extras, "elsewhere") == ([], ())


def test_no_choice() -> None:
    assert conversation().tool_choice is None
    assert conversation(tool_choice=None, function_call=None).tool_choice is None


def test_a_choice_that_only_this_protocol_has_can_not_be_left_out() -> None:
    choice = conversation(tool_choice={"type": "openrouter:web_search"}).tool_choice
    assert choice is not None
    assert foreign(choice.extras, "elsewhere")[1] == ("tool_choice",)


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"tools": {}}, "tools"),
        ({"tools": [3]}, "tools[0]"),
        ({"tools": [{"type": 3}]}, "tools[0].type"),
        ({"tools": [{"type": "function"}]}, "tools[0].function"),
        ({"tools": [{"type": "function", "function": {"name": ""}}]}, "tools[0].function.name"),
        (
            {"tools": [{"type": "function", "function": {"name": "f", "parameters": []}}]},
            "tools[0].function.parameters",
        ),
        ({"tools": [{"type": "function", "function": {"name": "f"}}], "functions": [{"name": "f"}]}, "functions"),
        ({"functions": [3]}, "functions[0]"),
        ({"function_call": 3}, "function_call"),
        ({"function_call": {}}, "function_call.name"),
        ({"tool_choice": "sometimes"}, "tool_choice"),
        ({"tool_choice": 3}, "tool_choice"),
        ({"tool_choice": {"type": "function", "function": {}}}, "tool_choice.function.name"),
        ({"tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "x"}}}, "tool_choice.allowed_tools.mode"),
        (
            {
                "tool_choice": {
                    "type": "allowed_tools",
                    "allowed_tools": {"mode": "auto", "tools": [{"type": "function"}]},
                }
            },
            "tool_choice.allowed_tools.tools[0].name",
        ),
        ({"web_search_options": 3}, "web_search_options"),
    ],
)
def test_faults_name_the_member(members: Any, param: str) -> None:
    with pytest.raises(ClientFault) as caught:
        conversation(**members)
    assert caught.value.failure.param == param
