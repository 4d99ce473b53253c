"""Runs of frames that are alike: whoever sweeps them knows what one who reads each of them knows."""

from __future__ import annotations

import json

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.chunking import cut
from trioproxy.gateway.bursts import LEAST, alike
from trioproxy.gateway.sources import StreamSource
from trioproxy.neutral.events import Event, Finished, TextDelta
from trioproxy.protocols.base import Framing
from trioproxy.protocols.table import protocol
from trioproxy.wire.frames import Frame
from trioproxy.wire.sse import encode


def chat(text: str, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
    return json.dumps({"id": "c", "object": "chat.completion.chunk", "choices": [choice]}).encode()


def messages(text: str) -> bytes:
    delta = {"type": "text_delta", "text": text}
    return json.dumps({"type": "content_block_delta", "index": 0, "delta": delta}).encode()


OPENING = {
    "openai_chat": [Frame(chat("Hello"))],
    "anthropic": [
        Frame(b'{"type":"message_start","message":{"id":"m"}}', "message_start"),
        Frame(b'{"type":"content_block_start","index":0,"content_block":{"type":"text"}}', "content_block_start"),
        Frame(messages("Hello"), "content_block_delta"),
    ],
}


def frame(name: str, text: str) -> Frame:
    return Frame(chat(text)) if name == "openai_chat" else Frame(messages(text), "content_block_delta")


def burst(name: str) -> bytes:
    return encode([*OPENING[name], *(frame(name, f"word {number}") for number in range(LEAST))])


def sources(name: str) -> tuple[StreamSource, StreamSource]:
    reading, sweeping = (
        StreamSource(protocol(name), Framing.SSE, max_event=1 << 20, wordless=wordless) for wordless in (False, True)
    )
    return reading, sweeping


def wordless(events: list[Event]) -> list[Event]:
    return [event for event in events if not isinstance(event, TextDelta)]


def agree(name: str, pieces: list[bytes]) -> list[Event]:
    """What the sweeper saw, after both were seen to agree with every piece."""
    reading, sweeping = sources(name)
    told: list[Event] = []
    for piece in pieces:
        expected = wordless(reading.feed(piece))
        found = sweeping.feed(piece)
        assert wordless(found) == expected
        assert attrs.astuple(sweeping.seen) == attrs.astuple(reading.seen)
        assert sweeping.decoder.at_boundary == reading.decoder.at_boundary
        told += found
    assert wordless(sweeping.close()) == wordless(reading.close())
    return told


@pytest.mark.parametrize("name", OPENING)
def test_a_run_is_swept_over_without_a_look_at_each_frame(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _, source = sources(name)
    source.feed(burst(name))
    looks: list[Frame] = []
    reader = source._reader
    monkeypatch.setattr(reader, "skim", lambda item: looks.append(item))
    source.feed(encode([frame(name, "x" * number) for number in range(200)]))
    assert looks == []
    source.feed(encode([frame(name, 'a "quote"')]))
    assert len(looks) == 1


def test_what_ends_an_answer_is_found_among_what_goes_on() -> None:
    rest = [Frame(chat("a")), Frame(chat("", "stop")), Frame(chat("b")), Frame(b"[DONE]")]
    told = agree("openai_chat", [burst("openai_chat"), encode(rest)])
    assert isinstance(told[-1], Finished)


ODD = [
    b"",
    b'"',
    b"\\",
    b"\\n",
    b"\\u00e9",
    "é".encode(),
    b"\xff",
    b"\x01",
    b"\x7f",
    b"}",
    b'","x":"',
    b"\r",
    b"\r\n\r\n",
]


@pytest.mark.parametrize("name", OPENING)
@given(
    st.lists(st.one_of(st.sampled_from(ODD), st.binary(max_size=6), st.just(b"plain words")), max_size=40),
    st.sampled_from([0, 64, 300, 1000]),
)
def test_whatever_stands_in_the_place_of_the_words(name: str, insides: list[bytes], size: int) -> None:
    template = encode([frame(name, "@")])
    raw = b"".join(template.replace(b"@", inside) for inside in insides)
    agree(name, [burst(name), *cut(raw, size)])


def test_no_run_is_made_of_what_leaves_a_doubt() -> None:
    assert alike(frame("openai_chat", "words"), "words") is not None
    for text in ("", "c", "index", "é", 'say "x"', "a\nb", "x" * 20_000):
        assert alike(frame("openai_chat", text), text) is None
    # The same word escaped, and once more as something else.
    escaped = Frame(chat("c").replace(b'"content": "c"', b'"content": "\\u0063"'))
    assert alike(escaped, "c") is None


def test_a_reader_that_counts_is_told_of_every_frame() -> None:
    growth = '{"type":"response.output_text.delta","output_index":0,"item_id":"i","content_index":0,"delta":"%s"}'
    frames = [Frame((growth % ("x" * number)).encode()) for number in range(1, 40)]
    done = '{"type":"response.output_text.done","output_index":0,"item_id":"i","content_index":0,"text":"%s"}'
    whole = "".join("x" * number for number in range(1, 40)) + "yes"
    told = agree(
        "openai_responses", [encode(frames[:20]), encode(frames[20:]), encode([Frame((done % whole).encode())])]
    )
    assert [event.text for event in told if isinstance(event, TextDelta)][-1] == "yes"
