from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from tests.protocols.openai_responses.streams import context, write
from tests.support.events import legal_events
from trioproxy.errors import ErrorKind
from trioproxy.neutral.events import Event, Failed, Finished, FinishReason
from trioproxy.neutral.fold import fold, unfold
from trioproxy.neutral.grammar import Grammar
from trioproxy.neutral.parts import Opaque, Text
from trioproxy.neutral.response import Answer
from trioproxy.neutral.usage import Usage
from trioproxy.protocols.openai_responses import PROTOCOL


def read(document: dict[str, Any]) -> list[Event]:
    grammar = Grammar()
    events = [passed for event in PROTOCOL.read_body(document) for passed in grammar.feed(event)]
    grammar.close()
    return events


MESSAGE = {"type": "message", "id": "m", "role": "assistant", "content": [{"type": "output_text", "text": "hi"}]}


@pytest.mark.parametrize(
    ("members", "finish", "raw"),
    [
        ({"status": "completed"}, FinishReason.STOP, "completed"),
        ({"status": "complete"}, FinishReason.STOP, "complete"),
        ({}, FinishReason.STOP, "completed"),
        (
            {"status": "incomplete", "incomplete_details": {"reason": "content_filter"}},
            FinishReason.CONTENT_FILTER,
            "content_filter",
        ),
        ({"status": "odd", "incomplete_details": {"reason": 5}}, FinishReason.LENGTH, "incomplete"),
        ({"status": "queued", "error": None}, FinishReason.PAUSE, "queued"),
        ({"status": "in_progress"}, FinishReason.PAUSE, "in_progress"),
    ],
)
def test_the_end_of_a_body(members: dict[str, Any], finish: FinishReason, raw: str) -> None:
    events = read({"id": "resp_1", "model": "m", "created_at": 5, "output": [MESSAGE], **members})

    assert events[-1] == Finished(reason=finish, raw=raw)
    answer = fold(events)
    assert [part.text for part in answer.parts if isinstance(part, Text)] == ["hi"]
    assert (answer.id, answer.model, answer.created) == ("resp_1", "m", 5)


def test_a_message_may_be_a_string() -> None:
    (said,) = fold(read({"output": [{**MESSAGE, "content": "hi"}]})).parts

    assert isinstance(said, Text)
    assert said.text == "hi"


@pytest.mark.parametrize(
    ("document", "kind", "message"),
    [
        ({"status": "failed", "error": {"code": "server_error", "message": "a"}}, ErrorKind.INTERNAL, "a"),
        ({"error": {"code": "insufficient_quota", "message": "a"}}, ErrorKind.BILLING, "a"),
        ({"error": "a"}, ErrorKind.INTERNAL, "a"),
        ({"status": "failed"}, ErrorKind.INTERNAL, None),
        ({"status": "cancelled", "output": [MESSAGE]}, ErrorKind.TRUNCATED, None),
    ],
)
def test_a_body_that_failed(document: dict[str, Any], kind: ErrorKind, message: str | None) -> None:
    failed = read(document)[-1]

    assert isinstance(failed, Failed)
    assert failed.failure.kind is kind
    assert failed.failure.message == message or message is None


@pytest.mark.parametrize("kind", ["response.compaction", "response.input_tokens"])
def test_bodies_of_other_operations_are_carried_whole(kind: str) -> None:
    document = {
        "object": kind,
        "input_tokens": 5,
        "output": [MESSAGE],
        "usage": {"input_tokens": 5, "output_tokens": 1},
    }
    answer = fold(read(document))

    assert answer.parts == (Opaque(protocol=PROTOCOL.name, kind=kind, payload=document),)
    assert answer.usage == Usage(input=5, output=1)
    assert PROTOCOL.write_body(answer, context()).body == document


def test_an_item_of_another_protocol_is_a_loss() -> None:
    answer = Answer(
        id="", model="", parts=(Opaque(protocol="gemini", kind="odd", payload={}),), finish=FinishReason.STOP
    )

    assert [loss.path for loss in PROTOCOL.write_body(answer, context()).losses] == ["output[0]"]


@given(legal_events(foreign=("elsewhere",)))
def test_a_body_is_what_a_stream_of_the_same_answer_ends_with(events: list[Event]) -> None:
    answer = fold(events)
    documents, writer = write(unfold(answer))
    body = PROTOCOL.write_body(answer, context())

    assert body.body == documents[-1]["response"]
    assert list(body.losses) == writer.losses
    again = fold(PROTOCOL.read_body(body.body))
    assert (again.failure is None) == (answer.failure is None)
