from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings

from tests.protocols.gemini.exchanges import CONTEXT, legal, read_frames, said
from tests.support.events import legal_events
from trioproxy.errors import ErrorKind, Failure
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
    Signature,
    SignatureForm,
    Text,
    ToolCall,
    ToolKind,
)
from trioproxy.neutral.usage import Usage
from trioproxy.protocols.gemini.body import write_body
from trioproxy.protocols.gemini.finish import finish_of, finish_word
from trioproxy.protocols.gemini.writer import GeminiWriter
from trioproxy.wire.jsoncodec import loads

_START = ResponseStarted(id="msg_1", model="upstream", created=0)
_STOP = Finished(reason=FinishReason.STOP)
_IDENTITY = {"modelVersion": "asked-model", "responseId": "msg_1", "createTime": "1970-01-01T00:00:00Z"}
_GEMINI = Signature(value="c2ln", form=SignatureForm.GEMINI_THOUGHT)
_USAGE = {"promptTokenCount": 0, "candidatesTokenCount": 0, "totalTokenCount": 0}


def _written(events: Sequence[Event]) -> tuple[list[dict[str, Any]], GeminiWriter]:
    writer = GeminiWriter(CONTEXT)
    frames = [frame for event in events for frame in writer.feed(event)] + writer.close()
    assert all(frame.event is None for frame in frames)
    return [loads(frame.data) for frame in frames], writer


def _parts(*events: Event) -> list[dict[str, Any]]:
    """The parts written for these events inside an answer, without the last chunk's."""
    chunks, _ = _written([_START, *events, _STOP])
    return [part for chunk in chunks[:-1] for part in chunk["candidates"][0]["content"]["parts"]]


def test_a_streamed_text() -> None:
    chunks, writer = _written(
        [
            _START,
            PartStarted(index=0, kind=PartKind.TEXT),
            TextDelta(index=0, text="Hel"),
            TextDelta(index=0, text=""),
            TextDelta(index=0, text="lo"),
            PartFinished(index=0),
            UsageReported(usage=Usage(input=3)),
            UsageReported(usage=Usage(output=2, cache_read=1)),
            _STOP,
        ]
    )
    assert chunks == [
        {"candidates": [{"content": {"parts": [{"text": "Hel"}], "role": "model"}, "index": 0}], **_IDENTITY},
        {"candidates": [{"content": {"parts": [{"text": "lo"}], "role": "model"}, "index": 0}], **_IDENTITY},
        {
            "candidates": [{"content": {"parts": [{"text": ""}], "role": "model"}, "finishReason": "STOP", "index": 0}],
            "usageMetadata": {
                "promptTokenCount": 3,
                "candidatesTokenCount": 2,
                "totalTokenCount": 5,
                "cachedContentTokenCount": 1,
            },
            **_IDENTITY,
        },
    ]
    assert writer.losses == []


def test_without_an_id_the_answer_gets_one_of_ours() -> None:
    (chunk,), _ = _written([ResponseStarted(id="", model="upstream"), _STOP])
    assert (chunk["responseId"], chunk["modelVersion"]) == ("c0ffee", "asked-model")
    assert "createTime" not in chunk
    assert chunk["usageMetadata"] == _USAGE


def test_thoughts_and_refusals() -> None:
    assert _parts(
        PartStarted(index=0, kind=PartKind.REASONING),
        ReasoningDelta(index=0, text="one", summary=0),
        ReasoningDelta(index=0, text=" more", summary=0),
        ReasoningDelta(index=0, text="", summary=1),
        ReasoningDelta(index=0, text="two", summary=1),
        PartFinished(index=0),
        PartStarted(index=1, kind=PartKind.REFUSAL),
        RefusalDelta(index=1, text="no"),
        PartSigned(index=1, signature=_GEMINI),
        PartFinished(index=1),
    ) == [
        {"text": "one", "thought": True},
        {"text": " more", "thought": True},
        {"text": "\n\n", "thought": True},
        {"text": "two", "thought": True},
        {"text": "no"},
        {"text": "", "thoughtSignature": "c2ln"},
    ]


def test_a_call_goes_out_whole_when_it_is_whole() -> None:
    writer = GeminiWriter(CONTEXT)
    events: list[Event] = [
        _START,
        ToolCallStarted(index=0, call_id="c1", name="f"),
        ToolArgsDelta(index=0, text='{"x":'),
        PartSigned(index=0, signature=_GEMINI),
        ToolArgsDelta(index=0, text="1}"),
    ]
    assert [frame for event in events for frame in writer.feed(event)] == []
    (frame,) = writer.feed(PartFinished(index=0))
    assert loads(frame.data)["candidates"][0]["content"]["parts"] == [
        {"functionCall": {"id": "c1", "name": "f", "args": {"x": 1}}, "thoughtSignature": "c2ln"}
    ]


