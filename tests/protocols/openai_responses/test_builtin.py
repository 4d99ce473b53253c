from __future__ import annotations

from typing import Any

import pytest

from tests.protocols.openai_responses.test_read_items import turns
from tests.protocols.openai_responses.test_read_request import round_trip
from trioproxy.neutral.parts import Text, ToolCall, ToolResult
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
        BUILTINS["apply_patch"], item_id="i", call_id="c", arguments='{"type":"delete_file"}', status="completed"
    )

    assert made is not None
    assert made["operation"] == {"type": "delete_file"}


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
