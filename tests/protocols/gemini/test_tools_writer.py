from __future__ import annotations

from typing import Any

import pytest

from tests.protocols.gemini.exchanges import GEMINI_2, GEMINI_3
from trioproxy.errors import ClientFault
from trioproxy.neutral.extras import packed
from trioproxy.neutral.naming import ToolNames
from trioproxy.neutral.parts import CacheHint, ToolKind
from trioproxy.neutral.request import Conversation, ServerTool, Tool, ToolChoice, ToolChoiceMode, ToolSpec
from trioproxy.protocols.base import WriteTarget
from trioproxy.protocols.gemini.tools_writer import WrittenTools, write_tool_choice, write_tools


def _names() -> ToolNames:
    return ToolNames(limit=64, allowed=r"[a-zA-Z0-9_.:-]", first=r"[a-zA-Z_]")


def _written(*tools: ToolSpec, target: WriteTarget = GEMINI_2) -> WrittenTools:
    return write_tools(tools, _names(), target)


def _function(tool: Tool) -> dict[str, Any]:
    (entry,) = _written(tool).entries
    (function,) = entry["functionDeclarations"]
    assert isinstance(function, dict)
    return function


def test_functions() -> None:
    assert _function(Tool(name="f")) == {"name": "f"}
    assert _function(Tool(name="9 lives", description="d", schema={"type": "object", "title": "T"})) == {
        "name": "_9_lives",
        "description": "d",
        "parametersJsonSchema": {"type": "object", "properties": {}},
    }
    assert _function(Tool(name="f", schema={"properties": {}, "additionalProperties": False}, strict=True)) == {
        "name": "f",
        "parametersJsonSchema": {"type": "OBJECT", "properties": {}, "additionalProperties": False},
    }


def test_googles_own_declaration_comes_back() -> None:
    parameters = {"type": "OBJECT", "title": "kept"}
    extras = packed("gemini", {"behavior": "BLOCKING", "deferLoading": True}, spelling={"parameters": parameters})
    assert _function(Tool(name="f", schema={"type": "object"}, extras=extras)) == {
        "name": "f",
        "parameters": parameters,
        "behavior": "BLOCKING",
    }


