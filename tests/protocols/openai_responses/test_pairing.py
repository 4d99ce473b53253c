from __future__ import annotations

from typing import Any

from trioproxy.neutral.loss import Loss
from trioproxy.protocols.openai_responses.pairing import NO_RESULT, paired

USER = {"type": "message", "role": "user", "content": "x"}


def call(call_id: str, kind: str = "function_call") -> dict[str, Any]:
    return {"type": kind, "call_id": call_id, "name": "f"}


def output(call_id: str, said: Any = "ok", kind: str = "function_call_output") -> dict[str, Any]:
    return {"type": kind, "call_id": call_id, "output": said}


def pair(*turns: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[str]]:
    losses: list[Loss] = []
    items = [item for turn in turns for item in turn]
    ends = [sum(map(len, turns[: n + 1])) for n in range(len(turns))]
    return paired(items, ends, losses), [loss.path for loss in losses]


def test_a_history_in_order_stays_as_it_is() -> None:
    turns = [[USER], [call("a"), call("b")], [output("b"), output("a")], [USER]]

    items, losses = pair(*turns)
    assert items == [item for turn in turns for item in turn]
    assert not losses


def test_a_call_without_an_output_gets_one_behind_its_turn() -> None:
    items, losses = pair([call("a"), USER, call("b", "custom_tool_call")], [output("a")], [USER])

    assert items[3] == {"type": "custom_tool_call_output", "call_id": "b", "output": NO_RESULT}
    assert items[4] == output("a")
    assert losses == ["turns[0]"]


def test_a_call_at_the_end_gets_one_too() -> None:
    items, _ = pair([USER], [call("a")])

    assert items[-1]["output"] == NO_RESULT


def test_an_output_of_no_call_is_a_message() -> None:
    image = {"type": "input_image", "image_url": "https://a.example"}
    items, losses = pair([output("gone"), output("too", [image])])

    assert [item["role"] for item in items] == ["user", "user"]
    assert [part.get("text") for part in items[0]["content"]] == ["A tool answered:", "ok"]
    assert items[1]["content"][1] == image
    assert losses == ["turns[0]", "turns[0]"]


def test_a_second_output_of_a_call_is_a_message() -> None:
    items, _ = pair([call("a")], [output("a"), output("a", "again")])

    assert [item["type"] for item in items] == ["function_call", "function_call_output", "message"]


def test_ids_used_twice_become_two() -> None:
    long = "x" * 64
    items, losses = pair([call(long)], [output(long, 1)], [call(long), call(long)], [output(long, 2), output(long, 3)])

    assert [(item["call_id"], item.get("output")) for item in items] == [
        (long, None),
        (long, 1),
        ("x" * 56 + "_2", None),
        ("x" * 56 + "_3", None),
        ("x" * 56 + "_2", 2),
        ("x" * 56 + "_3", 3),
    ]
    assert not losses


def test_an_output_is_of_the_kind_of_its_call() -> None:
    items, _ = pair([call("a", "custom_tool_call")], [output("a")])

    assert items[1]["type"] == "custom_tool_call_output"
