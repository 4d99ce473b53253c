from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.chunking import cut, whole_and_bytewise
from trioproxy.upstream.http1 import MAX_HEAD_BYTES, HeadDecoder, ResponseHead, header_lines, request_head
from trioproxy.wire.machine import ProtocolViolation


def head_of(*pieces: bytes) -> tuple[ResponseHead, bytes] | None:
    decoder = HeadDecoder()
    for piece in pieces:
        found = decoder.feed(piece)
        if found is not None:
            return found
    return None


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


@given(st.binary(max_size=200))
def test_garbage_is_a_violation_or_nothing(data: bytes) -> None:
    with suppress(ProtocolViolation):
        HeadDecoder().feed(data)
