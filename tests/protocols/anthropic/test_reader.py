from __future__ import annotations

from typing import Any

import pytest

from tests.protocols.anthropic.wires import decoded, frames, read_frames
from tests.support.chunking import whole_and_bytewise
from trioproxy.errors import ErrorKind
from trioproxy.neutral.events import Failed, Finished, FinishReason, ResponseStarted, TextDelta, UsageReported
from trioproxy.neutral.fold import fold
from trioproxy.neutral.parts import Reasoning, Text, ToolCall
from trioproxy.neutral.usage import Usage
from trioproxy.protocols.anthropic import PROTOCOL
from trioproxy.protocols.base import StreamSeen
from trioproxy.wire.frames import Frame
from trioproxy.wire.sse import SSEDecoder

START: dict[str, Any] = {
    "type": "message_start",
    "message": {"id": "msg_1", "model": "claude-x", "usage": {"input_tokens": 5, "output_tokens": 1}},
}
OPEN: dict[str, Any] = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
DELTA: dict[str, Any] = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hi"}}
STOP: dict[str, Any] = {"type": "content_block_stop", "index": 0}
ENDING: dict[str, Any] = {
    "type": "message_delta",
    "delta": {"stop_reason": "end_turn", "stop_sequence": None},
    "usage": {"output_tokens": 4, "cache_read_input_tokens": 7, "cache_creation_input_tokens": 3},
}
END: dict[str, Any] = {"type": "message_stop"}
WHOLE = [START, OPEN, DELTA, STOP, ENDING, END]


def test_a_whole_stream() -> None:
    reader = PROTOCOL.stream_reader()
    events = [event for frame in frames(*WHOLE) for event in reader.feed(frame)]

    answer = fold(events)

    assert (answer.id, answer.model, answer.finish) == ("msg_1", "claude-x", FinishReason.STOP)
    assert answer.parts == (Text(text="hi"),)
    assert answer.usage == Usage(input=15, output=4, cache_read=7, cache_write=3)
    assert reader.close() == []
    assert (reader.seen.response_id, reader.seen.model, reader.seen.complete) == ("msg_1", "claude-x", True)
    assert reader.seen.failed is False


def test_nothing_is_said_behind_the_end() -> None:
    events = read_frames(frames(*WHOLE, DELTA, {"type": "error"}, {"type": "ping"}))
    assert isinstance(events[-1], Finished)
    assert len(events) == len(read_frames(frames(*WHOLE)))


@pytest.mark.parametrize("cut", range(len(WHOLE)))
def test_a_stream_that_breaks_off_has_failed(cut: int) -> None:
    reader = PROTOCOL.stream_reader()
    events = [event for frame in frames(*WHOLE[:cut]) for event in reader.feed(frame)]
    assert not any(isinstance(event, Finished | Failed) for event in events)
    (failed,) = reader.close()
    assert isinstance(failed, Failed)
    assert failed.failure.kind is ErrorKind.TRUNCATED
    assert failed.failure.http_status == 502
    assert "message_stop" in failed.failure.message
    assert (reader.seen.complete, reader.seen.failed) == (False, False)
    assert reader.close() == []


def test_heartbeats_and_strangers_are_passed_over() -> None:
    noise = [{"type": "ping"}, {"type": "brand_new"}, {}]
    events = read_frames(frames(*(each for event in WHOLE for each in (event, *noise))))
    assert events == read_frames(frames(*WHOLE))
    silent = [Frame(b"", None), Frame(b" ", "ping"), Frame(b"[DONE]", None)]
    assert read_frames([*silent, *frames(*WHOLE), *silent]) == events


def test_a_type_that_stands_on_its_line_alone() -> None:
    bare = [
        Frame(frame.data.replace(b'"type":"' + str(frame.event).encode() + b'"', b'"type":null'), frame.event)
        for frame in frames(*WHOLE)
    ]
    assert read_frames(bare) == read_frames(frames(*WHOLE))


@pytest.mark.parametrize(
    ("error", "kind", "message", "said"),
    [
        ({"type": "overloaded_error", "message": "Overloaded"}, ErrorKind.OVERLOADED, "Overloaded", "overloaded_error"),
        ({"type": "rate_limit_error", "message": "slow"}, ErrorKind.RATE_LIMITED, "slow", "rate_limit_error"),
        ({"type": "new_error", "message": "odd"}, ErrorKind.INTERNAL, "odd", "new_error"),
    ],
)
def test_an_error_event_ends_it(error: Any, kind: ErrorKind, message: str, said: str) -> None:
    reader = PROTOCOL.stream_reader()
    events = [event for frame in frames(START, OPEN, {"type": "error", "error": error}) for event in reader.feed(frame)]
    failed = events[-1]
    assert isinstance(failed, Failed)
    assert (failed.failure.kind, failed.failure.message, failed.failure.type) == (kind, message, said)
    assert (reader.seen.failed, reader.seen.complete) == (True, False)
    assert reader.close() == []


