"""Servers of Messages."""

from __future__ import annotations

from typing import Any

from tests.translation.gists import Said
from tests.translation.habits.habit import Habit, lines
from trioproxy.neutral.events import FinishReason
from trioproxy.neutral.usage import Usage

__all__ = ["MESSAGES"]

_F: Said = ("call", "a", "f", '{"x":1}')
_HI: Said = ("text", "Hi")


def block(index: int, start: Any, *deltas: Any, stop: bool = True) -> list[Any]:
    return [
        {"type": "content_block_start", "index": index, "content_block": start},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        *([{"type": "content_block_stop", "index": index}] if stop else []),
    ]


def start(**usage: Any) -> Any:
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "up", "content": []}
    return {"type": "message_start", "message": {**message, "stop_reason": None, "usage": usage}}


def ended(reason: str | None, **usage: Any) -> list[Any]:
    delta = {"stop_reason": reason, "stop_sequence": None}
    return [{"type": "message_delta", "delta": delta, "usage": usage}, {"type": "message_stop"}]


def text(index: int, *words: str, **more: Any) -> list[Any]:
    deltas = [{"type": "text_delta", "text": word} for word in words]
    return block(index, {"type": "text", "text": ""}, *deltas, **more)


def tool(index: int, call_id: str, name: str, *pieces: str) -> list[Any]:
    deltas = [{"type": "input_json_delta", "partial_json": each} for each in pieces]
    return block(index, {"type": "tool_use", "id": call_id, "name": name, "input": {}}, *deltas)


_CACHED = Usage(input=15, output=4, cache_read=7, cache_write=3)
_START = start(input_tokens=5, cache_read_input_tokens=7, cache_creation_input_tokens=3, output_tokens=1)
_THINKING = block(
    0,
    {"type": "thinking", "thinking": "", "signature": ""},
    {"type": "thinking_delta", "thinking": "think"},
    {"type": "signature_delta", "signature": "c2ln"},
)


def messages(
    name: str, *documents: Any, said: tuple[Said, ...], finish: FinishReason = FinishReason.STOP, **more: Any
) -> Habit:
    usage = more.pop("usage", _CACHED)
    stream = lines(documents, named=True)
    return Habit(provider="anthropic", name=name, stream=stream, said=said, finish=finish, usage=usage, **more)


MESSAGES = (
    messages(
        "thoughts, text and two calls, one without arguments",
        _START,
        *_THINKING,
        *text(1, "Hi"),
        *tool(2, "a", "f", "", '{"x"', ":1}"),
        *tool(3, "b", "g"),
        *ended("tool_use", output_tokens=4),
        said=(("reasoning", "think"), _HI, _F, ("call", "b", "g", "{}")),
        finish=FinishReason.TOOL_CALLS,
    ),
    messages(
        "pings, events nobody knows, blocks that nobody closes",
        _START,
        {"type": "ping"},
        *text(0, "Hi", stop=False),
        {"type": "vendor_news", "x": 1},
        *ended("end_turn", output_tokens=4),
        said=(_HI,),
    ),
    messages(
        "counts at the end only, zeros before",
        start(input_tokens=0, output_tokens=0),
        *text(0, "Hi"),
        *ended("end_turn", input_tokens=5, cache_read_input_tokens=7, cache_creation_input_tokens=3, output_tokens=4),
        said=(_HI,),
    ),
    messages("no counts and no reason", start(), *text(0, "Hi"), *ended(None), said=(_HI,), usage=Usage()),
    messages(
        "a call whose input is all in its start, and no message_start",
        *block(0, {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}}),
        *ended("tool_use", output_tokens=4),
        said=(_F,),
        finish=FinishReason.TOOL_CALLS,
        usage=Usage(output=4),
    ),
    messages(
        "a pause", _START, *text(0, "Hi"), *ended("pause_turn", output_tokens=4), said=(_HI,), finish=FinishReason.PAUSE
    ),
    messages(
        "the window is full",
        _START,
        *text(0, "Hi"),
        *ended("model_context_window_exceeded", output_tokens=4),
        said=(_HI,),
        finish=FinishReason.CONTEXT_LENGTH,
    ),
    messages(
        "a refusal",
        _START,
        *text(0, "No."),
        *ended("refusal", output_tokens=4),
        said=(("text", "No."),),
        finish=FinishReason.REFUSAL,
    ),
    messages(
        "a search of the web, its source named before the words",
        _START,
        *block(
            0,
            {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}},
            {"type": "input_json_delta", "partial_json": '{"query":"q"}'},
        ),
        *block(1, {"type": "web_search_tool_result", "tool_use_id": "s", "content": []}),
        *block(
            2,
            {"type": "text", "text": "", "citations": []},
            {
                "type": "citations_delta",
                "citation": {
                    "type": "web_search_result_location",
                    "url": "https://a.example/",
                    "title": None,
                    "cited_text": "c",
                    "encrypted_index": "e",
                },
            },
            {"type": "text_delta", "text": "Hi"},
        ),
        *ended("end_turn", output_tokens=4),
        said=(_HI,),
        cited=("https://a.example/",),
    ),
    messages(
        "an error in the middle",
        _START,
        *text(0, "Hi"),
        {"type": "error", "error": {"type": "overloaded_error", "message": "too many at once"}},
        said=(_HI,),
        failed="too many at once",
    ),
    messages(
        "a reason but no message_stop", _START, *text(0, "Hi"), ended("end_turn")[0], said=(_HI,), failed="message_stop"
    ),
)
