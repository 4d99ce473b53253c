from __future__ import annotations

from typing import Any

import pytest

from trioproxy.upstream.turn import Turn, read_turn

TOOL = {"role": "tool", "tool_call_id": "c", "content": "18"}
REMINDER = "<system-reminder>\nToday is 2026-11-27.\n</system-reminder>\n"


def said(*contents: Any, role: str = "user") -> list[dict[str, Any]]:
    return [{"role": role, "content": content} for content in contents]


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"messages": said("a", "b")}, "b"),
        ({"messages": said([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}])}, "a\nb"),
        ({"messages": said("before", [{"type": "image", "source": {"data": "x"}}])}, ""),
        ({"messages": [*said("a"), *said("so it begins", role="assistant")]}, "a"),
        ({"messages": [*said("a"), *said("the agents are ...", role="system")]}, "a"),
        ({"messages": said([{"type": "text", "text": REMINDER}, {"type": "text", "text": " a "}])}, "a"),
        ({"messages": said("a", REMINDER)}, "a"),
        ({"messages": said("a", [{"type": "text", "text": REMINDER}])}, "a"),
        ({"input": "hello"}, "hello"),
        ({"input": REMINDER + "hello"}, "hello"),
        ({"input": said([{"type": "input_text", "text": "hi"}])}, "hi"),
        ({"input": [*said("a", "<environment_context>\n<cwd>/x</cwd></environment_context>")]}, "a"),
        ({"input": [*said("a"), {"type": "reasoning", "summary": []}]}, "a"),
        ({"contents": [{"role": "user", "parts": [{"text": "hi"}, {"inlineData": {}}]}]}, "hi"),
        ({"contents": [{"parts": [{"text": "hi"}]}, {"role": "model", "parts": [{"text": "yes?"}]}]}, "hi"),
        ({"input": ["one", "two"]}, "one\ntwo"),
        ({"input": [[1, 2], [3]]}, "[1,2]\n[3]"),
        ({"prompt": "once"}, "once"),
        ({"prompt": ["once", "twice"]}, "once\ntwice"),
        ({"messages": ["odd"]}, "odd"),
        ({"messages": [7]}, "7"),
        ({"messages": [{"role": "user"}]}, ""),
        ({"messages": []}, ""),
        ({}, ""),
    ],
)
def test_what_the_user_said_last(body: Any, text: str) -> None:
    assert read_turn(body) == Turn(text)


CALL = {"type": "tool_use", "id": "c", "name": "f", "input": {}}
BLOCK = {"type": "tool_result", "tool_use_id": "c", "content": [{"type": "text", "text": "18"}]}
OUTPUT = {"type": "function_call_output", "call_id": "c", "output": "18"}


@pytest.mark.parametrize(
    ("body", "text", "results"),
    [
        ({"messages": [*said("a"), TOOL, {**TOOL, "content": "19"}]}, "a", ("18", "19")),
        ({"messages": [*said("a"), *said([CALL], role="assistant"), *said([BLOCK])]}, "a", ("18",)),
        ({"messages": [*said("a"), *said([CALL], role="assistant"), *said([BLOCK, {**BLOCK, "content": "19"}])]}, "a", ("18", "19")),
        ({"messages": [*said("a"), *said([BLOCK, {"type": "text", "text": REMINDER}])]}, "a", ("18",)),
        ({"messages": [*said("a"), *said([BLOCK, {"type": "text", "text": "stop"}])]}, "stop", ("18",)),
        ({"messages": [*said("a"), *said([BLOCK], "b")]}, "b", ()),
        ({"messages": [TOOL]}, "", ("18",)),
        ({"input": [*said("a"), {"type": "function_call", "name": "f"}, OUTPUT, OUTPUT]}, "a", ("18", "18")),
        ({"contents": [{"parts": [{"text": "a"}]}, {"parts": [{"functionResponse": {"response": {"t": 18}}}]}]}, "a", ('{"t":18}',)),
        ({"contents": [{"parts": [{"function_response": {"response": {"result": 1}}}]}]}, "", ('{"result":1}',)),
    ],
)  # fmt: skip
def test_what_tools_said_since(body: Any, text: str, results: tuple[str, ...]) -> None:
    assert read_turn(body) == Turn(text, results)
