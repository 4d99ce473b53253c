from __future__ import annotations

from typing import Any

import attrs
import pytest

from tests.protocols.openai_responses.test_read_request import SCHEMA, conversation_of, round_trip
from tests.protocols.openai_responses.test_write_request import paths, written
from trioproxy.neutral.extras import own, packed, settled
from trioproxy.neutral.parts import CacheHint, ToolKind
from trioproxy.neutral.request import ServerTool, Tool, ToolChoice, ToolChoiceMode, ToolSpec
from trioproxy.protocols.base import WriteTarget
from trioproxy.protocols.openai_responses import PROTOCOL
from trioproxy.protocols.openai_responses.vocabulary import family_of


def tools(*declared: dict[str, Any]) -> tuple[ToolSpec, ...]:
    return conversation_of({"model": "m", "input": "x", "tools": list(declared)}).tools


@pytest.mark.parametrize(
    "tool",
    [
        {"type": "function", "name": "f"},
        {"type": "function", "name": "f", "description": "", "parameters": None, "strict": None},
        {"type": "function", "name": "f" * 80, "parameters": SCHEMA, "strict": False, "defer_loading": True},
        {"type": "custom", "name": "f"},
        {"type": "custom", "name": "f", "description": "d", "format": {"type": "text"}, "new": 1},
        {"type": "namespace", "name": "n", "description": "d", "tools": []},
        {
            "type": "namespace",
            "name": "n",
            "tools": [{"type": "function", "name": "a"}, {"type": "custom", "name": "b"}],
        },
        {"type": "namespace", "name": "n", "tools": [{"type": "web_search"}, {"type": "function", "name": "a"}]},
        {"type": "web_search", "filters": {"allowed_domains": ["a.example"]}},
        {"type": "mcp", "server_label": "x", "server_url": "https://a.example", "authorization": "t"},
        {"type": "local_shell"},
        {"type": "shell", "environment": {"type": "local"}},
        {"type": "shell", "environment": {"type": "container_auto"}},
        {"type": "apply_patch"},
        {"type": "tool_search"},
        {"type": "tool_search", "execution": "client", "description": "d", "parameters": SCHEMA},
        {"type": "never_heard_of_it"},
    ],
)
def test_a_declaration_comes_out_as_it_went_in(tool: dict[str, Any]) -> None:
    body = {"model": "m", "input": "x", "tools": [tool]}

    # A provider's tool inside a namespace leaves it: only functions and custom tools have one in the hub.
    if tool.get("tools", [{}])[:1] == [{"type": "web_search"}]:
        assert [each["type"] for each in round_trip(body)["tools"]] == ["web_search", "namespace"]
    else:
        assert round_trip(body) == body


def test_two_namespaces_stay_two() -> None:
    one = {"type": "namespace", "name": "n", "tools": [{"type": "function", "name": "a"}]}
    body = {"model": "m", "input": "x", "tools": [one, {**one, "name": "o"}, {"type": "function", "name": "b"}, one]}

    assert round_trip(body) == body


@pytest.mark.parametrize(
    ("kind", "family"),
    [
        ("web_search", "web_search"),
        ("web_search_preview", "web_search"),
        ("web_search_preview_2025_03_11", "web_search"),
        ("web_search_2025_08_26", "web_search"),
        ("code_interpreter", "code_execution"),
        ("image_generation", "image_generation"),
        ("file_search", None),
        ("odd_20x", None),
    ],
)
def test_the_family_of_a_providers_tool(kind: str, family: str | None) -> None:
    assert family_of(kind) == family
    assert tools({"type": kind}) == (ServerTool(family=family, protocol=PROTOCOL.name, payload={"type": kind}),)


@pytest.mark.parametrize(
    ("tool", "name"),
    [
        ({"type": "local_shell"}, "local_shell"),
        ({"type": "shell"}, "shell"),
        ({"type": "apply_patch"}, "apply_patch"),
        ({"type": "tool_search", "execution": "client"}, "tool_search"),
    ],
)
def test_a_built_in_that_the_client_runs_is_a_function_to_everyone_else(tool: dict[str, Any], name: str) -> None:
    (found,) = tools(tool)

    assert isinstance(found, Tool)
    assert (found.name, found.kind) == (name, ToolKind.FUNCTION)
    assert found.schema is not None
    assert found.schema["type"] == "object"
    assert found.description
    assert settled(found.extras, "anthropic") == []


def test_own_members_of_a_tool_are_a_loss_elsewhere() -> None:
    (found,) = tools({"type": "function", "name": "f", "defer_loading": True})

    assert isinstance(found, Tool)
    assert own(found.extras, PROTOCOL.name) == {"defer_loading": True}
    assert paths(settled(found.extras, "anthropic", path="tools[0]")) == ["tools[0].defer_loading"]


def test_tools_of_other_protocols() -> None:
    result = written(
        tools=(
            Tool(
                name="f",
                description="d",
                schema=SCHEMA,
                strict=True,
                cache=CacheHint(),
                extras=packed("anthropic", {"x": 1}),
            ),
            Tool(name="g"),
            Tool(name="h", kind=ToolKind.CUSTOM),
            Tool(
                name="i",
                kind=ToolKind.CUSTOM,
                grammar={"type": "grammar", "grammar": {"syntax": "lark", "definition": "x"}},
            ),
            Tool(name="j", kind=ToolKind.CUSTOM, grammar={"type": "text"}),
        )
    )

    assert result.body["tools"] == [
        {"type": "function", "name": "f", "description": "d", "parameters": SCHEMA, "strict": True},
        {"type": "function", "name": "g", "parameters": {"type": "object", "properties": {}}, "strict": False},
        {"type": "custom", "name": "h"},
        {"type": "custom", "name": "i", "format": {"type": "grammar", "syntax": "lark", "definition": "x"}},
        {"type": "custom", "name": "j", "format": {"type": "text"}},
    ]
    assert paths(result.losses) == ["tools[0].x", "tools[0].cache"]


