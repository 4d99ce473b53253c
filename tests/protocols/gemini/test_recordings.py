"""Every recorded exchange with Gemini and Vertex AI: read, compared with an independent reading, cut anywhere, written and read again."""

from __future__ import annotations

import json
import re
from typing import Any

import attrs
import pytest

from tests.protocols.gemini.exchanges import (
    CONTEXT,
    answered,
    decoder,
    frames_of,
    legal,
    model_of,
    normalised,
    peeked,
    read_frames,
    request_of,
    requested,
)
from tests.support.chunking import whole_and_bytewise
from tests.support.recordings import Recording
from trioproxy.errors import ErrorKind
from trioproxy.neutral.events import Event, Failed, FinishReason, UsageReported
from trioproxy.neutral.fold import fold, unfold
from trioproxy.neutral.parts import Opaque, Reasoning, Text, ToolCall
from trioproxy.neutral.response import Answer
from trioproxy.neutral.usage import Usage
from trioproxy.protocols.base import WriteTarget
from trioproxy.protocols.gemini import PROTOCOL
from trioproxy.wire.frames import Frame


def _documents(recording: Recording) -> list[dict[str, Any]]:
    if not recording.stream:
        return recording.document if isinstance(recording.document, list) else [recording.document]
    lines = recording.body.decode().splitlines()
    return [json.loads(line.removeprefix("data:")) for line in lines if line.startswith("data:")]


def _set(root: Any, steps: list[str], value: Any) -> None:
    """Put a value at a path, making what is missing on the way; a string that is there already grows."""
    for number, step in enumerate(steps):
        last = number == len(steps) - 1
        empty: Any = value if last else [] if steps[number + 1].isdigit() else {}
        if isinstance(root, list):
            if int(step) == len(root):
                root.append(empty)
            elif last:
                root[int(step)] += value
            root = root[int(step)]
        else:
            if step not in root:
                root[step] = empty
            elif last:
                root[step] += value
            root = root[step]


@attrs.define
class _Naive:
    """What a reader with the whole answer before it, and no streaming to mind, makes of it."""

    text: str = ""
    thoughts: str = ""
    calls: list[tuple[str, dict[str, Any], str | None]] = attrs.field(factory=list)
    others: list[str] = attrs.field(factory=list)
    signatures: list[str] = attrs.field(factory=list)
    finish: str | None = None
    usage: dict[str, Any] = attrs.field(factory=dict)

    @classmethod
    def of(cls, documents: list[dict[str, Any]]) -> _Naive:
        naive = cls()
        for document in documents:
            naive.usage |= document.get("usageMetadata", {})
            for candidate in document.get("candidates", []):
                naive.finish = candidate.get("finishReason") or naive.finish
                for part in candidate.get("content", {}).get("parts", []):
                    naive._part(part)
        return naive

    def _part(self, part: dict[str, Any]) -> None:
        if "thoughtSignature" in part and ("text" in part or "functionCall" in part):
            self.signatures.append(part["thoughtSignature"])
        if part.get("thought"):
            self.thoughts += part["text"]
        elif "text" in part:
            self.text += part["text"]
        elif "functionCall" in part:
            call = part["functionCall"]
            if "name" in call:
                self.calls.append((call["name"], call.get("args", {}), call.get("id")))
            for entry in call.get("partialArgs", []):
                steps = re.findall(r"[^.\[\]$]+", entry["jsonPath"])
                value = next(each for name, each in entry.items() if name.endswith("Value"))
                _set(self.calls[-1][1], steps, value)
        else:
            self.others.append(next(name for name in part if name != "thoughtSignature"))


def _events(recording: Recording) -> list[Event]:
    return read_frames(frames_of(recording))


def _prose(answer: Answer, kind: type[Text] | type[Reasoning]) -> str:
    return "".join(part.text for part in answer.parts if isinstance(part, kind))


def _calls(answer: Answer) -> list[ToolCall]:
    return [part for part in answer.parts if isinstance(part, ToolCall)]


@pytest.mark.parametrize("recording", answered())
def test_it_folds_to_what_an_independent_reading_finds(recording: Recording) -> None:
    naive, answer = _Naive.of(_documents(recording)), fold(_events(recording))
    assert answer.failure is None
    assert _prose(answer, Text) == naive.text
    assert _prose(answer, Reasoning) == naive.thoughts
    calls = _calls(answer)
    assert [(call.name, json.loads(call.arguments)) for call in calls] == [
        (name, args) for name, args, _ in naive.calls
    ]
    assert all(given is None or given == call.call_id for call, (_, _, given) in zip(calls, naive.calls, strict=True))
    assert len({call.call_id for call in calls}) == len(calls)
    signed = [
        part.signature.value
        for part in answer.parts
        if isinstance(part, Text | Reasoning | ToolCall) and part.signature
    ]
    assert signed == naive.signatures
    beside = {"candidate", "response", "usage"}
    assert [part.kind for part in answer.parts if isinstance(part, Opaque) and part.kind not in beside] == naive.others


