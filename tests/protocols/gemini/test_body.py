from __future__ import annotations

from typing import Any

from hypothesis import given, settings

from tests.protocols.gemini.exchanges import CONTEXT, legal, said
from tests.support.events import legal_events
from trioproxy.errors import ErrorKind, Failure
from trioproxy.neutral.events import Event, FinishReason
from trioproxy.neutral.extras import packed
from trioproxy.neutral.fold import fold
from trioproxy.neutral.parts import (
    Citation,
    Opaque,
    Reasoning,
    Refusal,
    Signature,
    SignatureForm,
    Text,
    ToolCall,
)
from trioproxy.neutral.response import Answer
from trioproxy.neutral.usage import Usage
from trioproxy.protocols.gemini.body import write_body
from trioproxy.protocols.gemini.reader import read_body


def test_a_whole_answer() -> None:
    answer = Answer(
        id="msg_1",
        model="upstream",
        parts=(
            Reasoning(
                text="hm", summary=("one", "two"), signature=Signature(value="c2ln", form=SignatureForm.GEMINI_THOUGHT)
            ),
            Text(
                text="Ω a",
                citations=(Citation(url="https://a.example/", title="A", start=0, end=1),),
                extras=packed("gemini", {"partMetadata": {}}),
            ),
            Refusal(text="no", extras=packed("openai_chat", {"odd": 1})),
            ToolCall(call_id="c1", name="f", arguments='{"x":1}'),
            Opaque(protocol="gemini", kind="executableCode", payload={"executableCode": {"code": "1"}}),
            Opaque(protocol="gemini", kind="candidate", payload={"avgLogprobs": -1.5}),
            Opaque(protocol="gemini", kind="response", payload={"modelStatus": {}}),
            Opaque(protocol="gemini", kind="usage", payload={"serviceTier": "flex"}),
            Opaque(protocol="anthropic", kind="server_tool_use", payload={}),
        ),
        usage=Usage(input=3, output=7, reasoning=2, cache_write=1),
        finish=FinishReason.TOOL_CALLS,
    )
    written = write_body(answer, CONTEXT)
    assert written.body == {
        "modelStatus": {},
        "candidates": [
            {
                "content": {
                    "parts": [
                        {"text": "hm\n\none\n\ntwo", "thought": True, "thoughtSignature": "c2ln"},
                        {"text": "Ω a", "partMetadata": {}},
                        {"text": "no"},
                        {"functionCall": {"id": "c1", "name": "f", "args": {"x": 1}}},
                        {"executableCode": {"code": "1"}},
                    ],
                    "role": "model",
                },
                "avgLogprobs": -1.5,
                "groundingMetadata": {
                    "groundingChunks": [{"web": {"uri": "https://a.example/", "title": "A"}}],
                    "groundingSupports": [
                        {
                            "segment": {"partIndex": 1, "startIndex": 0, "endIndex": 2, "text": "Ω"},
                            "groundingChunkIndices": [0],
                        }
                    ],
                },
                "finishReason": "STOP",
                "index": 0,
            }
        ],
        "usageMetadata": {
            "promptTokenCount": 3,
            "candidatesTokenCount": 5,
            "totalTokenCount": 10,
            "thoughtsTokenCount": 2,
            "serviceTier": "flex",
        },
        "modelVersion": "asked-model",
        "responseId": "msg_1",
    }
    assert [loss.path for loss in written.losses] == ["parts[2].odd", "parts[5]", "usage.cache_write"]


def test_nothing_said_is_an_empty_text() -> None:
    (candidate,) = write_body(Answer(id="", model=""), CONTEXT).body["candidates"]
    assert candidate == {"content": {"parts": [{"text": ""}], "role": "model"}, "finishReason": "STOP", "index": 0}


def test_googles_own_sources_are_not_written_twice() -> None:
    metadata: dict[str, Any] = {"groundingMetadata": {"groundingChunks": []}}
    answer = Answer(
        id="",
        model="",
        parts=(
            Text(text="a", citations=(Citation(url="https://a.example/", start=0, end=1),)),
            Opaque(protocol="gemini", kind="candidate", payload=metadata),
        ),
    )
    (candidate,) = write_body(answer, CONTEXT).body["candidates"]
    assert candidate["groundingMetadata"] == {"groundingChunks": []}


def test_a_blocked_prompt_has_no_candidate() -> None:
    feedback = {"promptFeedback": {"blockReason": "SAFETY"}}
    answer = Answer(
        id="",
        model="",
        parts=(Opaque(protocol="gemini", kind="response", payload=feedback),),
        finish=FinishReason.CONTENT_FILTER,
    )
    body = write_body(answer, CONTEXT).body
    assert "candidates" not in body
    assert body["promptFeedback"] == {"blockReason": "SAFETY"}


def test_a_failure_is_an_error_body() -> None:
    answer = Answer(id="", model="", failure=Failure(kind=ErrorKind.OVERLOADED, message="busy"))
    assert write_body(answer, CONTEXT).body == {"error": {"code": 503, "message": "busy", "status": "UNAVAILABLE"}}


@settings(max_examples=60)
@given(legal_events(may_fail=False))
def test_what_is_written_is_read_again(events: list[Event]) -> None:
    answer = fold(events)
    again = fold(legal(read_body(write_body(answer, CONTEXT).body)))
    assert said(again) == said(answer)