def test_server_tools_of_other_protocols() -> None:
    place = {"type": "approximate", "city": "Bern", "odd": 1}
    search = {
        "type": "web_search_20250305",
        "name": "web_search",
        "max_uses": 3,
        "allowed_domains": ["a.example"],
        "user_location": place,
    }
    result = written(
        tools=(
            ServerTool(family="web_search", protocol="anthropic", payload=search),
            ServerTool(family="web_search", protocol="gemini", payload={"googleSearch": {}}),
            ServerTool(family="code_execution", protocol="gemini", payload={"codeExecution": {}}),
            ServerTool(family=None, protocol="gemini", payload={"urlContext": {}}),
        )
    )

    assert result.body["tools"] == [
        {
            "type": "web_search",
            "filters": {"allowed_domains": ["a.example"]},
            "user_location": {"type": "approximate", "city": "Bern"},
        },
        {"type": "web_search"},
        {"type": "code_interpreter", "container": {"type": "auto"}},
    ]
    assert paths(result.losses) == ["tools[0].max_uses", "tools[1].googleSearch", "tools[2].codeExecution", "tools[3]"]


@pytest.mark.parametrize(
    ("raw", "mode", "names", "kind"),
    [
        ("none", ToolChoiceMode.NONE, (), ToolKind.FUNCTION),
        ("required", ToolChoiceMode.REQUIRED, (), ToolKind.FUNCTION),
        ({"type": "function", "name": "f"}, ToolChoiceMode.NAMED, ("f",), ToolKind.FUNCTION),
        ({"type": "custom", "name": "f"}, ToolChoiceMode.NAMED, ("f",), ToolKind.CUSTOM),
        ({"type": "apply_patch"}, ToolChoiceMode.NAMED, ("apply_patch",), ToolKind.FUNCTION),
        ({"type": "web_search_preview"}, ToolChoiceMode.REQUIRED, (), ToolKind.FUNCTION),
        ({"type": "mcp", "server_label": "x"}, ToolChoiceMode.REQUIRED, (), ToolKind.FUNCTION),
        (
            {
                "type": "allowed_tools",
                "mode": "required",
                "tools": [{"type": "function", "name": "f"}, {"type": "shell"}],
            },
            ToolChoiceMode.REQUIRED,
            ("f", "shell"),
            ToolKind.FUNCTION,
        ),
        (
            {"type": "allowed_tools", "tools": [{"type": "function", "name": "f"}, {"type": "image_generation"}]},
            ToolChoiceMode.AUTO,
            ("f",),
            ToolKind.FUNCTION,
        ),
    ],
)
def test_choices_are_understood_and_come_out_as_they_went_in(
    raw: Any, mode: ToolChoiceMode, names: tuple[str, ...], kind: ToolKind
) -> None:
    body = {"model": "m", "input": "x", "tool_choice": raw}
    choice = conversation_of(body).tool_choice

    assert choice is not None
    assert (choice.mode, choice.names, choice.kind) == (mode, names, kind)
    assert round_trip(body) == body


def test_what_a_choice_means_beyond_its_mode_is_a_loss_elsewhere() -> None:
    forced = conversation_of({"model": "m", "input": "x", "tool_choice": {"type": "web_search_preview"}}).tool_choice

    assert forced is not None
    assert paths(settled(forced.extras, "anthropic", path="tool_choice")) == ["tool_choice.type"]


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        (ToolChoice(mode=ToolChoiceMode.AUTO), "auto"),
        (ToolChoice(mode=ToolChoiceMode.REQUIRED), "required"),
        (ToolChoice(mode=ToolChoiceMode.NAMED, names=("f",)), {"type": "function", "name": "f"}),
        (ToolChoice(mode=ToolChoiceMode.NAMED, names=("f",), kind=ToolKind.CUSTOM), {"type": "custom", "name": "f"}),
        (
            ToolChoice(mode=ToolChoiceMode.REQUIRED, names=("f", "g")),
            {
                "type": "allowed_tools",
                "mode": "required",
                "tools": [{"type": "function", "name": "f"}, {"type": "function", "name": "g"}],
            },
        ),
    ],
)
def test_choices_of_other_protocols(choice: ToolChoice, sent: object) -> None:
    assert written(tool_choice=choice).body["tool_choice"] == sent


def test_a_choice_of_another_protocol_loses_its_own_members() -> None:
    choice = ToolChoice(mode=ToolChoiceMode.AUTO, extras=packed("anthropic", {"x": 1}))

    assert paths(written(tool_choice=choice).losses) == ["tool_choice.x"]


def test_a_changed_choice_is_written_as_changed() -> None:
    asked = conversation_of({"model": "m", "input": "x", "tool_choice": {"type": "web_search_preview"}})
    assert asked.tool_choice is not None
    changed = attrs.evolve(asked, tool_choice=attrs.evolve(asked.tool_choice, mode=ToolChoiceMode.NONE))

    assert PROTOCOL.write_request(changed, WriteTarget(model="m")).body["tool_choice"] == "none"
