from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioproxy.protocols.openai_chat.multipart import NotMultipart, form_fields

TYPE = "multipart/form-data; boundary=xyz"


def _fields(body: bytes, content_type: str = TYPE) -> list[tuple[str, bytes]]:
    return [(name, body[start:end]) for name, start, end in form_fields(body, content_type)]


def _part(head: bytes, value: bytes) -> bytes:
    return b"--XyZ\r\n%b\r\n\r\n%b\r\n" % (head, value)


END = b"--XyZ--\r\n"


def test_fields_in_order_and_files_left_out() -> None:
    body = (
        _part(b'Content-Disposition: form-data; name="a"', b"1")
        + _part(
            b'Content-Disposition: form-data; name="file"; filename="m.wav"\r\nContent-Type: audio/wav',
            b"\x00\r\n--XyzNot\r\n",
        )
        + _part(b"content-disposition: form-data; NAME=b", b"two\r\nlines")
        + _part(b"Content-Disposition: form-data", b"nameless")
        + END
    )
    assert _fields(body) == [("a", b"1"), ("b", b"two\r\nlines")]


@pytest.mark.parametrize("between", [b"", b"\r\n"])
def test_an_empty_field(between: bytes) -> None:
    head = b'--XyZ\r\nContent-Disposition: form-data; name="a"\r\n\r\n'
    assert _fields(head + between + b"--XyZ--\r\n") == [("a", b"")]


def test_the_boundary_may_be_quoted_and_the_end_may_have_no_line_end() -> None:
    body = _part(b'Content-Disposition: form-data; name="a"', b"1") + b"--XyZ--"
    assert _fields(body, 'multipart/form-data; charset=utf-8; boundary="xyz"') == [("a", b"1")]


def test_a_body_without_parts() -> None:
    assert _fields(b"--XyZ--\r\n") == []


@pytest.mark.parametrize(
    ("body", "content_type", "said"),
    [
        (b"--XyZ--", "multipart/form-data", "names no boundary"),
        (b"--abc--", TYPE, "does not begin"),
        (b"", TYPE, "does not begin"),
        (b"--XyZ\nrest", TYPE, "line end"),
        (b"--XyZ\r\nContent-Disposition: form-data", TYPE, "end of its headers"),
        (b'--XyZ\r\nContent-Disposition: form-data; name="a"\r\n\r\nvalue', TYPE, "has no end"),
        (b"--XyZ\r\n" + b"x" * 20_000 + b"\r\n\r\n", TYPE, "end of its headers"),
    ],
)
def test_what_is_no_form(body: bytes, content_type: str, said: str) -> None:
    with pytest.raises(NotMultipart, match=said):
        _fields(body, content_type)


@given(st.lists(st.tuples(st.from_regex(r"[a-z]{1,8}", fullmatch=True), st.binary(max_size=30)), max_size=4))
def test_any_values(fields: list[tuple[str, bytes]]) -> None:
    fields = [(name, value) for name, value in fields if b"--XyZ" not in value]
    body = (
        b"".join(_part(b'Content-Disposition: form-data; name="%b"' % name.encode(), value) for name, value in fields)
        + END
    )
    assert _fields(body) == fields
