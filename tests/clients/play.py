"""A provider that plays a whole tool loop in any of the four protocols, for trying real clients.

    python tests/clients/play.py [--port PORT]

A prompt that holds ``[[fake:tool NAME {json}]]`` is answered with a thought, a text and a call of that tool; several of them are parallel
calls. ``[[fake:then NAME {json}]]`` is a call that follows once the first ones have their results. When nothing is left to call, the answer
is a text that quotes every result of the turn, and says whether the thought came back with its signature. A request for a JSON schema gets
the smallest instance of it, anything else ``hello``.

It knows the wire by its own words and shares no code with the proxy, so that a mistake of one is not hidden by the other.
"""

from __future__ import annotations

import argparse
import json
import re
import secrets
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import attrs

__all__ = ["Player", "serve"]

THOUGHT = "I had better look it up."
TOKEN = "dGhvdWdodC10b2tlbg=="

_DIRECTIVE = re.compile(r"\[\[fake:(tool|then) ([\w.-]+) (\{.*?\})\]\]", re.DOTALL)


@attrs.frozen(kw_only=True)
class Call:
    """A call to play."""

    id: str
    name: str
    arguments: str


@attrs.frozen(kw_only=True)
class Play:
    """An answer: a thought and calls, or a text. ``id`` is its own: clients take answers of one id for pieces of one answer."""

    text: str
    calls: tuple[Call, ...] = ()
    id: str = attrs.field(factory=lambda: secrets.token_hex(8))


@attrs.define(kw_only=True)
class Heard:
    """What a request says: the latest prompt, the results since, how many of the model's turns came between, the tools that are offered."""

    prompt: str = ""
    results: list[str] = attrs.field(factory=list)
    turns: int = 0
    tools: set[str] = attrs.field(factory=set)
    schema: Any = None
    token_returned: bool = False

    def said(self, text: str) -> None:
        """The user said something that is no result: a new turn begins where it holds a directive, or there was none."""
        if _DIRECTIVE.search(text) or not _DIRECTIVE.search(self.prompt):
            self.prompt, self.results, self.turns = text, [], 0

    def play(self) -> Play:
        """What to answer."""
        asked: dict[str, list[tuple[str, str]]] = {"tool": [], "then": []}
        for kind, name, arguments in _DIRECTIVE.findall(self.prompt.replace('\\"', '"')):
            if name in self.tools:
                asked[kind].append((name, arguments))
        if self.schema is not None:
            return Play(text=json.dumps(_instance(self.schema)))
        turns = [turn for turn in asked.values() if turn]
        if self.turns < len(turns):
            calls = tuple(
                Call(id=f"call_{secrets.token_hex(6)}{number}", name=name, arguments=arguments)
                for number, (name, arguments) in enumerate(turns[self.turns])
            )
            return Play(text="Looking.", calls=calls)
        if not turns:
            return Play(text="hello")
        thought = "returned" if self.token_returned else "not returned"
        return Play(text=f"Tool said: {' | '.join(self.results)} (thought {thought})")


def _instance(schema: Any) -> Any:
    match schema:
        case {"enum": [first, *_]}:
            return first
        case {"properties": properties}:
            return {name: _instance(each) for name, each in properties.items()}
        case {"type": str() as kind}:
            return {"array": [], "integer": 1, "number": 1, "boolean": True, "null": None}.get(kind.lower(), "x")
        case _:
            return "x"


# Requests.


def _texts(content: Any, *kinds: str) -> str:
    if isinstance(content, str):
        return content
    found = content if isinstance(content, list) else []
    return "\n".join(part.get("text", "") for part in found if isinstance(part, dict) and part.get("type") in kinds)


def hear_chat(body: Any) -> Heard:
    """A Chat Completions request."""
    heard = Heard(tools={tool["function"]["name"] for tool in body.get("tools") or [] if "function" in tool})
    heard.schema = (body.get("response_format") or {}).get("json_schema", {}).get("schema")
    for message in body["messages"]:
        match message["role"]:
            case "user":
                heard.said(_texts(message["content"], "text"))
            case "tool":
                heard.results.append(_texts(message["content"], "text"))
            case "assistant":
                heard.turns += 1
                heard.token_returned |= message.get("reasoning_content") == THOUGHT
    return heard


