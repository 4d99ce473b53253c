"""Small answers in each protocol, frame by frame, as a provider would stream them."""

from __future__ import annotations

import json
from typing import Any

import attrs

__all__ = ["ANSWERS", "Answer", "sse"]


def sse(document: Any, event: str | None = None) -> bytes:
    """One event."""
    name = f"event: {event}\n" if event is not None else ""
    return f"{name}data: {json.dumps(document)}\n\n".encode()


@attrs.frozen(kw_only=True)
class Answer:
    """The frames of one answer: a text, a tool call with its arguments in two pieces, the end. ``call_first`` and ``args_first`` are the
    call and its first arguments as they are where no text comes before.

    ``ping`` is what the provider sends while it has nothing to say. ``error`` is the provider's own error in a stream. ``failed`` are bytes
    that stand in the error frame with which we end a stream of this protocol, ``terminal`` those of the protocol's own end.
    """

    start: bytes
    text: bytes
    call: bytes
    args: bytes
    more_args: bytes
    call_end: bytes
    end: bytes
    ping: bytes
    error: bytes
    failed: bytes
    terminal: bytes
    whole: bytes

    call_first: bytes = b""
    args_first: bytes = b""

    @property
    def frames(self) -> list[bytes]:
        """The whole stream."""
        return [self.start, self.text, self.call, self.args, self.more_args, self.call_end, self.end]

    @property
    def stream(self) -> bytes:
        """The whole stream as bytes."""
        return b"".join(self.frames)


def _chat(delta: dict[str, Any], finish: str | None = None) -> bytes:
    return sse(
        {
            "id": "c1",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "chat-up",
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
        }
    )


_CHAT = Answer(
    start=_chat({"role": "assistant", "content": ""}),
    text=_chat({"content": "hello"}),
    call=_chat(
        {"tool_calls": [{"index": 0, "id": "t1", "type": "function", "function": {"name": "f", "arguments": ""}}]}
    ),
    args=_chat({"tool_calls": [{"index": 0, "function": {"arguments": '{"a"'}}]}),
    more_args=_chat({"tool_calls": [{"index": 0, "function": {"arguments": ":1}"}}]}),
    call_end=b"",
    end=_chat({}, "tool_calls") + b"data: [DONE]\n\n",
    ping=b": keep-alive\n\n",
    error=sse({"error": {"message": "upstream is full", "type": "server_error", "code": 503}}),
    failed=b'data: {"error":',
    terminal=b"data: [DONE]",
    whole=json.dumps(
        {
            "id": "c1",
            "object": "chat.completion",
            "created": 1,
            "model": "chat-up",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
        }
    ).encode(),
)


def _response(kind: str, number: int, **fields: Any) -> bytes:
    return sse({"type": kind, "sequence_number": number, **fields}, kind)


def _body(status: str, output: list[Any]) -> dict[str, Any]:
    usage = {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}
    return {
        "id": "r1",
        "object": "response",
        "created_at": 1,
        "model": "responses-up",
        "status": status,
        "output": output,
        "usage": usage if status == "completed" else None,
    }


_MESSAGE = {
    "id": "m1",
    "type": "message",
    "role": "assistant",
    "status": "completed",
    "content": [{"type": "output_text", "text": "hello", "annotations": []}],
}
_CALL = {
    "id": "fc1",
    "type": "function_call",
    "call_id": "t1",
    "name": "f",
    "arguments": '{"a":1}',
    "status": "completed",
}

_RESPONSES = Answer(
    start=_response("response.created", 0, response=_body("in_progress", []))
    + _response("response.in_progress", 1, response=_body("in_progress", [])),
    text=_response(
        "response.output_item.added", 2, output_index=0, item={**_MESSAGE, "status": "in_progress", "content": []}
    )
    + _response(
        "response.content_part.added",
        3,
        item_id="m1",
        output_index=0,
        content_index=0,
        part={"type": "output_text", "text": "", "annotations": []},
    )
    + _response("response.output_text.delta", 4, item_id="m1", output_index=0, content_index=0, delta="hello")
    + _response("response.output_text.done", 5, item_id="m1", output_index=0, content_index=0, text="hello")
    + _response(
        "response.content_part.done", 6, item_id="m1", output_index=0, content_index=0, part=_MESSAGE["content"][0]
    )
    + _response("response.output_item.done", 7, output_index=0, item=_MESSAGE),
    call=_response(
        "response.output_item.added", 8, output_index=1, item={**_CALL, "arguments": "", "status": "in_progress"}
    ),
    args=_response("response.function_call_arguments.delta", 9, item_id="fc1", output_index=1, delta='{"a"'),
    more_args=_response("response.function_call_arguments.delta", 10, item_id="fc1", output_index=1, delta=":1}"),
    call_end=_response("response.function_call_arguments.done", 11, item_id="fc1", output_index=1, arguments='{"a":1}')
    + _response("response.output_item.done", 12, output_index=1, item=_CALL),
    end=_response("response.completed", 13, response=_body("completed", [_MESSAGE, _CALL])),
    ping=b": keep-alive\n\n",
    error=_response("error", 0, code="server_error", message="upstream is full", param=None),
    failed=b"response.failed",
    terminal=b"event: response.completed",
    whole=json.dumps(_body("completed", [_MESSAGE])).encode(),
)