@pytest.mark.parametrize(
    "odd",
    [{"error": {"message": "m"}}, {"base_resp": {"status_code": 1002, "status_msg": "m"}}],
)
def test_an_error_of_another_make_ends_it(odd: Any) -> None:
    failed = read_frames(frames(START, odd))[-1]
    assert isinstance(failed, Failed)
    assert failed.failure.message == "m"


@pytest.mark.parametrize("data", [b"{", b"[1]", b'"text"', b"\xff"])
def test_what_is_no_event_ends_it(data: bytes) -> None:
    reader = PROTOCOL.stream_reader()
    (failed,) = reader.feed(Frame(data, "message_start"))
    assert isinstance(failed, Failed)
    assert failed.failure.kind is ErrorKind.MALFORMED
    # Nobody told the client yet.
    assert (reader.seen.failed, reader.seen.complete) == (False, False)
    assert reader.close() == []


def test_members_of_other_types_are_survived() -> None:
    events = read_frames(
        frames(
            {"type": "message_start", "message": 7},
            {"type": "content_block_start", "index": [1], "content_block": {"type": "text", "text": None}},
            {"type": "content_block_delta", "index": {}, "delta": {"type": "text_delta", "text": 7}},
            {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "hi"}},
            {"type": "content_block_stop"},
            {"type": "message_delta", "usage": [], "delta": {"stop_reason": "end_turn"}},
            END,
        )
    )
    assert events[0] == ResponseStarted(id="", model="")
    assert [event.text for event in events if isinstance(event, TextDelta)] == ["", "hi"]
    assert isinstance(events[-1], Finished)
    assert not any(isinstance(event, UsageReported) for event in events)


def lines(*events: str) -> bytes:
    return "".join(events).encode()


def start(index: int, block: str) -> str:
    return f'data: {{"type":"content_block_start","index":{index},"content_block":{block}}}\n\n'


def grow(index: int, delta: str) -> str:
    return f'data:{{"type":"content_block_delta","index":{index},"delta":{delta}}}\n\n'


def stop(index: int) -> str:
    return f': keep-alive\n\ndata: {{"type":"content_block_stop","index":{index}}}\n\n'


# Mixed line ends, comments, no event names, no signature, no usage in the start.
MINIMAX = lines(
    'event: message_start\r\ndata: {"type":"message_start","message":{"id":"06","model":"MiniMax-M2"}}\r\n\r\n',
    start(0, '{"type":"thinking","thinking":""}'),
    grow(0, '{"type":"thinking_delta","thinking":"思考"}'),
    stop(0),
    start(1, '{"type":"tool_use","id":"call_1","name":"f","input":{}}'),
    grow(1, '{"type":"input_json_delta","partial_json":"{\\"a\\": \\"\\u65e5"}'),
    grow(1, '{"type":"input_json_delta","partial_json":"\\"}"}'),
    stop(1),
    'data: {"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"input_tokens":9,"output_tokens":5}}\n\n',
    'data: {"type":"message_stop"}\n\n',
)


def test_a_compatible_provider_at_every_byte_border() -> None:
    expected = read_frames(decoded(MINIMAX))
    answer = fold(expected)
    assert answer.parts == (Reasoning(text="思考"), ToolCall(call_id="call_1", name="f", arguments='{"a": "日"}'))
    assert (answer.usage, answer.finish) == (Usage(input=9, output=5), FinishReason.TOOL_CALLS)
    for pieces in whole_and_bytewise(MINIMAX):
        decoder, reader = SSEDecoder(), PROTOCOL.stream_reader()
        events = [event for piece in pieces for frame in decoder.feed(piece) for event in reader.feed(frame)]
        assert events + reader.close() == expected


def test_a_fresh_reader_has_seen_nothing() -> None:
    seen = PROTOCOL.stream_reader().seen
    assert isinstance(seen, StreamSeen)
    assert (seen.response_id, seen.complete, seen.failed) == ("", False, False)