def hear_responses(body: Any) -> Heard:
    """A Responses request."""
    heard = Heard(tools={tool.get("name", "") for tool in body.get("tools") or []})
    form = (body.get("text") or {}).get("format") or {}
    heard.schema = form.get("schema")
    items = body["input"] if isinstance(body["input"], list) else [{"role": "user", "content": body["input"]}]
    called = False
    for item in items:
        kind = item.get("type", "message")
        if called and kind != "function_call":
            heard.turns += 1
        called = kind == "function_call"
        if kind == "message" and item["role"] == "user":
            heard.said(_texts(item["content"], "input_text", "text"))
        elif kind == "function_call_output":
            heard.results.append(_texts(item["output"], "input_text", "output_text", "text"))
        elif kind == "reasoning":
            heard.token_returned |= item.get("encrypted_content") == TOKEN
    return heard


def hear_messages(body: Any) -> Heard:
    """A Messages request."""
    heard = Heard(tools={tool["name"] for tool in body.get("tools") or []})
    heard.schema = ((body.get("output_config") or {}).get("format") or {}).get("schema")
    for message in body["messages"]:
        content = message["content"]
        blocks = content if isinstance(content, list) else [{"type": "text", "text": content}]
        if message["role"] == "assistant":
            heard.turns += 1
            heard.token_returned |= any(block.get("signature") == TOKEN for block in blocks)
            continue
        for block in blocks:
            if block["type"] == "tool_result":
                heard.results.append(_texts(block.get("content"), "text"))
        said = _texts(blocks, "text")
        if said and message["role"] == "user":
            heard.said(said)
    return heard


def hear_gemini(body: Any) -> Heard:
    """A Gemini request."""
    declared = [each for tool in body.get("tools") or [] for each in tool.get("functionDeclarations") or []]
    heard = Heard(tools={each["name"] for each in declared})
    form = body.get("generationConfig") or {}
    heard.schema = form.get("responseJsonSchema") or form.get("responseSchema")
    for content in body["contents"]:
        parts = content["parts"]
        if content.get("role") == "model":
            heard.turns += 1
            heard.token_returned |= any(part.get("thoughtSignature") == TOKEN for part in parts)
            continue
        for part in parts:
            if "functionResponse" in part:
                heard.results.append(json.dumps(part["functionResponse"]["response"]))
        said = "\n".join(part["text"] for part in parts if "text" in part)
        if said:
            heard.said(said)
    return heard


# Answers, as the documents of a stream (with the name of the event, where there is one).

_Documents = Iterator[tuple[str | None, Any]]


