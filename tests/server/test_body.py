"""Request bodies' framing: where they end, and every spelling of it that is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.chunking import cut, cuttings, whole_and_bytewise
from trioproxy.server.body import BodyReader, ChunkedBody, LengthBody
from trioproxy.wire.machine import ProtocolViolation

NEXT = b"GET /next HTTP/1.1\r\n"


def read(body: BodyReader, pieces: list[bytes]) -> tuple[bytes, bytes]:
    """What the body carried, and what was left behind it."""
    arrived = bytearray()
    carried = bytearray()
    for piece in pieces:
        arrived += piece
        carried += body.take(arrived)
    return bytes(carried), bytes(arrived)


@pytest.mark.parametrize("length", [0, 1, 5, 1000])
def test_a_declared_length_ends_the_body(length: int) -> None:
    for pieces in whole_and_bytewise(b"x" * length + NEXT):
        body = LengthBody(length)
        assert body.done is (length == 0)
        assert body.left == length
        assert read(body, pieces) == (b"x" * length, NEXT)
        assert body.done
        assert body.left == 0


def test_a_short_body_is_not_done() -> None:
    body = LengthBody(5)
    assert read(body, [b"abc"]) == (b"abc", b"")
    assert not body.done
    assert body.left == 2


CHUNKED = {
    "empty": (b"0\r\n\r\n", b""),
    "one": (b"3\r\nabc\r\n0\r\n\r\n", b"abc"),
    "several": (b"3\r\nabc\r\n1\r\nd\r\n0A\r\n0123456789\r\n0\r\n\r\n", b"abcd0123456789"),
    "upper and lower": (b"a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n", b"01234567890123456789"),
    "leading zeros": (b"00003\r\nabc\r\n000\r\n\r\n", b"abc"),
    "extensions": (b'3;name=value\r\nabc\r\n0;a;b="c d"\r\n\r\n', b"abc"),
    "extensions beyond ASCII": (b"3;\xff\xfe\r\nabc\r\n0\r\n\r\n", b"abc"),
    "trailers": (b"3\r\nabc\r\n0\r\nx-one: 1\r\nx-two:\r\n\r\n", b"abc"),
    "chunks in the body": (b"8\r\n0\r\n\r\n1\r\n\r\n0\r\n\r\n", b"0\r\n\r\n1\r\n"),
}


@pytest.mark.parametrize(("wire", "carried"), CHUNKED.values(), ids=CHUNKED)
def test_chunks_are_taken_apart_at_every_border(wire: bytes, carried: bytes) -> None:
    for pieces in whole_and_bytewise(wire + NEXT):
        body = ChunkedBody()
        assert body.left is None
        assert read(body, pieces) == (carried, NEXT)
        assert body.done
        assert body.left == 0


@given(cuttings(st.binary(max_size=200)), st.integers(0, 9))
def test_any_body_survives_any_chunks_and_any_cutting(chunks: list[bytes], step: int) -> None:
    wire = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
    assert read(ChunkedBody(), cut(wire + NEXT, step)) == (b"".join(chunks), NEXT)


REFUSED = {
    "no size": b"\r\nabc\r\n",
    "not hexadecimal": b"g\r\n",
    "negative": b"-1\r\n",
    "signed": b"+3\r\nabc\r\n",
    "prefixed": b"0x3\r\nabc\r\n",
    "underscored": b"1_0\r\n",
    "blank before": b" 3\r\nabc\r\n",
    "blank behind": b"3 \r\nabc\r\n",
    "blank before the extension": b"3 ;a\r\nabc\r\n",
    "sixteen digits": b"0000000000000003\r\nabc\r\n",
    "overflowing": b"fffffffffffffffff\r\n",
    "bare LF": b"3\nabc\r\n",
    "bare LF in the extension": b"3;a\nb\r\nabc\r\n",
    "bare CR in the extension": b"3;a\rb\r\nabc\r\n",
    "NUL in the extension": b"3;a\0b\r\nabc\r\n",
    "data too long": b"3\r\nabcd\r\n",
    "data ends in LF": b"3\r\nabc\n0\r\n\r\n",
    "data ends in CR and something": b"3\r\nabc\rx",
    "size line without end": b"3;" + b"a" * 300,
    "long size line": b"3;" + b"a" * 300 + b"\r\nabc\r\n",
    "trailer without colon": b"0\r\nnonsense\r\n\r\n",
    "trailer with a blank before its colon": b"0\r\nx-one : 1\r\n\r\n",
    "trailer folded": b"0\r\nx-one: 1\r\n 2\r\n\r\n",
    "trailer with bare CR": b"0\r\nx-one: 1\rx-two: 2\r\n\r\n",
    "trailer with bare LF": b"0\r\nx-one: 1\nx-two: 2\r\n\r\n",
    "trailer without end": b"0\r\nx-one: " + b"a" * 9000,
    "trailers too many": b"0\r\n" + b"x-one: 1\r\n" * 1000,
}


@pytest.mark.parametrize("wire", REFUSED.values(), ids=REFUSED)
def test_what_two_servers_might_read_differently_is_refused(wire: bytes) -> None:
    for step in (0, 1, 2, 7):
        with pytest.raises(ProtocolViolation):
            read(ChunkedBody(), cut(wire, step))


def test_a_body_that_is_mostly_framing_is_refused() -> None:
    chunk = b"1;" + b"a" * 200 + b"\r\nx\r\n"
    with pytest.raises(ProtocolViolation, match="mostly framing"):
        read(ChunkedBody(), [chunk * 1000])


def test_a_body_of_single_bytes_is_not_mostly_framing() -> None:
    assert read(ChunkedBody(), [b"1\r\nx\r\n" * 50_000 + b"0\r\n\r\n"]) == (b"x" * 50_000, b"")


@given(st.binary(max_size=100), st.integers(1, 9))
def test_any_bytes_are_a_body_or_refused(data: bytes, step: int) -> None:
    def outcome(pieces: list[bytes]) -> tuple[bytes, bytes] | None:
        try:
            return read(ChunkedBody(), pieces)
        except ProtocolViolation:
            return None

    assert outcome(cut(data, step)) == outcome([data])
