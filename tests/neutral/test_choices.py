from __future__ import annotations

from typing import Any

import pytest

from trioproxy.errors import ClientFault
from trioproxy.neutral.choices import check_choice, chosen_server_tool, is_offered, said_again, tool_word, unable
from trioproxy.neutral.request import Conversation, ServerTool, Tool, ToolChoice, ToolChoiceMode, ToolSpec

CLAUDES = ServerTool(
    family="web_search", protocol="anthropic", payload={"type": "web_search_20250305", "name": "web_search"}
)
OPENAIS = ServerTool(family="web_search", protocol="openai_responses", payload={"type": "web_search_preview"})
GOOGLES = ServerTool(family="web_search", protocol="gemini", payload={"googleSearch": {}})


def named(name: str) -> ToolChoice:
    return ToolChoice(mode=ToolChoiceMode.NAMED, names=(name,))


def only(*names: str, mode: ToolChoiceMode = ToolChoiceMode.AUTO) -> ToolChoice:
    return ToolChoice(mode=mode, names=names)


@pytest.mark.parametrize(
    ("tool", "word"),
    [(CLAUDES, "web_search"), (OPENAIS, "web_search_preview"), (OPENAIS, "web_search"), (GOOGLES, "googleSearch")],
)
def test_a_tool_of_the_providers_goes_by_its_name_its_type_or_what_it_does(tool: ServerTool, word: str) -> None:
    assert chosen_server_tool(named(word), [Tool(name="f"), tool]) is tool


@pytest.mark.parametrize(
    ("choice", "tools"),
    [
        (None, [CLAUDES]),
        (ToolChoice(mode=ToolChoiceMode.REQUIRED), [CLAUDES]),
        (named("web_search"), [Tool(name="web_search"), CLAUDES]),
        (named("type"), [CLAUDES]),
        (named("x"), []),
    ],
)
def test_any_other_choice_is_none_of_them(choice: ToolChoice | None, tools: list[ToolSpec]) -> None:
    assert chosen_server_tool(choice, tools) is None


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"tool_choice": ToolChoice(mode=ToolChoiceMode.REQUIRED)},
        {"tool_choice": named("f"), "tools": (Tool(name="f"),)},
        {"tool_choice": named("web_search"), "tools": (OPENAIS,)},
        {"tool_choice": ToolChoice(mode=ToolChoiceMode.NONE, names=("f",))},
        {
            "tool_choice": only("web_search", "f", "ns"),
            "tools": (OPENAIS, Tool(name="f"), Tool(name="g", namespace="ns")),
        },
    ],
)
def test_a_choice_among_what_is_declared_passes(fields: dict[str, Any]) -> None:
    check_choice(Conversation(model="m", **fields))


@pytest.mark.parametrize("tools", [(), (Tool(name="f"), CLAUDES)])
def test_a_choice_of_what_is_not_declared_is_refused(tools: tuple[ToolSpec, ...]) -> None:
    with pytest.raises(ClientFault, match="asks for g") as caught:
        check_choice(Conversation(model="m", tools=tools, tool_choice=named("g")))
    assert caught.value.failure.param == "tool_choice"


def test_what_tools_are_called_in_a_sentence() -> None:
    assert [tool_word(each) for each in (CLAUDES, OPENAIS)] == ["web_search", "web_search"]
    assert tool_word(ServerTool(family=None, protocol="gemini", payload={"googleMaps": {}})) == "googleMaps"
    assert tool_word(ServerTool(family=None, protocol="gemini", payload={})) == "a server tool"
    assert "web_search" in unable(CLAUDES).failure.message


def test_a_choice_among_what_is_not_declared_is_refused() -> None:
    with pytest.raises(ClientFault, match="asks for g") as caught:
        check_choice(Conversation(model="m", tools=(Tool(name="f"),), tool_choice=only("f", "g")))
    assert caught.value.failure.param == "tool_choice"


@pytest.mark.parametrize(
    ("choice", "offered"),
    [
        (None, [True, True, True]),
        (only(), [True, True, True]),
        (named("f"), [True, True, True]),
        (only("f"), [True, False, False]),
        (only("ns", mode=ToolChoiceMode.REQUIRED), [False, True, False]),
        (only("web_search"), [False, False, True]),
    ],
)
def test_a_restricted_choice_offers_what_it_names(choice: ToolChoice | None, offered: list[bool]) -> None:
    tools = (Tool(name="f"), Tool(name="g", namespace="ns"), OPENAIS)
    assert [is_offered(tool, choice) for tool in tools] == offered


def test_a_name_that_is_none_names_nothing() -> None:
    odd = ServerTool(family=None, protocol="anthropic", payload={"name": [], "type": {"x": 1}})
    assert not is_offered(odd, only("f"))
    with pytest.raises(ClientFault):
        check_choice(Conversation(model="m", tools=(odd,), tool_choice=only("f")))


def test_a_tool_may_be_declared_twice() -> None:
    tools: list[ToolSpec] = [
        Tool(name="f"),
        CLAUDES,
        Tool(name="g"),
        Tool(name="f", namespace="n"),
        Tool(name="f"),
        CLAUDES,
    ]
    assert said_again(tools) == {4: "f"}
