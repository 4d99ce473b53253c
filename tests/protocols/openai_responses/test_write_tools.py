from __future__ import annotations

import attrs
import pytest

from tests.protocols.openai_responses.test_read_request import SCHEMA, conversation_of
from tests.protocols.openai_responses.test_write_request import paths, written
from trioproxy.errors import ClientFault
from trioproxy.neutral.extras import packed
from trioproxy.neutral.parts import CacheHint, ToolKind
from trioproxy.neutral.request import ServerTool, Tool, ToolChoice, ToolChoiceMode
from trioproxy.protocols.base import WriteTarget
from trioproxy.protocols.openai_responses import PROTOCOL


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


def test_a_breakpoint_on_a_search_is_told_of() -> None:
    search = ServerTool(
        family="web_search", protocol="anthropic", payload={"type": "web_search_20250305"}, cache=CacheHint()
    )
    result = written(tools=(search,))
    assert result.body["tools"] == [{"type": "web_search"}]
    assert paths(result.losses) == ["tools[0].cache"]


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
            ServerTool(
                family="web_search",
                protocol="openai_chat",
                payload={
                    "type": "web_search_options",
                    "search_context_size": "high",
                    "user_location": {"type": "approximate", "approximate": {"country": "CH"}},
                },
            ),
            ServerTool(family="web_search", protocol="gemini", payload={"googleSearch": {"excludeDomains": ["a.b"]}}),
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
        {
            "type": "web_search",
            "search_context_size": "high",
            "user_location": {"type": "approximate", "country": "CH"},
        },
        {"type": "web_search"},
        {"type": "code_interpreter", "container": {"type": "auto"}},
    ]
    assert paths(result.losses) == [
        "tools[0].user_location.odd",
        "tools[0].max_uses",
        "tools[2].googleSearch",
        "tools[4]",
    ]


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
    tools = (Tool(name="f"), Tool(name="g"))
    assert written(tool_choice=choice, tools=tools).body["tool_choice"] == sent


def test_a_choice_of_another_protocol_loses_its_own_members() -> None:
    choice = ToolChoice(mode=ToolChoiceMode.AUTO, extras=packed("anthropic", {"x": 1}))

    assert paths(written(tool_choice=choice).losses) == ["tool_choice.x"]


def test_a_changed_choice_is_written_as_changed() -> None:
    asked = conversation_of({"model": "m", "input": "x", "tool_choice": {"type": "web_search_preview"}})
    assert asked.tool_choice is not None
    changed = attrs.evolve(asked, tool_choice=attrs.evolve(asked.tool_choice, mode=ToolChoiceMode.NONE))

    assert PROTOCOL.write_request(changed, WriteTarget(model="m")).body["tool_choice"] == "none"


SEARCH = ServerTool(
    family="web_search", protocol="anthropic", payload={"type": "web_search_20250305", "name": "web_search"}
)
BASH = ServerTool(family=None, protocol="anthropic", payload={"type": "bash_20250124", "name": "bash"})


def test_a_tool_that_the_provider_runs_is_chosen_by_its_type() -> None:
    choice = ToolChoice(mode=ToolChoiceMode.NAMED, names=("web_search",))

    assert written(tool_choice=choice, tools=(SEARCH,)).body["tool_choice"] == {"type": "web_search"}


@pytest.mark.parametrize(
    "choice", [ToolChoice(mode=ToolChoiceMode.NAMED, names=("bash",)), ToolChoice(mode=ToolChoiceMode.REQUIRED)]
)
def test_a_choice_that_turns_on_a_tool_nobody_has_here_is_refused(choice: ToolChoice) -> None:
    with pytest.raises(ClientFault) as caught:
        written(tool_choice=choice, tools=(BASH,))
    assert caught.value.failure.param == "tool_choice"


def test_without_tools_there_is_nothing_to_choose() -> None:
    sent = written(tool_choice=ToolChoice(mode=ToolChoiceMode.REQUIRED), parallel_tools=False)

    assert not sent.body.keys() & {"tool_choice", "parallel_tool_calls"}
    assert paths(sent.losses) == ["tool_choice"]
    assert "tool_choice" not in written(tool_choice=ToolChoice(mode=ToolChoiceMode.AUTO)).body
