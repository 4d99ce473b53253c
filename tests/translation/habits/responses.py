"""Servers of Responses."""

from __future__ import annotations

from typing import Any

from tests.translation.gists import Said
from tests.translation.habits.habit import DONE, Habit, lines
from trioproxy.neutral.events import FinishReason
from trioproxy.neutral.usage import Usage

__all__ = ["RESPONSES"]

_F: Said = ("call", "a", "f", '{"x":1}')
_G: Said = ("call", "b", "g", '{"y":2}')
_HI: Said = ("text", "Hi")

_TOLD = {
    "input_tokens": 20,
    "input_tokens_details": {"cached_tokens": 8},
    "output_tokens": 9,
    "output_tokens_details": {"reasoning_tokens": 3},
    "total_tokens": 29,
}
_TOLD_USAGE = Usage(input=20, output=9, cache_read=8, reasoning=3)
_MESSAGE = {"id": "m", "type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hi"}]}
_CALL = {"id": "fc", "type": "function_call", "call_id": "a", "name": "f", "arguments": '{"x":1}'}
_OTHER = {"id": "fd", "type": "function_call", "call_id": "b", "name": "g", "arguments": '{"y":2}'}
_THOUGHT = {
    "id": "rs",
    "type": "reasoning",
    "summary": [{"type": "summary_text", "text": "think"}],
    "encrypted_content": "ZW5j",
}


def event(kind: str, **members: Any) -> Any:
    return {"type": f"response.{kind}", **members}


def response(status: str, *output: Any, **more: Any) -> Any:
    head = {"id": "resp_1", "object": "response", "created_at": 1, "model": "up", "status": status}
    return {**head, "output": list(output), "usage": _TOLD, **more}


def added(index: int, item: Any) -> Any:
    blanks = {name: [] if name == "content" else "" for name in ("content", "arguments") if name in item}
    return event("output_item.added", output_index=index, item={**item, **blanks})


def whole(index: int, item: Any) -> Any:
    return event("output_item.done", output_index=index, item=item)


def args(index: int, item_id: str, delta: str) -> Any:
    return event("function_call_arguments.delta", output_index=index, item_id=item_id, delta=delta)


def words(delta: str, **more: Any) -> Any:
    return event("output_text.delta", **{"output_index": 0, "item_id": "m", "content_index": 0, **more}, delta=delta)


_CREATED = event("created", response=response("in_progress"))
_COMPLETED = event("completed", response=response("completed"))


def responses(
    name: str, *documents: Any, said: tuple[Said, ...], finish: FinishReason = FinishReason.STOP, **more: Any
) -> Habit:
    stream = lines(documents, named=True)
    usage = more.pop("usage", _TOLD_USAGE)
    return Habit(provider="openai_responses", name=name, stream=stream, said=said, finish=finish, usage=usage, **more)


