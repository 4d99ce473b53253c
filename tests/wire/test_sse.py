from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.chunking import cut, cuttings, whole_and_bytewise
from trioproxy.wire.frames import Frame
from trioproxy.wire.machine import ProtocolViolation
from trioproxy.wire.sse import CommentStripper, SSEDecoder, encode


def decode(pieces: list[bytes], **options: int) -> list[Frame]:
    decoder = SSEDecoder(**options)
    frames = [frame for piece in pieces for frame in decoder.feed(piece)]
    return frames + decoder.close()


TRANSCRIPTS = [
    pytest.param(b"data: a\n\n", [Frame(b"a")], id="one"),
    pytest.param(b"data:a\n\n", [Frame(b"a")], id="no-space"),
    pytest.param(b"data:  a\n\n", [Frame(b" a")], id="one-space-belongs-to-the-field"),
    pytest.param(b"data: a\r\n\r\ndata: b\r\n\r\n", [Frame(b"a"), Frame(b"b")], id="crlf"),
    pytest.param(b"data: a\r\rdata: b\r\r", [Frame(b"a"), Frame(b"b")], id="cr"),
    pytest.param(b"data: a\r\n\ndata: b\n\r\n", [Frame(b"a"), Frame(b"b")], id="mixed"),
    pytest.param(b"event: x\ndata: a\n\n", [Frame(b"a", "x")], id="named"),
    pytest.param(b"data: a\nevent: x\n\n", [Frame(b"a", "x")], id="name-after-data"),
    pytest.param(b"event\ndata: a\n\n", [Frame(b"a")], id="empty-name"),
    pytest.param(b"data: a\ndata: b\n\n", [Frame(b"a\nb")], id="two-lines"),
    pytest.param(b"data\n\n", [Frame(b"")], id="data-without-colon"),
    pytest.param(b"data: \n\n", [Frame(b"")], id="empty-data"),
    pytest.param(b": c\n\ndata: a\n\n", [Frame(b"a")], id="comment-block"),
    pytest.param(b": c\n: d\n: e\ndata: a\n\n", [Frame(b"a")], id="comment-lines"),
    pytest.param(b"data: a\n: c\n\n", [Frame(b"a")], id="comment-inside"),
    pytest.param(b"\n\n\n\ndata: a\n\n\n\n\ndata: b\n\n", [Frame(b"a"), Frame(b"b")], id="blank-lines"),
    pytest.param(b"id: 3\nretry: 10\n\ndata: a\n\n", [Frame(b"a")], id="no-data-no-event"),
    pytest.param(b"\xef\xbb\xbfdata: a\n\n", [Frame(b"a")], id="byte-order-mark"),
    pytest.param("data: 漢字🙂\n\n".encode(), [Frame("漢字🙂".encode())], id="utf-8"),
    pytest.param(b'data: a\n\ndata: {"x": 1}', [Frame(b"a"), Frame(b'{"x": 1}')], id="whole-tail-without-blank-line"),
    pytest.param(b"data: [DONE]\n", [Frame(b"[DONE]")], id="done-without-blank-line"),
    pytest.param(b'data: a\n\ndata: {"x": ', [Frame(b"a")], id="cut-tail"),
    pytest.param(b"", [], id="nothing"),
    pytest.param(b"\xef\xbb", [], id="half-a-byte-order-mark"),
]


@pytest.mark.parametrize(("raw", "frames"), TRANSCRIPTS)
def test_the_same_frames_at_every_border(raw: bytes, frames: list[Frame]) -> None:
    for pieces in whole_and_bytewise(raw):
        assert decode(pieces) == frames


def test_at_boundary_is_true_only_between_events() -> None:
    decoder = SSEDecoder()
    raw = b": hello\n\ndata: a\n\nevent: x\r\ndata: b\r\n\r\n"
    borders = [b""]
    for end, piece in enumerate(cut(raw, 1), start=1):
        decoder.feed(piece)
        if decoder.at_boundary:
            borders.append(raw[:end])

    assert (
        borders
        == [
            b"",
            b": hello\n",  # a comment line stands for itself
            b": hello\n\n",
            b": hello\n\ndata: a\n\n",
            raw[:-1],  # a CR ends the line; the LF that may follow it is part of the same end
            raw,
        ]
    )


