from __future__ import annotations

from typing import Any

import pytest

from tests.protocols.openai_responses.test_read_items import turns
from tests.protocols.openai_responses.test_read_request import conversation_of, round_trip
from trioproxy.neutral.extras import own
from trioproxy.neutral.parts import Text, ToolCall, ToolResult
from trioproxy.neutral.request import Tool
from trioproxy.protocols.openai_responses.builtin import BUILTINS, call_item
from trioproxy.wire.jsoncodec import dumps, loads

CALLS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (
        "local_shell",
        {
            "type": "local_shell_call",
            "action": {"type": "exec", "command": ["ls"], "env": {}, "timeout_ms": 5, "user": None},
        },
        {"command": ["ls"], "timeout_ms": 5},
    ),
    (
        "shell",
        {"type": "shell_call", "action": {"commands": ["ls"], "max_output_length": None}},
        {"commands": ["ls"]},
    ),
    (
        "apply_patch",
        {"type": "apply_patch_call", "operation": {"type": "delete_file", "path": "a"}},
        {"operation": {"type": "delete_file", "path": "a"}},
    ),
    ("tool_search", {"type": "tool_search_call", "execution": "client", "arguments": {"goal": "x"}}, {"goal": "x"}),
]


@pytest.mark.parametrize(("name", "item", "arguments"), CALLS)
def test_a_call_is_a_function_call_to_everyone_else(name: str, item: dict[str, Any], arguments: object) -> None:
    whole = {**item, "id": "x_1", "call_id": "c", "status": "completed"}
    (turn,) = turns(whole)

    (call,) = turn.parts
    assert isinstance(call, ToolCall)
    assert (call.call_id, call.name, loads(call.arguments)) == ("c", name, arguments)
    assert round_trip({"model": "m", "input": [whole]})["input"] == [whole]


@pytest.mark.parametrize(("name", "item", "arguments"), CALLS)
def test_a_function_call_is_the_item_to_its_client(name: str, item: dict[str, Any], arguments: object) -> None:
    made = call_item(
        BUILTINS[name], item_id="x_1", call_id="c", arguments=dumps(arguments).decode(), status="completed"
    )

    assert made is not None
    assert (made["id"], made["call_id"], made["type"], made["status"]) == ("x_1", "c", item["type"], "completed")
    assert BUILTINS[name].to_arguments(made) == arguments


def test_a_patch_without_its_wrapping_is_taken_for_one() -> None:
    made = call_item(
        BUILTINS["apply_patch"],
        item_id="i",
        call_id="c",
        arguments='{"type":"delete_file","path":"a"}',
        status="completed",
    )

    assert made is not None
    assert made["operation"] == {"type": "delete_file", "path": "a"}


@pytest.mark.parametrize(
    ("name", "arguments", "action"),
    [
        ("local_shell", {"command": "ls -l"}, {"type": "exec", "env": {}, "command": ["bash", "-lc", "ls -l"]}),
        ("shell", {"commands": "ls", "timeout_ms": None}, {"commands": ["ls"]}),
    ],
)
def test_a_line_is_a_command(name: str, arguments: dict[str, Any], action: dict[str, Any]) -> None:
    written = dumps(arguments).decode()
    made = call_item(BUILTINS[name], item_id="i", call_id="c", arguments=written, status="completed")

    assert made is not None
    assert made["action"] == action


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("local_shell", ""),
        ("local_shell", '{"command": []}'),
        ("local_shell", '{"command": ""}'),
        ("shell", '{"command": ["ls"]}'),
        ("shell", '{"commands": [5]}'),
        ("apply_patch", '{"operation": {"type": "delete_file"}}'),
        ("apply_patch", '{"operation": "*** Begin"}'),
    ],
)
def test_arguments_without_what_the_item_has_to_have_make_none(name: str, arguments: str) -> None:
    assert call_item(BUILTINS[name], item_id="i", call_id="c", arguments=arguments, status="completed") is None


def test_what_only_openai_does_for_a_tool_is_a_loss_elsewhere() -> None:
    skills = {"type": "local", "skills": [{"name": "s"}]}
    tools = [{"type": "shell", "environment": skills}, {"type": "shell", "environment": {"type": "local"}}]
    body = {"model": "m", "input": "x", "tools": tools}
    found = [own(tool.extras, "openai_responses") for tool in conversation_of(body).tools if isinstance(tool, Tool)]

    assert found == [{"environment": skills}, {}]
    assert round_trip(body) == body


def test_an_output_of_a_local_shell_may_name_the_items_id() -> None:
    called = {"type": "local_shell_call", "id": "lsh_1", "call_id": "c", "action": {"command": ["ls"]}}
    said = turns(called, {"type": "local_shell_call_output", "id": "lsh_1", "output": "x"})

    (result,) = said[1].parts
    assert isinstance(result, ToolResult)
    assert result.call_id == "c"


@pytest.mark.parametrize("arguments", ["[]", "ls", '{"x"'])
def test_arguments_that_are_no_object_make_no_item(arguments: str) -> None:
    assert call_item(BUILTINS["shell"], item_id="i", call_id="c", arguments=arguments, status="completed") is None


@pytest.mark.parametrize(
    ("item", "text", "is_error"),
    [
        ({"type": "local_shell_call_output", "id": "c", "output": "a"}, "a", False),
        (
            {"type": "shell_call_output", "call_id": "c", "output": [{"stdout": "a", "stderr": ""}]},
            '[{"stdout":"a","stderr":""}]',
            False,
        ),
        ({"type": "apply_patch_call_output", "call_id": "c", "status": "completed"}, "completed", False),
        ({"type": "apply_patch_call_output", "call_id": "c", "status": "failed", "output": "no"}, "no", True),
        (
            {
                "type": "tool_search_output",
                "call_id": "c",
                "execution": "client",
                "tools": [{"type": "function", "name": "f"}, {"type": "web_search"}],
            },
            '{"loaded":["f"]}',
            False,
        ),
        ({"type": "tool_search_output", "call_id": "c", "execution": "client", "tools": None}, '{"loaded":[]}', False),
    ],
)
def test_an_output_is_a_functions_result_to_everyone_else(item: dict[str, Any], text: str, is_error: bool) -> None:
    (turn,) = turns(item)

    (result,) = turn.parts
    assert isinstance(result, ToolResult)
    assert (result.call_id, result.content, result.is_error) == ("c", (Text(text=text),), is_error)
    assert round_trip({"model": "m", "input": [item]})["input"] == [item]


def test_an_item_with_nothing_in_it_is_a_call_with_nothing() -> None:
    (turn,) = turns({"type": "shell_call", "call_id": "c", "action": None})

    (call,) = turn.parts
    assert isinstance(call, ToolCall)
    assert call.arguments == "{}"
