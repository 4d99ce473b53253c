"""Servers of Chat Completions."""

from __future__ import annotations

import json
from typing import Any

from tests.translation.gists import Said
from tests.translation.habits.habit import DONE, Habit, lines
from trioproxy.neutral.events import FinishReason
from trioproxy.neutral.usage import Usage

__all__ = ["CHAT"]

_F: Said = ("call", "a", "f", '{"x":1}')
_G: Said = ("call", "b", "g", '{"y":2}')
_HI: Said = ("text", "Hi")

_COUNTED = {"prompt_tokens": 20, "completion_tokens": 9, "total_tokens": 29}
_USAGE = Usage(input=20, output=9)


def chunk(delta: Any, finish: str | None = None, **more: Any) -> Any:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {
        "id": "c1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "up",
        "choices": [choice],
        **more,
    }


def stage(index: int, delta: Any, finish: str | None = None) -> Any:
    """One of several choices."""
    return {"index": index, "delta": delta, "finish_reason": finish}


def piece(index: int | None = None, **more: Any) -> Any:
    """One entry of ``tool_calls``; ``name`` and ``arguments`` belong to its function."""
    function = {name: more.pop(name) for name in ("name", "arguments") if name in more}
    return {**({} if index is None else {"index": index}), **more, "function": function}


def called(*entries: Any, finish: str | None = None) -> Any:
    return chunk({"tool_calls": list(entries)}, finish)


_COUNTS = chunk({}, choices=[], usage=_COUNTED)


def chat(
    name: str, *documents: Any, said: tuple[Said, ...], finish: FinishReason | None = FinishReason.STOP, **more: Any
) -> Habit:
    usage = more.pop("usage", _USAGE)
    return Habit(
        provider="openai_chat", name=name, stream=lines(documents), said=said, finish=finish, usage=usage, **more
    )


