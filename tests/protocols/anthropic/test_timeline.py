"""A request that changes itself on its way, as it stands at its end."""

from __future__ import annotations

from typing import Any

import pytest

from tests.protocols.anthropic.wires import TARGET, read
from trioproxy.errors import ClientFault
from trioproxy.neutral.parts import Text, ToolCall
from trioproxy.neutral.request import Effort, Tool
from trioproxy.protocols.anthropic import PROTOCOL
from trioproxy.protocols.anthropic.timeline import effort_in_force, seen, tools_in_force

HI = {"role": "user", "content": "hi"}
YES = {"role": "assistant", "content": "yes"}
BRIEF = {"role": "system", "content": "for now", "clear_at": "next_user_message"}
LASTING = {"role": "system", "content": "for ever", "clear_at": "never"}
RESULT = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "ok"}]}
SUMMARY = {"role": "assistant", "content": [{"type": "compaction", "content": "so far"}]}
SUMMARISED: dict[str, Any] = {"type": "compaction", "content": "so far"}
FAILED_SUMMARY = {"role": "assistant", "content": [{"type": "compaction", "content": None}]}


def placed(*values: Any) -> list[tuple[str, Any]]:
    return [(f"at[{number}]", value) for number, value in enumerate(values)]


def effort(level: Any, **more: Any) -> dict[str, Any]:
    return {"role": "system", "output_config": {"effort": level}, **more}


def changing(*changes: Any) -> dict[str, Any]:
    return {"role": "system", "content": [{"type": f"tool_{kind}", "tool": tool} for kind, tool in changes]}


def named(name: str) -> dict[str, Any]:
    return {"type": "tool_reference", "name": name}


def defined(name: str, **more: Any) -> dict[str, Any]:
    return {"type": "tool_definition", "definition": {"name": name, **more}}


@pytest.mark.parametrize(
    ("messages", "shown"),
    [
        ((HI, YES, HI), (1, 1, 1)),
        ((HI, BRIEF), (1, 1)),
        ((HI, BRIEF, YES, HI), (1, 0, 1, 1)),
        ((HI, LASTING, YES, HI), (1, 1, 1, 1)),
        ((HI, effort("low"), YES), (1, 0, 1)),
        ((HI, effort("low", content=[]), YES), (1, 0, 1)),
        ((HI, effort("low", content="x"), YES), (1, 1, 1)),
        ((HI, changing(("removal", named("f")))), (1, 0)),
        ((HI, YES, SUMMARY, HI), (0, 0, 1, 1)),
        ((SUMMARY, HI, SUMMARY, HI), (0, 0, 1, 1)),
        ((HI, FAILED_SUMMARY, HI), (1, 1, 1)),
        ((None, "x", {"role": "user", "content": 7}), (1, 1, 1)),
    ],
)
def test_what_the_model_is_shown(messages: tuple[Any, ...], shown: tuple[int, ...]) -> None:
    assert seen(placed(*messages)) == [bool(each) for each in shown]


@pytest.mark.parametrize(
    ("messages", "level"),
    [
        ((HI, effort("low")), "low"),
        ((HI, effort("low"), YES, RESULT), "low"),
        ((HI, effort("low"), YES, RESULT, effort("max")), "max"),
        ((HI, effort("low"), YES, HI), None),
        ((HI, effort(None)), None),
        ((HI, {"role": "system", "content": "x", "output_config": "low"}), None),
        ((None,), None),
    ],
)
def test_the_effort_of_the_turn(messages: tuple[Any, ...], level: str | None) -> None:
    assert effort_in_force(placed(*messages)) == level


@pytest.mark.parametrize(
    ("messages", "offered"),
    [
        ((HI,), ["f", "g"]),
        ((HI, changing(("removal", named("f")))), ["g"]),
        ((HI, changing(("removal", named("f"))), YES, HI, changing(("addition", named("f")))), ["g", "f"]),
        ((HI, changing(("addition", defined("h")))), ["f", "g", "h"]),
        ((HI, changing(("addition", defined("h")), ("removal", named("h")))), ["f", "g"]),
        ((HI, changing(("addition", defined("h")), ("removal", named("h")), ("addition", named("h")))), ["f", "g", "h"]),
        ((HI, changing(("addition", named("nobody")))), ["f", "g"]),
        (
            ({"role": "user", "content": [{**SUMMARISED, "tool_changes": changing(("removal", named("f")))["content"]}]}, HI),
            ["g"],
        ),
        (({"role": "user", "content": [{**SUMMARISED, "tool_changes": "x"}]}, HI), ["f", "g"]),
        ((changing(("removal", "f")), HI), ["f", "g"]),
    ],
)  # fmt: skip
def test_the_tools_on_offer(messages: tuple[Any, ...], offered: list[str]) -> None:
    tools = tools_in_force(placed({"name": "f"}, {"name": "g"}), placed(*messages))
    assert [tool["name"] for _, tool in tools if isinstance(tool, dict)] == offered


def test_a_servers_tools_go_by_the_server() -> None:
    toolset = {"type": "mcp_toolset", "mcp_server_name": "s"}
    gone = {"type": "mcp_toolset_reference", "server_name": "s"}
    one = {"type": "mcp_tool_reference", "server_name": "s", "name": "f"}
    declared = placed(toolset, {"name": "f"}, None)
    assert tools_in_force(declared, placed(changing(("removal", gone)))) == declared[1:]
    assert tools_in_force(declared, placed(changing(("removal", one)))) == declared


TIMES: tuple[Any, ...] = (
    HI,
    YES,
    {"role": "user", "content": [{"type": "compaction", "content": "so far"}]},
    BRIEF,
    {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": {}}]},
    RESULT,
    changing(("removal", named("f")), ("addition", defined("h", input_schema={"type": "object"}))),
    effort("low"),
)


def test_the_conversation_at_its_end() -> None:
    said = read(messages=[*TIMES], tools=[{"name": "f"}, {"name": "g"}])
    parts = [part for turn in said.turns for part in turn.parts]
    assert [type(part).__name__ for part in parts] == ["Text", "ToolCall", "ToolResult"]
    assert isinstance(parts[0], Text)
    assert parts[0].text == "so far"
    assert isinstance(parts[1], ToolCall)
    assert [turn.places[0] for turn in said.turns] == [f"messages[{at}].content[0]" for at in (2, 4, 5)]
    assert [tool.name for tool in said.tools if isinstance(tool, Tool)] == ["g", "h"]
    assert said.reasoning is not None
    assert said.reasoning.effort is Effort.LOW


def test_its_own_api_gets_it_as_it_was() -> None:
    document = {
        "model": TARGET.model,
        "max_tokens": 9,
        "messages": [*TIMES],
        "tools": [{"name": "f", "input_schema": {}}, {"type": "web_search_20250305", "name": "web_search"}],
    }
    written = PROTOCOL.write_request(read(**document), TARGET)
    assert written.body == document
    assert written.losses == ()


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"messages": [{"role": "user", "content": 7}, SUMMARY, HI]}, "messages[0].content"),
        ({"messages": [HI, changing(("addition", defined("h", input_schema=7)))]}, "messages[1].tool.definition.input_schema"),
        ({"messages": [HI, changing(("removal", named("f")))], "tools": [{"name": "f", "input_schema": 7}]}, "tools[0].input_schema"),
    ],
)  # fmt: skip
def test_what_is_not_seen_has_to_be_right_all_the_same(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(ClientFault) as caught:
        read(**fields)
    assert caught.value.failure.param == param
