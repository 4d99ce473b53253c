"""Tool calls by piece: every way in which servers number, name and cut them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.protocols.openai_chat.chat import call
from trioproxy.neutral.events import Event, PartFinished, PartSigned, ToolArgsDelta, ToolCallStarted
from trioproxy.neutral.parts import Signature, SignatureForm, ToolKind
from trioproxy.protocols.openai_chat.calls import CallAssembly, google_signature
from trioproxy.wire.machine import ProtocolViolation


class Bench:
    """An assembly whose parts are numbered and nothing else."""

    def __init__(self) -> None:
        self.parts = 0
        self.calls = CallAssembly(self._claim)
        self.calls.response_id = "r/1"

    def _claim(self) -> tuple[list[Event], int]:
        self.parts += 1
        return self.calls.finish_whole(), self.parts - 1

    def result(self, *deltas: list[Any], numbered: bool = False) -> list[tuple[str, str, str]]:
        """Id, name and arguments of each call that these lists make."""
        events = [event for each in deltas for event in self.calls.feed(each, numbered=numbered)]
        events += self.calls.finish()
        started = {event.index: event for event in events if isinstance(event, ToolCallStarted)}
        text = {index: "" for index in started}
        for event in events:
            if isinstance(event, ToolArgsDelta):
                text[event.index] += event.text
        assert sorted(started) == sorted(event.index for event in events if isinstance(event, PartFinished))
        return [(event.call_id, event.name, text[index]) for index, event in started.items()]


@pytest.mark.parametrize(
    ("deltas", "expected"),
    [
        pytest.param(
            [[call(0, "a", "f", "")], [call(0, arguments='{"x"')], [call(0, arguments=":1}")]],
            [("a", "f", '{"x":1}')],
            id="openai",
        ),
        pytest.param([[call(0, "a", "f", '{"x":1}')]], [("a", "f", '{"x":1}')], id="whole"),
        pytest.param(
            [[call(0, "a", "f", "{}"), call(1, "b", "g", "{}")]], [("a", "f", "{}"), ("b", "g", "{}")], id="two at once"
        ),
        pytest.param([[call(None, "a", "f", "{")], [call(None, None, None, "}")]], [("a", "f", "{}")], id="no index"),
        pytest.param(
            [[call(None, "a", "f", "{}"), call(None, "b", "f", "{}")], [call(None, "a", "f", "")]],
            [("a", "f", "{}"), ("b", "f", "{}")],
            id="no index, two ids",
        ),
        pytest.param(
            [[call(None, "a", "f", "{")], [call(None, "z", None, "}")]],
            [("a", "f", "{}")],
            id="no index, an id for every piece",
        ),
        pytest.param(
            [[call(0, "a", "f", "{}")], [call(0, "b", "g", "{}")]],
            [("a", "f", "{}"), ("b", "g", "{}")],
            id="always index 0",
        ),
        pytest.param(
            [[call(0, "a", "f", "{")], [call(0, "a", "f", '"x":1')], [call(0, "a", "f", "}")], [call(0, "a", "f", "")]],
            [("a", "f", '{"x":1}')],
            id="id and name in every piece",
        ),
        pytest.param([[call(0, "a", "f", "")], [call(0, None, "", "{}")]], [("a", "f", "{}")], id="empty names later"),
        pytest.param([[call(0, "a", None, "{")], [call(0, None, "f", "}")]], [("a", "f", "{}")], id="name late"),
        pytest.param([[call(0, None, "f")], [call(0, "a", None, "{}")]], [("a", "f", "{}")], id="id late"),
        pytest.param(
            [[{"index": 0, "id": "a", "function": {"name": "f", "arguments": {"x": 1}}}]],
            [("a", "f", '{"x":1}')],
            id="object",
        ),
        pytest.param([[{"index": 0, "id": "a", "function": {"name": "f"}}]], [("a", "f", "")], id="no arguments"),
        pytest.param(
            [[{"index": 0, "id": None, "function": None}, 7, call(0, "a", "f", "{}")]], [("a", "f", "{}")], id="stubs"
        ),
        pytest.param([[call(0)]], [], id="a stub and nothing more"),
        pytest.param(
            [[call(0, "a", "get_")], [call(0, None, "weather", "")], [call(0, arguments="{}")]],
            [("a", "get_weather", "{}")],
            id="a name in pieces",
        ),
        pytest.param(
            [[call(0, "a", "f", '{"x"')], [call(0, "b", "f", ":")], [call(0, "c", "f", "1}")]],
            [("a", "f", '{"x":1}')],
            id="the name and another id in every piece",
        ),
        pytest.param(
            [[call(0, "a", "f", "")], [call(0, "b", "f", "")]],
            [("a", "f", ""), ("b", "f", "")],
            id="index 0, no arguments",
        ),
        pytest.param(
            [[call(0, "a", "f", "{}")], [call(0, None, None, '{"x"')], [call(0, None, None, ":1}")]],
            [("a", "f", '{"x":1}')],
            id="an empty object before the arguments",
        ),
        pytest.param(
            [[call(0, "a", "f", "{}")], [call(0, arguments=" ")], [call(0, arguments=" ")]],
            [("a", "f", "{}  ")],
            id="an empty object and white space",
        ),
        pytest.param(
            [[call(0, "a", "f", '{"x"')], [call(0, None, None, ":1}")], [call(0, "a", "f", '{"x":1}')]],
            [("a", "f", '{"x":1}')],
            id="all of it once more at the end",
        ),
        pytest.param(
            [[{"index": 0, "id": "a", "type": "function", "name": "f", "arguments": '{"x":1}'}]],
            [("a", "f", '{"x":1}')],
            id="no object around the function",
        ),
        pytest.param(
            [[call(0, "a", "f")], [call(1, "b", "g", "{}")], [call(0, arguments="{}")]],
            [("a", "f", "{}"), ("b", "g", "{}")],
            id="the first goes on after the second",
        ),
    ],
)
def test_pieces_become_calls(deltas: list[list[Any]], expected: list[tuple[str, str, str]]) -> None:
    assert Bench().result(*deltas) == expected


def test_calls_without_ids_get_ids_that_are_stable_and_their_own() -> None:
    deltas = [[call(0, "", "f", '{"x":1}')], [call(0, "", "f", '{"x":2}')], [call(None, None, "g", "{}")]]
    first, again = Bench().result(*deltas), Bench().result(*deltas)
    assert first == again
    assert [(name, text) for _, name, text in first] == [("f", '{"x":1}'), ("f", '{"x":2}'), ("g", "{}")]
    ids = {call_id for call_id, _, _ in first}
    assert len(ids) == 3
    assert all(each.startswith("call_") and len(each) == 29 for each in ids)
    other = Bench()
    other.calls.response_id = "r/2"
    assert not ids & {call_id for call_id, _, _ in other.result(*deltas)}


@pytest.mark.parametrize("indices", [(0, 1), (None, None), (0, 0)])
def test_two_calls_with_one_id_get_two(indices: tuple[int | None, int | None]) -> None:
    first, second = indices
    calls = Bench().result([call(first, "a", "f", '{"x":1}'), call(second, "a", "g", "{}")])
    assert [(name, text) for _, name, text in calls] == [("f", '{"x":1}'), ("g", "{}")]
    assert calls[0][0] == "a"
    assert calls[1][0].startswith("call_")


def test_an_empty_object_is_told_when_nothing_can_follow_it() -> None:
    bench = Bench()
    (started,) = bench.calls.feed([call(0, "a", "f", "{}")])
    assert isinstance(started, ToolCallStarted)
    assert bench.calls.more(0, "x") is None
    assert bench.calls.finish_whole() == [ToolArgsDelta(index=0, text="{}"), PartFinished(index=0)]


def test_a_name_alone_waits_for_its_id() -> None:
    bench = Bench()
    assert bench.calls.feed([call(0, None, "f")]) == []
    assert not bench.calls
    (started,) = bench.calls.feed([call(0)])
    assert isinstance(started, ToolCallStarted)
    assert bench.calls


def test_waiting_calls_are_announced_in_their_order() -> None:
    bench = Bench()
    bench.calls.feed([call(0, None, "f")])
    bench.calls.feed([call(1, None, None, "{")])
    events = bench.calls.feed([call(2, "c", "h", "")])
    assert [event.name for event in events if isinstance(event, ToolCallStarted)] == ["f", "h"]
    assert bench.calls.latest == 1
    with pytest.raises(ProtocolViolation, match="name"):
        bench.calls.finish()


def test_the_positions_of_a_whole_message_tell_calls_apart() -> None:
    entry = {"id": "", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    assert len(Bench().result([entry, entry], numbered=True)) == 2


def test_only_function_calls_end_when_their_text_is_whole() -> None:
    bench = Bench()
    bench.calls.feed([{"index": 0, "id": "a", "type": "custom", "custom": {"name": "sh", "input": "{}"}}])
    assert bench.calls.finish_whole() == []
    bench.calls.feed([call(1, "b", "f", "[]")])
    assert bench.calls.finish_whole() == [PartFinished(index=1)]
    assert bench.calls.latest == 0


def test_custom_calls_are_known_by_either_sign() -> None:
    for entry in ({"id": "a", "type": "custom", "custom": None}, {"id": "a", "custom": {"name": "sh"}}):
        bench = Bench()
        events = bench.calls.feed([{"index": 0, **entry}, {"index": 0, "type": "custom", "custom": {"name": "sh"}}])
        assert [event.kind for event in events if isinstance(event, ToolCallStarted)] == [ToolKind.CUSTOM]


@pytest.mark.parametrize("typed", [True, False])
@pytest.mark.parametrize("kind", ToolKind)
def test_a_blank_object_of_the_other_kind_says_nothing(kind: ToolKind, typed: bool) -> None:
    type_ = {"type": kind.value} if typed else {}
    blank = {"function": {"name": "", "arguments": ""}, "custom": {"name": "", "input": ""}}
    said = {"custom": {"name": "sh", "input": "ls"}, "function": {"name": "f", "arguments": '{"a":1}'}}[kind.value]
    bench = Bench()

    events = bench.calls.feed([{"id": "a", **type_, **blank, kind.value: said}])

    [started] = [event for event in events if isinstance(event, ToolCallStarted)]
    assert (started.kind, started.name) == (kind, said["name"])


def test_more_text_for_a_finished_call_is_refused_but_white_space_is_not() -> None:
    bench = Bench()
    bench.calls.feed([call(0, "a", "f", "{}")])
    bench.calls.finish_whole()
    assert bench.calls.feed([call(0, arguments="\n")]) == []
    with pytest.raises(ProtocolViolation):
        bench.calls.feed([call(0, arguments="x")])


def test_a_signature_waits_for_its_call() -> None:
    bench = Bench()
    signed = {"extra_content": {"google": {"thought_signature": "AV"}}}
    signature = Signature(value="AV", form=SignatureForm.GEMINI_THOUGHT)
    assert bench.calls.feed([{"index": 0, "id": "a", **signed}]) == []
    assert bench.calls.feed([call(0, None, "f", "{}")])[-1] == PartSigned(index=0, signature=signature)
    assert bench.calls.feed([{"index": 0, **signed}]) == [PartSigned(index=0, signature=signature)]


@pytest.mark.parametrize(
    "extra",
    [None, {}, {"google": None}, {"google": {"thought_signature": ""}}, {"google": {"thought_signature": 1}}, 3],
)
def test_other_extra_content_is_no_signature(extra: Any) -> None:
    assert google_signature({"extra_content": extra}) is None