@pytest.mark.parametrize("recording", answered())
def test_finish_and_usage_are_right(recording: Recording) -> None:
    naive, answer = _Naive.of(_documents(recording)), fold(_events(recording))
    expected = {
        "STOP": FinishReason.TOOL_CALLS if naive.calls else FinishReason.STOP,
        "MAX_TOKENS": FinishReason.LENGTH,
        "SAFETY": FinishReason.CONTENT_FILTER,
        "MODEL_ARMOR": FinishReason.CONTENT_FILTER,
        None: FinishReason.CONTENT_FILTER,
    }
    assert answer.finish is expected[naive.finish]
    counted = {name: count for name, count in naive.usage.items() if isinstance(count, int)}
    if not counted:
        assert answer.usage is None
        return
    usage = answer.usage or Usage()
    assert usage.total == counted["totalTokenCount"]
    assert usage.input == counted["promptTokenCount"] + counted.get("toolUsePromptTokenCount", 0)
    assert usage.reasoning == counted.get("thoughtsTokenCount")
    assert usage.cache_read == counted.get("cachedContentTokenCount")


@pytest.mark.parametrize("recording", answered())
def test_cutting_the_bytes_changes_nothing(recording: Recording) -> None:
    whole = _events(recording)
    for pieces in whole_and_bytewise(recording.body[:20_000]) if len(recording.body) <= 20_000 else []:
        machine = decoder(recording)
        frames = [frame for piece in pieces for frame in machine.feed(piece)]
        assert read_frames([*frames, *machine.close()]) == whole


@pytest.mark.parametrize("recording", answered())
def test_no_prefix_of_a_stream_is_a_success(recording: Recording) -> None:
    documents, frames = _documents(recording), frames_of(recording)
    for count in range(len(frames)):
        complete = any(
            candidate.get("finishReason") for document in documents[:count] for candidate in document["candidates"]
        )
        last = read_frames(frames[:count])[-1]
        assert complete or (isinstance(last, Failed) and last.failure.kind is ErrorKind.TRUNCATED)


@pytest.mark.parametrize("recording", answered())
def test_a_client_of_our_own_stream_reads_the_same_answer(recording: Recording) -> None:
    events = _events(recording)
    writer = PROTOCOL.stream_writer(CONTEXT)
    frames = [frame for event in events for frame in writer.feed(event)] + writer.close()
    assert writer.losses == []
    assert all(frame.event is None for frame in frames)
    _same(fold(read_frames(frames)), fold(events))
    assert _Naive.of([json.loads(frame.data) for frame in frames]).text == _Naive.of(_documents(recording)).text


@pytest.mark.parametrize("recording", answered())
def test_a_client_of_our_own_body_reads_the_same_answer(recording: Recording) -> None:
    answer = fold(_events(recording))
    written = PROTOCOL.write_body(answer, CONTEXT)
    assert written.losses == ()
    again = legal(PROTOCOL.read_body(written.body))
    _same(fold(again), answer)
    assert sum(isinstance(event, UsageReported) for event in again) == 1
    assert fold(legal(unfold(answer))) == answer


def _same(again: Answer, answer: Answer) -> None:
    """The same but for what our identity replaces and for the place of what is no part."""

    def kept(of: Answer) -> list[Any]:
        return [
            part
            for part in of.parts
            if not (isinstance(part, Opaque) and part.kind in {"candidate", "response", "usage"})
        ]

    def beside(of: Answer, kind: str) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        for part in of.parts:
            if isinstance(part, Opaque) and part.kind == kind:
                merged |= part.payload
        return merged

    assert again.model == CONTEXT.model
    assert (again.id, again.created) == (answer.id or CONTEXT.token, answer.created)
    assert (again.finish, again.finish_raw, again.failure) == (answer.finish, answer.finish_raw, answer.failure)
    assert kept(again) == kept(answer)
    assert again.usage == (answer.usage or Usage(input=0, output=0))
    for kind in ("candidate", "response", "usage"):
        assert beside(again, kind) == beside(answer, kind)


@pytest.mark.parametrize("recording", requested())
def test_a_recorded_request_survives(recording: Recording) -> None:
    request = request_of(recording)
    conversation = PROTOCOL.read_request(request, peeked(request))
    written = PROTOCOL.write_request(conversation, WriteTarget(model=model_of(recording)))
    assert written.losses == ()
    assert not written.naming
    assert normalised(written.body) == normalised(request)


def test_an_error_in_the_stream_ends_it() -> None:
    frames = [Frame(b'{"error":{"code":503,"message":"busy","status":"UNAVAILABLE"}}'), Frame(b'{"candidates":[]}')]
    events = read_frames(frames)
    assert [type(event) for event in events] == [Failed]