def test_calls_go_out_in_the_order_they_began() -> None:
    parts = _parts(
        ToolCallStarted(index=0, call_id="c0", name="f"),
        ToolCallStarted(index=1, call_id="c1", name="g", kind=ToolKind.CUSTOM),
        ToolArgsDelta(index=1, text="free {text"),
        PartFinished(index=1),
        PartFinished(index=0),
    )
    assert parts == [
        {"functionCall": {"id": "c0", "name": "f", "args": {}}},
        {"functionCall": {"id": "c1", "name": "g", "args": {"input": "free {text"}}},
    ]


@pytest.mark.parametrize("reason", [FinishReason.LENGTH, FinishReason.CONTEXT_LENGTH])
def test_half_a_call_at_the_limit_is_no_call(reason: FinishReason) -> None:
    events = legal(
        [_START, ToolCallStarted(index=0, call_id="c", name="f"), ToolArgsDelta(index=0, text='{"a":1}'), PartFinished(index=0),
         ToolCallStarted(index=1, call_id="d", name="g"), ToolArgsDelta(index=1, text='{"a":'), PartFinished(index=1),
         Finished(reason=reason)]
    )  # fmt: skip
    chunks, writer = _written(events)
    body = write_body(fold(events), CONTEXT)
    told = [part for chunk in chunks for part in chunk["candidates"][0]["content"]["parts"]]
    for parts in (told, body.body["candidates"][0]["content"]["parts"]):
        assert [part["functionCall"]["name"] for part in parts if "functionCall" in part] == ["f"]
    assert [loss.path for loss in writer.losses] == [loss.path for loss in body.losses] == ["parts[1]"]
    assert chunks[-1]["candidates"][0]["finishReason"] == body.body["candidates"][0]["finishReason"] == "MAX_TOKENS"


@pytest.mark.parametrize("text", ["{", "[1]", "3"])
def test_arguments_that_are_no_object_are_given_raw(text: str) -> None:
    chunks, writer = _written(
        [_START, ToolCallStarted(index=0, call_id="c", name="f", namespace="ns"), ToolArgsDelta(index=0, text=text),
         PartFinished(index=0), Finished(reason=FinishReason.TOOL_CALLS)]
    )  # fmt: skip
    assert chunks[0]["candidates"][0]["content"]["parts"][0]["functionCall"]["args"] == {"_raw": text}
    assert [loss.path for loss in writer.losses] == ["parts[0].arguments", "parts[0].namespace"]
    assert chunks[-1]["candidates"][0]["finishReason"] == "STOP"


def test_a_failure_is_an_error_object_and_the_last_thing() -> None:
    chunks, writer = _written(
        [
            _START,
            PartStarted(index=0, kind=PartKind.TEXT),
            TextDelta(index=0, text="a"),
            Failed(failure=Failure(kind=ErrorKind.TRUNCATED, message="cut")),
        ]
    )
    assert chunks[-1] == {"error": {"code": 502, "message": "cut", "status": "UNAVAILABLE"}}
    assert writer.feed(_STOP) == []
    assert writer.close() == []


def test_googles_own_comes_back_in_its_place() -> None:
    image = {"inlineData": {"mimeType": "image/png", "data": "aGk="}}
    grounding: dict[str, Any] = {"groundingChunks": []}
    chunks, writer = _written(
        [
            _START,
            PartStarted(index=0, kind=PartKind.TEXT),
            TextDelta(index=0, text="a"),
            CitationAdded(index=0, citation=Citation(url="https://a.example/", start=0, end=1)),
            PartFinished(index=0),
            Foreign(index=1, protocol="gemini", kind="inlineData", payload=image),
            Foreign(index=2, protocol="gemini", kind="candidate", payload={"groundingMetadata": grounding}),
            Foreign(index=3, protocol="gemini", kind="response", payload={"modelStatus": "x"}),
            Foreign(index=4, protocol="gemini", kind="usage", payload={"serviceTier": "flex"}),
            Foreign(index=5, protocol="anthropic", kind="server_tool_use", payload={"id": 1}),
            Finished(reason=FinishReason.STOP_SEQUENCE, stop_sequence="END"),
        ]
    )
    assert chunks[1]["candidates"][0]["content"]["parts"] == [image]
    assert chunks[2] == {"candidates": [{"index": 0, "groundingMetadata": grounding}], **_IDENTITY}
    assert chunks[3] == {"modelStatus": "x", **_IDENTITY}
    assert chunks[4]["usageMetadata"] == {**_USAGE, "serviceTier": "flex"}
    # Google's own metadata are there: none are made of the citation.
    assert "groundingMetadata" not in chunks[4]["candidates"][0]
    assert [loss.path for loss in writer.losses] == ["parts[5]", "stop_sequence"]


