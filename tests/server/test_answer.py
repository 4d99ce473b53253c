"""Answer heads: framing, what is dropped, and what can't be written."""

from __future__ import annotations

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioproxy.errors import ErrorKind, ProxyFault
from trioproxy.server.answer import AnswerHead, Framing, Headers, write_head


def write(
    status: int = 200, headers: Headers = (), *, method: str = "GET", version: str = "1.1", keep_alive: bool = True
) -> AnswerHead:
    return write_head(status, headers, method=method, version=version, keep_alive=keep_alive)


def read(answer: AnswerHead, method: str = "GET") -> h11.Response:
    """The head as another implementation reads it."""
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method=method, target="/", headers=[("host", "a")]))
    client.receive_data(answer.wire)
    response = client.next_event()
    assert isinstance(response, h11.Response)
    return response


def fields(answer: AnswerHead) -> list[tuple[bytes, bytes]]:
    return [field for field in read(answer).headers if field[0] != b"date"]


@pytest.mark.parametrize(
    ("status", "headers", "method", "version", "framing", "written"),
    [
        (200, (), "GET", "1.1", Framing.CHUNKED, [(b"transfer-encoding", b"chunked")]),
        (200, (), "GET", "1.0", Framing.UNTIL_CLOSE, [(b"connection", b"close")]),
        (200, ((b"Content-Length", b"5"),), "GET", "1.1", Framing.LENGTH, [(b"content-length", b"5")]),
        (200, ((b"content-length", b"5"),), "GET", "1.0", Framing.LENGTH, [(b"content-length", b"5")]),
        (
            200,
            ((b"content-length", b"5"), (b"content-length", b"5")),
            "GET",
            "1.1",
            Framing.LENGTH,
            [(b"content-length", b"5")],
        ),
        (200, (), "HEAD", "1.1", Framing.BODILESS, []),
        (200, ((b"content-length", b"5"),), "HEAD", "1.1", Framing.BODILESS, [(b"content-length", b"5")]),
        (204, ((b"content-length", b"0"),), "GET", "1.1", Framing.BODILESS, []),
        (304, ((b"content-length", b"5"),), "GET", "1.1", Framing.BODILESS, [(b"content-length", b"5")]),
    ],
)
def test_framing(
    status: int, headers: Headers, method: str, version: str, framing: Framing, written: list[tuple[bytes, bytes]]
) -> None:
    answer = write(status, headers, method=method, version=version)
    assert answer.framing is framing
    assert answer.length == (5 if framing is Framing.LENGTH else 0)
    assert fields(answer) == written
    assert read(answer, method).status_code == status


@pytest.mark.parametrize(
    ("headers", "keep_alive", "kept", "connection"),
    [
        ((), True, True, None),
        ((), False, False, b"close"),
        (((b"Connection", b"Close"),), True, False, b"close"),
        (((b"connection", b"keep-alive"),), True, True, None),
        (((b"connection", b"keep-alive"),), False, False, b"close"),
        (((b"upgrade", b"websocket"),), True, True, b"upgrade"),
        (((b"upgrade", b"websocket"),), False, False, b"upgrade, close"),
    ],
)
def test_who_may_ask_again(headers: Headers, keep_alive: bool, kept: bool, connection: bytes | None) -> None:
    answer = write(426, headers, keep_alive=keep_alive)
    assert answer.keep_alive is kept
    assert dict(fields(answer)).get(b"connection") == connection


def test_the_connections_own_headers_are_dropped_and_others_kept_in_order() -> None:
    own = (b"Transfer-Encoding", b"Connection", b"Keep-Alive", b"Proxy-Connection", b"TE", b"Trailer", b"Date")
    others = ((b"X-One", b"1"), (b"set-cookie", b"a"), (b"set-cookie", b"b"), (b"x-empty", b""), (b"x-latin", b"\xe9"))
    answer = write(200, (*((name, b"x") for name in own), *others))
    assert fields(answer)[:5] == [(name.lower(), value) for name, value in others]
    assert fields(answer)[5:] == [(b"transfer-encoding", b"chunked")]


def test_there_is_a_date_and_it_is_made_once_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [784111777.2]
    monkeypatch.setattr("trioproxy.server.answer.time.time", lambda: now[0])
    assert dict(read(write()).headers)[b"date"] == b"Sun, 06 Nov 1994 08:49:37 GMT"
    now[0] += 0.7
    assert dict(read(write()).headers)[b"date"] == b"Sun, 06 Nov 1994 08:49:37 GMT"
    now[0] += 0.2
    assert dict(read(write()).headers)[b"date"] == b"Sun, 06 Nov 1994 08:49:38 GMT"


@pytest.mark.parametrize(("status", "reason"), [(200, b"OK"), (426, b"Upgrade Required"), (529, b""), (999, b"")])
def test_reasons(status: int, reason: bytes) -> None:
    assert read(write(status)).reason == reason


@pytest.mark.parametrize(
    ("status", "headers", "message"),
    [
        (199, (), "199 is no final"),
        (1000, (), "1000 is no final"),
        (200, ((b"x", b"a\r\nb: c"),), "'x'"),
        (200, ((b"x", b"a\nb"),), "'x'"),
        (200, ((b"x", b"a\r\n"),), "'x'"),
        (200, ((b"x", b"a\0"),), "'x'"),
        (200, ((b"x\r\ny", b"a"),), "x.*y"),
        (200, ((b"x: a\r\ny", b"b"),), "x"),
        (200, ((b"x:y", b"a"),), "x"),
        (200, ((b"x y", b"a"),), "'x y'"),
        (200, ((b"", b"a"),), "''"),
        (200, ((b"good", b"a"), (b"b\xe9d", b"a")), "xe9"),
        (200, ((b"content-length", b"5"), (b"content-length", b"6")), "content-length"),
        (200, ((b"content-length", b"-5"),), "content-length"),
        (200, ((b"content-length", b"5\r\nx: y"),), "content-length"),
        (204, ((b"content-length", b"many"),), "content-length"),
    ],
)
def test_what_can_not_be_written(status: int, headers: Headers, message: str) -> None:
    with pytest.raises(ProxyFault, match=message) as caught:
        write(status, headers)
    assert caught.value.failure.kind is ErrorKind.INTERNAL


def test_a_refused_value_is_not_quoted() -> None:
    with pytest.raises(ProxyFault) as caught:
        write(200, ((b"x-key", b"secret\r\n"),))
    assert "secret" not in str(caught.value)


@given(st.lists(st.tuples(st.binary(max_size=12), st.binary(max_size=12)), max_size=4))
def test_no_headers_make_more_headers(headers: list[tuple[bytes, bytes]]) -> None:
    try:
        answer = write(200, tuple(headers))
    except ProxyFault:
        return
    lines = answer.wire.split(b"\r\n")
    assert lines[-2:] == [b"", b""]
    assert b"" not in lines[:-2]
    assert len(lines) - 2 <= 1 + len(headers) + 3
    read(answer)
