"""Calls of an answer are told apart from those of the history."""

from __future__ import annotations

from trioproxy.neutral.events import Event, TextDelta, ToolCallStarted
from trioproxy.neutral.parts import ToolCall
from trioproxy.neutral.request import Conversation, Role, Turn
from trioproxy.neutral.taken_ids import TakenIds


def conversation(*ids: str) -> Conversation:
    calls = tuple(ToolCall(call_id=each, name="f", arguments="{}") for each in ids)
    return Conversation(model="m", turns=(Turn(role=Role.ASSISTANT, parts=calls),))


def started(*ids: str) -> list[Event]:
    return [ToolCallStarted(index=index, call_id=each, name="f") for index, each in enumerate(ids)]


def test_a_known_id_becomes_another_one() -> None:
    taken = TakenIds(conversation("call_0", "call_0_2", "call_1"))
    text = TextDelta(index=9, text="x")
    assert taken.told_apart([text, *started("call_0")]) == [text, *started("call_0_3")]
    assert taken.told_apart(started("call_1")) == started("call_1_2")
    assert taken.told_apart(started("call_0")) == started("call_0_3")
    assert taken.told_apart(started("call_0_3")) == started("call_0_3_2")


def test_a_new_id_stays() -> None:
    new = started("call_2")
    assert list(TakenIds(conversation("call_0")).told_apart(new)) == new
    assert TakenIds(None).told_apart(new) is new


def test_what_begins_no_call_passes() -> None:
    told = [TextDelta(index=0, text="x")]
    assert TakenIds(conversation("call_0")).told_apart(told) is told