def test_free_text() -> None:
    plain = {"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]}
    names = _names()
    written = write_tools((Tool(name="patch", kind=ToolKind.CUSTOM, namespace="ns"),), names, GEMINI_2)
    assert written.entries == [{"functionDeclarations": [{"name": "ns__patch", "parametersJsonSchema": plain}]}]
    assert written.losses == []
    assert names.naming().custom == {"ns__patch"}
    assert names.naming().originals == {"ns__patch": ("patch", "ns")}
    grammar = {"type": "grammar", "syntax": "lark", "definition": "start: x"}
    written = _written(Tool(name="p", kind=ToolKind.CUSTOM, grammar=grammar))
    described = written.entries[0]["functionDeclarations"][0]["parametersJsonSchema"]["properties"]["input"]
    assert described == {"type": "string", "description": "Text of this lark grammar:\nstart: x"}
    assert [loss.path for loss in written.losses] == ["tools[0].format"]
    for odd in ({"type": "text"}, {"definition": "x"}):
        assert _written(Tool(name="p", kind=ToolKind.CUSTOM, grammar=odd)).entries


def test_fields_of_other_protocols_are_lost() -> None:
    extras = packed("anthropic", {"defer_loading": True})
    written = _written(Tool(name="f", extras=extras, cache=CacheHint()))
    assert [loss.path for loss in written.losses] == ["tools[0].cache", "tools[0].defer_loading"]
    with pytest.raises(ClientFault):
        _written(Tool(name="f", extras=packed("anthropic", {"x": 1}, essential=("x",))))


@pytest.mark.parametrize(
    ("tool", "entry"),
    [
        (ServerTool(family="web_search", protocol="anthropic", payload={"type": "web_search_20250305"}), {"googleSearch": {}}),
        (ServerTool(family="code_execution", protocol="anthropic", payload={}), {"codeExecution": {}}),
        (ServerTool(family="web_fetch", protocol="anthropic", payload={}), {"urlContext": {}}),
        (
            ServerTool(family=None, protocol="openai_chat", payload={"google_search": {"defer_loading": True, "lat": "1"}}),
            {"googleSearch": {"lat": "1"}},
        ),
        (
            ServerTool(family=None, protocol="openai_chat", payload={"type": "x", "codeExecution": None}),
            {"codeExecution": None},
        ),
        (ServerTool(family=None, protocol="gemini", payload={"newTool": {"a": 1, "deferLoading": True}}), {"newTool": {"a": 1}}),
    ],
)  # fmt: skip
def test_tools_of_providers(tool: ServerTool, entry: dict[str, Any]) -> None:
    written = _written(tool, tool)
    assert written.entries == [entry]
    assert written.losses == []
    assert not written.mixed


def test_a_tool_google_has_nothing_like() -> None:
    tool = ServerTool(family="image_generation", protocol="openai_responses", payload={"type": "image_generation"})
    odd = ServerTool(family=None, protocol="openai_responses", payload={"type": "odd"})
    written = _written(tool, odd, ServerTool(family=None, protocol="openai_chat", payload={"oddest": {}}))
    assert written.entries == []
    assert [(loss.path, loss.reason.rpartition(" ")[2]) for loss in written.losses] == [
        ("tools[0]", "image_generation"),
        ("tools[1]", "odd"),
        ("tools[2]", "oddest"),
    ]


def test_functions_beside_googles_tools() -> None:
    search = ServerTool(family="web_search", protocol="anthropic", payload={})
    own = ServerTool(family="web_search", protocol="gemini", payload={"googleSearch": {}})
    old = _written(search, Tool(name="f"))
    assert old.entries == [{"functionDeclarations": [{"name": "f"}]}]
    assert [loss.path for loss in old.losses] == ["tools[0]"]
    new = _written(search, Tool(name="f"), target=GEMINI_3)
    assert new.entries == [{"functionDeclarations": [{"name": "f"}]}, {"googleSearch": {}}]
    assert new.mixed
    # A Gemini client knows what it asks for: Google tells it if it may not.
    asked = _written(own, Tool(name="f"))
    assert len(asked.entries) == 2
    assert not asked.mixed


def _choosing(choice: ToolChoice | None, *tools: ToolSpec) -> Conversation:
    return Conversation(model="m", tools=tools, tool_choice=choice)


_WITH = WrittenTools(entries=[], functions=True, mixed=False, losses=[])
_WITHOUT = WrittenTools(entries=[], functions=False, mixed=False, losses=[])


@pytest.mark.parametrize(
    ("choice", "tools", "config"),
    [
        (None, _WITH, {}),
        (ToolChoice(mode=ToolChoiceMode.AUTO), _WITH, {"mode": "AUTO"}),
        (ToolChoice(mode=ToolChoiceMode.NONE, names=("f",)), _WITH, {"mode": "NONE"}),
        (ToolChoice(mode=ToolChoiceMode.REQUIRED), _WITH, {"mode": "ANY"}),
        (ToolChoice(mode=ToolChoiceMode.NAMED, names=("a b",)), _WITH, {"mode": "ANY", "allowedFunctionNames": ["a_b"]}),
        (
            ToolChoice(mode=ToolChoiceMode.AUTO, names=("f", "g")),
            _WITH,
            {"mode": "VALIDATED", "allowedFunctionNames": ["f", "g"]},
        ),
        (
            ToolChoice(mode=ToolChoiceMode.AUTO, extras=packed("gemini", {"mode": "VALIDATED", "x": 1})),
            _WITH,
            {"mode": "VALIDATED", "x": 1},
        ),
        (ToolChoice(mode=ToolChoiceMode.AUTO, extras=packed("gemini", {"x": 1}, spelling={"mode": None})), _WITH, {"x": 1}),
        (
            ToolChoice(mode=ToolChoiceMode.AUTO, extras=packed("gemini", {}, spelling={"mode": "MODE_UNSPECIFIED"})),
            _WITH,
            {"mode": "MODE_UNSPECIFIED"},
        ),
        (ToolChoice(mode=ToolChoiceMode.NONE), _WITHOUT, {}),
        (ToolChoice(mode=ToolChoiceMode.REQUIRED, extras=packed("gemini", {"x": 1})), _WITHOUT, {"mode": "ANY", "x": 1}),
    ],
)  # fmt: skip
def test_tool_choice(choice: ToolChoice | None, tools: WrittenTools, config: dict[str, Any]) -> None:
    declared = (Tool(name="f"), Tool(name="g"), Tool(name="h"))
    assert write_tool_choice(_choosing(choice, *declared), _names(), tools) == (config, [])


SEARCH = ServerTool(family="web_search", protocol="openai_responses", payload={"type": "web_search"})


@pytest.mark.parametrize(
    ("mode", "names", "entries"),
    [
        (ToolChoiceMode.NONE, (), ["functionDeclarations"]),
        (ToolChoiceMode.AUTO, ("web_search",), ["googleSearch"]),
        (ToolChoiceMode.REQUIRED, ("f",), ["functionDeclarations"]),
        (ToolChoiceMode.AUTO, ("f", "web_search"), ["functionDeclarations", "googleSearch"]),
    ],
)
def test_what_a_choice_leaves_out_and_google_can_not_be_told_of_is_not_declared(
    mode: ToolChoiceMode, names: tuple[str, ...], entries: list[str]
) -> None:
    written = write_tools((Tool(name="f"), SEARCH), _names(), GEMINI_3, ToolChoice(mode=mode, names=names))
    assert [name for entry in written.entries for name in entry] == entries
    assert written.losses == []


def test_a_choice_with_fields_of_another_protocol() -> None:
    choice = ToolChoice(mode=ToolChoiceMode.AUTO, extras=packed("anthropic", {"x": 1}))
    _, losses = write_tool_choice(_choosing(choice), _names(), _WITH)
    assert [loss.path for loss in losses] == ["tool_choice.x"]


def test_only_functions_can_be_forced() -> None:
    search = ServerTool(
        family="web_search", protocol="anthropic", payload={"type": "web_search_20250305", "name": "web_search"}
    )
    named = ToolChoice(mode=ToolChoiceMode.NAMED, names=("web_search",))
    tools = write_tools((search,), _names(), GEMINI_2)
    config, losses = write_tool_choice(_choosing(named, search), _names(), tools)
    assert (config, [loss.path for loss in losses]) == ({}, ["tool_choice"])
    config, losses = write_tool_choice(_choosing(ToolChoice(mode=ToolChoiceMode.REQUIRED), search), _names(), tools)
    assert (config, [loss.path for loss in losses]) == ({}, ["tool_choice"])


@pytest.mark.parametrize(
    "choice", [ToolChoice(mode=ToolChoiceMode.NAMED, names=("bash",)), ToolChoice(mode=ToolChoiceMode.REQUIRED)]
)
def test_a_request_that_turns_on_a_tool_google_has_nothing_like_is_refused(choice: ToolChoice) -> None:
    foreign = ServerTool(family=None, protocol="anthropic", payload={"type": "bash_20250124", "name": "bash"})
    tools = write_tools((foreign,), _names(), GEMINI_2)
    with pytest.raises(ClientFault) as caught:
        write_tool_choice(_choosing(choice, foreign), _names(), tools)
    assert caught.value.failure.param == "tool_choice"


def test_settings_that_googles_tool_lacks_are_losses() -> None:
    search = ServerTool(
        family="web_search",
        protocol="anthropic",
        payload={
            "type": "web_search_20250305",
            "name": "web_search",
            "max_uses": 3,
            "allowed_domains": ["a"],
            "x": None,
        },
    )
    assert [loss.path for loss in write_tools((search,), _names(), GEMINI_2).losses] == [
        "tools[0].max_uses",
        "tools[0].allowed_domains",
    ]


def test_a_strict_tool_without_a_schema_takes_nothing() -> None:
    (entry,) = write_tools((Tool(name="f", strict=True),), _names(), GEMINI_2).entries
    assert entry["functionDeclarations"][0]["parametersJsonSchema"] == {
        "type": "OBJECT",
        "properties": {},
        "additionalProperties": False,
    }


def test_a_function_is_declared_once() -> None:
    written = _written(Tool(name="f", description="a"), Tool(name="g"), Tool(name="f"), Tool(name="f", namespace="n"))
    (entry,) = written.entries
    assert [each["name"] for each in entry["functionDeclarations"]] == ["f", "g", "n__f"]
    assert [loss.path for loss in written.losses] == ["tools[2]"]


def test_a_model_that_makes_images_needs_no_tool_for_it() -> None:
    tool = ServerTool(
        family="image_generation", protocol="openai_responses", payload={"type": "image_generation", "size": "1x1"}
    )
    written = _written(tool, target=WriteTarget(model="gemini-2.5-flash-image"))
    assert (written.entries, written.lost, [loss.path for loss in written.losses]) == ([], (), ["tools[0].size"])
    assert [loss.path for loss in _written(tool).losses] == ["tools[0]"]


def test_values_that_are_told_as_strings_are_noted() -> None:
    names = _names()
    schema = {"type": "object", "properties": {"n": {"type": "integer", "enum": [60, 1440]}}}
    plain = {"type": "object", "properties": {"s": {"enum": ["a"]}}}
    tools = (Tool(name="f/1", schema=schema), Tool(name="g", schema=plain))
    for _ in range(2):
        write_tools(tools, names, GEMINI_2)
        assert names.naming().typed == {"f_1": schema}
