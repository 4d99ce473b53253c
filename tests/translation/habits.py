"""What providers of each protocol are in the habit of sending, and what it means: one stream a habit, as bytes, and the gist of its answer.

Each is something that a server, a gateway or a vendor does that the protocol's own pages don't show, or that translators are known to get
wrong. Shapes are written out by hand: nothing of the project makes them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import attrs

from tests.translation.gists import Gist, Said
from trioproxy.neutral.events import FinishReason
from trioproxy.neutral.usage import Usage

__all__ = ["HABITS", "Habit"]

STOP, CALLS, LENGTH = FinishReason.STOP, FinishReason.TOOL_CALLS, FinishReason.LENGTH
FILTER, REFUSAL = FinishReason.CONTENT_FILTER, FinishReason.REFUSAL


@attrs.frozen(kw_only=True)
class Habit:
    """One stream of a provider. ``failed`` is a word of the failure it ends in, None where it ends well."""

    provider: str
    name: str
    stream: bytes
    said: tuple[Said, ...]
    finish: FinishReason | None
    usage: Usage
    failed: str | None = None
    cited: tuple[str, ...] = ()

    @property
    def gist(self) -> Gist:
        """What the answer comes to."""
        counted = {name: count or 0 for name, count in attrs.asdict(self.usage).items()}
        return Gist(
            said=self.said,
            cited=self.cited,
            finish=None if self.failed else self.finish,
            stop_sequence=None,
            usage=Usage(**counted),
            failed=self.failed,
        )


def _lines(documents: Iterable[Any], *, named: bool = False) -> bytes:
    out: list[str] = []
    for document in documents:
        if isinstance(document, str):
            out.append(document)
            continue
        name = f"event: {document['type']}\n" if named and "type" in document else ""
        out.append(f"{name}data: {json.dumps(document)}\n\n")
    return "".join(out).encode()


# Chat Completions.

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


def piece(index: int | None = None, **more: Any) -> Any:
    """One entry of ``tool_calls``; ``name`` and ``arguments`` belong to its function."""
    function = {name: more.pop(name) for name in ("name", "arguments") if name in more}
    return {**({} if index is None else {"index": index}), **more, "function": function}


def called(*entries: Any, finish: str | None = None) -> Any:
    return chunk({"tool_calls": list(entries)}, finish)


_COUNTS = chunk({}, choices=[], usage=_COUNTED)
_DONE = "data: [DONE]\n\n"
_F, _G = ("call", "a", "f", '{"x":1}'), ("call", "b", "g", '{"y":2}')
_HI: Said = ("text", "Hi")


def chat(name: str, *documents: Any, said: tuple[Said, ...], finish: FinishReason | None = STOP, **more: Any) -> Habit:
    usage = more.pop("usage", _USAGE)
    return Habit(
        provider="openai_chat", name=name, stream=_lines(documents), said=said, finish=finish, usage=usage, **more
    )


_CHAT = (
    chat(
        "calls without an index, told apart by their ids",
        called(piece(id="a", name="f", arguments='{"x"')),
        called(piece(arguments=":1}")),
        called(piece(id="b", name="g", arguments='{"y":2}')),
        chunk({}, "tool_calls"),
        _COUNTS,
        _DONE,
        said=(_F, _G),
        finish=CALLS,
    ),
    chat(
        "every call has index 0",
        called(piece(0, id="a", name="f", arguments='{"x":1}')),
        called(piece(0, id="b", name="g", arguments='{"y":2}')),
        chunk({}, "tool_calls", usage=_COUNTED),
        _DONE,
        said=(_F, _G),
        finish=CALLS,
    ),
    chat(
        "two calls interleaved",
        called(piece(0, id="a", name="f", arguments=""), piece(1, id="b", name="g", arguments="")),
        called(piece(0, arguments='{"x"'), piece(1, arguments='{"y"')),
        called(piece(1, arguments=":2}"), piece(0, arguments=":1}")),
        chunk({}, "tool_calls"),
        _COUNTS,
        _DONE,
        said=(_F, _G),
        finish=CALLS,
    ),
    chat(
        "the id comes late",
        called(piece(0, name="f", arguments="")),
        called(piece(0, id="a", arguments='{"x":1}')),
        chunk({}, "tool_calls"),
        _COUNTS,
        _DONE,
        said=(_F,),
        finish=CALLS,
    ),
    chat(
        "the name comes late",
        called(piece(0, id="a", arguments='{"x"')),
        called(piece(0, name="f", arguments=":1}")),
        chunk({}, "tool_calls"),
        _COUNTS,
        _DONE,
        said=(_F,),
        finish=CALLS,
    ),
    chat(
        "id and name in every piece",
        *(called(piece(0, id="a", name="f", arguments=each)) for each in ("", '{"x"', ":1}")),
        chunk({}, "tool_calls"),
        _COUNTS,
        _DONE,
        said=(_F,),
        finish=CALLS,
    ),
    chat(
        "arguments as an object, in the finish chunk, and a plain stop",
        called(piece(0, id="a", name="f", arguments={"x": 1}), finish="stop"),
        _COUNTS,
        _DONE,
        said=(_F,),
        finish=CALLS,
    ),
    chat(
        "no arguments at all",
        called(piece(0, id="a", name="f")),
        called(piece(1, id="b", name="g", arguments=None)),
        chunk({}, "tool_calls"),
        _COUNTS,
        _DONE,
        said=(("call", "a", "f", "{}"), ("call", "b", "g", "{}")),
        finish=CALLS,
    ),
    chat(
        "usage in every chunk, nulls and empty lists everywhere",
        chunk(
            {"role": "assistant", "content": None, "tool_calls": None},
            usage={"prompt_tokens": 20, "completion_tokens": 1, "total_tokens": 21},
        ),
        chunk({"content": "Hi", "tool_calls": [], "refusal": None, "function_call": None}, usage=_COUNTED),
        chunk({"content": None}, "stop", usage=_COUNTED),
        _DONE,
        said=(_HI,),
    ),
    chat(
        "an empty filter chunk first, the finish twice, counts from Groq",
        {"id": "", "object": "", "created": 0, "model": "", "choices": [], "prompt_filter_results": [{}]},
        chunk({"content": "Hi"}),
        chunk({}, "stop"),
        chunk({}, "stop", x_groq={"usage": _COUNTED}),
        _DONE,
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
        _DONE,
        said=(("reasoning", "think"), _HI),
    ),
    chat(
        "thoughts between tags, cut anywhere",
        *(chunk({"content": each}) for each in ("<th", "ink>\nthi", "nk</thi", "nk>\n\nH", "i")),
        chunk({}, "stop"),
        _COUNTS,
        _DONE,
        said=(("reasoning", "think"), _HI),
    ),
    chat(
        "a list of parts for a text",
        chunk({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "think"}]}]}),
        chunk({"content": [{"type": "text", "text": "Hi"}]}, "stop"),
        _COUNTS,
        _DONE,
        said=(("reasoning", "think"), _HI),
    ),
    chat(
        "calls in a second choice",
        chunk({"content": "Hi"}),
        chunk({}, choices=[{"index": 1, "delta": {"tool_calls": [piece(0, id="a", name="f", arguments='{"x":1}')]}}]),
        chunk({}, "tool_calls"),
        _COUNTS,
        _DONE,
        said=(_HI, _F),
        finish=CALLS,
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
        _DONE,
        said=(_HI,),
        failed="the backend broke",
    ),
    chat("[DONE] without a reason", chunk({"content": "Hi"}), _DONE, said=(_HI,), failed="finish_reason"),
    chat("the end of the bytes", chunk({"content": "Hi"}), said=(_HI,), failed="finish_reason"),
)

# Messages.


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


def messages(name: str, *documents: Any, said: tuple[Said, ...], finish: FinishReason = STOP, **more: Any) -> Habit:
    usage = more.pop("usage", _CACHED)
    stream = _lines(documents, named=True)
    return Habit(provider="anthropic", name=name, stream=stream, said=said, finish=finish, usage=usage, **more)


_MESSAGES = (
    messages(
        "thoughts, text and two calls, one without arguments",
        _START,
        *_THINKING,
        *text(1, "Hi"),
        *tool(2, "a", "f", "", '{"x"', ":1}"),
        *tool(3, "b", "g"),
        *ended("tool_use", output_tokens=4),
        said=(("reasoning", "think"), _HI, _F, ("call", "b", "g", "{}")),
        finish=CALLS,
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
        finish=CALLS,
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
        finish=REFUSAL,
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

# Responses.

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


def responses(name: str, *documents: Any, said: tuple[Said, ...], finish: FinishReason = STOP, **more: Any) -> Habit:
    stream = _lines(documents, named=True)
    usage = more.pop("usage", _TOLD_USAGE)
    return Habit(provider="openai_responses", name=name, stream=stream, said=said, finish=finish, usage=usage, **more)


_RESPONSES = (
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
        finish=CALLS,
    ),
    responses(
        "the final output is all there is",
        event("completed", response=response("completed", _MESSAGE, _CALL)),
        said=(_HI, _F),
        finish=CALLS,
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
        finish=CALLS,
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
        finish=CALLS,
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
        finish=CALLS,
    ),
    responses(
        "arguments in the done event alone",
        _CREATED,
        added(0, _CALL),
        event("function_call_arguments.done", output_index=0, item_id="fc", arguments='{"x":1}'),
        _COMPLETED,
        said=(_F,),
        finish=CALLS,
    ),
    responses(
        "bare deltas, [DONE] behind the end", event("output_text.delta", delta="Hi"), _COMPLETED, _DONE, said=(_HI,)
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
        finish=LENGTH,
    ),
    responses(
        "a filter stopped it",
        _CREATED,
        added(0, _MESSAGE),
        words("Hi"),
        event("incomplete", response=response("incomplete", _MESSAGE, incomplete_details={"reason": "content_filter"})),
        said=(_HI,),
        finish=FILTER,
    ),
    responses(
        "a refusal",
        _CREATED,
        event("refusal.delta", output_index=0, item_id="m", content_index=0, delta="No."),
        _COMPLETED,
        said=(("refusal", "No."),),
        finish=REFUSAL,
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

# Gemini.

_META = {
    "promptTokenCount": 20,
    "candidatesTokenCount": 6,
    "thoughtsTokenCount": 3,
    "totalTokenCount": 29,
    "cachedContentTokenCount": 8,
}


def candidate(*parts: Any, finish: str | None = None, usage: Any = None, **beside: Any) -> Any:
    made: Any = {"index": 0, "content": {"role": "model", "parts": list(parts)}, **beside}
    if finish is not None:
        made["finishReason"] = finish
    counted = {} if usage is None else {"usageMetadata": usage}
    return {"candidates": [made], "modelVersion": "up", "responseId": "g1", **counted}


def gemini(name: str, *documents: Any, said: tuple[Said, ...], finish: FinishReason = STOP, **more: Any) -> Habit:
    usage = more.pop("usage", _TOLD_USAGE)
    return Habit(provider="gemini", name=name, stream=_lines(documents), said=said, finish=finish, usage=usage, **more)


def function(name: str, call_id: str | None = None, **arguments: Any) -> Any:
    made: Any = {"name": name, "args": arguments}
    return {"functionCall": made if call_id is None else {**made, "id": call_id}}


_GEMINI = (
    gemini(
        "text in the last chunk",
        candidate({"text": "H"}),
        candidate({"text": "i"}, finish="STOP", usage=_META),
        said=(_HI,),
    ),
    gemini(
        "counts that grow",
        candidate({"text": "H"}, usage={"promptTokenCount": 20, "candidatesTokenCount": 2, "totalTokenCount": 22}),
        candidate({"text": "i"}, usage={"promptTokenCount": 20, "candidatesTokenCount": 4, "totalTokenCount": 24}),
        candidate(finish="STOP", usage=_META),
        said=(_HI,),
    ),
    gemini(
        "thoughts, and a signature on an empty text",
        candidate({"text": "think", "thought": True}),
        candidate({"text": "Hi"}),
        candidate({"text": "", "thoughtSignature": "c2ln"}, finish="STOP", usage=_META),
        said=(("reasoning", "think"), _HI),
    ),
    gemini(
        "parallel calls",
        candidate({**function("f", "a", x=1), "thoughtSignature": "c2ln"}, function("g", "b", y=2)),
        candidate(finish="STOP", usage=_META),
        said=(_F, _G),
        finish=CALLS,
    ),
    gemini(
        "a call without arguments",
        candidate({"functionCall": {"name": "f", "id": "a"}}, finish="STOP", usage=_META),
        said=(("call", "a", "f", "{}"),),
        finish=CALLS,
    ),
    gemini("safety", candidate({"text": "Hi"}), candidate(finish="SAFETY", usage=_META), said=(_HI,), finish=FILTER),
    gemini("recitation", candidate({"text": "Hi"}, finish="RECITATION", usage=_META), said=(_HI,), finish=FILTER),
    gemini(
        "a blocked prompt",
        {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": _META},
        said=(),
        finish=FILTER,
    ),
    gemini("its limit", candidate({"text": "Hi"}, finish="MAX_TOKENS", usage=_META), said=(_HI,), finish=LENGTH),
    gemini(
        "an end without content",
        {"candidates": [{"finishReason": "STOP", "index": 0}], "usageMetadata": _META},
        said=(),
    ),
    gemini(
        "no candidates at first",
        {"candidates": [], "usageMetadata": {"promptTokenCount": 20}},
        candidate({"text": "Hi"}, finish="STOP", usage=_META),
        said=(_HI,),
    ),
    gemini(
        "counts behind the end, and [DONE]",
        candidate({"text": "Hi"}, finish="STOP"),
        {"usageMetadata": _META},
        _DONE,
        said=(_HI,),
    ),
    gemini(
        "an end in every chunk",
        candidate({"text": "H"}, finish="STOP"),
        candidate({"text": "i"}, finish="STOP", usage=_META),
        said=(_HI,),
    ),
    gemini(
        "sources without supports",
        candidate({"text": "Hi"}),
        candidate(
            finish="STOP",
            usage=_META,
            groundingMetadata={"groundingChunks": [{"web": {"uri": "https://a.example/", "title": "A"}}]},
        ),
        said=(_HI,),
        cited=("https://a.example/",),
    ),
    gemini(
        "a call it could not write",
        candidate({"text": "Hi"}),
        candidate(finish="MALFORMED_FUNCTION_CALL", usage=_META),
        said=(_HI,),
        failed="MALFORMED_FUNCTION_CALL",
    ),
    gemini(
        "an error in place of a chunk",
        candidate({"text": "Hi"}),
        {"error": {"code": 503, "message": "it broke", "status": "UNAVAILABLE"}},
        said=(_HI,),
        failed="it broke",
    ),
    gemini("the end of the bytes", candidate({"text": "Hi"}), said=(_HI,), failed="finishReason"),
)

HABITS = (*_CHAT, *_MESSAGES, *_RESPONSES, *_GEMINI)
