from __future__ import annotations

from typing import Any

from hypothesis import given

from tests.protocols.anthropic.wires import CONTEXT, frames, read_frames, told
from tests.support.events import legal_events
from trioproxy.errors import ErrorKind, Failure
from trioproxy.neutral.events import (
    Event,
    Failed,
    Finished,
    FinishReason,
    Foreign,
    PartKind,
    PartStarted,
    ResponseStarted,
    TextDelta,
)
from trioproxy.neutral.fold import fold
from trioproxy.neutral.grammar import Grammar
from trioproxy.neutral.parts import Opaque, Reasoning, Refusal, Text, ToolCall, ToolKind
from trioproxy.protocols.anthropic import PROTOCOL
from trioproxy.protocols.anthropic.block_reader import read_parts
from trioproxy.protocols.anthropic.usage import Tally, usage_fields
from trioproxy.wire.jsoncodec import dumps, loads

STARTED = ResponseStarted(id="x", model="m")


def test_a_failure_is_the_last_frame_and_leaves_its_block_open() -> None:
    failure = Failure(kind=ErrorKind.TRUNCATED, message="broke off")
    events: list[Event] = [
        STARTED,
        PartStarted(index=0, kind=PartKind.TEXT),
        TextDelta(index=0, text="a"),
        Failed(failure=failure),
    ]
    documents = told(events)
    assert [each["type"] for each in documents] == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "error",
    ]
    assert documents[-1]["error"] == {"type": "api_error", "message": "broke off"}


def test_a_stream_that_was_given_no_end() -> None:
    documents = told([STARTED])
    assert [each["type"] for each in documents] == ["message_start", "error"]
    assert told([])[0]["type"] == "error"


def test_nothing_is_owed_behind_an_end() -> None:
    writer = PROTOCOL.stream_writer(CONTEXT)
    writer.feed(STARTED)
    assert writer.feed(Finished(reason=FinishReason.STOP))[-1].event == "message_stop"
    assert writer.close() == []


def test_losses_grow_as_events_pass() -> None:
    writer = PROTOCOL.stream_writer(CONTEXT)
    writer.feed(STARTED)
    assert writer.losses == []
    writer.feed(Foreign(index=0, protocol="gemini", kind="grounding", payload={}))
    assert [loss.path for loss in writer.losses] == ["grounding"]


def legal(documents: list[Any]) -> bool:
    """Whether a stream keeps the order of the API: one block open at a time, numbered from 0, and one end."""
    assert documents[0]["type"] in ("message_start", "error")
    opened, blocks = None, 0
    for document in documents[1:-1]:
        match document["type"]:
            case "content_block_start":
                assert opened is None
                assert document["index"] == blocks
                opened, blocks = blocks, blocks + 1
            case "content_block_delta":
                assert document["index"] == opened
            case "content_block_stop":
                assert document["index"] == opened
                opened = None
            case kind:
                assert kind == "message_delta"
                assert opened is None
                assert document["delta"]["stop_reason"]
                assert {"input_tokens", "output_tokens"} <= document["usage"].keys()
    end = documents[-1]["type"]
    assert end in ("message_stop", "error")
    assert end == "error" or [each["type"] for each in documents].count("message_delta") == 1
    return bool(end == "message_stop")


@given(legal_events())
def test_any_answer_is_a_legal_stream(events: list[Event]) -> None:
    assert legal(told(events)) == isinstance(events[-1], Finished)


def meaning(events: list[Event]) -> Any:
    """What of an answer this protocol can say."""
    answer = fold(events)
    parts: list[Any] = []
    for part in answer.parts:
        match part:
            case Text(text=text) | Refusal(text=text) if text or (isinstance(part, Text) and part.citations):
                parts.append(("text", text))
            case Reasoning() if part.text or any(part.summary) or part.signature:
                whole = part.text or "\n\n".join(section for section in part.summary if section)
                token = part.signature.value if part.signature else None
                parts.append(("reasoning", whole, token))
            case ToolCall(kind=ToolKind.CUSTOM, arguments=arguments):
                parts.append(("tool", part.call_id, part.name, {"input": arguments}))
            case ToolCall(arguments=arguments):
                parts.append(("tool", part.call_id, part.name, loads(arguments or "{}")))
            case Opaque(protocol="anthropic", kind=kind, payload=payload) if kind != "message":
                parts.append(("own", {**payload, "type": kind}))
            case _:
                pass
    return parts


@given(legal_events(may_fail=False))
def test_any_answer_survives_the_client_and_the_way_back(events: list[Event]) -> None:
    """What a client keeps of the stream and sends back as history means what the provider said."""
    context_body = PROTOCOL.write_body(fold(events), CONTEXT).body
    parts = read_parts(context_body["content"], "content")
    assert [_said(part) for part in parts] == meaning(events)


def _said(part: Any) -> Any:
    match part:
        case Text(text=text):
            return ("text", text)
        case Reasoning():
            token = part.signature.value if part.signature else None
            return ("reasoning", part.text or "\n\n".join(part.summary), token)
        case ToolCall():
            return ("tool", part.call_id, part.name, loads(part.arguments))
        case _:
            return ("own", part.payload)


@given(legal_events())
def test_any_stream_is_read_as_what_it_was(events: list[Event]) -> None:
    documents = told(events)
    again = read_frames(frames(*documents))
    grammar = Grammar()
    for event in again:
        grammar.feed(event)
    assert grammar.close() == []
    first, second = fold(events), fold(again)
    assert (first.failure is None) == (second.failure is None)
    if first.failure is not None:
        assert second.failure is not None
        assert second.failure.message == (first.failure.message or "the provider reported an error without a message")
        return
    assert second.usage == Tally().take(usage_fields(first.usage))
    assert [(call.call_id, call.name) for call in second.parts if isinstance(call, ToolCall)] == [
        (call.call_id, call.name) for call in first.parts if isinstance(call, ToolCall)
    ]
    texts = [part.text for part in first.parts if isinstance(part, Text | Refusal)]
    assert "".join(part.text for part in second.parts if isinstance(part, Text)) == "".join(texts)


@given(legal_events(may_fail=False))
def test_a_stream_and_a_body_say_the_same(events: list[Event]) -> None:
    streamed = fold(read_frames(frames(*told(events))))
    whole = fold(PROTOCOL.read_body(loads(dumps(PROTOCOL.write_body(fold(events), CONTEXT).body))))
    assert [_plain(part) for part in streamed.parts] == [_plain(part) for part in whole.parts]
    assert (streamed.usage, streamed.finish, streamed.stop_sequence) == (whole.usage, whole.finish, whole.stop_sequence)


def _plain(part: Any) -> Any:
    """A part as it is, but for the spelling of arguments."""
    if isinstance(part, ToolCall):
        return (part.call_id, part.name, loads(part.arguments))
    return part