def _message(kind: str, **fields: Any) -> bytes:
    return sse({"type": kind, **fields}, kind)


_ANTHROPIC = Answer(
    start=_message(
        "message_start",
        message={
            "id": "a1",
            "type": "message",
            "role": "assistant",
            "model": "anthropic-up",
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {"input_tokens": 3, "output_tokens": 1},
        },
    ),
    text=_message("content_block_start", index=0, content_block={"type": "text", "text": ""})
    + _message("content_block_delta", index=0, delta={"type": "text_delta", "text": "hello"})
    + _message("content_block_stop", index=0),
    call=_message(
        "content_block_start", index=1, content_block={"type": "tool_use", "id": "t1", "name": "f", "input": {}}
    ),
    args=_message("content_block_delta", index=1, delta={"type": "input_json_delta", "partial_json": '{"a"'}),
    more_args=_message("content_block_delta", index=1, delta={"type": "input_json_delta", "partial_json": ":1}"}),
    call_end=_message("content_block_stop", index=1),
    end=_message("message_delta", delta={"stop_reason": "tool_use", "stop_sequence": None}, usage={"output_tokens": 2})
    + _message("message_stop"),
    ping=_message("ping"),
    error=_message("error", error={"type": "overloaded_error", "message": "upstream is full"}),
    failed=b"event: error",
    terminal=b"event: message_stop",
    whole=json.dumps(
        {
            "id": "a1",
            "type": "message",
            "role": "assistant",
            "model": "anthropic-up",
            "content": [{"type": "text", "text": "hello"}],
            "stop_reason": "end_turn",
            "stop_sequence": None,
            "usage": {"input_tokens": 3, "output_tokens": 2},
        }
    ).encode(),
)


def _gemini(*parts: Any, **fields: Any) -> dict[str, Any]:
    candidate = {"index": 0, "content": {"role": "model", "parts": list(parts)}, **fields}
    return {"candidates": [candidate], "modelVersion": "gemini-up", "responseId": "g1"}


_USAGE = {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5}

# Arguments in pieces (partialArgs, willContinue) are what Gemini streams when it is asked to stream function calls.
_GEMINI = Answer(
    start=sse(_gemini({"text": "hel"})),
    text=sse(_gemini({"text": "lo"})),
    call=sse(_gemini({"functionCall": {"name": "f", "willContinue": True}})),
    args=sse(
        _gemini({"functionCall": {"partialArgs": [{"jsonPath": "$.a", "stringValue": "x"}], "willContinue": True}})
    ),
    more_args=sse(
        _gemini({"functionCall": {"partialArgs": [{"jsonPath": "$.b", "stringValue": "y"}], "willContinue": True}})
    ),
    call_end=sse(_gemini({"functionCall": {}})),
    end=sse({**_gemini(finishReason="STOP"), "usageMetadata": _USAGE}),
    ping=b": keep-alive\n\n",
    error=sse({"error": {"code": 503, "message": "upstream is full", "status": "UNAVAILABLE"}}),
    failed=b'data: {"error":',
    terminal=b'"finishReason":',
    whole=json.dumps({**_gemini({"text": "hello"}, finishReason="STOP"), "usageMetadata": _USAGE}).encode(),
)


def _at_the_head(answer: Answer, here: bytes = b"", there: bytes = b"") -> Answer:
    """With the call in the place of the text: its index is ``there`` instead of ``here``."""
    return attrs.evolve(
        answer, call_first=answer.call.replace(here, there), args_first=answer.args.replace(here, there)
    )


ANSWERS: dict[str, Answer] = {
    "openai_chat": _at_the_head(_CHAT),
    "openai_responses": _at_the_head(_RESPONSES, b'"output_index": 1', b'"output_index": 0'),
    "anthropic": _at_the_head(_ANTHROPIC, b'"index": 1', b'"index": 0'),
    "gemini": _at_the_head(_GEMINI),
}
