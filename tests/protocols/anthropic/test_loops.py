"""Loops that another model began are not thought about within a budget."""

from __future__ import annotations

from typing import Any

import pytest

from trioproxy.protocols.anthropic.loops import answerable
from trioproxy.protocols.anthropic.seals import without_seals

BUDGET = {"type": "enabled", "budget_tokens": 1024}
ASKED = {"role": "user", "content": "hi"}
CALL = {"type": "tool_use", "id": "t", "name": "f", "input": {}}
RESULT = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "x"}]}
OWN = {"type": "thinking", "thinking": "hm", "signature": "EqwC"}
FOREIGN = {"type": "thinking", "thinking": "hm", "signature": "trioproxy:unsigned::"}
LATE = {"role": "system", "content": "be brief"}


def said(*blocks: Any) -> Any:
    return {"role": "assistant", "content": [*blocks]}


@pytest.mark.parametrize(
    ("messages", "thinks"),
    [
        ([ASKED, said(CALL), RESULT], False),
        ([ASKED, said(CALL), RESULT, said(OWN, CALL), RESULT], False),
        ([ASKED, said(CALL), RESULT, LATE, said(CALL), RESULT], False),
        ([ASKED, {"role": "assistant", "content": "so"}, RESULT], False),
        ([ASKED, said(OWN, CALL), RESULT, said(CALL), RESULT], True),
        ([ASKED, said(CALL), RESULT, said({"type": "text", "text": "a"}), ASKED], True),
        ([said(CALL), RESULT], False),
        ([ASKED], True),
        ([ASKED, "odd", RESULT], True),
        ("odd", True),
    ],
)
def test_the_first_thought_of_a_loop(messages: Any, thinks: bool) -> None:
    assert ("thinking" in answerable({"messages": messages, "thinking": BUDGET})) is thinks


def test_what_only_a_thinking_request_may_say_goes_too() -> None:
    body = {"messages": [ASKED, said(CALL), RESULT], "thinking": BUDGET}
    clear, other = {"type": "clear_thinking_20251015"}, {"type": "clear_tool_uses_20250919"}
    assert "context_management" not in answerable({**body, "context_management": {"edits": [clear]}})
    kept = answerable({**body, "context_management": {"edits": [clear, other]}})
    assert kept["context_management"] == {"edits": [other]}


@pytest.mark.parametrize("thinking", [BUDGET, {"type": "adaptive"}, None])
def test_thoughts_of_another_vendor_leave_such_a_loop(thinking: Any) -> None:
    body = {"messages": [ASKED, said(FOREIGN, CALL), RESULT], "thinking": thinking}
    opened = without_seals(body)
    assert opened is not None
    assert opened["messages"] == [ASKED, said(CALL), RESULT]
    assert ("thinking" in opened) is (thinking is not BUDGET)
