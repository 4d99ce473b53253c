"""A chunk that is told by a typed look says what reading it would say, wherever in a stream it stands."""

from __future__ import annotations

import json
from typing import Any
from unittest import mock

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.recordings import Recording, recording_params
from trioproxy.protocols.openai_chat import reader as module
from trioproxy.protocols.openai_chat.reader import ChatReader
from trioproxy.wire.frames import Frame
from trioproxy.wire.sse import SSEDecoder


def same(frames: list[Frame]) -> int:
    """How many frames the look was sure of, after both ways were seen to agree on all."""
    looking, reading = ChatReader(), ChatReader()
    sure = 0
    for frame in frames:
        with mock.patch.object(ChatReader, "take", autospec=True, side_effect=ChatReader.take) as take:
            told = looking.feed(frame)
        sure += take.call_count == 0
        with (
            mock.patch.object(module, "plain_chunk", return_value=None),
            mock.patch.object(module, "plain_growth", return_value=None),
        ):
            assert reading.feed(frame) == told, frame
        assert attrs.astuple(looking.seen) == attrs.astuple(reading.seen), frame
    assert looking.close() == reading.close()
    return sure


def chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> Frame:
    choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
    document = {"id": "c", "object": "chat.completion.chunk", "created": 7, "model": "m", "choices": choices, **more}
    return Frame(json.dumps(document).encode())


texts = st.text(max_size=4) | st.sampled_from(["", "<think>", "<thi", "nk>", "</think>", "\n", " a", "x < y"])
calls = st.just([{"index": 0, "id": "t", "function": {"name": "f", "arguments": "{}"}}])
deltas = st.fixed_dictionaries(
    {},
    optional={
        "role": st.just("assistant"),
        "content": texts | st.none(),
        "reasoning_content": texts | st.none(),
        "reasoning": texts | st.none(),
        "reasoning_text": texts,
        "refusal": st.none() | texts,
        "tool_calls": st.none() | calls,
        "odd": st.integers(),
    },
)
more = st.fixed_dictionaries(
    {},
    optional={
        "id": st.none() | st.text(max_size=3),
        "created": st.none() | st.integers() | st.floats(),
        "model": st.none() | st.text(max_size=3),
        "usage": st.none() | st.just({"prompt_tokens": 1, "completion_tokens": 2}),
        "error": st.none() | st.just({"message": "no"}),
        "object": st.just("chat.completion.chunk") | st.just(""),
    },
)
frames = st.lists(
    st.one_of(
        st.builds(lambda delta, extra: chunk(delta, **extra), deltas, more),
        st.builds(chunk, deltas),
        st.builds(chunk, deltas, st.sampled_from(["stop", "tool_calls", "error"])),
        st.just(Frame(b"[DONE]")),
        st.just(Frame(b'{"choices":[]}')),
        st.builds(lambda delta: Frame(chunk(delta).data, "error"), deltas),
    ),
    max_size=8,
)


@given(frames)
def test_both_ways_agree(stream: list[Frame]) -> None:
    same(stream)


def test_the_first_chunks_need_no_reading() -> None:
    stream = [
        chunk({"role": "assistant", "content": ""}),
        chunk({"content": "He"}),
        chunk({"content": "llo"}),
        chunk({}, "stop"),
    ]
    assert same(stream) == 3
    assert same([chunk({"reasoning_content": "hm"}), chunk({"reasoning_content": "m"}), chunk({"content": "so"})]) == 2


@pytest.mark.parametrize("recording", recording_params("openai_chat"))
def test_recorded_streams(recording: Recording) -> None:
    decoder = SSEDecoder()
    same([*decoder.feed(recording.body), *decoder.close()])
