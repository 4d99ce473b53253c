"""A look at a whole body tells its usage and nothing wrong: where it is sure, it says what reading the body would say."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.recordings import Recording, recording_params
from trioproxy.neutral.events import Event, Failed, UsageReported
from trioproxy.protocols.table import protocol
from trioproxy.wire.jsoncodec import JSONError, loads_object

WHOLE: dict[str, dict[str, Any]] = {
    "openai_chat": {
        "id": "c",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": "hi",
                    "tool_calls": [
                        {"id": "t", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}},
                    ],
                },
                "finish_reason": "tool_calls",
            }
        ],
        "usage": {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8},
    },
    "anthropic": {
        "id": "msg",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [
            {"type": "thinking", "thinking": "hm", "signature": "s"},
            {"type": "text", "text": "hi"},
            {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}},
        ],
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "usage": {"input_tokens": 3, "cache_read_input_tokens": 2, "output_tokens": 5},
    },
    "openai_responses": {
        "id": "resp",
        "object": "response",
        "created_at": 1,
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "model": "m",
        "output": [
            {"type": "reasoning", "id": "rs", "summary": []},
            {
                "type": "message",
                "id": "msg",
                "role": "assistant",
                "content": [{"type": "output_text", "text": "hi", "annotations": []}],
            },
            {"type": "function_call", "id": "fc", "call_id": "t", "name": "f", "arguments": '{"a":1}'},
        ],
        "usage": {"input_tokens": 3, "output_tokens": 5, "total_tokens": 8},
    },
    "gemini": {
        "candidates": [
            {
                "content": {
                    "role": "model",
                    "parts": [{"text": "hi"}, {"functionCall": {"name": "f", "args": {"a": 1}}}],
                },
                "finishReason": "STOP",
                "index": 0,
            }
        ],
        "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 5, "totalTokenCount": 8},
        "modelVersion": "m",
        "responseId": "r",
    },
}
ODD: list[Any] = [
    None, True, 0, -1, 2.5, "", "error", "failed", "stop", "abort", "in_progress", "SAFETY", "MALFORMED_FUNCTION_CALL",
    [], [None], [{}], {}, {"message": "no", "code": 429}, {"status_code": 1004, "status_msg": "no"}, {"reason": "max_output_tokens"},
]  # fmt: skip
NAMES = [
    "error",
    "usage",
    "base_resp",
    "status",
    "type",
    "object",
    "message",
    "incomplete_details",
    "promptFeedback",
    "code",
    "detail",
]


def places(document: Any) -> Iterator[tuple[Any, Any]]:
    """Each member and each entry, with what holds it."""
    for key, value in list(document.items() if isinstance(document, dict) else enumerate(document)):
        yield document, key
        if isinstance(value, dict | list):
            yield from places(value)


def check(name: str, body: bytes) -> bool:
    """Whether the look was sure; then it must be right."""
    told = protocol(name).glance(body)
    if told is None:
        return False
    read: list[Event] = protocol(name).read_body(loads_object(body))
    assert not [event for event in read if isinstance(event, Failed)]
    assert told == [event for event in read if isinstance(event, UsageReported)]
    return True


@pytest.mark.parametrize("name", WHOLE)
def test_an_answer_in_order_needs_no_reading(name: str) -> None:
    assert check(name, json.dumps(WHOLE[name]).encode())


@pytest.mark.parametrize("name", WHOLE)
def test_an_answer_without_counts_has_none(name: str) -> None:
    bare = {key: value for key, value in WHOLE[name].items() if not key.startswith("usage")}
    assert protocol(name).glance(json.dumps(bare).encode()) == []
    assert check(name, json.dumps(bare).encode())


@pytest.mark.parametrize("name", WHOLE)
@given(data=st.data())
def test_it_is_never_wrong(name: str, data: st.DataObject) -> None:
    document = copy.deepcopy(WHOLE[name])
    for _ in range(data.draw(st.integers(1, 3))):
        holder, key = data.draw(st.sampled_from(list(places(document))))
        match data.draw(st.sampled_from(["replace", "drop", "add"])):
            case "replace":
                holder[key] = copy.deepcopy(data.draw(st.sampled_from(ODD)))
            case "drop":
                del holder[key]
            case _:
                target = holder if isinstance(holder, dict) else document
                target[data.draw(st.sampled_from(NAMES))] = copy.deepcopy(data.draw(st.sampled_from(ODD)))
        if not document:
            break
    check(name, json.dumps(document).encode())


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"null", b"no", b'{"usage":{"input_tokens":1', b'{"\xff":1}'])
def test_what_is_no_answer_is_for_the_reader(name: str, body: bytes) -> None:
    assert protocol(name).glance(body) is None


@pytest.mark.parametrize("recording", recording_params())
def test_recorded_answers(recording: Recording) -> None:
    if recording.status == 200 and not recording.stream:
        try:
            loads_object(recording.body)
        except JSONError:
            return
        check(recording.protocol, recording.body)
