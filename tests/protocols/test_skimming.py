"""Who skims a stream knows of it what who reads it knows, but for the words."""

from __future__ import annotations

import json
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.answers import ANSWERS
from tests.support.chunking import whole_and_bytewise
from tests.support.readers import reading_all
from tests.support.recordings import Recording, recording_params
from trioproxy.gateway.stream_source import StreamSource
from trioproxy.neutral.events import Event, PartStarted, ReasoningDelta, RefusalDelta, TextDelta
from trioproxy.protocols.base import Framing
from trioproxy.protocols.table import NAMES, protocol
from trioproxy.wire.frames import Frame
from trioproxy.wire.sse import SSEDecoder

WORDS = (TextDelta, ReasoningDelta, RefusalDelta)


def agreed(name: str, frames: list[Frame]) -> int:
    """How many frames were skimmed of these, after both ways were seen to agree on all of them, one by one."""
    full, skimming, fast = (protocol(name).stream_reader() for _ in range(3))
    reading_all(full)
    skimmed = 0
    for frame in frames:
        told = full.feed(frame)
        assert fast.feed(frame) == told, frame
        delta = skimming.skim(frame)
        if delta is not None:
            skimmed += 1
            assert told == [delta], frame
            assert delta.text, frame
        else:
            assert skimming.feed(frame) == told, frame
        assert attrs.astuple(skimming.seen) == attrs.astuple(full.seen), frame
        assert attrs.astuple(fast.seen) == attrs.astuple(full.seen), frame
    last = full.close()
    assert (skimming.close(), fast.close()) == (last, last)
    assert attrs.astuple(skimming.seen) == attrs.astuple(full.seen)
    return skimmed


def frames_of(raw: bytes) -> list[Frame]:
    decoder = SSEDecoder()
    return [*decoder.feed(raw), *decoder.close()]


@pytest.mark.parametrize("recording", recording_params())
def test_both_agree_on_every_recorded_stream(recording: Recording) -> None:
    if recording.stream and recording.protocol in NAMES:
        agreed(recording.protocol, frames_of(recording.body))


def _wordless(events: list[Event]) -> list[Event]:
    return [event for event in events if not isinstance(event, WORDS)]


@pytest.mark.parametrize("recording", recording_params())
def test_both_agree_wherever_the_bytes_are_cut(recording: Recording) -> None:
    if not recording.stream or recording.protocol not in NAMES or len(recording.body) > 20_000:
        return
    for pieces in whole_and_bytewise(recording.body):
        full, skimming = (
            StreamSource(protocol(recording.protocol), Framing.SSE, max_event=1 << 24, wordless=wordless)
            for wordless in (False, True)
        )
        reading_all(full._reader)
        for piece in pieces:
            assert _wordless(skimming.feed(piece)) == _wordless(full.feed(piece))
            assert attrs.astuple(skimming.seen) == attrs.astuple(full.seen)
            assert skimming.decoder.at_boundary == full.decoder.at_boundary
        assert _wordless(skimming.close()) == _wordless(full.close())
        assert skimming.torn == full.torn


@pytest.mark.parametrize(
    ("name", "opening", "growth"),
    [
        ("openai_chat", [], '{"choices":[{"index":0,"delta":{"content":"a"}}],"object":"chat.completion.chunk"}'),
        (
            "openai_chat",
            [],
            '{"choices":[{"delta":{"reasoning_content":"a","content":null}}],"object":"chat.completion.chunk"}',
        ),
        (
            "anthropic",
            [
                '{"type":"message_start","message":{"id":"m"}}',
                '{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}',
            ],
            '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a"}}',
        ),
        (
            "anthropic",
            ['{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":""}}'],
            '{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"a"}}',
        ),
        (
            "openai_responses",
            ['{"type":"response.created","response":{"id":"r"}}'],
            '{"type":"response.output_text.delta","output_index":0,"item_id":"i","content_index":0,"delta":"a",'
            '"sequence_number":4,"logprobs":[],"obfuscation":"x"}',
        ),
        (
            "openai_responses",
            ['{"type":"response.output_item.added","output_index":0,"item":{"type":"reasoning","id":"i"}}'],
            '{"type":"response.reasoning_summary_text.delta","output_index":0,"item_id":"i","summary_index":0,"delta":"a"}',
        ),
        (
            "openai_responses",
            [
                '{"type":"response.output_item.added","output_index":0,"item":{"type":"function_call","id":"i","name":"f"}}'
            ],
            '{"type":"response.function_call_arguments.delta","output_index":0,"item_id":"i","delta":"a","sequence_number":4}',
        ),
        (
            "openai_responses",
            [
                '{"type":"response.output_item.added","output_index":0,"item":{"type":"custom_tool_call","id":"i","name":"f"}}'
            ],
            '{"type":"response.custom_tool_call_input.delta","output_index":0,"item_id":"i","delta":"a","obfuscation":""}',
        ),
        (
            "openai_chat",
            ['{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"i","function":{"name":"f"}}]}}]}'],
            '{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"a"}}]}}],"object":"chat.completion.chunk"}',
        ),
        (
            "anthropic",
            ['{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"i","name":"f"}}'],
            '{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"a"}}',
        ),
    ],
)
def test_text_that_goes_on_is_skimmed(name: str, opening: list[str], growth: str) -> None:
    frames = [Frame(line.encode()) for line in [*opening, *[growth] * 10]]
    assert agreed(name, frames) >= 9
    # What is no part of the plain form is for the reader, and so is what has no JSON in it.
    odd = growth[:-1] + ',"odd":1}'
    assert agreed(name, [*frames, Frame(odd.encode()), Frame(growth[:-1].encode()), Frame(growth.encode())]) >= 9


