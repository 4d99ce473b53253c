"""What is emitted, held against the types of OpenAI's own SDK (an optional part of the test run: ``pip install openai``)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings

from tests.protocols.openai_chat.chat import CONTEXT, conversation, documents, write, written
from tests.support.events import legal_events
from trioproxy.errors import ErrorKind, Failure
from trioproxy.neutral.events import Event, Failed, ToolCallStarted
from trioproxy.neutral.fold import fold
from trioproxy.neutral.parts import ToolKind
from trioproxy.protocols.base import ModelCard
from trioproxy.protocols.openai_chat import PROTOCOL
from trioproxy.protocols.openai_chat.errors import render_error

chat = pytest.importorskip("openai.types.chat", reason="the openai SDK is not installed")
types = pytest.importorskip("openai.types")
pydantic = pytest.importorskip("pydantic")
completion_params = pytest.importorskip("openai.types.chat.completion_create_params")


def _as_function(entry: Any) -> Any:
    """A custom call as a function: OpenAI streams custom calls, but the SDK's type of a piece names functions only (3.52)."""
    if "custom" not in entry:
        return entry
    body = entry["custom"]
    function = {
        name: value
        for name, value in (("name", body.get("name")), ("arguments", body.get("input")))
        if value is not None
    }
    return {**entry, "function": function, **({"type": "function"} if "type" in entry else {})}


def _strict(model: Any, document: Any) -> Any:
    """``document`` as the model sees it, with no conversion of types."""
    return model.model_validate_json(json.dumps(document), strict=True)


@settings(max_examples=50, deadline=None)
@given(legal_events())
def test_every_chunk(events: list[Event]) -> None:
    frames, _ = write(events)
    for document in documents(frames):
        if document == "[DONE]" or "error" in document:
            continue
        for choice in document["choices"]:
            calls = choice["delta"].get("tool_calls")
            if calls:
                choice["delta"]["tool_calls"] = [_as_function(entry) for entry in calls]
        _strict(chat.ChatCompletionChunk, document)


@settings(max_examples=50, deadline=None)
@given(legal_events())
def test_every_whole_answer(events: list[Event]) -> None:
    body = PROTOCOL.write_body(fold(events), CONTEXT).body
    if isinstance(events[-1], Failed):
        assert body["error"]["message"] == events[-1].failure.message
        return
    _strict(chat.ChatCompletion, body)


@settings(max_examples=50, deadline=None)
@given(legal_events(may_fail=False, interleaved=False, parts=("text", "tool", "refusal")))
def test_the_sdk_puts_the_stream_together_as_the_whole_answer(events: list[Event]) -> None:
    streaming = pytest.importorskip("openai.lib.streaming.chat")
    if any(isinstance(event, ToolCallStarted) and event.kind is ToolKind.CUSTOM for event in events):
        return
    frames, _ = write(events)
    state = streaming.ChatCompletionStreamState()
    for document in documents(frames):
        if document != "[DONE]":
            state.handle_chunk(_strict(chat.ChatCompletionChunk, document))
    whole = state.current_completion_snapshot
    body = PROTOCOL.write_body(fold(events), CONTEXT).body
    message, expected = whole.choices[0].message, body["choices"][0]["message"]
    assert (message.content or "") == (expected["content"] or "")
    assert (message.refusal or "") == (expected["refusal"] or "")
    calls = [(call.id, call.function.name, call.function.arguments) for call in message.tool_calls or ()]
    assert calls == [
        (call["id"], call["function"]["name"], call["function"]["arguments"]) for call in expected.get("tool_calls", ())
    ]
    assert whole.choices[0].finish_reason == body["choices"][0]["finish_reason"]


def test_models() -> None:
    card = ModelCard(id="m", owned_by="o", created=5, display_name="M", context_length=9)
    _strict(types.Model, PROTOCOL.render_model(card))
    for each in PROTOCOL.render_models([card])["data"]:
        _strict(types.Model, each)


@pytest.mark.parametrize("kind", list(ErrorKind))
def test_errors(kind: ErrorKind) -> None:
    body = {"param": None, "code": None, **render_error(Failure(kind=kind, message="m"))["error"]}
    assert _strict(pytest.importorskip("openai.types.shared").ErrorObject, body).message == "m"


def test_requests() -> None:
    params = pydantic.TypeAdapter(completion_params.CompletionCreateParamsNonStreaming)
    said = conversation(
        {"role": "system", "content": "s"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "a"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}},
            ],
        },
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "x", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
        },
        {"role": "tool", "tool_call_id": "x", "content": "r"},
        tools=[
            {
                "type": "function",
                "function": {"name": "f", "parameters": {"type": "object", "properties": {}}, "strict": True},
            },
            {
                "type": "custom",
                "custom": {
                    "name": "sh",
                    "format": {"type": "grammar", "grammar": {"syntax": "lark", "definition": "x"}},
                },
            },
        ],
        tool_choice={
            "type": "allowed_tools",
            "allowed_tools": {"mode": "auto", "tools": [{"type": "custom", "custom": {"name": "sh"}}]},
        },
        response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}},
        max_completion_tokens=5,
        reasoning_effort="low",
        stop="x",
    )
    for quirks in ((), ("custom-tools", "openai-fields", "max-completion-tokens"), ("openai-reasoning-model",)):
        body = written(said, *quirks).body
        assert params.validate_python(body)
