from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.chunking import cut, whole_and_bytewise
from tests.support.raw_server import chunked
from trioproxy.upstream.bodies import (
    BodyDecoder,
    ChunkedBody,
    EmptyBody,
    LengthBody,
    UntilCloseBody,
    body_decoder,
)
from trioproxy.upstream.http1 import MAX_HEAD_BYTES, ResponseHead
from trioproxy.wire.machine import ProtocolViolation


def fed(decoder: BodyDecoder, pieces: list[bytes]) -> bytes:
    return b"".join(decoder.feed(piece) for piece in pieces)


def state(body: BodyDecoder) -> tuple[bool, bool]:
    """Whether it ended, whether something came behind its end."""
    return body.ended, body.excess


def answer(*headers: tuple[bytes, bytes], status: int = 200) -> ResponseHead:
    return ResponseHead(status=status, headers=headers, keep_alive=True)


@pytest.mark.parametrize(
    ("method", "head", "kind"),
    [
        ("GET", answer((b"content-length", b"5")), LengthBody),
        ("GET", answer((b"content-length", b"5"), (b"content-length", b"5, 5")), LengthBody),
        ("GET", answer((b"date", b"today"), (b"transfer-encoding", b"Chunked")), ChunkedBody),
        ("GET", answer((b"transfer-encoding", b"chunked"), (b"content-length", b"5")), ChunkedBody),
        ("GET", answer(), UntilCloseBody),
        ("HEAD", answer((b"content-length", b"5")), EmptyBody),
        ("GET", answer(status=204), EmptyBody),
        ("GET", answer((b"content-length", b"5"), status=304), EmptyBody),
    ],
)
def test_how_a_body_ends_is_told_by_its_head(method: str, head: ResponseHead, kind: type) -> None:
    assert type(body_decoder(method, head)) is kind


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ((b"content-length", b"5, 6"), "not one number"),
        ((b"content-length", b"+5"), "not one number"),
        ((b"content-length", b""), "not one number"),
        ((b"content-length", b"9" * 30), "not one number"),
        ((b"transfer-encoding", b"gzip, chunked"), "other than chunked"),
        ((b"transfer-encoding", b"identity"), "other than chunked"),
    ],
)
def test_a_head_that_contradicts_itself_is_a_violation(header: tuple[bytes, bytes], message: str) -> None:
    with pytest.raises(ProtocolViolation, match=message):
        body_decoder("GET", answer(header))


def test_an_empty_body_has_ended_and_notices_what_comes_behind_it() -> None:
    body = EmptyBody()

    assert state(body) == (True, False)
    assert body.feed(b"") == b""
    assert state(body) == (True, False)
    assert body.feed(b"x") == b""
    assert state(body) == (True, True)
    assert body.close() is None


def test_a_body_with_a_length() -> None:
    body = LengthBody(5)

    assert body.feed(b"abc") == b"abc"
    assert state(body) == (False, False)
    assert body.close() == "2 of 5 bytes are missing"
    assert body.feed(b"de") == b"de"
    assert state(body) == (True, False)
    assert body.close() is None
    assert body.feed(b"f") == b""
    assert state(body) == (True, True)


def test_a_body_of_length_nought_has_ended() -> None:
    assert LengthBody(0).ended


def test_a_body_without_framing_ends_with_the_connection() -> None:
    body = UntilCloseBody()

    assert body.feed(b"abc") == b"abc"
    assert state(body) == (False, False)
    assert body.close() is None
    assert state(body) == (True, False)


CHUNKED = b'5\r\nhello\r\n1;ext="a"\r\n!\r\n00A \r\n0123456789\r\n' + b"0;x\r\nTrailer: 1\r\nother: 2\r\n\r\n"


@pytest.mark.parametrize("pieces", list(whole_and_bytewise(CHUNKED)), ids=len)
def test_chunks_are_joined_at_any_cut(pieces: list[bytes]) -> None:
    body = ChunkedBody()

    assert fed(body, pieces) == b"hello!0123456789"
    assert body.ended
    assert not body.excess
    assert body.close() is None


def test_the_chunks_of_one_receive_come_out_as_one_piece() -> None:
    body = ChunkedBody()

    assert body.feed(chunked(b"a", b"bc", last=False) + b"5\r\nde") == b"abcde"
    assert body.close() == "its last chunk is missing"
    assert body.feed(b"fgh\r\n0\r\n\r") == b"fgh"
    assert state(body) == (False, False)
    assert body.feed(b"\nHTTP/1.1") == b""
    assert state(body) == (True, True)


@given(payloads=st.lists(st.binary(min_size=1, max_size=40), max_size=8), size=st.integers(0, 60))
def test_any_payload_survives_any_cut(payloads: list[bytes], size: int) -> None:
    body = ChunkedBody()

    assert fed(body, cut(chunked(*payloads), size)) == b"".join(payloads)
    assert body.ended
    assert not body.excess


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"x\r\n", "has no size"),
        (b"\r\n", "has no size"),
        (b"-1\r\n", "has no size"),
        (b"0x5\r\nhello\r\n", "has no size"),
        (b"1_0\r\n", "has no size"),
        (b" 5\r\n", "has no size"),
        (b"5\nhello\r\n\r\n", "has no size"),
        (b"F" * 16 + b"\r\n", "has no size"),
        (b"5\r\nhello!\r\n", "longer than its size"),
        (b"5\r\nhello\n0\r\n", "longer than its size"),
        (b"5" + b";" * 5000, "does not end"),
        (b"0\r\n" + b"a" * (MAX_HEAD_BYTES + 1), "does not end"),
        (b"0\r\n" + b"a: 1234567890\r\n" * 6000, "the trailers are over"),
    ],
)
def test_broken_chunks_are_violations_at_any_cut(raw: bytes, message: str) -> None:
    for size in (0, 1) if len(raw) < 4000 else (0,):
        with pytest.raises(ProtocolViolation, match=message):
            fed(ChunkedBody(), cut(raw, size))


@given(st.binary(max_size=200))
def test_garbage_is_a_violation_or_nothing(data: bytes) -> None:
    with suppress(ProtocolViolation):
        ChunkedBody().feed(data)