def test_a_blocked_prompt_stays_without_a_candidate() -> None:
    feedback = {"promptFeedback": {"blockReason": "SAFETY"}}
    chunks, _ = _written(
        [
            _START,
            Foreign(index=0, protocol="gemini", kind="response", payload=feedback),
            Finished(reason=FinishReason.CONTENT_FILTER, raw="SAFETY"),
        ]
    )
    assert chunks == [{**feedback, **_IDENTITY}, {"usageMetadata": _USAGE, **_IDENTITY}]


def test_citations_are_in_the_last_chunk() -> None:
    chunks, _ = _written(
        [
            _START,
            PartStarted(index=0, kind=PartKind.TEXT),
            TextDelta(index=0, text="Ω "),
            PartFinished(index=0),
            PartStarted(index=1, kind=PartKind.TEXT),
            TextDelta(index=1, text="a"),
            CitationAdded(index=1, citation=Citation(url="https://a.example/", start=0, end=1)),
            PartFinished(index=1),
            _STOP,
        ]
    )
    assert chunks[-1]["candidates"][0]["groundingMetadata"] == {
        "groundingChunks": [{"web": {"uri": "https://a.example/"}}],
        "groundingSupports": [{"segment": {"startIndex": 3, "endIndex": 4, "text": "a"}, "groundingChunkIndices": [0]}],
    }


def test_fields_beside_parts_come_back_and_foreign_ones_are_lost() -> None:
    chunks, writer = _written(
        [
            _START,
            PartStarted(index=0, kind=PartKind.TEXT, extras=packed("gemini", {"partMetadata": {"k": 1}})),
            TextDelta(index=0, text="a"),
            TextDelta(index=0, text="b"),
            PartFinished(index=0),
            PartStarted(index=1, kind=PartKind.TEXT, extras=packed("gemini", {"partMetadata": {"k": 2}})),
            PartFinished(index=1),
            ToolCallStarted(
                index=2, call_id="c", name="f", extras=packed("gemini", {"functionCall": {"odd": 1}, "x": 2})
            ),
            PartFinished(index=2),
            PartStarted(index=3, kind=PartKind.TEXT, extras=packed("anthropic", {"y": 1})),
            PartFinished(index=3),
            _STOP,
        ]
    )
    assert [part for chunk in chunks[:-1] for part in chunk["candidates"][0]["content"]["parts"]] == [
        {"text": "a", "partMetadata": {"k": 1}},
        {"text": "b"},
        {"text": "", "partMetadata": {"k": 2}},
        {"functionCall": {"id": "c", "name": "f", "args": {}, "odd": 1}, "x": 2},
    ]
    assert [loss.path for loss in writer.losses] == ["parts[3].y"]


@settings(max_examples=60)
@given(legal_events(interleaved=False, foreign=("elsewhere",)))
def test_what_is_written_is_read_again(events: list[Event]) -> None:
    writer = GeminiWriter(CONTEXT)
    frames = [frame for event in legal(events) for frame in writer.feed(event)] + writer.close()
    answer, again = fold(events), fold(read_frames(frames))
    if answer.failure is not None:
        assert again.failure is not None
        assert again.failure.http_status == answer.failure.http_status
        return
    assert said(again) == said(answer)
    assert again.finish_raw == finish_word(Finished(reason=answer.finish or FinishReason.STOP))
    assert again.finish is finish_of(again.finish_raw, calls=any(isinstance(part, ToolCall) for part in answer.parts))
    assert again.id == (answer.id or CONTEXT.token)
    assert again.created == answer.created
    foreign = sum(isinstance(event, Foreign) for event in events)
    assert sum(loss.path.startswith("parts[") for loss in writer.losses) == foreign


@settings(max_examples=60)
@given(legal_events())
def test_interleaved_parts_lose_no_text_and_no_order_of_calls(events: list[Event]) -> None:
    writer = GeminiWriter(CONTEXT)
    frames = [frame for event in events for frame in writer.feed(event)] + writer.close()
    again = fold(read_frames(frames))
    if any(isinstance(event, Failed) for event in events):
        assert again.failure is not None
        return
    spoken = "".join(event.text for event in events if isinstance(event, TextDelta | RefusalDelta))
    assert "".join(part.text for part in again.parts if isinstance(part, Text)) == spoken
    begun = [event.call_id for event in events if isinstance(event, ToolCallStarted)]
    assert [part.call_id for part in again.parts if isinstance(part, ToolCall)] == begun