def _halves(text: str) -> tuple[str, str]:
    return text[: len(text) // 2], text[len(text) // 2 :]


def chat_stream(play: Play) -> _Documents:
    """Chunks of Chat Completions. Parallel calls are interleaved, as OpenAI may send them."""

    def chunk(delta: Any, finish: str | None = None) -> tuple[None, Any]:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        head = {
            "id": f"chatcmpl-{play.id}",
            "object": "chat.completion.chunk",
            "created": 1760000000,
            "model": "played",
        }
        return None, {**head, "choices": [choice]}

    yield chunk({"role": "assistant", "content": ""})
    if play.calls:
        for half in _halves(THOUGHT):
            yield chunk({"reasoning_content": half})
    for half in _halves(play.text):
        yield chunk({"content": half})
    for number, call in enumerate(play.calls):
        function = {"name": call.name, "arguments": ""}
        yield chunk({"tool_calls": [{"index": number, "id": call.id, "type": "function", "function": function}]})
    for at in (0, 1):
        for number, call in enumerate(play.calls):
            piece = _halves(call.arguments)[at]
            yield chunk({"tool_calls": [{"index": number, "function": {"arguments": piece}}]})
    yield chunk({}, "tool_calls" if play.calls else "stop")
    usage = {"prompt_tokens": 40, "completion_tokens": 9, "total_tokens": 49}
    yield None, {**chunk({})[1], "choices": [], "usage": usage}
    yield None, "[DONE]"


def chat_whole(play: Play) -> Any:
    """A chat completion."""
    calls = [
        {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
        for call in play.calls
    ]
    message: Any = {"role": "assistant", "content": play.text, **({"tool_calls": calls} if calls else {})}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if calls else "stop"}
    usage = {"prompt_tokens": 40, "completion_tokens": 9, "total_tokens": 49}
    head = {"id": f"chatcmpl-{play.id}", "object": "chat.completion", "created": 1760000000, "model": "played"}
    return {**head, "choices": [choice], "usage": usage}


def _items(play: Play) -> list[Any]:
    content = [{"type": "output_text", "text": play.text, "annotations": []}]
    items: list[Any] = [
        {"id": f"msg_{play.id}", "type": "message", "role": "assistant", "status": "completed", "content": content}
    ]
    if play.calls:
        summary = [{"type": "summary_text", "text": THOUGHT}]
        items.insert(0, {"id": f"rs_{play.id}", "type": "reasoning", "summary": summary, "encrypted_content": TOKEN})
    for call in play.calls:
        named = {"call_id": call.id, "name": call.name, "arguments": call.arguments}
        items.append({"id": f"fc_{play.id}_{call.id}", "type": "function_call", "status": "completed", **named})
    return items


def _response(play: Play, status: str, output: list[Any]) -> Any:
    usage = {
        "input_tokens": 40,
        "input_tokens_details": {"cached_tokens": 8},
        "output_tokens": 9,
        "output_tokens_details": {"reasoning_tokens": 3},
        "total_tokens": 49,
    }
    head = {
        "id": f"resp_{play.id}",
        "object": "response",
        "created_at": 1760000000,
        "model": "played",
        "status": status,
    }
    return {**head, "output": output, "usage": usage if status == "completed" else None}


def responses_stream(play: Play) -> _Documents:
    """Events of a response."""
    number = iter(range(10_000))

    def event(kind: str, **members: Any) -> tuple[str, Any]:
        return kind, {"type": kind, "sequence_number": next(number), **members}

    yield event("response.created", response=_response(play, "in_progress", []))
    for index, item in enumerate(_items(play)):
        place = {"item_id": item["id"], "output_index": index}
        match item["type"]:
            case "reasoning":
                yield event("response.output_item.added", output_index=index, item={**item, "summary": []})
                (part,) = item["summary"]
                at = {**place, "summary_index": 0}
                yield event("response.reasoning_summary_part.added", **at, part={**part, "text": ""})
                for half in _halves(THOUGHT):
                    yield event("response.reasoning_summary_text.delta", **at, delta=half)
                yield event("response.reasoning_summary_text.done", **at, text=THOUGHT)
                yield event("response.reasoning_summary_part.done", **at, part=part)
            case "message":
                yield event("response.output_item.added", output_index=index, item={**item, "content": []})
                (part,) = item["content"]
                at = {**place, "content_index": 0}
                yield event("response.content_part.added", **at, part={**part, "text": ""})
                for half in _halves(play.text):
                    yield event("response.output_text.delta", **at, delta=half, logprobs=[])
                yield event("response.output_text.done", **at, text=play.text, logprobs=[])
                yield event("response.content_part.done", **at, part=part)
            case _:
                yield event("response.output_item.added", output_index=index, item={**item, "arguments": ""})
                for half in _halves(item["arguments"]):
                    yield event("response.function_call_arguments.delta", **place, delta=half)
                yield event("response.function_call_arguments.done", **place, arguments=item["arguments"])
        yield event("response.output_item.done", output_index=index, item=item)
    yield event("response.completed", response=_response(play, "completed", _items(play)))


def responses_whole(play: Play) -> Any:
    """A response."""
    return _response(play, "completed", _items(play))


def _blocks(play: Play) -> list[Any]:
    blocks: list[Any] = [{"type": "text", "text": play.text}]
    if play.calls:
        blocks.insert(0, {"type": "thinking", "thinking": THOUGHT, "signature": TOKEN})
    blocks += (
        {"type": "tool_use", "id": call.id, "name": call.name, "input": json.loads(call.arguments)}
        for call in play.calls
    )
    return blocks


def messages_stream(play: Play) -> _Documents:
    """Events of a message."""
    whole = messages_whole(play)
    start = {**whole, "content": [], "stop_reason": None, "usage": {"input_tokens": 40, "output_tokens": 1}}
    yield "message_start", {"type": "message_start", "message": start}
    yield "ping", {"type": "ping"}
    for index, block in enumerate(whole["content"]):
        match block["type"]:
            case "thinking":
                begun: Any = {"type": "thinking", "thinking": "", "signature": ""}
                deltas: list[Any] = [{"type": "thinking_delta", "thinking": half} for half in _halves(THOUGHT)]
                deltas.append({"type": "signature_delta", "signature": TOKEN})
            case "text":
                begun = {"type": "text", "text": ""}
                deltas = [{"type": "text_delta", "text": half} for half in _halves(block["text"])]
            case _:
                begun = {**block, "input": {}}
                arguments = json.dumps(block["input"])
                deltas = [{"type": "input_json_delta", "partial_json": half} for half in ("", *_halves(arguments))]
        yield "content_block_start", {"type": "content_block_start", "index": index, "content_block": begun}
        for delta in deltas:
            yield "content_block_delta", {"type": "content_block_delta", "index": index, "delta": delta}
        yield "content_block_stop", {"type": "content_block_stop", "index": index}
    end = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
    yield "message_delta", {"type": "message_delta", "delta": end, "usage": {"output_tokens": 9}}
    yield "message_stop", {"type": "message_stop"}


def messages_whole(play: Play) -> Any:
    """A message."""
    head = {"id": f"msg_{play.id}", "type": "message", "role": "assistant", "model": "played", "stop_sequence": None}
    stop = "tool_use" if play.calls else "end_turn"
    usage = {"input_tokens": 40, "output_tokens": 9}
    return {**head, "content": _blocks(play), "stop_reason": stop, "usage": usage}


def _candidate(play: Play, parts: list[Any], finish: str | None = None) -> Any:
    candidate: Any = {"index": 0, "content": {"role": "model", "parts": parts}}
    if finish is not None:
        candidate["finishReason"] = finish
    counts = {"promptTokenCount": 40, "candidatesTokenCount": 6, "thoughtsTokenCount": 3, "totalTokenCount": 49}
    return {"candidates": [candidate], "modelVersion": "played", "responseId": play.id, "usageMetadata": counts}


def _parts(play: Play) -> list[Any]:
    parts: list[Any] = [{"text": half} for half in _halves(play.text)]
    if play.calls:
        parts.insert(0, {"text": THOUGHT, "thought": True})
    for number, call in enumerate(play.calls):
        # Google gives its calls no ids, and signs the first of each step.
        signed = {"thoughtSignature": TOKEN} if number == 0 else {}
        parts.append({"functionCall": {"name": call.name, "args": json.loads(call.arguments)}, **signed})
    return parts


def gemini_stream(play: Play) -> _Documents:
    """Chunks of Gemini; the last text or call comes with the finishReason."""
    *first, last = _parts(play)
    for part in first:
        yield None, _candidate(play, [part])
    yield None, _candidate(play, [last], "STOP")


def gemini_whole(play: Play) -> Any:
    """A GenerateContentResponse."""
    return _candidate(play, _parts(play), "STOP")


_WIRES = {
    "chat/completions": (hear_chat, chat_stream, chat_whole),
    "responses": (hear_responses, responses_stream, responses_whole),
    "messages": (hear_messages, messages_stream, messages_whole),
    "gemini": (hear_gemini, gemini_stream, gemini_whole),
}


class Player(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Answer a request of any of the protocols."""
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        path = self.path.partition("?")[0]
        wire = next((name for name in _WIRES if path.endswith(name)), "gemini")
        hear, stream, whole = _WIRES[wire]
        play = hear(body).play()
        if body.get("stream") or "streamGenerateContent" in path:
            self._begin("text/event-stream", ("transfer-encoding", "chunked"))
            for event, document in stream(play):
                data = document if isinstance(document, str) else json.dumps(document)
                self._chunk((f"event: {event}\n" if event else "") + f"data: {data}\n\n")
            self.wfile.write(b"0\r\n\r\n")
        else:
            data = json.dumps(whole(play))
            self._begin("application/json", ("content-length", str(len(data.encode()))))
            self.wfile.write(data.encode())

    def _begin(self, content_type: str, framing: tuple[str, str]) -> None:
        self.send_response(200)
        self.send_header("content-type", content_type)
        self.send_header(*framing)
        self.end_headers()

    def _chunk(self, text: str) -> None:
        data = text.encode()
        self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def serve(port: int = 0) -> ThreadingHTTPServer:
    """A server on the loopback, not running yet."""
    return ThreadingHTTPServer(("127.0.0.1", port), Player)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0)
    server = serve(parser.parse_args().port)
    print(f"playing on http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
