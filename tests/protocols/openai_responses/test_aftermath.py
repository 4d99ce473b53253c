"""Reasoning that led to nothing goes, any other stays."""

from __future__ import annotations

from typing import Any

from trioproxy.neutral.loss import Loss
from trioproxy.protocols.openai_responses.aftermath import led_on

USER = {"role": "user", "content": "x"}
SAID = {"type": "message", "role": "assistant", "content": "x"}
THOUGHT = {"type": "reasoning", "id": "rs_1"}
CALL = {"type": "function_call", "call_id": "a"}
OUTPUT = {"type": "function_call_output", "call_id": "a"}
SEARCH = {"type": "web_search_call"}


def led(*turns: list[dict[str, Any]]) -> tuple[list[Any], list[int], list[str]]:
    losses: list[Loss] = []
    ends = [sum(map(len, turns[: n + 1])) for n in range(len(turns))]
    items, places = led_on([item for turn in turns for item in turn], ends, losses)
    return items, places, [loss.path for loss in losses]


def test_what_led_on_stays() -> None:
    turns = [[USER], [THOUGHT, THOUGHT, SAID], [USER], [THOUGHT, CALL, THOUGHT, SEARCH], [OUTPUT]]
    assert led(*turns) == ([item for turn in turns for item in turn], [1, 4, 5, 9, 10], [])


def test_what_led_to_nothing_goes() -> None:
    items, ends, losses = led([USER], [THOUGHT], [USER], [CALL, THOUGHT], [OUTPUT], [SAID, THOUGHT, THOUGHT])
    assert items == [USER, USER, CALL, OUTPUT, SAID]
    assert ends == [1, 1, 2, 3, 4, 5]
    assert sorted(losses) == ["turns[1]", "turns[3]", "turns[5]", "turns[5]"]
