from __future__ import annotations

import pytest

from trioproxy.neutral.parts import Part, Text, ToolCall, ToolResult
from trioproxy.neutral.request import Role, Turn
from trioproxy.protocols.base import WriteTarget
from trioproxy.protocols.openai_chat.draft import Draft
from trioproxy.protocols.openai_chat.pairing import paired


def _turn(role: Role, *parts: Part) -> Turn:
    return Turn(role=role, parts=parts)


def _call(call_id: str) -> ToolCall:
    return ToolCall(call_id=call_id, name="f", arguments="{}")


def _result(call_id: str) -> ToolResult:
    return ToolResult(call_id=call_id, content=(Text(text=f"result {call_id}"),))


USER = _turn(Role.USER, Text(text="hi"))
SYSTEM = _turn(Role.SYSTEM, Text(text="now"))
SAID = _turn(Role.ASSISTANT, Text(text="yes"))


def _paired(*turns: Turn) -> tuple[list[Turn], list[str]]:
    draft = Draft(target=WriteTarget(model="up"), native=False)
    out = paired(turns, draft)
    return out, [loss.path for loss in draft.losses]


@pytest.mark.parametrize(
    "turns",
    [
        [],
        [USER],
        [USER, SAID],
        [USER, _turn(Role.ASSISTANT, _call("a"), _call("b")), _turn(Role.USER, _result("b"), _result("a")), SAID, USER],
        [
            _turn(Role.ASSISTANT, _call("a")),
            _turn(Role.ASSISTANT, _call("b")),
            _turn(Role.USER, _result("a")),
            _turn(Role.USER, _result("b")),
        ],
        [SYSTEM, USER, _turn(Role.ASSISTANT, _call("a")), _turn(Role.USER, _result("a")), SYSTEM, USER],
        [
            _turn(Role.ASSISTANT, _call("a")),
            _turn(Role.USER, _result("a")),
            _turn(Role.ASSISTANT, _call("a")),
            _turn(Role.USER, _result("a")),
        ],
    ],
)
def test_what_is_paired_is_left_alone(turns: list[Turn]) -> None:
    assert _paired(*turns) == (turns, [])


def test_instructions_between_calls_and_results_are_moved() -> None:
    asked, answered = _turn(Role.ASSISTANT, _call("a")), _turn(Role.USER, _result("a"))
    assert _paired(asked, SYSTEM, answered, USER) == ([asked, answered, SYSTEM, USER], [])


def test_results_of_no_call_are_told_as_text() -> None:
    asked = _turn(Role.ASSISTANT, _call("a"))
    out, losses = _paired(
        _turn(Role.USER, _result("z")), asked, _turn(Role.USER, _result("a"), _result("a"), Text(text="so?"))
    )
    assert out == [
        _turn(Role.USER, Text(text="Result of tool call z:"), Text(text="result z")),
        asked,
        _turn(Role.USER, _result("a"), Text(text="Result of tool call a:"), Text(text="result a"), Text(text="so?")),
    ]
    assert losses == ["messages[0]", "messages[2]"]


def test_calls_without_a_result_are_answered() -> None:
    asked = _turn(Role.ASSISTANT, _call("a"), _call("b"))
    missing = ToolResult(call_id="b", content=(Text(text="No result was given for this call."),))
    out, losses = _paired(asked, _turn(Role.USER, _result("a"), Text(text="never mind")))
    assert out == [asked, _turn(Role.USER, _result("a"), Text(text="never mind"), missing)]
    assert losses == ["messages[0].content[1]"]
    out, _ = _paired(_turn(Role.ASSISTANT, _call("b")), SYSTEM, SAID)
    assert out == [_turn(Role.ASSISTANT, _call("b")), _turn(Role.USER, missing), SYSTEM, SAID]


def test_calls_that_end_a_history_are_answered() -> None:
    out, losses = _paired(USER, _turn(Role.ASSISTANT, _call("a")))
    assert [turn.role for turn in out] == [Role.USER, Role.ASSISTANT, Role.USER]
    assert [part.call_id for part in out[2].parts if isinstance(part, ToolResult)] == ["a"]
    assert losses == ["messages[1].content[0]"]


def test_calls_under_one_id_are_told_apart_with_their_results() -> None:
    asked = _turn(Role.ASSISTANT, _call("a"), _call("a"), _call("a"))
    out, losses = _paired(asked, _turn(Role.USER, _result("a"), _result("a")))
    assert [part.call_id for part in out[0].parts if isinstance(part, ToolCall)] == ["a", "a_2", "a_3"]
    assert [part.call_id for part in out[1].parts if isinstance(part, ToolResult)] == ["a", "a_2", "a_3"]
    assert losses == ["messages[0].content[2]"]


def test_a_result_without_an_id_goes_by_the_name_of_its_tool() -> None:
    out, _ = _paired(_turn(Role.USER, ToolResult(call_id="", content=(), name="look")))
    assert out == [_turn(Role.USER, Text(text="Result of tool call look:"))]