def test_an_event_over_the_limit_is_a_violation_whole_or_growing() -> None:
    decode([b"data: " + b"x" * 94 + b"\n\n"], max_event=100)
    with pytest.raises(ProtocolViolation, match="longer than 100 bytes"):
        decode([b"data: " + b"x" * 95 + b"\n\n"], max_event=100)
    with pytest.raises(ProtocolViolation, match="longer than 100 bytes"):
        decode(cut(b"data: " + b"x" * 200, 7), max_event=100)


def test_comments_without_blank_lines_do_not_pile_up() -> None:
    decoder = SSEDecoder(max_event=100)
    for _ in range(1000):
        assert decoder.feed(b": still here\n") == []
        assert decoder.at_boundary
    assert decoder.feed(b"data: a\n\n") == [Frame(b"a")]


def test_a_long_event_in_small_pieces_is_searched_once() -> None:
    # Counted, not timed: the decoder may look at each byte a bounded number of times.
    decoder = SSEDecoder()
    for _ in range(2000):
        decoder.feed(b"x" * 100)
        assert decoder._searched >= len(decoder._buffer) - 1


json_text = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"])).map(str.encode)
frames_drawn = st.lists(
    st.builds(Frame, json_text, st.none() | st.text(st.characters(codec="ascii", categories=["L"]), min_size=1)),
    max_size=6,
)


@given(frames_drawn, st.data())
def test_what_is_encoded_decodes_to_itself_cut_anywhere(frames: list[Frame], data: st.DataObject) -> None:
    raw = encode(frames)
    assert decode(data.draw(cuttings(st.just(raw)))) == frames


@given(cuttings(st.binary(max_size=300)))
def test_any_bytes_are_taken_and_the_borders_do_not_matter(pieces: list[bytes]) -> None:
    assert decode(pieces) == decode([b"".join(pieces)])


@given(cuttings(st.text(alphabet=":dat\r\n e", max_size=80).map(str.encode)))
def test_any_arrangement_of_line_ends_is_independent_of_borders(pieces: list[bytes]) -> None:
    whole = b"".join(pieces)
    assert decode(pieces) == decode([whole])
    assert strip(pieces) == strip([whole])


def test_encode_writes_each_line_of_data() -> None:
    assert encode([Frame(b"a\nb", "x"), Frame(b"c")]) == b"event: x\ndata: a\ndata: b\n\ndata: c\n\n"


def strip(pieces: list[bytes]) -> bytes:
    stripper = CommentStripper()
    out = [kept for piece in pieces for kept in stripper.feed(piece)]
    return b"".join(out + stripper.close())


STRIPPED = [
    pytest.param(b"data: a\n\n", b"data: a\n\n", id="nothing-to-strip"),
    pytest.param(b": c\n\ndata: a\n\n", b"data: a\n\n", id="block"),
    pytest.param(b": c\r\n\r\ndata: a\r\n\r\n", b"data: a\r\n\r\n", id="block-crlf"),
    pytest.param(b": c\r\rdata: a\r\r", b"data: a\r\r", id="block-cr"),
    pytest.param(b"data: a\n: c\ndata: b\n\n", b"data: a\ndata: b\n\n", id="inside-an-event"),
    pytest.param(b": c\n: d\ndata: a\n\n: e\n\n", b"data: a\n\n", id="before-and-after"),
    pytest.param(b"\n\ndata: a:b\n\n", b"\n\ndata: a:b\n\n", id="blank-lines-and-colons-stay"),
    pytest.param(b"data: a\n\n: half a comm", b"data: a\n\n", id="cut-comment"),
    pytest.param(b"data: a\r", b"data: a\r", id="held-cr"),
]


@pytest.mark.parametrize(("raw", "expected"), STRIPPED)
def test_comments_are_stripped_and_nothing_else(raw: bytes, expected: bytes) -> None:
    for pieces in whole_and_bytewise(raw):
        assert strip(pieces) == expected


def test_stripping_keeps_every_frame() -> None:
    for parameter in TRANSCRIPTS:
        raw, frames = parameter.values
        assert isinstance(raw, bytes)
        if not raw.startswith(b"\xef"):
            assert decode([strip([raw])]) == frames
