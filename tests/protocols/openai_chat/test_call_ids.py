from __future__ import annotations

from typing import Any

import pytest

from trioproxy.protocols.openai_chat.call_ids import identified


def caller(*ids: Any) -> Any:
    return {"role": "assistant", "tool_calls": [{"id": each, "function": {"name": "f"}} for each in ids]}


def result(identity: Any) -> Any:
    return {"role": "tool", "tool_call_id": identity}


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [{"role": "user", "content": "hi"}, caller("a"), result("a")],
        [{"role": "assistant", "tool_calls": None}, {"role": "assistant", "tool_calls": "odd"}],
        ["odd", None, {"role": "assistant", "tool_calls": ["odd", {}]}, result("")],
        pytest.param([caller(""), {"role": "user"}, result("")], id="no results"),
        pytest.param([caller(""), result("a")], id="calls alone lack ids"),
    ],
)
def test_ids_are_made_only_where_calls_and_results_lack_them(messages: Any) -> None:
    assert identified(messages) == messages


def test_results_alone_may_lack_ids_and_belong_by_name_or_by_place() -> None:
    called = {
        "role": "assistant",
        "tool_calls": [
            {"id": "a", "function": {"name": "f"}},
            {"id": "b", "function": {"name": "g"}},
            {"id": "c", "type": "custom", "custom": {"name": "h"}},
            {"id": "d", "type": "odd", "odd": "x"},
        ],
    }
    results = [{"role": "tool", "name": name} for name in ("h", "g", "unheard", None)]

    said = identified([called, *results, {"role": "tool"}])

    assert [each.get("tool_call_id") for each in said if isinstance(each, dict)] == [None, "c", "b", "a", "d", None]


def test_results_belong_to_the_calls_of_their_own_step() -> None:
    said = identified([caller("", None), result(""), result(None), caller(""), result(""), result("")])

    assert said == [
        caller("call_0_0", "call_0_1"),
        result("call_0_0"),
        result("call_0_1"),
        caller("call_3_0"),
        result("call_3_0"),
        result(""),
    ]


def test_a_call_that_is_answered_by_its_id_waits_for_no_other() -> None:
    said = identified([caller("a", "", "c"), result(""), result("c"), result(None)])

    assert said == [caller("a", "call_0_1", "c"), result("a"), result("c"), result("call_0_1")]