RESPONSES = (
    responses(
        "the final output is empty",
        _CREATED,
        added(0, _THOUGHT),
        whole(0, _THOUGHT),
        added(1, _MESSAGE),
        words("Hi", output_index=1),
        whole(1, _MESSAGE),
        added(2, _CALL),
        args(2, "fc", '{"x"'),
        args(2, "fc", ":1}"),
        whole(2, _CALL),
        _COMPLETED,
        said=(("reasoning", "think"), _HI, _F),
        finish=FinishReason.TOOL_CALLS,
    ),
    responses(
        "the final output is all there is",
        event("completed", response=response("completed", _MESSAGE, _CALL)),
        said=(_HI, _F),
        finish=FinishReason.TOOL_CALLS,
    ),
    responses(
        "two calls interleaved",
        _CREATED,
        added(0, _CALL),
        added(1, _OTHER),
        args(0, "fc", '{"x"'),
        args(1, "fd", '{"y"'),
        args(0, "fc", ":1}"),
        args(1, "fd", ":2}"),
        whole(1, _OTHER),
        whole(0, _CALL),
        event("completed", response=response("completed", _CALL, _OTHER)),
        said=(_F, _G),
        finish=FinishReason.TOOL_CALLS,
    ),
    responses(
        "another id in every event",
        _CREATED,
        added(0, {**_CALL, "id": "i1"}),
        args(0, "i2", '{"x"'),
        args(0, "i3", ":1}"),
        whole(0, {**_CALL, "id": "i4"}),
        event("completed", response=response("completed", {**_CALL, "id": "i5"})),
        said=(_F,),
        finish=FinishReason.TOOL_CALLS,
    ),
    responses(
        "one index for all items",
        _CREATED,
        added(0, _CALL),
        args(0, "fc", '{"x":1}'),
        whole(0, _CALL),
        event("reasoning_summary_text.delta", output_index=0, item_id="rs", summary_index=0, delta="think"),
        words("Hi"),
        _COMPLETED,
        said=(_F, ("reasoning", "think"), _HI),
        finish=FinishReason.TOOL_CALLS,
    ),
    responses(
        "arguments in the done event alone",
        _CREATED,
        added(0, _CALL),
        event("function_call_arguments.done", output_index=0, item_id="fc", arguments='{"x":1}'),
        _COMPLETED,
        said=(_F,),
        finish=FinishReason.TOOL_CALLS,
    ),
    responses(
        "arguments as an object",
        _CREATED,
        added(0, _CALL),
        whole(0, {**_CALL, "arguments": {"x": 1}}),
        event("completed", response=response("completed", {**_CALL, "arguments": {"x": 1}})),
        said=(_F,),
        finish=FinishReason.TOOL_CALLS,
    ),
    responses(
        "arguments as text first and as an object at the end",
        _CREATED,
        added(0, _CALL),
        args(0, "fc", '{"x":1}'),
        event("completed", response=response("completed", {**_CALL, "arguments": {"x": 1}})),
        said=(_F,),
        finish=FinishReason.TOOL_CALLS,
    ),
    responses(
        "bare deltas, [DONE] behind the end", event("output_text.delta", delta="Hi"), _COMPLETED, DONE, said=(_HI,)
    ),
    responses(
        "parts are announced and ended without saying what they are",
        _CREATED,
        event("output_item.added", output_index=0, item={"id": "rs", "type": "reasoning", "summary": []}),
        event("reasoning_summary_part.added", output_index=0, item_id="rs", summary_index=0),
        event("reasoning_summary_text.delta", output_index=0, item_id="rs", summary_index=0, delta="think"),
        event("reasoning_summary_part.done", output_index=0, item_id="rs", summary_index=0),
        event("content_part.added", output_index=1, item_id="m", content_index=0),
        words("Hi", output_index=1),
        event("content_part.done", output_index=1, item_id="m", content_index=0),
        _COMPLETED,
        said=(("reasoning", "think"), _HI),
    ),
    responses(
        "a call that is named when its arguments are whole",
        _CREATED,
        event("output_item.added", output_index=0, item={"type": "function_call", "call_id": "a"}),
        event("function_call_arguments.done", output_index=0, arguments='{"x":1}'),
        event("output_item.done", output_index=0, item={key: value for key, value in _CALL.items() if key != "id"}),
        _COMPLETED,
        said=(_F,),
        finish=FinishReason.TOOL_CALLS,
    ),
    responses(
        "a call that only the end names, behind words",
        _CREATED,
        event("output_item.added", output_index=0, item={"type": "function_call", "call_id": "a"}),
        words("Hi", output_index=1),
        event("function_call_arguments.delta", output_index=0, delta='{"x"'),
        event("completed", response=response("completed", {key: value for key, value in _CALL.items() if key != "id"})),
        said=(_HI, _F),
        finish=FinishReason.TOOL_CALLS,
    ),
    responses(
        "an end called complete that was none, and an announcement of nothing",
        _CREATED,
        event("output_item.added"),
        words("Hi"),
        event(
            "completed", response=response("incomplete", _MESSAGE, incomplete_details={"reason": "max_output_tokens"})
        ),
        said=(_HI,),
        finish=FinishReason.LENGTH,
    ),
    responses(
        "it broke off at its limit",
        _CREATED,
        added(0, _MESSAGE),
        words("Hi"),
        event(
            "incomplete", response=response("incomplete", _MESSAGE, incomplete_details={"reason": "max_output_tokens"})
        ),
        said=(_HI,),
        finish=FinishReason.LENGTH,
    ),
    responses(
        "a filter stopped it",
        _CREATED,
        added(0, _MESSAGE),
        words("Hi"),
        event("incomplete", response=response("incomplete", _MESSAGE, incomplete_details={"reason": "content_filter"})),
        said=(_HI,),
        finish=FinishReason.CONTENT_FILTER,
    ),
    responses(
        "a refusal",
        _CREATED,
        event("refusal.delta", output_index=0, item_id="m", content_index=0, delta="No."),
        _COMPLETED,
        said=(("refusal", "No."),),
        finish=FinishReason.REFUSAL,
    ),
    responses(
        "a failure after words",
        _CREATED,
        words("Hi"),
        event("failed", response=response("failed", error={"code": "server_error", "message": "it broke"})),
        said=(_HI,),
        failed="it broke",
    ),
    responses(
        "an error event, nested",
        _CREATED,
        words("Hi"),
        {"type": "error", "error": {"code": "server_error", "message": "it broke"}},
        said=(_HI,),
        failed="it broke",
    ),
    responses("no end", _CREATED, words("Hi"), said=(_HI,), failed="response.completed"),
)
