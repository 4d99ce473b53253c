from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from trioproxy.protocols.anthropic.draft import Draft, Message
from trioproxy.protocols.anthropic.messages import merge_neighbours, pair_tools, results_first
from trioproxy.protocols.base import WriteTarget


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def use(call_id: str) -> dict[str, Any]:
    return {"type": "tool_use", "id": call_id, "name": "f", "input": {}}


def result(call_id: str, words: str = "ok") -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": call_id, "content": words}


def draft(*messages: tuple[str, list[dict[str, Any]]], own: bool = False) -> Draft:
    return Draft(
        target=WriteTarget(model="m"),
        messages=[Message(role=role, blocks=blocks, own=own) for role, blocks in messages],
    )


def arranged(made: Draft) -> list[tuple[str, list[Any]]]:
    """Role and, of each block, its text, call or result."""
    return [(message.role, [_short(block) for block in message.blocks]) for message in made.messages]


def _short(block: dict[str, Any]) -> str:
    match block["type"]:
        case "tool_use":
            return f"use {block['id']}"
        case "tool_result":
            return f"result {block['tool_use_id']}: {block.get('content')}"
        case "text":
            return str(block["text"])
        case kind:
            return str(kind)


def test_neighbours_of_one_role_are_joined() -> None:
    made = draft(("user", [text("a")]), ("user", [text("b")]), ("assistant", []), ("user", [text("c")]))
    made.messages[0].spelled = "string"
    made.messages[1].fields = {"odd": 1}
    merge_neighbours(made)
    assert arranged(made) == [("user", ["a", "b", "c"])]
    assert made.messages[0].spelled == "blocks"
    assert made.messages[0].fields == {"odd": 1}


def test_a_message_with_fields_alone_stays() -> None:
    made = draft(("system", []), ("system", []))
    made.messages[0].fields = {"output_config": {}}
    merge_neighbours(made)
    assert arranged(made) == [("system", [])]


def test_this_apis_messages_keep_their_borders() -> None:
    made = draft(("user", [text("a")]), ("user", [text("b")]), own=True)
    merge_neighbours(made)
    assert arranged(made) == [("user", ["a"]), ("user", ["b"])]


def test_instructions_keep_theirs() -> None:
    made = draft(("system", [text("a")]), ("system", [text("b")]))
    merge_neighbours(made)
    assert arranged(made) == [("system", ["a"]), ("system", ["b"])]


def test_results_come_first_in_their_order() -> None:
    made = draft(("user", [text("a"), result("1"), text("b"), result("2")]), ("assistant", [text("x"), use("3")]))
    results_first(made)
    assert arranged(made) == [
        ("user", ["result 1: ok", "result 2: ok", "a", "b"]),
        ("assistant", ["x", "use 3"]),
    ]


def test_a_paired_loop_is_left_alone() -> None:
    made = draft(
        ("user", [text("q")]),
        ("assistant", [use("1"), use("2")]),
        ("user", [result("1"), result("2")]),
        ("assistant", [use("3")]),
        ("user", [result("3")]),
    )
    before = arranged(made)
    pair_tools(made)
    assert arranged(made) == before
    assert made.losses == []


def test_a_call_without_a_result_is_answered_with_an_error() -> None:
    made = draft(("user", [text("q")]), ("assistant", [use("1"), use("2")]), ("user", [result("2"), text("go on")]))
    made.messages[2].spelled = "string"
    pair_tools(made)
    reply = made.messages[2]
    assert [block.get("tool_use_id") for block in reply.blocks] == ["1", "2", None]
    assert reply.blocks[0]["is_error"] is True
    assert reply.spelled == "blocks"
    assert [loss.reason for loss in made.losses] == ["the tool call 1 had no result; it is answered with an error"]


def test_a_call_at_the_end_is_answered_in_a_message_of_its_own() -> None:
    made = draft(("user", [text("q")]), ("assistant", [use("1")]))
    pair_tools(made)
    assert arranged(made)[2] == ("user", ["result 1: This tool call was not answered."])


