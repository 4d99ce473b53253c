from __future__ import annotations

import json
from collections import Counter
from typing import Any

import attrs
import pytest
from hypothesis import given, settings

from tests.protocols.openai_chat.chat import CONTEXT, DONE, NOW, conversation, deltas, documents, read, write
from tests.support.events import legal_events
from trioproxy.errors import ErrorKind, Failure, Fault
from trioproxy.neutral.events import (
    CitationAdded,
    Event,
    Failed,
    Finished,
    FinishReason,
    Foreign,
    PartFinished,
    PartKind,
    PartSigned,
    PartStarted,
    ReasoningDelta,
    RefusalDelta,
    ResponseStarted,
    TextDelta,
    ToolArgsDelta,
    ToolCallStarted,
    UsageReported,
)
from trioproxy.neutral.extras import packed
from trioproxy.neutral.fold import fold
from trioproxy.neutral.parts import (
    Citation,
    Reasoning,
    Refusal,
    Signature,
    SignatureForm,
    Text,
    ToolCall,
    ToolKind,
)
from trioproxy.neutral.response import Answer
from trioproxy.neutral.usage import Usage
from trioproxy.protocols.openai_chat import PROTOCOL
from trioproxy.protocols.openai_chat.writer import ChatWriter

START = ResponseStarted(id="msg_1", model="upstream-model", created=5)
STOP = Finished(reason=FinishReason.STOP)


def _text(*texts: str, index: int = 0) -> list[Event]:
    start = PartStarted(index=index, kind=PartKind.TEXT)
    return [start, *(TextDelta(index=index, text=text) for text in texts), PartFinished(index=index)]


def _choice(delta: Any, finish: str | None = None) -> Any:
    return {"index": 0, "delta": delta, "finish_reason": finish}


