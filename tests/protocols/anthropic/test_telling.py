from __future__ import annotations

from typing import Any

import attrs
import pytest

from tests.protocols.anthropic.wires import CONTEXT
from trioproxy.errors import ErrorKind, Failure
from trioproxy.neutral.events import (
    Event,
    Failed,
    Finished,
    FinishReason,
    Foreign,
    PartFinished,
    PartKind,
    PartStarted,
    ReasoningDelta,
    RefusalDelta,
    ResponseStarted,
    TextDelta,
    ToolArgsDelta,
    ToolCallStarted,
    UsageReported,
)
from trioproxy.neutral.usage import Usage
from trioproxy.protocols.anthropic.telling import Telling, message_id
from trioproxy.protocols.anthropic.usage import usage_fields

STARTED = ResponseStarted(id="chatcmpl-1", model="gpt")
UNCOUNTED = usage_fields(None)
STOPPED = Finished(reason=FinishReason.STOP, raw="stop")


def told(*events: Event, context: Any = CONTEXT) -> list[Any]:
    telling = Telling(context)
    return [document for event in events for document in telling.said(event)]


def tool(index: int) -> ToolCallStarted:
    return ToolCallStarted(index=index, call_id=f"call_{index}", name=f"f{index}")


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("msg_1", "msg_1"),
        ("chatcmpl-2EHCQqsRzdOlFskNehCMu2oOMTXhSjey", "msg_chatcmpl-2EHCQqsRzdOlFskNehCMu2oOMTXhSjey"),
        ("chatcmpl-42", "msg_chatcmpl-42_c0ffee"),
        ("", "msg_c0ffee"),
    ],
)
def test_ids(given: str, written: str) -> None:
    assert message_id(given, "c0ffee") == written


def test_the_start() -> None:
    assert told(STARTED) == [
        {
            "type": "message_start",
            "message": {
                "id": "msg_chatcmpl-1_c0ffee",
                "type": "message",
                "role": "assistant",
                "model": "claude-asked",
                "content": [],
                "stop_reason": None,
                "stop_sequence": None,
                "usage": UNCOUNTED,
            },
        }
    ]
    unnamed = told(STARTED, context=attrs.evolve(CONTEXT, model=""))
    assert unnamed[0]["message"]["model"] == "gpt"


def test_an_answer_without_counts_still_has_them() -> None:
    assert told(STARTED, STOPPED)[1:] == [
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": UNCOUNTED,
        },
        {"type": "message_stop"},
    ]


def test_counts_are_those_of_the_last_report() -> None:
    usage = Usage(input=15, cache_read=7, cache_write=3)
    documents = told(STARTED, UsageReported(usage=usage), UsageReported(usage=Usage(output=4)), STOPPED)
    assert documents[1]["usage"] == {
        "input_tokens": 5,
        "cache_creation_input_tokens": 3,
        "cache_read_input_tokens": 7,
        "output_tokens": 4,
    }


def shape(documents: list[Any]) -> list[str]:
    """Each event in short: what opened, which block grew, which closed."""
    out: list[str] = []
    for document in documents:
        match document:
            case {"type": "content_block_start", "index": index, "content_block": {"type": kind}}:
                out.append(f"{index} {kind}")
            case {"type": "content_block_delta", "index": index, "delta": delta}:
                out.append(f"{index} +{delta.get('text') or delta.get('thinking') or delta.get('partial_json')}")
            case {"type": "content_block_stop", "index": index}:
                out.append(f"{index} end")
            case {"type": kind}:
                out.append(kind)
    return out


def test_parts_that_are_interleaved_wait_in_line() -> None:
    telling = Telling(CONTEXT)

    def feed(*events: Event) -> list[str]:
        return shape([document for event in events for document in telling.said(event)])

    assert feed(STARTED, tool(0), tool(1)) == ["message_start", "0 tool_use"]
    assert feed(ToolArgsDelta(index=1, text="B")) == []
    assert feed(ToolArgsDelta(index=0, text="A")) == ["0 +A"]
    assert feed(PartStarted(index=2, kind=PartKind.TEXT), TextDelta(index=2, text="t"), PartFinished(index=2)) == []
    assert feed(PartFinished(index=0)) == ["0 end", "1 tool_use", "1 +B"]
    assert feed(ToolArgsDelta(index=1, text="C")) == ["1 +C"]
    assert feed(PartFinished(index=1)) == ["1 end", "2 text", "2 +t", "2 end"]
    assert feed(Finished(reason=FinishReason.TOOL_CALLS)) == ["message_delta", "message_stop"]


def test_empty_parts_take_no_number() -> None:
    documents = told(
        STARTED,
        PartStarted(index=0, kind=PartKind.TEXT),
        PartStarted(index=1, kind=PartKind.REASONING),
        ReasoningDelta(index=1, text="hm"),
        PartFinished(index=1),
        PartFinished(index=0),
        STOPPED,
    )
    assert shape(documents)[1:5] == ["0 thinking", "0 +hm", "0 +None", "0 end"]


def test_a_provider_that_calls_tools_and_says_stop() -> None:
    assert told(STARTED, tool(0), PartFinished(index=0), STOPPED)[-2]["delta"]["stop_reason"] == "tool_use"


def test_a_refusal_is_text_and_a_reason() -> None:
    documents = told(
        STARTED,
        PartStarted(index=0, kind=PartKind.REFUSAL),
        RefusalDelta(index=0, text="no"),
        PartFinished(index=0),
        STOPPED,
    )
    assert shape(documents)[1:4] == ["0 text", "0 +no", "0 end"]
    assert documents[-2]["delta"]["stop_reason"] == "refusal"


def test_own_items_come_back_and_others_are_lost() -> None:
    telling = Telling(CONTEXT)
    block = {"type": "web_search_tool_result", "tool_use_id": "s", "content": []}
    events: list[Event] = [
        STARTED,
        PartStarted(index=0, kind=PartKind.TEXT),
        TextDelta(index=0, text="a"),
        Foreign(index=1, protocol="anthropic", kind="web_search_tool_result", payload=block),
        PartFinished(index=0),
        Foreign(index=2, protocol="gemini", kind="grounding", payload={}),
        Foreign(
            index=3,
            protocol="anthropic",
            kind="message",
            payload={
                "container": {"id": "c"},
                "stop_details": {"type": "refusal"},
                "context_management": {},
                "usage": {"server_tool_use": {"web_search_requests": 2}, "service_tier": "priority"},
            },
        ),
        STOPPED,
    ]
    documents = [document for event in events for document in telling.said(event)]
    assert shape(documents)[1:6] == ["0 text", "0 +a", "0 end", "1 web_search_tool_result", "1 end"]
    assert documents[4]["content_block"] == block
    assert documents[-2] == {
        "type": "message_delta",
        "delta": {
            "stop_reason": "end_turn",
            "stop_sequence": None,
            "container": {"id": "c"},
            "stop_details": {"type": "refusal"},
        },
        "usage": {
            **UNCOUNTED,
            "server_tool_use": {"web_search_requests": 2, "web_fetch_requests": 0},
            "service_tier": "priority",
        },
        "context_management": {},
    }
    assert [loss.path for loss in telling.losses] == ["grounding"]


def test_a_failure_is_nothing_a_message_can_say() -> None:
    failed = Failed(failure=Failure(kind=ErrorKind.TIMEOUT, message="m"))
    with pytest.raises(AssertionError):
        list(Telling(CONTEXT).said(failed))
