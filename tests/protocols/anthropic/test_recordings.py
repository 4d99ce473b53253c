"""Real exchanges with the API and its gateways, read by two programs: the room, and the naive one below that knows nothing of events."""

from __future__ import annotations

import json
from typing import Any

import attrs
import pytest

from tests.protocols.anthropic.wires import CONTEXT, asked, decoded, frames, read_frames, told
from tests.support.chunking import cut, random_cut
from tests.support.recordings import Recording, recordings
from trioproxy.errors import ErrorKind
from trioproxy.neutral.events import Event, Failed, Finished
from trioproxy.neutral.fold import fold
from trioproxy.neutral.grammar import Grammar
from trioproxy.neutral.parts import Opaque, Reasoning, Text, ToolCall
from trioproxy.neutral.usage import Usage
from trioproxy.protocols.anthropic import PROTOCOL
from trioproxy.protocols.anthropic.stops import STOPS
from trioproxy.protocols.base import WriteTarget
from trioproxy.wire.sse import SSEDecoder

SPLICED = "anthropic-spliced-message-start"
"""A gateway that began a second answer inside the first: nothing a client could be told."""

ALL = list(recordings("anthropic"))
ANSWERS = [each for each in ALL if each.status == 200]
STREAMS = [each for each in ANSWERS if each.stream and each.id != SPLICED]
WITH_REQUEST = [each for each in ALL if each.request and isinstance(each.request.get("body"), dict)]


def params(found: list[Recording]) -> pytest.MarkDecorator:
    if not found:
        reason = "no recordings of real providers beside the project"
        return pytest.mark.parametrize("recording", [pytest.param(None, marks=pytest.mark.skip(reason=reason))])
    return pytest.mark.parametrize("recording", found, ids=lambda each: each.id)


def events_of(recording: Recording) -> list[Event]:
    return read_frames(decoded(recording.body)) if recording.stream else PROTOCOL.read_body(recording.document)


def whole(recording: Recording) -> dict[str, Any]:
    """The message as any client would put it together."""
    if not recording.stream:
        return dict(recording.document)
    message: dict[str, Any] = {}
    for line in recording.body.decode().splitlines():
        event = json.loads(line[5:]) if line.startswith("data:") else {"type": "none"}
        if event["type"] == "message_stop":
            # Two of the files hold a second answer behind the first.
            break
        _grow(message, event)
    for block in message["content"]:
        if "pieces" in block:
            block["input"] = json.loads("".join(block.pop("pieces")) or "{}")
    return message


def _grow(message: dict[str, Any], event: dict[str, Any]) -> None:
    kind = event["type"]
    if kind == "message_start":
        message.update(json.loads(json.dumps(event["message"])))
    elif kind == "content_block_start":
        message["content"].append(dict(event["content_block"]))
    elif kind == "content_block_delta":
        block, delta = message["content"][event["index"]], event["delta"]
        match delta["type"]:
            case "text_delta":
                block["text"] += delta["text"]
            case "thinking_delta":
                block["thinking"] += delta["thinking"]
            case "signature_delta":
                block["signature"] = block.get("signature", "") + delta["signature"]
            case "input_json_delta":
                block.setdefault("pieces", []).append(delta["partial_json"])
            case "citations_delta":
                block["citations"] = [*(block.get("citations") or []), delta["citation"]]
            case _:
                block.update({name: value for name, value in delta.items() if name != "type"})
    elif kind == "message_delta":
        message.update(event["delta"])
        message["usage"].update(event.get("usage") or {})


def naive(message: dict[str, Any]) -> list[Any]:
    parts: list[Any] = []
    for block in message["content"]:
        match block["type"]:
            case "text":
                parts.append(("text", block["text"], len(block.get("citations") or [])))
            case "thinking":
                parts.append(("reasoning", block["thinking"], block.get("signature") or None))
            case "redacted_thinking":
                parts.append(("reasoning", "", block["data"]))
            case "tool_use":
                parts.append(("tool", block["id"], block["name"], block["input"]))
            case _:
                parts.append(("own", block))
    return parts


def understood(events: list[Event]) -> list[Any]:
    parts: list[Any] = []
    for part in fold(events).parts:
        match part:
            case Text():
                parts.append(("text", part.text, len(part.citations)))
            case Reasoning():
                parts.append(("reasoning", part.text, part.signature.value if part.signature else None))
            case ToolCall():
                parts.append(("tool", part.call_id, part.name, json.loads(part.arguments)))
            case Opaque(kind=kind, payload=payload) if kind != "message":
                parts.append(("own", payload))
            case _:
                pass
    return parts


@params(ANSWERS)
def test_every_answer_is_legal(recording: Recording) -> None:
    grammar = Grammar()
    for event in events_of(recording):
        grammar.feed(event)
    assert grammar.close() == []


@params([each for each in ANSWERS if each.id != SPLICED])
def test_every_answer_is_what_a_naive_reading_says(recording: Recording) -> None:
    message, events = whole(recording), events_of(recording)
    answer = fold(events)

    assert understood(events) == naive(message)
    assert (answer.id, answer.model, answer.finish_raw) == (message["id"], message["model"], message["stop_reason"])
    assert answer.finish is STOPS[message["stop_reason"]]
    assert answer.stop_sequence == message["stop_sequence"]
    said = message["usage"]
    read, written = said.get("cache_read_input_tokens"), said.get("cache_creation_input_tokens")
    details = said.get("output_tokens_details") or {}
    assert answer.usage == Usage(
        input=said["input_tokens"] + (read or 0) + (written or 0),
        output=said["output_tokens"],
        cache_read=read,
        cache_write=written,
        reasoning=details.get("thinking_tokens"),
        tier={None: None, "standard": "default"}[said.get("service_tier")],
    )


