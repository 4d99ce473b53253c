from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.chunking import cut, whole_and_bytewise
from tests.support.raw_server import chunked
from trioproxy.upstream.http1 import (
    MAX_HEAD_BYTES,
    BodyDecoder,
    ChunkedBody,
    EmptyBody,
    HeadDecoder,
    LengthBody,
    ResponseHead,
    UntilCloseBody,
    body_decoder,
    header_lines,
    request_head,
)
from trioproxy.wire.machine import ProtocolViolation


def fed(decoder: BodyDecoder, pieces: list[bytes]) -> bytes:
    return b"".join(decoder.feed(piece) for piece in pieces)


def state(body: BodyDecoder) -> tuple[bool, bool]:
    """Whether it ended, whether something came behind its end."""
    return body.ended, body.excess


def head_of(*pieces: bytes) -> tuple[ResponseHead, bytes] | None:
    decoder = HeadDecoder()
    for piece in pieces:
        found = decoder.feed(piece)
        if found is not None:
            return found
    return None


def answer(*headers: tuple[bytes, bytes], status: int = 200) -> ResponseHead:
    return ResponseHead(status=status, headers=headers, keep_alive=True)


# -- request heads


def test_a_request_head_is_its_line_its_headers_and_an_empty_line() -> None:
    written = request_head("POST", b"/v1/x?y=1", header_lines(((b"host", b"h"), (b"x-a", b"1"), (b"x-a", b"2"))))

    assert written == b"POST /v1/x?y=1 HTTP/1.1\r\nhost: h\r\nx-a: 1\r\nx-a: 2\r\n\r\n"


@pytest.mark.parametrize("value", [b"a\r\nx: 1", b"a\nb", b"a\rb", b"a\x00b"])
def test_a_value_that_would_end_its_line_is_refused_without_being_quoted(value: bytes) -> None:
    with pytest.raises(ValueError, match="the value of header 'authorization' holds a line break") as caught:
        header_lines(((b"authorization", b"Bearer secret" + value),))

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("name", [b"", b"a b", b"a:", b"a\r\n", "ä".encode()])
def test_a_name_that_is_no_token_is_refused(name: bytes) -> None:
    with pytest.raises(ValueError, match="is not a token"):
        header_lines(((name, b"1"),))


@pytest.mark.parametrize("method", ["", "GE T", "GET\r\n", "GÄT"])
def test_a_method_that_is_no_token_is_refused(method: str) -> None:
    with pytest.raises(ValueError, match="the method is not a token"):
        request_head(method, b"/", b"")


# -- response heads

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nX-A: 1\r\nx-a:2\r\n\r\n"


@pytest.mark.parametrize("pieces", list(whole_and_bytewise(HEAD + b"data")), ids=len)
def test_a_head_is_found_at_any_cut(pieces: list[bytes]) -> None:
    decoder = HeadDecoder()
    consumed = 0
    found = None
    for piece in pieces:
        consumed += len(piece)
        found = decoder.feed(piece)
        if found is not None:
            break

    assert found is not None
    head, rest = found
    assert head.status == 200
    assert head.headers == ((b"content-type", b"text/event-stream"), (b"x-a", b"1"), (b"x-a", b"2"))
    assert rest == (HEAD + b"data")[len(HEAD) : consumed]


def test_interim_answers_are_skipped() -> None:
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n"

    for pieces in whole_and_bytewise(interim + HEAD):
        found = head_of(*pieces)
        assert found is not None
        assert found[0].status == 200


def test_an_interim_answer_counts_as_a_byte_of_the_answer() -> None:
    decoder = HeadDecoder()
    assert decoder.untouched

    assert decoder.feed(b"HTTP/1.1 100 Continue\r\n\r\n") is None

    assert not decoder.untouched


def test_switching_protocols_unasked_is_a_violation() -> None:
    with pytest.raises(ProtocolViolation, match="switched protocols"):
        head_of(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"HTTP/1.1 200\r\n\r\n", 200),
        (b"HTTP/1.1 404 \r\n\r\n", 404),
        (b"HTTP/1.1 599 n\xf6n-ascii reason\r\n\r\n", 599),
        (b"HTTP/1.1 200 OK\nx: 1\n\n", 200),
        (b"HTTP/1.0 200 OK\r\n\r\n", 200),
    ],
)
def test_heads_as_sloppy_servers_send_them(raw: bytes, status: int) -> None:
    found = head_of(raw)

    assert found is not None
    assert found[0].status == status


def test_a_folded_line_belongs_to_the_header_before_it() -> None:
    found = head_of(b"HTTP/1.1 200 OK\r\nx-a: 1,\r\n  2\r\n\t3\r\nx-b:\r\n y\r\n\r\n")

    assert found is not None
    assert found[0].headers == ((b"x-a", b"1, 2 3"), (b"x-b", b"y"))


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 099 No\r\n\r\n",
        b"HTTP/1.1 OK\r\n\r\n",
        b"SSH-2.0-OpenSSH\r\n\r\n",
    ],
)
def test_what_has_no_status_line_is_a_violation(raw: bytes) -> None:
    with pytest.raises(ProtocolViolation, match="status line"):
        head_of(raw)


@pytest.mark.parametrize("raw", [b"SSH-2.0-OpenSSH_9.2", b"\x15\x03\x01\x00\x02\x02\x16", b"<!DOCTYPE html>"])
def test_what_does_not_begin_like_http_is_known_at_once(raw: bytes) -> None:
    with pytest.raises(ProtocolViolation, match="does not begin like HTTP"):
        head_of(raw)


@pytest.mark.parametrize("line", [b"no colon", b" folded: first", b": no name", b"a b: c", b"a : c"])
def test_a_line_that_is_no_header_is_a_violation(line: bytes) -> None:
    with pytest.raises(ProtocolViolation, match="a line that is no header"):
        head_of(b"HTTP/1.1 200 OK\r\n" + line + b"\r\n\r\n")


@pytest.mark.parametrize("value", [b"a\x00b", b"a\rb"])
def test_a_control_character_in_a_value_is_a_violation(value: bytes) -> None:
    with pytest.raises(ProtocolViolation, match="'x-a' holds a control character"):
        head_of(b"HTTP/1.1 200 OK\r\nx-a: " + value + b"\r\n\r\n")


def test_a_head_has_a_bound_however_it_arrives() -> None:
    endless = b"HTTP/1.1 200 OK\r\nx: " + b"a" * MAX_HEAD_BYTES

    for size in (0, 4096):
        with pytest.raises(ProtocolViolation, match="over 65536 bytes"):
            head_of(*cut(endless + b"\r\n\r\n", size))


@pytest.mark.parametrize(
    ("raw", "keep_alive"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\nConnection: Close\r\n\r\n", False),
        (b"HTTP/1.1 200 OK\r\nConnection: x, close\r\n\r\n", False),
        (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n", False),
    ],
)
def test_which_connections_the_server_keeps(raw: bytes, keep_alive: bool) -> None:
    found = head_of(raw)

    assert found is not None
    assert found[0].keep_alive is keep_alive


# -- framing


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
    for make in (HeadDecoder, ChunkedBody):
        decoder = make()
        try:
            decoder.feed(data)
        except ProtocolViolation:
            continue