def test_a_result_that_stands_too_far_back_is_brought_forward() -> None:
    made = draft(
        ("assistant", [use("1")]),
        ("user", [text("wait")]),
        ("assistant", [text("waiting")]),
        ("user", [result("1"), text("there")]),
    )
    pair_tools(made)
    assert arranged(made) == [
        ("assistant", ["use 1"]),
        ("user", ["result 1: ok", "wait"]),
        ("assistant", ["waiting"]),
        ("user", ["there"]),
    ]
    assert made.losses == []


def test_an_instruction_may_stand_between() -> None:
    made = draft(("assistant", [use("1")]), ("system", [text("s")]), ("user", [result("1")]), own=True)
    pair_tools(made)
    assert arranged(made) == [("assistant", ["use 1"]), ("system", ["s"]), ("user", ["result 1: ok"])]
    assert made.losses == []
    alone = draft(("assistant", [use("1")]), ("system", [text("s")]), own=True)
    pair_tools(alone)
    assert [role for role, _ in arranged(alone)] == ["assistant", "user", "system"]


def test_ids_used_again_are_told_apart() -> None:
    made = draft(
        ("assistant", [use("c")]),
        ("user", [result("c", "first")]),
        ("assistant", [use("c"), use("c")]),
        ("user", [result("c", "second"), result("c", "third")]),
    )
    pair_tools(made)
    assert arranged(made) == [
        ("assistant", ["use c"]),
        ("user", ["result c: first"]),
        ("assistant", ["use c_2", "use c_3"]),
        ("user", ["result c_2: second", "result c_3: third"]),
    ]


def test_a_later_call_of_the_same_id_keeps_its_result() -> None:
    made = draft(
        ("assistant", [use("c")]),
        ("user", [text("go on")]),
        ("assistant", [use("c")]),
        ("user", [result("c", "late")]),
    )
    pair_tools(made)
    assert arranged(made) == [
        ("assistant", ["use c"]),
        ("user", ["result c: This tool call was not answered.", "go on"]),
        ("assistant", ["use c_2"]),
        ("user", ["result c_2: late"]),
    ]


def test_a_result_without_a_call_is_told_as_text() -> None:
    inner = [{"type": "image", "source": {}}, {"type": "tool_reference", "tool_name": "f"}]
    made = draft(
        ("user", [result("x", "words"), {**result("y"), "content": inner}, {"type": "tool_result", "tool_use_id": "z"}])
    )
    pair_tools(made)
    assert arranged(made) == [
        (
            "user",
            [
                "Result of the tool call x:",
                "words",
                "Result of the tool call y:",
                "image",
                "Result of the tool call z:",
            ],
        )
    ]
    assert len(made.losses) == 3


ids = st.sampled_from(["a", "b", "c"])
blocks = st.one_of(st.builds(text, st.sampled_from("xyz")), st.builds(result, ids), st.builds(use, ids))
histories = st.lists(
    st.tuples(st.sampled_from(["user", "assistant", "system"]), st.lists(blocks, max_size=4)), max_size=6
)


@given(histories, st.booleans())
def test_any_history_comes_out_paired(history: Any, own: bool) -> None:
    legal = [
        (role, [each for each in held if (each["type"] == "tool_use") <= (role == "assistant")])
        for role, held in history
    ]
    legal = [
        (role, [each for each in held if (each["type"] == "tool_result") <= (role == "user")]) for role, held in legal
    ]
    made = draft(*((role, [dict(each) for each in held]) for role, held in legal), own=own)
    for rule in (merge_neighbours, pair_tools, merge_neighbours, results_first):
        rule(made)

    used: list[str] = []
    runs: list[tuple[str, list[Any]]] = []
    for message in made.messages:
        if runs and runs[-1][0] == message.role:
            runs[-1][1].extend(message.blocks)
        else:
            runs.append((message.role, list(message.blocks)))
    for at, (role, held) in enumerate(runs):
        calls = [each["id"] for each in held if each["type"] == "tool_use"]
        used += calls
        if calls:
            behind = next(each for each in runs[at + 1 : at + 3] if each[0] != "system")
            answers = [each["tool_use_id"] for each in behind[1] if each["type"] == "tool_result"]
            assert behind[0] == "user"
            assert sorted(answers) == sorted(calls)
        if role == "user" and at == 0:
            assert not any(each["type"] == "tool_result" for each in held)
    assert len(used) == len(set(used))
