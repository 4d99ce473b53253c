"""Everything real providers were recorded to say in this protocol, against a reading that shares nothing with ours but the file format."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.protocols.openai_responses.streams import Object, context, read, read_bytes, write
from tests.support.recordings import Recording, recording_params
from trioproxy.errors import ErrorKind
from trioproxy.neutral.events import Event, Failed, Finished, FinishReason
from trioproxy.neutral.fold import fold, unfold
from trioproxy.neutral.grammar import Grammar
from trioproxy.neutral.parts import Opaque, Reasoning, Refusal, Text, ToolCall
from trioproxy.neutral.response import Answer
from trioproxy.protocols.base import Asked, ModelSpot, WriteTarget
from trioproxy.protocols.openai_responses import PROTOCOL
from trioproxy.wire.frames import Frame
from trioproxy.wire.sse import SSEDecoder

ALL = recording_params("openai_responses")


def _events_of(text: str) -> list[Object]:
    """The JSON events of a stream up to its first end, by splitting text."""
    found: list[Object] = []
    for block in re.split(r"\r?\n\r?\n", text):
        data = "\n".join(re.findall(r"^data: ?(.*)$", block, re.MULTILINE))
        if not data.startswith("{"):
            continue
        found.append(json.loads(data))
        if found[-1]["type"] in {"response.completed", "response.incomplete", "response.failed"}:
            break
    return found


def _naive(recording: Recording) -> tuple[Object, list[Object]]:
    """The final response and its items, as one who knows only the reference would find them."""
    if not recording.stream:
        return recording.document, recording.document.get("output", [])
    events = _events_of(recording.body.decode())
    response = events[-1]["response"]
    done = [event["item"] for event in events if event["type"] == "response.output_item.done"]
    # The final response holds reasoning encrypted anew: another text for the same thing.
    return response, done or response["output"]


def _plain(item: Object) -> list[tuple[Any, ...]]:
    """What an item says, in plain values."""
    match item["type"]:
        case "message":
            return [
                ("refusal", part["refusal"])
                if part["type"] == "refusal"
                else ("text", part["text"], [a.get("url") for a in part.get("annotations", [])])
                for part in item["content"]
            ]
        case "reasoning":
            summary = [part["text"] for part in item["summary"] if part["text"]]
            text = "".join(part["text"] for part in item.get("content") or [])
            encrypted = item.get("encrypted_content")
            if not (summary or text or encrypted):
                return [("reasoning", item)]
            return [("reasoning", summary, text, encrypted)]
        case "function_call":
            return [("call", item["call_id"], item["name"], item["arguments"])]
        case kind:
            return [(kind, item)]


def _said(answer: Answer) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []
    for part in answer.parts:
        match part:
            case Text():
                found.append(("text", part.text, [citation.url for citation in part.citations]))
            case Refusal():
                found.append(("refusal", part.text))
            case Reasoning():
                found.append(("reasoning", list(part.summary), part.text, part.signature and part.signature.value))
            case ToolCall():
                found.append(("call", part.call_id, part.name, part.arguments))
            case Opaque():
                found.append((part.kind, part.payload))
    return found


def _without_ciphers(answer: Answer) -> list[tuple[Any, ...]]:
    """The final response holds what is encrypted once more, in other letters."""
    found: list[tuple[Any, ...]] = []
    for said in _said(answer):
        match said:
            case ("reasoning", summary, text, _):
                found.append(("reasoning", summary, text))
            case (kind, {"encrypted_content": _, **rest}):
                found.append((kind, rest))
            case _:
                found.append(said)
    return found


def _read(recording: Recording) -> list[Event]:
    if recording.stream:
        return read_bytes([recording.body])
    grammar = Grammar()
    return [passed for event in PROTOCOL.read_body(recording.document) for passed in grammar.feed(event)]


@pytest.mark.parametrize(
    "recording", [each for each in ALL if each.id == "no-recordings" or each.values[0].status < 400]
)
def test_an_answer_says_what_the_provider_said(recording: Recording) -> None:
    answer = fold(_read(recording))
    response, items = _naive(recording)

    assert answer.failure is None
    if response["object"] != "response":
        assert answer.parts == (Opaque(protocol="openai_responses", kind=response["object"], payload=response),)
        return
    assert [said for item in items for said in _plain(item)] == _said(answer)
    called = any(item["type"] == "function_call" for item in items)
    pending = response.get("status") in {"queued", "in_progress"}
    expected = FinishReason.PAUSE if pending else FinishReason.TOOL_CALLS if called else FinishReason.STOP
    assert answer.finish is expected
    assert (answer.model, answer.created) == (response["model"], int(response["created_at"]))
    if "copilot" not in recording.id:
        # GitHub Copilot names everything anew in every event, the response too.
        assert answer.id == response["id"]
    usage = response.get("usage")
    if usage is None:
        assert answer.usage is None
        return
    assert answer.usage is not None
    assert (answer.usage.input, answer.usage.output) == (usage["input_tokens"], usage["output_tokens"])
    assert answer.usage.cache_read == usage["input_tokens_details"]["cached_tokens"]
    assert answer.usage.reasoning == usage["output_tokens_details"]["reasoning_tokens"]
    assert answer.usage.total == usage["total_tokens"]


@pytest.mark.parametrize(
    "recording", [each for each in ALL if each.id == "no-recordings" or each.values[0].status < 400]
)
def test_an_answer_survives_being_written(recording: Recording) -> None:
    events = _read(recording)
    answer = fold(events)

    if answer.finish is FinishReason.PAUSE or (isinstance(answer.parts[0], Opaque) and "." in answer.parts[0].kind):
        pytest.skip("not an answer that would be streamed")
    documents, writer = write(events)
    again = fold(read([Frame(json.dumps(document).encode()) for document in documents]))
    body = PROTOCOL.write_body(answer, context())

    assert not writer.losses
    assert not body.losses
    assert (again.parts, again.finish) == (answer.parts, answer.finish)
    assert fold(PROTOCOL.read_body(body.body)).parts == answer.parts
    assert [document["sequence_number"] for document in documents] == list(range(len(documents)))


@pytest.mark.parametrize("recording", [each for each in ALL if each.id == "no-recordings" or each.values[0].stream])
def test_a_stream_ends_with_what_it_said(recording: Recording) -> None:
    response = _events_of(recording.body.decode())[-1]["response"]
    if not response["output"]:
        pytest.skip("the final response of this stream has no output")

    streamed, whole = fold(_read(recording)), fold(PROTOCOL.read_body(response))

    assert _without_ciphers(streamed) == _without_ciphers(whole)
    assert (streamed.finish, streamed.usage) == (whole.finish, whole.usage)


@pytest.mark.parametrize("recording", [each for each in ALL if each.id == "no-recordings" or each.values[0].stream])
def test_no_cut_makes_a_success(recording: Recording) -> None:
    frames = SSEDecoder().feed(recording.body)
    end = next(n for n, frame in enumerate(frames) if b'"response.completed"' in frame.data[:4000] + frame.data[-40:])
    step = max(1, end // 12)
    for length in {*range(0, end, step), end - 1}:
        reader = PROTOCOL.stream_reader()
        events = read(frames[:length], reader)
        assert isinstance(events[-1], Failed)
        assert events[-1].failure.kind is ErrorKind.TRUNCATED
        assert not any(isinstance(event, Finished) for event in events)
        assert not reader.seen.complete
    reader = PROTOCOL.stream_reader()
    assert isinstance(read(frames[: end + 1], reader)[-1], Finished)
    assert reader.seen.complete


@pytest.mark.parametrize(
    "recording",
    [
        each
        for each in ALL
        if each.id == "no-recordings" or (each.values[0].stream and len(each.values[0].body) < 12_000)
    ],
)
def test_chunk_borders_and_line_ends_change_nothing(recording: Recording) -> None:
    body = recording.body
    expected = read_bytes([body])

    assert read_bytes(body[n : n + 1] for n in range(len(body))) == expected
    assert read_bytes([body.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")]) == expected


@pytest.mark.parametrize(
    "recording", [each for each in ALL if each.id == "no-recordings" or each.values[0].status >= 400]
)
def test_an_error_keeps_its_words(recording: Recording) -> None:
    failure = PROTOCOL.read_error(recording.status, {}, recording.body)
    error = recording.document["error"]

    assert (failure.message, failure.code, failure.param, failure.status) == (
        error["message"],
        error["code"],
        error["param"],
        recording.status,
    )
    assert PROTOCOL.render_error(failure) == {"error": {k: v for k, v in error.items() if v is not None}}


@pytest.mark.parametrize(
    "recording",
    [
        each
        for each in ALL
        if each.id == "no-recordings" or isinstance((each.values[0].request or {}).get("body"), dict)
    ],
)
def test_a_request_comes_out_as_it_went_in(recording: Recording) -> None:
    assert recording.request is not None
    body = recording.request["body"]
    stream = bool(body.get("stream"))
    asked = Asked(
        protocol=PROTOCOL.name,
        endpoint=PROTOCOL.endpoints[0],
        model=body["model"],
        stream=stream,
        body=b"",
        spot=ModelSpot.JSON,
    )

    written = PROTOCOL.write_request(
        PROTOCOL.read_request(body, asked), WriteTarget(model=body["model"], stream=stream)
    )

    assert written.body == body
    assert not written.losses
    assert not written.naming


def test_unfolded_answers_are_what_a_body_is_written_from() -> None:
    answer = Answer(id="resp_1", model="m", parts=(Text(text="hi"),), finish=FinishReason.STOP)
    documents, _ = write(unfold(answer))

    assert PROTOCOL.write_body(answer, context()).body == documents[-1]["response"]
