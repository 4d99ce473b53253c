from __future__ import annotations

import pytest

from tests.support.chunking import cut
from trioproxy.upstream.socks5 import Socks5Handshake
from trioproxy.wire.machine import ProtocolViolation

GRANTED = b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"


def test_without_a_name_only_no_authentication_is_offered() -> None:
    assert Socks5Handshake("example.org", 443).start() == b"\x05\x01\x00"


def test_with_a_name_both_ways_are_offered() -> None:
    assert Socks5Handshake("example.org", 443, "user", "word").start() == b"\x05\x02\x00\x02"


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("example.org", b"\x03\x0bexample.org"),
        ("10.0.0.1", b"\x01\x0a\x00\x00\x01"),
        ("::1", b"\x04" + b"\x00" * 15 + b"\x01"),
    ],
)
def test_the_proxy_is_asked_for_the_host_as_it_was_named(host: str, address: bytes) -> None:
    handshake = Socks5Handshake(host, 443)
    handshake.start()

    assert handshake.feed(b"\x05\x00") == b"\x05\x01\x00" + address + b"\x01\xbb"


@pytest.mark.parametrize("granted", [GRANTED, b"\x05\x00\x00\x03\x02hi\x00\x09", b"\x05\x00\x00\x04" + b"\x00" * 18])
@pytest.mark.parametrize("size", [0, 1, 3])
def test_a_connection_stands_when_the_whole_reply_is_there(granted: bytes, size: int) -> None:
    handshake = Socks5Handshake("h", 1)
    handshake.start()
    for piece in cut(b"\x05\x00", size):
        asked = handshake.feed(piece)
    assert asked
    pieces = cut(granted, size)
    for piece in pieces[:-1]:
        handshake.feed(piece)
        assert not handshake.done

    assert handshake.feed(pieces[-1]) == b""

    assert handshake.done


@pytest.mark.parametrize("size", [0, 1])
def test_signing_in_comes_first_where_the_proxy_wants_it(size: int) -> None:
    handshake = Socks5Handshake("h", 1, "user", "word")
    handshake.start()

    assert b"".join(handshake.feed(piece) for piece in cut(b"\x05\x02", size)) == b"\x01\x04user\x04word"
    assert b"".join(handshake.feed(piece) for piece in cut(b"\x01\x00", size)) == b"\x05\x01\x00\x03\x01h\x00\x01"


@pytest.mark.parametrize(
    ("username", "replies", "message"),
    [
        (None, [b"HTTP/1.1 400"], "does not speak SOCKS 5"),
        (None, [b"\x05\xff"], "wants a user name and password"),
        (None, [b"\x05\x02"], "wants a user name and password"),
        ("user", [b"\x05\xff"], "refuses every way to sign in"),
        ("user", [b"\x05\x02", b"\x01\x01"], "refused the user name and password"),
        (None, [b"\x05\x00", b"\x05\x05\x00\x01"], "connection refused"),
        (None, [b"\x05\x00", b"\x05\x02\x00\x01"], "not allowed by its rules"),
        (None, [b"\x05\x00", b"\x05\x63\x00\x01"], "reply 99"),
        (None, [b"\x05\x00", GRANTED + b"x"], "sent more than its reply"),
    ],
)
def test_a_refusal_is_told_in_words(username: str | None, replies: list[bytes], message: str) -> None:
    handshake = Socks5Handshake("h", 1, username, "word")
    handshake.start()
    for reply in replies[:-1]:
        handshake.feed(reply)

    with pytest.raises(ProtocolViolation, match=message):
        handshake.feed(replies[-1])


def test_a_handshake_shows_no_password() -> None:
    assert "hunter2" not in repr(Socks5Handshake("h", 1, "user", "hunter2"))