@params([each for each in ANSWERS if each.id == SPLICED])
def test_an_answer_inside_an_answer_fails_openly(recording: Recording) -> None:
    end = events_of(recording)[-1]
    assert isinstance(end, Failed)
    assert end.failure.kind is ErrorKind.MALFORMED


@params(STREAMS)
def test_no_prefix_of_a_stream_is_a_success(recording: Recording) -> None:
    items = decoded(recording.body)
    end = next(at for at, frame in enumerate(items) if frame.event == "message_stop")
    step = max(1, end // 12)
    for size in {*range(0, end, step), end, end - 1}:
        events = read_frames(items[:size])
        assert isinstance(events[-1], Failed)
        assert not any(isinstance(event, Finished) for event in events)


@params(STREAMS)
def test_byte_borders_change_nothing(recording: Recording) -> None:
    expected = read_frames(decoded(recording.body))
    pieces = cut(recording.body, 1) if len(recording.body) < 8000 else random_cut(recording.body, 7)
    decoder, reader = SSEDecoder(), PROTOCOL.stream_reader()
    events = [event for piece in pieces for frame in decoder.feed(piece) for event in reader.feed(frame)]
    assert events + reader.close() == expected


@params([each for each in ANSWERS if each.id != SPLICED])
def test_every_answer_survives_a_client_of_this_protocol(recording: Recording) -> None:
    """Read, told to a client as a stream and as a body, and read again."""
    first = events_of(recording)
    streamed = read_frames(frames(*told(first)))
    body = PROTOCOL.read_body(PROTOCOL.write_body(fold(first), CONTEXT).body)

    for again in (streamed, body):
        assert understood(again) == [part for part in understood(first) if part[:2] != ("text", "")]
        before, after = fold(first), fold(again)
        assert (after.finish_raw, after.stop_sequence, after.usage) == (
            before.finish_raw,
            before.stop_sequence,
            counted(before.usage),
        )
        assert beside(after) == beside(before)


def counted(usage: Usage | None) -> Usage:
    """The counts as a client gets them: what the cache had to do with it is always told."""
    usage = usage or Usage()
    return attrs.evolve(usage, cache_read=usage.cache_read or 0, cache_write=usage.cache_write or 0)


def beside(answer: Any) -> Any:
    """What an answer says beside its blocks, but for counts that are filled in."""
    for part in answer.parts:
        if isinstance(part, Opaque) and part.kind == "message":
            return {**part.payload, "usage": sorted(part.payload.get("usage", {}))}
    return None


@params(WITH_REQUEST)
def test_every_request_comes_back_as_it_was(recording: Recording) -> None:
    assert recording.request is not None
    document = recording.request["body"]
    conversation = PROTOCOL.read_request(document, asked(document))
    target = WriteTarget(model=document["model"], stream=document.get("stream", False))

    written = PROTOCOL.write_request(conversation, target)

    assert written.body == document
    assert written.losses == ()
    assert not written.naming


@params(WITH_REQUEST)
def test_no_unknown_field_vanishes(recording: Recording) -> None:
    """A field that nobody knows, on every object that the API's own types leave open, comes back."""
    assert recording.request is not None
    document = json.loads(json.dumps(recording.request["body"]))
    for node in _nodes(document):
        node["trioproxy_test_field"] = {"kept": True}
    conversation = PROTOCOL.read_request(document, asked(document))
    target = WriteTarget(model=document["model"], stream=document.get("stream", False))
    assert PROTOCOL.write_request(conversation, target).body == document


def _nodes(document: dict[str, Any]) -> list[dict[str, Any]]:
    nodes = [document, *document["messages"], *document.get("tools", [])]
    nodes += [document[name] for name in ("output_config", "tool_choice") if name in document]
    for message in document["messages"]:
        for block in message["content"]:
            nodes.append(block)
            nodes += [block["source"]] if "source" in block else []
            nodes += block["content"] if block["type"] == "tool_result" and isinstance(block["content"], list) else []
    return nodes


@params([each for each in ALL if each.status >= 400])
def test_every_error_keeps_its_words(recording: Recording) -> None:
    failure = PROTOCOL.read_error(recording.status, {}, recording.body)
    assert failure.http_status == recording.status
    assert (failure.type, failure.message) == (
        recording.document["error"]["type"],
        recording.document["error"]["message"],
    )
    rendered = PROTOCOL.render_error(failure)
    assert {**recording.document["error"], "status": recording.status} == rendered["error"]


def test_the_helpers_agree_without_recordings() -> None:
    """The naive reading itself, on a stream that is written out here."""
    body = (
        b'data: {"type":"message_start","message":{"id":"m","model":"c","content":[],"usage":{"input_tokens":1}}}\n\n'
        b'data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}\n\n'
        b'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"hi"}}\n\n'
        b'data: {"type":"content_block_stop","index":0}\n\n'
        b'data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}}\n\n'
        b'data: {"type":"message_stop"}\n\n'
    )
    recording = Recording(
        id="x",
        protocol="anthropic",
        vendor="x",
        stream=True,
        status=200,
        content_type="text/event-stream",
        body=body,
        document=None,
        request=None,
    )
    assert understood(events_of(recording)) == naive(whole(recording)) == [("text", "hi", 0)]
