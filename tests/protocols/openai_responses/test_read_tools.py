from __future__ import annotations

from typing import Any

import pytest

from tests.protocols.openai_responses.test_read_request import SCHEMA, conversation_of, round_trip
from tests.protocols.openai_responses.test_write_request import paths
from trioproxy.neutral.extras import own, settled
from trioproxy.neutral.parts import ToolKind
from trioproxy.neutral.request import Tool, ToolChoiceMode, ToolSpec
from trioproxy.protocols.openai_responses import PROTOCOL


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


@pytest.mark.parametrize(
    ("raw", "mode", "names", "kind"),
    [
        ("none", ToolChoiceMode.NONE, (), ToolKind.FUNCTION),
        ("required", ToolChoiceMode.REQUIRED, (), ToolKind.FUNCTION),
        ({"type": "function", "name": "f"}, ToolChoiceMode.NAMED, ("f",), ToolKind.FUNCTION),
        ({"type": "custom", "name": "f"}, ToolChoiceMode.NAMED, ("f",), ToolKind.CUSTOM),
        ({"type": "apply_patch"}, ToolChoiceMode.NAMED, ("apply_patch",), ToolKind.FUNCTION),
        ({"type": "web_search_preview"}, ToolChoiceMode.NAMED, ("web_search",), ToolKind.FUNCTION),
        ({"type": "mcp", "server_label": "x"}, ToolChoiceMode.NAMED, ("mcp",), ToolKind.FUNCTION),
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
            ("f", "image_generation"),
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


def test_what_is_said_of_a_namespace_is_a_loss_elsewhere() -> None:
    space = {
        "type": "namespace",
        "name": "ns",
        "description": "all of them",
        "tools": [{"type": "function", "name": "f"}, {"type": "custom", "name": "g"}],
    }
    first, second, last = tools(space, {"type": "web_search"})

    assert isinstance(first, Tool)
    assert isinstance(second, Tool)
    assert paths(settled(first.extras, "anthropic", path="tools[0]")) == ["tools[0].namespace.description"]
    assert settled(second.extras, "anthropic") == []
    assert [each.place for each in (first, second, last)] == ["tools[0].tools[0]", "tools[0].tools[1]", "tools[1]"]
