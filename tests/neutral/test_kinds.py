from __future__ import annotations

import pytest

from trioproxy.neutral.kinds import in_declared_kinds
from trioproxy.neutral.parts import Text, ToolCall, ToolKind
from trioproxy.neutral.request import Role, ServerTool, Tool, Turn

PATCH = Tool(name="patch", kind=ToolKind.CUSTOM)


def called(name: str, arguments: str, **more: str) -> Turn:
    call = ToolCall(call_id="c", name=name, arguments=arguments, **more)  # type: ignore[arg-type]
    return Turn(role=Role.ASSISTANT, parts=(Text(text="so"), call))


def first(*turns: Turn) -> ToolCall:
    part = turns[0].parts[1]
    assert isinstance(part, ToolCall)
    return part


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ("*** Begin", "*** Begin"),
        ('{"input":"*** Begin"}', "*** Begin"),
        ('{"input":"a","more":1}', '{"input":"a","more":1}'),
        ("[1]", "[1]"),
        ("", ""),
    ],
)
def test_a_call_of_a_custom_tool_is_its_text(arguments: str, text: str) -> None:
    call = first(*in_declared_kinds([called("patch", arguments)], [PATCH]))

    assert (call.kind, call.arguments) == (ToolKind.CUSTOM, text)


def test_what_was_not_declared_as_custom_alone_stays_as_it_is() -> None:
    turns = (called("f", "{}"), called("patch", "x", namespace="n"))
    both: list[Tool | ServerTool] = [PATCH, Tool(name="patch"), ServerTool(family=None, protocol="p", payload={})]

    assert in_declared_kinds(turns, [PATCH]) == turns
    assert in_declared_kinds([called("patch", "x")], both) == (called("patch", "x"),)
    assert in_declared_kinds(turns, []) == turns