def test_a_chat_answer_that_resumes_another_part_is_read() -> None:
    def chunk(**delta: Any) -> Frame:
        return Frame(json.dumps({"choices": [{"delta": delta}], "object": "chat.completion.chunk"}).encode())

    turns = [chunk(content="a"), chunk(reasoning="b"), chunk(content="c"), chunk(reasoning_content="d")]
    assert agreed("openai_chat", turns) == 0
    assert agreed("openai_chat", [*turns, chunk(content="e", reasoning="f"), chunk(role="assistant")]) == 0
    # Thoughts that came in details first may come in words later.
    details = chunk(reasoning_details=[{"type": "reasoning.text", "text": "a"}])
    assert agreed("openai_chat", [details, chunk(reasoning="b"), chunk(reasoning="c")]) == 1
    tagged = protocol("openai_chat").stream_reader()
    named = Frame(turns[0].data, "message")
    assert tagged.skim(turns[0]) is None
    tagged.feed(turns[0])
    assert tagged.skim(named) is None


def test_arguments_that_come_behind_half_of_a_tag_are_read() -> None:
    def chunk(**delta: Any) -> Frame:
        document = {"choices": [{"delta": delta}], "object": "chat.completion.chunk"}
        return Frame(json.dumps(document, separators=(",", ":")).encode())

    def call(**function: str) -> dict[str, Any]:
        return {"tool_calls": [{"index": 0, "id": "i", "function": function}]}

    opening = [chunk(content="<think>a"), chunk(**call(name="f", arguments="{")), chunk(**call(arguments="1"))]
    assert agreed("openai_chat", opening) == 1
    held = [*opening, chunk(content="b</th"), chunk(**call(arguments="2"))]
    assert agreed("openai_chat", held) == 1
    assert agreed("openai_chat", [*held, chunk(**call(arguments="3"))]) == 2


def test_a_stream_of_odd_frames_is_soon_read_without_looking_twice() -> None:
    odd = b'data: {"choices":[{"delta":{"content":"a"}}],"odd":1}\n\n'
    plain = b'data: {"choices":[{"delta":{"content":"a"}}],"object":"chat.completion.chunk"}\n\n'
    source = StreamSource(protocol("openai_chat"), Framing.SSE, max_event=1000, wordless=True)
    kinds = [type(event) for event in source.feed(plain * 3 + odd + plain)]
    assert kinds.count(PartStarted) == 1
    assert kinds.count(TextDelta) == 2
    source.feed(odd * 100)
    assert [type(event) for event in source.feed(plain)] == [TextDelta]


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=60)
@given(data=st.data())
def test_both_agree_on_garbled_frames(name: str, data: st.DataObject) -> None:
    frames = SSEDecoder().feed(ANSWERS[name].stream)
    order = data.draw(st.lists(st.integers(0, len(frames) - 1), max_size=2 * len(frames)))
    garbled: list[Frame] = []
    for at in order:
        raw = bytearray(frames[at].data)
        for place in data.draw(st.lists(st.integers(0, len(raw) - 1), max_size=2)):
            raw[place : place + data.draw(st.integers(0, 2))] = data.draw(
                st.sampled_from([b"", b"0", b'"', b"\\", b"{", b"null"])
            )
            raw = raw or bytearray(b"0")
        garbled.append(Frame(bytes(raw), data.draw(st.sampled_from([frames[at].event, None, "error"]))))
    agreed(name, garbled)


def test_text_of_a_part_that_is_not_open_is_read() -> None:
    item = b'{"type":"response.output_item.added","output_index":0,"item":{"type":"message","id":"i"}}'
    growth = b'{"type":"response.output_text.delta","output_index":0,"item_id":"i","content_index":0,"delta":"a"}'
    assert agreed("openai_responses", [Frame(item), Frame(growth), Frame(growth)]) == 1
