from __future__ import annotations

from typing import Any

import pytest

from trioproxy.neutral.events import (
    Event,
    Foreign,
    PartFinished,
    PartKind,
    PartSigned,
    PartStarted,
    ReasoningDelta,
    TextDelta,
    ToolArgsDelta,
    ToolCallStarted,
)
from trioproxy.neutral.extras import own
from trioproxy.neutral.parts import Citation, Signature, SignatureForm
from trioproxy.protocols.gemini.answer_parts import AnswerParts, foreign_kind
from trioproxy.wire.machine import ProtocolViolation

_SIGNED = Signature(value="c2ln", form=SignatureForm.GEMINI_THOUGHT)


def _events(*parts: dict[str, Any]) -> list[Event]:
    reader = AnswerParts()
    reader.seed = "response-1"
    events = [event for part in parts for event in reader.feed(part)]
    return [*events, *reader.finish()]


def test_a_text_goes_on_over_chunks() -> None:
    assert _events({"text": "a"}, {"text": ""}, {"text": "b"}) == [
        PartStarted(index=0, kind=PartKind.TEXT),
        TextDelta(index=0, text="a"),
        TextDelta(index=0, text="b"),
        PartFinished(index=0),
    ]


def test_thoughts_and_text_are_parts_of_their_own() -> None:
    assert _events({"text": "hm", "thought": True}, {"text": "a"}) == [
        PartStarted(index=0, kind=PartKind.REASONING),
        ReasoningDelta(index=0, text="hm"),
        PartFinished(index=0),
        PartStarted(index=1, kind=PartKind.TEXT),
        TextDelta(index=1, text="a"),
        PartFinished(index=1),
    ]


@pytest.mark.parametrize("last", [{"text": "", "thoughtSignature": "c2ln"}, {"thoughtSignature": "c2ln"}])
@pytest.mark.parametrize("thought", [True, False])
def test_a_signature_without_text_is_that_of_the_part_before(last: dict[str, Any], thought: bool) -> None:
    events = _events({"text": "a", "thought": thought}, last)
    assert events[2:] == [PartSigned(index=0, signature=_SIGNED), PartFinished(index=0)]


def test_a_signature_ends_a_part() -> None:
    events = _events({"text": "a", "thoughtSignature": "c2ln"}, {"text": "b"})
    assert [type(event) for event in events] == [
        PartStarted, TextDelta, PartSigned, PartFinished, PartStarted, TextDelta, PartFinished,
    ]  # fmt: skip
    assert events[4] == PartStarted(index=1, kind=PartKind.TEXT)


def test_a_signature_with_nothing_before_it_is_a_part() -> None:
    assert _events({"text": "", "thoughtSignature": "c2ln"}) == [
        PartStarted(index=0, kind=PartKind.TEXT),
        PartSigned(index=0, signature=_SIGNED),
        PartFinished(index=0),
    ]


def test_a_whole_call() -> None:
    started, *rest = _events({"functionCall": {"name": "f", "args": {"x": 1}}, "thoughtSignature": "c2ln"})
    assert isinstance(started, ToolCallStarted)
    assert started.name == "f"
    assert started.call_id.startswith("call_")
    assert rest == [
        PartSigned(index=0, signature=_SIGNED),
        ToolArgsDelta(index=0, text='{"x":1}'),
        PartFinished(index=0),
    ]


def test_ids_are_given_or_the_same_at_each_reading() -> None:
    calls = [{"functionCall": {"name": "f", "args": {}}}, {"functionCall": {"name": "f", "args": {}}}]
    ids = [event.call_id for event in _events(*calls) if isinstance(event, ToolCallStarted)]
    again = [event.call_id for event in _events(*calls) if isinstance(event, ToolCallStarted)]
    assert ids == again
    assert len(set(ids)) == 2
    (given, *_) = _events({"functionCall": {"name": "f", "id": "mine"}})
    assert isinstance(given, ToolCallStarted)
    assert given.call_id == "mine"


