"""Every recorded exchange of this protocol: the answer read, written and read again, the request read and written back."""

from __future__ import annotations

import json
from typing import Any

import attrs
import pytest

from tests.protocols.openai_chat.chat import CONTEXT, asked, legal, read, read_body, write
from tests.protocols.openai_chat.naive import gist_of, gist_of_recording
from tests.support.chunking import whole_and_bytewise
from tests.support.recordings import Recording, recording_params, recordings
from trioproxy.errors import ErrorKind
from trioproxy.neutral.events import Event, Failed, Finished
from trioproxy.neutral.fold import fold, unfold
from trioproxy.neutral.parts import Opaque, Text, ToolCall
from trioproxy.neutral.response import AnswerPart
from trioproxy.protocols.base import WriteTarget
from trioproxy.protocols.openai_chat import PROTOCOL
from trioproxy.protocols.openai_chat.reader import ChatReader
from trioproxy.wire.frames import Frame
from trioproxy.wire.sse import SSEDecoder

ALL = recording_params("openai_chat")


def _frames(recording: Recording, pieces: list[bytes] | None = None) -> list[Frame]:
    decoder = SSEDecoder()
    frames = [frame for piece in pieces or [recording.body] for frame in decoder.feed(piece)]
    return [*frames, *decoder.close()]


def _events(recording: Recording) -> list[Event]:
    if recording.stream:
        return read(*_frames(recording))
    return legal(PROTOCOL.read_body(recording.document))


def _answered(recording: Recording) -> None:
    if recording.status >= 400:
        pytest.skip("an error status: see test_errors_of_recordings")
    if not recording.stream and not isinstance(recording.document, dict):
        pytest.skip("the answer is no JSON")
    if not recording.stream and "choices" not in recording.document:
        pytest.skip("the answer is of another endpoint")


@pytest.mark.parametrize("recording", ALL)
def test_the_reader_agrees_with_a_simple_minded_one(recording: Recording) -> None:
    _answered(recording)
    found, expected = gist_of(fold(_events(recording))), gist_of_recording(recording)
    # A server that gives no id gets one from us.
    assert all(found["ids"])
    assert [mine for mine, theirs in zip(found["ids"], expected["ids"], strict=True) if theirs] == [
        each for each in expected["ids"] if each
    ]
    del found["ids"], expected["ids"]
    assert found == expected


@pytest.mark.parametrize("recording", ALL)
def test_what_the_writers_say_of_it_is_read_as_the_same(recording: Recording) -> None:
    _answered(recording)
    events = _events(recording)
    said = fold(events)
    # A call without arguments is given an empty object.
    said = attrs.evolve(
        said,
        parts=tuple(
            attrs.evolve(part, arguments="{}") if isinstance(part, ToolCall) and not part.arguments else part
            for part in said.parts
        ),
    )
    if said.failure is not None:
        frames, _ = write(events)
        assert fold(read(*frames)).failure is not None
        return
    streamed, writer = write(events)
    body = PROTOCOL.write_body(said, CONTEXT)
    assert not writer.losses
    assert not body.losses
    # OpenAI has fewer words for the reason than other servers; the reason itself must survive.
    for again in (fold(read(*streamed)), read_body(body.body)):
        assert {**gist_of(again), "finish": None} == {**gist_of(said), "finish": None}
        assert again.finish == said.finish
        assert [part for part in again.parts if not isinstance(part, Opaque)] == [
            _placed(part) for part in said.parts if not isinstance(part, Opaque)
        ]
    assert (
        unfold(read_body(body.body))[1:-1]
        == unfold(read_body(PROTOCOL.write_body(read_body(body.body), CONTEXT).body))[1:-1]
    )


def _placed(part: AnswerPart) -> AnswerPart:
    """A source that names no place is written as one of all its text."""
    if not isinstance(part, Text):
        return part
    end = len(part.text)
    cited = (attrs.evolve(each, start=0, end=end) if each.start is None else each for each in part.citations)
    return attrs.evolve(part, citations=tuple(cited))


@pytest.mark.parametrize("recording", [each for each in ALL if each.values[0] is None or each.values[0].stream])
def test_where_the_network_cuts_changes_nothing(recording: Recording) -> None:
    # A long stream repeats itself: its beginning and its end hold every shape.
    body = (
        recording.body
        if len(recording.body) < 30_000
        else recording.body[:20_000].rpartition(b"\n\n")[0] + b"\n\n" + recording.body[-8_000:].partition(b"\n\n")[2]
    )
    for pieces in whole_and_bytewise(body):
        decoder = SSEDecoder()
        frames = [frame for piece in pieces for frame in decoder.feed(piece)]
        frames += decoder.close()
        assert frames == _frames(recording, [body])
    read(*frames)


@pytest.mark.parametrize("recording", [each for each in ALL if each.values[0] is None or each.values[0].stream])
def test_no_prefix_is_a_success_before_the_provider_said_so(recording: Recording) -> None:
    frames = _frames(recording)
    reader = ChatReader()
    complete = len(frames)
    for position, frame in enumerate(frames):
        reader.feed(frame)
        if reader.seen.complete or reader.seen.failed:
            complete = position
            break
    for length in {0, min(1, complete), complete // 2, complete}:
        last = read(*frames[:length])[-1]
        assert isinstance(last, Failed), length
        assert last.failure.kind is ErrorKind.TRUNCATED
    assert isinstance(read(*frames[: complete + 1])[-1], Failed if reader.seen.failed else Finished)


@pytest.mark.parametrize("recording", [each for each in ALL if each.values[0] is None or each.values[0].request])
def test_a_request_is_given_back_as_it_was(recording: Recording) -> None:
    assert recording.request is not None
    body = recording.request["body"]
    if not isinstance(body, dict):
        pytest.skip("the source kept no request body")
    original = json.loads(json.dumps(body))
    said = PROTOCOL.read_request(body, asked(body))
    target = WriteTarget(model=body["model"], stream=said.stream, include_usage=said.stream and said.include_usage)
    written = PROTOCOL.write_request(said, target)
    assert written.body == original
    assert body == original
    assert not written.losses
    assert not written.naming


def _errors() -> list[Any]:
    found = [pytest.param(each, id=each.id) for each in recordings("openai_chat") if each.status >= 400]
    return found or [
        pytest.param(None, marks=pytest.mark.skip(reason="no recordings of real providers beside the project"))
    ]


@pytest.mark.parametrize("recording", _errors())
def test_errors_of_recordings(recording: Recording) -> None:
    failure = PROTOCOL.read_error(recording.status, {}, recording.body)
    error = recording.document["error"]
    assert failure.message == error["message"]
    assert failure.status == recording.status
    assert failure.code == (error["code"] if isinstance(error["code"], str) else None)
    assert failure.param == error.get("param")
    assert PROTOCOL.render_error(failure)["error"]["message"] == error["message"]
