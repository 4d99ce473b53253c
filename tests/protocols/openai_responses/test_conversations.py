"""What is kept of conversations: chains, forks, bounds, repairs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioproxy.protocols.openai_responses.conversations import Conversations, Past, answered, continued, input_items
from trioproxy.protocols.openai_responses.pairing import NO_RESULT

CALL = {"type": "function_call", "call_id": "c1", "name": "run", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "call_id": "c1", "output": "ok"}


def user(text: str) -> dict[str, Any]:
    return {"type": "message", "role": "user", "content": text}


def said(text: str) -> dict[str, Any]:
    return {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]}


def items_of(past: Past) -> Any:
    return json.loads(past.items())


def store(**bounds: Any) -> Conversations:
    return Conversations(**{"limit": 1 << 20, "owner_limit": 1 << 20, "seconds": 100.0, **bounds})


@pytest.mark.parametrize(
    ("given", "items"),
    [
        (None, []),
        ("hi", [user("hi")]),
        ([user("a"), OUTPUT], [user("a"), OUTPUT]),
        ({"role": "user"}, [{"role": "user"}]),
        (7, [7]),
    ],
    ids=repr,
)
def test_an_input_as_items(given: Any, items: Any) -> None:
    assert input_items(given) == items


def test_a_chain_gives_all_its_items_in_order() -> None:
    first = answered(continued(None, [user("a")]), [said("b")], stored=True)
    second = answered(continued(first, [user("c")]), [CALL], stored=True)
    third = continued(second, [OUTPUT])

    assert items_of(third) == [user("a"), said("b"), user("c"), CALL, OUTPUT]
    assert third.count == 5
    assert third.root.before is None
    assert items_of(first) == [user("a"), said("b")]  # what was kept is not touched by what follows
    assert items_of(continued(None, [])) == []


def test_forks_share_what_they_have_in_common() -> None:
    trunk = answered(continued(None, [user("a" * 1000)]), [said("b")], stored=True)
    kept = store()
    kept.keep("me", "r0", trunk, 0)
    alone = kept.size
    kept.keep("me", "r1", answered(continued(trunk, [user("left")]), [said("l")], stored=True), 0)
    kept.keep("me", "r2", answered(continued(trunk, [user("right")]), [said("r")], stored=True), 0)

    assert kept.size < alone + 4000
    left, right = kept.find("me", "r1", 0), kept.find("me", "r2", 0)
    assert left is not None and right is not None  # noqa: PT018
    assert [item["content"] for item in items_of(left)[2:3]] == ["left"]
    assert [item["content"] for item in items_of(right)[2:3]] == ["right"]


def test_a_conversation_that_an_upstream_began() -> None:
    past = continued(None, [OUTPUT], after="resp_far")
    assert (past.root.after, items_of(past)) == ("resp_far", [OUTPUT])
    later = continued(answered(past, [said("b")], stored=True), [{**OUTPUT, "call_id": "unknown here"}])
    # Whether the upstream knows that call, nobody can tell here.
    assert items_of(later)[-1]["type"] == "function_call_output"
    assert later.root.after == "resp_far"


class TestRepairs:
    def after_a_call(self) -> Past:
        return answered(continued(None, [user("a")]), [CALL], stored=True)

    def test_a_call_that_is_never_answered_gets_an_output_where_it_was_left(self) -> None:
        past = continued(self.after_a_call(), [user("never mind")])
        owed = {"type": "function_call_output", "call_id": "c1", "output": NO_RESULT}
        assert items_of(past) == [user("a"), CALL, owed, user("never mind")]
        assert past.count == 4

        later = continued(past, [OUTPUT])  # it comes after all
        assert items_of(later)[:4] == items_of(past)
        assert (items_of(later)[4]["role"], items_of(later)[4]["content"][1]["text"]) == ("user", "ok")

    def test_custom_calls_are_told_apart(self) -> None:
        custom = {"type": "custom_tool_call", "call_id": "c2", "name": "run", "input": "x"}
        past = answered(continued(None, [user("a")]), [CALL, custom], stored=True)
        mended = items_of(continued(past, [OUTPUT]))
        assert mended[3:] == [{"type": "custom_tool_call_output", "call_id": "c2", "output": NO_RESULT}, OUTPUT]

    def test_an_output_of_no_call_becomes_a_message(self) -> None:
        past = continued(self.after_a_call(), [OUTPUT, {**OUTPUT, "call_id": "c9", "output": "stray"}])
        assert items_of(past)[2] == OUTPUT
        stray = items_of(past)[3]
        assert (stray["type"], stray["role"], stray["content"][1]["text"]) == ("message", "user", "stray")

    def test_a_second_output_of_one_call_becomes_a_message(self) -> None:
        assert [item["type"] for item in items_of(continued(self.after_a_call(), [OUTPUT, OUTPUT]))[2:]] == [
            "function_call_output",
            "message",
        ]

    def test_calls_that_come_with_the_input_may_be_answered_there(self) -> None:
        again = {**CALL, "call_id": "c5"}
        given = [OUTPUT, again, {**OUTPUT, "call_id": "c5"}]
        assert items_of(continued(self.after_a_call(), given))[2:] == given

    def test_nothing_new_mends_nothing(self) -> None:
        past = continued(self.after_a_call(), [])
        assert items_of(past) == [user("a"), CALL]
        assert items_of(continued(past, [OUTPUT]))[2:] == [OUTPUT]

    def test_outputs_may_come_in_two_steps_where_nothing_is_asked_between(self) -> None:
        past = answered(continued(None, [user("a")]), [CALL, {**CALL, "call_id": "c2"}], stored=True)
        warm = continued(past, [OUTPUT], mend=False)
        second = {**OUTPUT, "call_id": "c2"}
        assert items_of(continued(warm, [second]))[3:] == [OUTPUT, second]
        assert items_of(continued(warm, [user("b")]))[4]["output"] == NO_RESULT

    def test_a_whole_input_is_the_clients_own(self) -> None:
        given = [user("a"), OUTPUT, 7, {"type": "function_call_output", "call_id": 5}]
        assert items_of(continued(None, given)) == given
        assert items_of(continued(self.after_a_call(), [OUTPUT, 7, {"type": "function_call_output"}]))[3:] == [
            7,
            {"type": "function_call_output"},
        ]


@pytest.mark.parametrize("output", [7, None, {"a": 1}])
def test_an_output_that_is_none_is_left_for_the_reader_to_refuse(output: Any) -> None:
    stray = {"type": "function_call_output", "call_id": "c9", "output": output}
    assert items_of(continued(answered(continued(None, []), [], stored=True), [stray])) == [stray]


def test_reasoning_that_nobody_stored_is_not_referred_to() -> None:
    bare = {"type": "reasoning", "id": "rs_1", "summary": []}
    sealed = {**bare, "encrypted_content": "x"}
    spoken = {**bare, "content": [{"type": "reasoning_text", "text": "hm"}]}
    start = continued(None, [user("a")])

    assert items_of(answered(start, [bare, sealed, spoken], stored=False))[1:] == [sealed, spoken]
    assert items_of(answered(start, [bare], stored=True))[1:] == [bare]


class TestBounds:
    def chain(self, kept: Conversations, owner: str, turns: int, size: int = 1000, now: float = 0.0) -> None:
        past: Past | None = None
        for number in range(turns):
            past = answered(continued(past, [user("x" * size)]), [said("y")], stored=True)
            kept.keep(owner, f"r{number}", past, now)

    def test_an_owner_over_its_bound_loses_the_oldest_and_then_everything(self) -> None:
        kept = store(owner_limit=8000)
        self.chain(kept, "me", 3)
        assert kept.find("me", "r2", 0) is not None
        self.chain(kept, "me", 20)
        assert kept.find("me", "r19", 0) is None
        assert (len(kept), kept.size) == (0, 0)

    def test_all_owners_together_are_bounded_and_the_longest_unused_goes(self) -> None:
        kept = store(limit=14_000)
        self.chain(kept, "a", 3)
        self.chain(kept, "b", 2)
        assert kept.find("a", "r2", 0) is not None  # used: now b's are the oldest
        self.chain(kept, "c", 3)
        assert kept.size <= 14_000
        assert kept.find("b", "r1", 0) is None
        assert kept.find("c", "r2", 0) is not None

    def test_what_nobody_asks_for_is_forgotten(self) -> None:
        kept = store()
        self.chain(kept, "me", 2, now=0)
        assert kept.find("me", "r0", 90) is not None
        kept.expire(150)
        assert kept.find("me", "r1", 150) is None
        assert kept.find("me", "r0", 150) is not None
        assert kept.find("me", "r0", 260) is None
        assert (len(kept), kept.size) == (0, 0)

    def test_an_owner_can_be_forgotten(self) -> None:
        kept = store()
        self.chain(kept, "me", 2)
        self.chain(kept, "you", 1)
        kept.forget("me")
        kept.forget("nobody")
        assert kept.find("me", "r1", 0) is None
        assert kept.find("you", "r0", 0) is not None
        kept.forget("you")
        assert kept.size == 0

    def test_two_owners_of_one_conversation_are_accounted_apart(self) -> None:
        kept = store()
        past = answered(continued(None, [user("a")]), [said("b")], stored=True)
        kept.keep("me", "r", past, 0)
        alone = kept.size
        kept.keep("you", "r", past, 0)
        assert kept.size == 2 * alone
        kept.forget("me")
        assert kept.size == alone
        assert kept.find("you", "r", 0) is past
        kept.forget("you")
        assert kept.size == 0

    def test_one_kept_again_is_kept_once(self) -> None:
        kept = store()
        for _ in range(3):
            kept.keep("me", "r", continued(None, [user("a")]), 0)
        assert len(kept) == 1
        kept.forget("me")
        assert kept.size == 0

    def test_bounds_can_be_tightened(self) -> None:
        kept = store()
        self.chain(kept, "me", 5)
        kept.bound(limit=100, owner_limit=1 << 30, seconds=10)
        kept.keep("you", "r", continued(None, []), 0)
        assert (len(kept), kept.size) == (0, 0)


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 5), st.integers(-1, 5), st.integers(0, 400)), max_size=40),
    st.integers(500, 4000),
)
def test_the_account_is_always_of_what_is_kept(steps: list[tuple[str, int, int, int]], limit: int) -> None:
    kept = store(limit=limit, owner_limit=limit // 2)
    for now, (owner, number, before, size) in enumerate(steps):
        past = kept.find(owner, f"r{before}", now) if before >= 0 else None
        kept.keep(owner, f"r{number}", answered(continued(past, [user("x" * size)]), [], stored=True), now)
        assert 0 <= kept.size <= limit
    for owner in "ab":
        kept.forget(owner)
    assert (len(kept), kept.size) == (0, 0)


_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["c1", "c2", "x", ""]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["type", "call_id", "a"]), inner),
    max_leaves=4,
)
_kinds = st.sampled_from(["function_call", "custom_tool_call", "function_call_output", "reasoning", "message"])
_items = _values | st.fixed_dictionaries(
    {"type": _kinds | _values},
    optional={name: _values for name in ("call_id", "output", "id", "encrypted_content", "content", "role")},
)


@given(st.lists(st.lists(_items, max_size=4), max_size=5), st.booleans())
def test_no_item_is_too_odd_to_be_kept(turns: list[list[Any]], mend: bool) -> None:
    past: Past | None = None
    for number, items in enumerate(turns):
        past = (
            continued(past, input_items(items), mend=mend)
            if number % 2 == 0
            else answered(past or continued(None, []), items, stored=mend)
        )
        assert len(items_of(past)) == past.count