CHAT = (
    chat(
        "calls without an index, told apart by their ids",
        called(piece(id="a", name="f", arguments='{"x"')),
        called(piece(arguments=":1}")),
        called(piece(id="b", name="g", arguments='{"y":2}')),
        chunk({}, "tool_calls"),
        _COUNTS,
        DONE,
        said=(_F, _G),
        finish=FinishReason.TOOL_CALLS,
    ),
    chat(
        "every call has index 0",
        called(piece(0, id="a", name="f", arguments='{"x":1}')),
        called(piece(0, id="b", name="g", arguments='{"y":2}')),
        chunk({}, "tool_calls", usage=_COUNTED),
        DONE,
        said=(_F, _G),
        finish=FinishReason.TOOL_CALLS,
    ),
    chat(
        "two calls interleaved",
        called(piece(0, id="a", name="f", arguments=""), piece(1, id="b", name="g", arguments="")),
        called(piece(0, arguments='{"x"'), piece(1, arguments='{"y"')),
        called(piece(1, arguments=":2}"), piece(0, arguments=":1}")),
        chunk({}, "tool_calls"),
        _COUNTS,
        DONE,
        said=(_F, _G),
        finish=FinishReason.TOOL_CALLS,
    ),
    chat(
        "the id comes late",
        called(piece(0, name="f", arguments="")),
        called(piece(0, id="a", arguments='{"x":1}')),
        chunk({}, "tool_calls"),
        _COUNTS,
        DONE,
        said=(_F,),
        finish=FinishReason.TOOL_CALLS,
    ),
    chat(
        "the name comes late",
        called(piece(0, id="a", arguments='{"x"')),
        called(piece(0, name="f", arguments=":1}")),
        chunk({}, "tool_calls"),
        _COUNTS,
        DONE,
        said=(_F,),
        finish=FinishReason.TOOL_CALLS,
    ),
    chat(
        "id and name in every piece",
        *(called(piece(0, id="a", name="f", arguments=each)) for each in ("", '{"x"', ":1}")),
        chunk({}, "tool_calls"),
        _COUNTS,
        DONE,
        said=(_F,),
        finish=FinishReason.TOOL_CALLS,
    ),
    chat(
        "arguments as an object, in the finish chunk, and a plain stop",
        called(piece(0, id="a", name="f", arguments={"x": 1}), finish="stop"),
        _COUNTS,
        DONE,
        said=(_F,),
        finish=FinishReason.TOOL_CALLS,
    ),
    chat(
        "no arguments at all",
        called(piece(0, id="a", name="f")),
        called(piece(1, id="b", name="g", arguments=None)),
        chunk({}, "tool_calls"),
        _COUNTS,
        DONE,
        said=(("call", "a", "f", "{}"), ("call", "b", "g", "{}")),
        finish=FinishReason.TOOL_CALLS,
    ),
    chat(
        "usage in every chunk, nulls and empty lists everywhere",
        chunk(
            {"role": "assistant", "content": None, "tool_calls": None},
            usage={"prompt_tokens": 20, "completion_tokens": 1, "total_tokens": 21},
        ),
        chunk({"content": "Hi", "tool_calls": [], "refusal": None, "function_call": None}, usage=_COUNTED),
        chunk({"content": None}, "stop", usage=_COUNTED),
        DONE,
        said=(_HI,),
    ),
    chat(
        "an empty filter chunk first, the finish twice, counts from Groq",
        {"id": "", "object": "", "created": 0, "model": "", "choices": [], "prompt_filter_results": [{}]},
        chunk({"content": "Hi"}),
        chunk({}, "stop"),
        chunk({}, "stop", x_groq={"usage": _COUNTED}),
        DONE,
        said=(_HI,),
    ),
    chat("neither counts nor [DONE]", chunk({"content": "Hi"}, "stop"), said=(_HI,), usage=Usage()),
    chat(
        "comments, CRLF, no space behind the colon, data over two lines",
        ": OPENROUTER PROCESSING\r\n\r\n",
        'data:{"id":"c1","choices":[{"index":0,\r\ndata:"delta":{"content":"Hi"}}]}\r\n\r\n',
        "event: ping\r\ndata:\r\n\r\n",
        f"data:{json.dumps(chunk({}, 'stop', usage=_COUNTED))}\r\n\r\ndata:[DONE]\r\n\r\n",
        said=(_HI,),
    ),
    chat(
        "thoughts in words of their own",
        chunk({"reasoning": "thi", "reasoning_content": "thi", "content": ""}),
        chunk({"reasoning": "nk"}),
        chunk({"content": "Hi"}, "stop"),
        _COUNTS,
        DONE,
        said=(("reasoning", "think"), _HI),
    ),
    chat(
        "thoughts between tags, cut anywhere",
        *(chunk({"content": each}) for each in ("<th", "ink>\nthi", "nk</thi", "nk>\n\nH", "i")),
        chunk({}, "stop"),
        _COUNTS,
        DONE,
        said=(("reasoning", "think"), _HI),
    ),
    chat(
        "a list of parts for a text",
        chunk({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "think"}]}]}),
        chunk({"content": [{"type": "text", "text": "Hi"}]}, "stop"),
        _COUNTS,
        DONE,
        said=(("reasoning", "think"), _HI),
    ),
    chat(
        "calls in a second choice",
        chunk({"content": "Hi"}),
        chunk({}, choices=[{"index": 1, "delta": {"tool_calls": [piece(0, id="a", name="f", arguments='{"x":1}')]}}]),
        chunk({}, "tool_calls"),
        _COUNTS,
        DONE,
        said=(_HI, _F),
        finish=FinishReason.TOOL_CALLS,
    ),
    chat(
        "one choice ends while another goes on",
        chunk(
            {},
            choices=[stage(0, {"content": "Hi"}), stage(1, {"tool_calls": [piece(0, id="a", name="f", arguments="")]})],
        ),
        chunk(
            {}, choices=[stage(0, {}, "stop"), stage(1, {"tool_calls": [piece(0, arguments='{"x":1}')]}, "tool_calls")]
        ),
        _COUNTS,
        DONE,
        said=(_HI, _F),
        finish=FinishReason.TOOL_CALLS,
    ),
    chat(
        "one choice ended before another goes on",
        chunk(
            {},
            choices=[stage(0, {"content": "Hi"}), stage(1, {"tool_calls": [piece(0, id="a", name="f", arguments="")]})],
        ),
        chunk({}, "stop"),
        chunk({}, choices=[stage(1, {"tool_calls": [piece(0, arguments='{"x":1}')]}, "tool_calls")]),
        _COUNTS,
        said=(_HI, _F),
        finish=FinishReason.TOOL_CALLS,
    ),
    chat(
        "a call in each choice, each numbered from 0",
        chunk({}, choices=[stage(0, {"tool_calls": [piece(0, id="a", name="f", arguments='{"x"')]})]),
        chunk({}, choices=[stage(1, {"tool_calls": [piece(0, id="b", name="g", arguments='{"y"')]})]),
        chunk({}, choices=[stage(0, {"tool_calls": [piece(0, arguments=":1}")]}, "tool_calls")]),
        chunk({}, choices=[stage(1, {"tool_calls": [piece(0, arguments=":2}")]}, "tool_calls")]),
        _COUNTS,
        DONE,
        said=(_F, _G),
        finish=FinishReason.TOOL_CALLS,
    ),
    chat(
        "an error with a finish_reason of its own",
        chunk({"content": "Hi"}),
        chunk({"content": ""}, "error", error={"code": 502, "message": "the backend broke"}),
        said=(_HI,),
        failed="the backend broke",
    ),
    chat(
        "an error in place of a chunk",
        chunk({"content": "Hi"}),
        {"error": "the backend broke"},
        DONE,
        said=(_HI,),
        failed="the backend broke",
    ),
    chat("[DONE] without a reason", chunk({"content": "Hi"}), DONE, said=(_HI,), failed="finish_reason"),
    chat("the end of the bytes", chunk({"content": "Hi"}), said=(_HI,), failed="finish_reason"),
)