@pytest.mark.parametrize("call", [{"name": "f"}, {"name": "f", "args": None}, {"name": "f", "args": {}}])
def test_a_call_without_arguments_has_an_empty_object(call: dict[str, Any]) -> None:
    assert ToolArgsDelta(index=0, text="{}") in _events({"functionCall": call})


@pytest.mark.parametrize(("args", "text"), [('{"x": 1}', '{"x": 1}'), ([{"x": 1}], '[{"x":1}]')])
def test_arguments_of_another_form_are_told(args: Any, text: str) -> None:
    assert ToolArgsDelta(index=0, text=text) in _events({"functionCall": {"name": "f", "args": args}})


def test_arguments_in_pieces() -> None:
    events = _events(
        {"functionCall": {"name": "f", "willContinue": True}},
        {"functionCall": {"partialArgs": [{"jsonPath": "$.x", "numberValue": 1}], "willContinue": True}},
        {"functionCall": {"willContinue": True}},
        {"functionCall": {}},
        {"functionCall": {}},
    )
    assert events[1:] == [
        ToolArgsDelta(index=0, text='{"x":1'),
        ToolArgsDelta(index=0, text="}"),
        PartFinished(index=0),
    ]


@pytest.mark.parametrize(
    "following", [{"text": "so"}, {"functionCall": {"name": "g", "args": {}}}, {"executableCode": {"code": "1"}}]
)
def test_what_follows_ends_a_call_that_did_not_say_so(following: dict[str, Any]) -> None:
    events = _events({"functionCall": {"name": "f", "willContinue": True}}, following)
    assert events[1:3] == [ToolArgsDelta(index=0, text="{}"), PartFinished(index=0)]
    assert getattr(events[3], "index", None) == 1


def test_what_only_google_has_a_word_for_is_whole_and_in_its_place() -> None:
    code = {"executableCode": {"code": "1", "language": "PYTHON"}, "thoughtSignature": "c2ln"}
    assert _events({"text": "a"}, code)[2:] == [
        PartFinished(index=0),
        Foreign(index=1, protocol="gemini", kind="executableCode", payload=code),
    ]
    assert foreign_kind({"thought": True, "inlineData": {}}) == "inlineData"
    assert foreign_kind({"partMetadata": {}}) == "part"


def test_what_is_said_beside_a_text_or_call_stays_with_it() -> None:
    events = _events(
        {"text": "a"},
        {"text": "b", "partMetadata": {"k": 1}, "videoMetadata": None},
        {"functionCall": {"name": "f", "args": {}, "odd": 2}, "partMetadata": {"k": 3}},
    )
    started = [event for event in events if isinstance(event, PartStarted | ToolCallStarted)]
    assert [own(event.extras, "gemini") for event in started] == [
        {},
        {"partMetadata": {"k": 1}},
        {"partMetadata": {"k": 3}, "functionCall": {"odd": 2}},
    ]
    assert _events({"text": "", "partMetadata": {"k": 1}})[0] == PartStarted(
        index=0, kind=PartKind.TEXT, extras=started[1].extras
    )


@pytest.mark.parametrize(
    "part",
    [
        {"functionCall": "f"},
        {"functionCall": {"name": 3}},
        {"functionCall": {"args": {}}},
        {"functionCall": {"name": "f", "partialArgs": "x"}},
        {"functionCall": {"name": "f", "partialArgs": ["x"]}},
        {"text": 3},
    ],
)
def test_what_no_answer_has_is_a_violation(part: dict[str, Any]) -> None:
    with pytest.raises(ProtocolViolation):
        _events(part)


def test_sources_are_for_the_open_text_only() -> None:
    reader = AnswerParts()
    assert reader.open_text() is None
    assert reader.cite(Citation(url="u")) == []
    reader.feed({"text": "hm", "thought": True})
    assert reader.open_text() is None
    reader.feed({"text": "Ω"})
    assert reader.open_text() == ("Ω", 0)
    reader.feed({"functionCall": {"name": "f", "args": {}}})
    reader.feed({"text": "b"})
    assert reader.open_text() == ("b", 2)
    assert len(reader.cite(Citation(url="u"))) == 1