def test_a_stream_chunk_by_chunk() -> None:
    head = {"id": "chatcmpl-msg_1", "object": "chat.completion.chunk", "created": 5, "model": "asked-model"}
    writer = ChatWriter(CONTEXT)
    steps: list[tuple[Event, list[Any]]] = [
        (START, [{**head, "choices": [_choice({"role": "assistant", "content": ""})]}]),
        (PartStarted(index=0, kind=PartKind.TEXT), []),
        (TextDelta(index=0, text='h"\né'), [{**head, "choices": [_choice({"content": 'h"\né'})]}]),
        (PartFinished(index=0), []),
        (UsageReported(usage=Usage(input=5)), []),
        (UsageReported(usage=Usage(output=2)), []),
        (
            STOP,
            [
                {**head, "choices": [_choice({}, "stop")]},
                {**head, "choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}},
                "[DONE]",
            ],
        ),
    ]
    for event, expected in steps:
        frames = writer.feed(event)
        assert documents(frames) == expected
        assert all(frame.event is None for frame in frames)
    assert writer.feed(TextDelta(index=0, text="late")) == []
    assert writer.close() == []
    assert writer.losses == []


@pytest.mark.parametrize(
    ("id", "expected"), [("chatcmpl-1", "chatcmpl-1"), ("msg_1", "chatcmpl-msg_1"), ("", "chatcmpl-f00d")]
)
def test_ids_have_openais_form(id: str, expected: str) -> None:
    frames, _ = write([ResponseStarted(id=id, model="m"), STOP])
    assert {each["id"] for each in documents(frames) if each != "[DONE]"} == {expected}


@pytest.mark.parametrize("created", [None, 0])
def test_an_answer_without_a_date_is_of_now(created: int | None) -> None:
    frames, _ = write([ResponseStarted(id="x", model="m", created=created), STOP])
    assert documents(frames)[0]["created"] == NOW


def test_usage_only_where_the_client_asked() -> None:
    frames, _ = write(
        [START, UsageReported(usage=Usage(input=1, output=1)), STOP], attrs.evolve(CONTEXT, include_usage=False)
    )
    assert [each.get("usage") for each in documents(frames) if each != "[DONE]"] == [None, None]
    frames, _ = write([START, STOP])
    assert documents(frames)[-2]["usage"] == {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}


def test_a_failure_is_the_last_thing_sent() -> None:
    failure = Failure(kind=ErrorKind.TRUNCATED, message="cut off", fault=Fault.UPSTREAM)
    frames, writer = write([START, *_text("a")[:2], Failed(failure=failure)])
    assert documents(frames)[-1] == {"error": {"message": "cut off", "type": "server_error", "status": 502}}
    assert DONE not in frames
    assert not any(each["choices"][0]["finish_reason"] for each in documents(frames)[:-1])
    assert writer.feed(STOP) == []


def test_a_failure_may_be_all_there_is() -> None:
    frames, _ = write([Failed(failure=Failure(kind=ErrorKind.OVERLOADED, message="m"))])
    assert [each["error"]["code"] for each in documents(frames)] == ["overloaded"]


def test_reasoning_and_refusals() -> None:
    events: list[Event] = [
        START,
        PartStarted(index=0, kind=PartKind.REASONING),
        ReasoningDelta(index=0, text="hm"),
        PartFinished(index=0),
        PartStarted(index=1, kind=PartKind.REFUSAL),
        RefusalDelta(index=1, text="no"),
        PartFinished(index=1),
        Finished(reason=FinishReason.REFUSAL),
    ]
    frames, _ = write(events)
    assert deltas(frames)[1:] == [{"reasoning_content": "hm"}, {"refusal": "no"}, {}]
    assert documents(frames)[-3]["choices"][0]["finish_reason"] == "stop"


def test_summary_sections_are_kept_apart() -> None:
    events: list[Event] = [
        START,
        PartStarted(index=0, kind=PartKind.REASONING),
        *(ReasoningDelta(index=0, text=text, summary=n) for n, text in ((0, "a"), (0, "b"), (1, "c"))),
        PartFinished(index=0),
        STOP,
    ]
    assert "".join(each.get("reasoning_content", "") for each in deltas(write(events)[0])) == "ab\n\nc"


@pytest.mark.parametrize(
    ("signature", "detail"),
    [
        (
            Signature(value="s", form=SignatureForm.ANTHROPIC_SIGNATURE),
            {"type": "reasoning.text", "text": "hm", "signature": "s", "format": "anthropic-claude-v1", "index": 0},
        ),
        (
            Signature(value='[{"type":"x","data":"d"}]', form=SignatureForm.OPENROUTER_DETAILS),
            {"type": "x", "data": "d", "index": 0},
        ),
    ],
)
def test_signed_reasoning_comes_as_details(signature: Signature, detail: Any) -> None:
    events: list[Event] = [
        START,
        PartStarted(index=0, kind=PartKind.REASONING),
        ReasoningDelta(index=0, text="h"),
        ReasoningDelta(index=0, text="m"),
        PartSigned(index=0, signature=signature),
        PartFinished(index=0),
        STOP,
    ]
    assert deltas(write(events)[0])[3] == {"reasoning_details": [detail]}


def _calls(at: int = 0) -> list[Event]:
    return [
        ToolCallStarted(index=at, call_id="a", name="f"),
        ToolCallStarted(index=at + 1, call_id="b", name="sh", kind=ToolKind.CUSTOM),
        ToolArgsDelta(index=at + 1, text="ls"),
        ToolArgsDelta(index=at, text="{}"),
        PartFinished(index=at),
        PartFinished(index=at + 1),
        Finished(reason=FinishReason.TOOL_CALLS),
    ]


def test_tool_calls_are_numbered_among_themselves() -> None:
    frames, _ = write([START, *_text("x"), *_calls(at=1)])
    assert deltas(frames)[2:-1] == [
        {"tool_calls": [{"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": ""}}]},
        {"tool_calls": [{"index": 1, "id": "b", "type": "custom", "custom": {"name": "sh", "input": ""}}]},
        {"tool_calls": [{"index": 1, "custom": {"input": "ls"}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]},
    ]
    assert documents(frames)[-3]["choices"][0]["finish_reason"] == "tool_calls"


def test_a_client_of_the_deprecated_functions_gets_one_function_call() -> None:
    asked = conversation(functions=[{"name": "f", "parameters": {}}])
    signed = PartSigned(index=0, signature=Signature(value="s", form=SignatureForm.GEMINI_THOUGHT))
    events = _calls()
    frames, writer = write([START, *events[:4], signed, *events[4:]], attrs.evolve(CONTEXT, conversation=asked))
    assert deltas(frames)[1:-1] == [
        {"function_call": {"name": "f", "arguments": ""}},
        {"function_call": {"arguments": "{}"}},
    ]
    assert documents(frames)[-3]["choices"][0]["finish_reason"] == "function_call"
    assert [loss.path for loss in writer.losses] == ["tool_calls[1]", "tool_calls[0]"]


def test_geminis_signatures_go_where_its_own_endpoint_puts_them() -> None:
    signature = Signature(value="AV", form=SignatureForm.GEMINI_THOUGHT)
    foreign = Signature(value="s", form=SignatureForm.ANTHROPIC_SIGNATURE)
    events: list[Event] = [
        START,
        PartStarted(index=0, kind=PartKind.TEXT),
        PartSigned(index=0, signature=signature),
        PartFinished(index=0),
        ToolCallStarted(index=1, call_id="a", name="f"),
        PartSigned(index=1, signature=signature),
        PartSigned(index=1, signature=foreign),
        PartFinished(index=1),
        Finished(reason=FinishReason.TOOL_CALLS),
    ]
    frames, writer = write(events)
    extra = {"extra_content": {"google": {"thought_signature": "AV"}}}
    assert deltas(frames)[1] == extra
    assert deltas(frames)[3] == {"tool_calls": [{"index": 0, "function": {"arguments": ""}, **extra}]}
    assert [loss.path for loss in writer.losses] == ["tool_calls[0]"]


def test_citations_count_from_the_beginning_of_the_message() -> None:
    citation = Citation(url="https://a", title="A", start=1, end=2)
    events: list[Event] = [
        START,
        *_text("first"),
        *_text("second", index=1)[:2],
        CitationAdded(index=1, citation=citation),
        PartFinished(index=1),
        STOP,
    ]
    body = {"start_index": 6, "end_index": 7, "title": "A", "url": "https://a"}
    assert deltas(write(events)[0])[3] == {"annotations": [{"index": 0, "type": "url_citation", "url_citation": body}]}


def test_the_stop_sequence_that_was_hit_is_a_loss() -> None:
    events: list[Event] = [START, *_text("first"), Finished(reason=FinishReason.STOP_SEQUENCE, stop_sequence="END")]
    frames, writer = write(events)
    whole = PROTOCOL.write_body(fold(events), CONTEXT)
    assert documents(frames)[-3]["choices"][0]["finish_reason"] == "stop"
    for losses in (writer.losses, whole.losses):
        assert [loss.path for loss in losses] == ["stop_sequence"]


def test_a_source_without_a_url_is_a_loss() -> None:
    source = Citation(title="report.pdf", start=0, end=1)
    events: list[Event] = [
        START,
        *_text("first")[:2],
        CitationAdded(index=0, citation=source),
        PartFinished(index=0),
        STOP,
    ]
    frames, writer = write(events)
    whole = PROTOCOL.write_body(fold(events), CONTEXT)
    assert not any("annotations" in delta for delta in deltas(frames))
    assert "annotations" not in whole.body["choices"][0]["message"]
    for losses in (writer.losses, whole.losses):
        assert [(loss.path, loss.reason) for loss in losses] == [("annotations", "report.pdf has no URL to name it by")]


def test_what_this_protocol_said_is_said_again_and_what_others_said_is_lost() -> None:
    def carried(index: int, kind: str, payload: Any, protocol: str = "openai_chat") -> Event:
        return Foreign(index=index, protocol=protocol, kind=kind, payload=payload)

    events: list[Event] = [
        START,
        carried(0, "images", [1]),
        carried(1, "logprobs", {"content": []}),
        carried(2, "choice", {"index": 1, "delta": {"content": "b"}}),
        carried(3, "choice", {"index": 1, "message": {"content": "b"}}),
        carried(4, "grounding", {}, "gemini"),
        STOP,
    ]
    frames, writer = write(events)
    choices = [each["choices"][0] for each in documents(frames)[1:5]]
    assert choices == [
        _choice({"images": [1]}),
        {**_choice({}), "logprobs": {"content": []}},
        {"index": 1, "delta": {"content": "b"}},
        {"index": 1, "delta": {"content": "b"}},
    ]
    assert [loss.path for loss in writer.losses] == ["grounding"]


# Properties.


def _gist(answer: Answer) -> Any:
    """What any stream of this protocol can say: the three texts, the calls, the reason, the counts."""
    texts = {kind: "".join(part.text for part in answer.parts if isinstance(part, kind)) for kind in (Text, Refusal)}
    thoughts = "".join(part.text + "\n\n".join(part.summary) for part in answer.parts if isinstance(part, Reasoning))
    calls = [
        (part.call_id, part.name, part.arguments, part.kind) for part in answer.parts if isinstance(part, ToolCall)
    ]
    usage = attrs.asdict(answer.usage or Usage(input=0, output=0))
    return texts, thoughts, calls, usage


def _tokens(answer: Answer, *kinds: type) -> Counter[Signature]:
    return Counter(part.signature for part in answer.parts if isinstance(part, kinds) and part.signature is not None)  # type: ignore[union-attr]


def _there_and_back(events: list[Event]) -> tuple[Answer, Answer]:
    frames, writer = write(events)
    again = read(*frames)
    assert isinstance(again[-1], type(events[-1]))
    stopped = isinstance(events[-1], Finished) and events[-1].stop_sequence is not None
    assert len(writer.losses) == sum(isinstance(event, Foreign) for event in events) + stopped
    before, after = fold(events), fold(again)
    if before.failure is not None:
        assert after.failure is not None
        assert after.failure.message == before.failure.message or not before.failure.message.strip()
    else:
        assert _gist(after) == _gist(before)
        assert (after.id, after.model) == (documents(frames)[0]["id"], "asked-model")
    return before, after


@settings(max_examples=60, deadline=None)
@given(legal_events())
def test_what_is_written_is_read_back(events: list[Event]) -> None:
    _there_and_back(events)


@settings(max_examples=60, deadline=None)
@given(legal_events(interleaved=False, may_fail=False))
def test_where_parts_come_one_by_one_signatures_and_sources_come_back_too(events: list[Event]) -> None:
    before, after = _there_and_back(events)
    # A message has one place for the signatures of all its texts, so only the others are sure to come back.
    assert not _tokens(before, Reasoning, ToolCall) - _tokens(after, Reasoning, ToolCall, Text)
    # Sources that name no place come at the end of their text.
    sources = [
        sorted(each.url or "" for part in said.parts if isinstance(part, Text) for each in part.citations)
        for said in (before, after)
    ]
    assert sources[0] == sources[1]


@settings(max_examples=60, deadline=None)
@given(legal_events(foreign=()))
def test_the_shape_of_every_stream(events: list[Event]) -> None:
    frames, _ = write(events)
    said = documents(frames)
    if isinstance(events[-1], Failed):
        assert "error" in said[-1]
        said = said[:-1]
    else:
        assert said[-1] == "[DONE]"
        assert said[-2]["choices"] == []
        assert [each["choices"][0]["finish_reason"] for each in said[:-2]].count(None) == len(said) - 3
        said = said[:-1]
    assert said[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert len({(each["id"], each["created"], each["model"], each["object"]) for each in said}) == 1
    seen: set[int] = set()
    for each in said:
        for choice in each["choices"]:
            for entry in choice["delta"].get("tool_calls", ()):
                assert ("id" in entry) == (entry["index"] not in seen)
                seen.add(entry["index"])
    assert seen == set(range(len(seen)))
    assert all(b"\n" not in frame.data for frame in frames)
    assert json.dumps(said)


def test_a_call_without_arguments_gets_an_empty_object() -> None:
    events: list[Event] = [
        START,
        ToolCallStarted(index=0, call_id="a", name="f"),
        PartFinished(index=0),
        ToolCallStarted(index=1, call_id="b", name="sh", kind=ToolKind.CUSTOM),
        PartFinished(index=1),
        Finished(reason=FinishReason.TOOL_CALLS),
    ]
    calls = [part for part in fold(read(*write(events)[0])).parts if isinstance(part, ToolCall)]
    assert [call.arguments for call in calls] == ["{}", ""]


def test_fields_of_other_protocols_are_lost_by_name() -> None:
    extras = packed("anthropic", {"caller": 1, "odd": 2}, essential=("odd",))
    events: list[Event] = [
        START,
        PartStarted(index=0, kind=PartKind.TEXT, extras=extras),
        PartFinished(index=0),
        ToolCallStarted(index=1, call_id="a", name="f", extras=extras),
        PartFinished(index=1),
        Finished(reason=FinishReason.TOOL_CALLS),
    ]
    _, writer = write(events)
    paths = ["text.caller", "text.odd", "tool_calls[0].caller", "tool_calls[0].odd"]
    assert [loss.path for loss in writer.losses] == paths
    assert [loss.path for loss in PROTOCOL.write_body(fold(events), CONTEXT).losses] == paths
