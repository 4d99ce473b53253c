"""Edit one member of a JSON object without touching any other byte (RFC 8259).

Knows: where the top-level members of an object lie. It assumes that the text is valid JSON, which ``jsoncodec`` has checked before.
Duplicate names are refused where they are asked for: two parsers that choose differently are a way to smuggle a model past routing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from trioproxy.wire.jsoncodec import Object, loads, undecoded_members

__all__ = ["DuplicateMember", "inserted", "member_span", "members", "replace"]

_WHITE = re.compile(rb"[ \t\r\n]*")
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\]]', re.DOTALL)
_PLAIN = re.compile(rb'[ \t\r\n]*:[ \t\r\n]*("[^"\\]*")')
"""What stands behind a member's name whose value is a string without an escape."""
_CLOSED = (b'"', b"[", b"{")
_DEPTHS = {b"{": 1, b"[": 1, b"}": -1, b"]": -1}
_SCALAR = re.compile(rb"[^,}\]\s]+")


class DuplicateMember(ValueError):
    """The object names the member twice."""


def members(body: bytes) -> Iterator[tuple[str, int, int]]:
    """Name, start and end of the value of each top-level member, in order. Offsets are bytes.

    Raises:
        JSONError: the text is not one JSON object.
    """
    written = undecoded_members(body)
    at = _behind(body, 0, b"{")
    if body[at : at + 1] == b"}":
        return
    while True:
        name = _STRING.match(body, at)
        assert name is not None, "the text was decoded"
        start = _behind(body, name.end(), b":")
        spelled = loads(name.group())
        value = written[spelled]
        # What begins like a whole string, array or object ends like it. Of a name given twice only the last value is known here.
        known = value[:1] in _CLOSED and body.startswith(value, start)
        end = start + len(value) if known else _value_end(body, start)
        yield spelled, start, end
        at = _white(body, end)
        if body[at : at + 1] == b"}":
            return
        at = _behind(body, at, b",")


def member_span(body: bytes, name: str, document: Object | None = None) -> tuple[int, int] | None:
    """The byte range of the value of a top-level member, None where there is none. ``document`` is what the text was decoded to, where it was:
    then most bodies need no second look at all of their members.

    Raises:
        DuplicateMember: the object names it twice.
        JSONError: the text is not one JSON object.
    """
    if document is not None and (spelled := b'"%b"' % name.encode()) in body and name in document:
        at = body.index(spelled)
        # Without an escaped letter the name is spelled in one way only, so where it stands once, there is the member.
        if body.find(spelled, at + 1) < 0 and b"\\u" not in body:
            plain = _PLAIN.match(body, at + len(spelled))
            if plain is not None:
                return plain.span(1)
            start = _behind(body, at + len(spelled), b":")
            return start, _value_end(body, start)
    found: tuple[int, int] | None = None
    for each, start, end in members(body):
        if each != name:
            continue
        if found is not None:
            raise DuplicateMember(f"{name!r} is given twice")
        found = (start, end)
    return found


def replace(body: bytes, span: tuple[int, int], value: bytes) -> bytes:
    """``body`` with the bytes of ``span`` replaced by ``value``."""
    return b"".join((body[: span[0]], value, body[span[1] :]))


def inserted(body: bytes, name: str, value: bytes) -> bytes:
    """``body``, a JSON object, with one more member before its first one. ``name`` is plain ASCII without quotes, ``value`` is JSON. That the
    object has no such member yet is the caller's to know."""
    at = body.index(b"{") + 1
    comma = b"" if body.startswith(b"}", _white(body, at)) else b","
    return b"".join((body[:at], b'"%b":%b' % (name.encode("ascii"), value), comma, body[at:]))


def _white(body: bytes, at: int) -> int:
    found = _WHITE.match(body, at)
    assert found is not None
    return found.end()


def _behind(body: bytes, at: int, mark: bytes) -> int:
    """The index of the first byte behind ``mark`` and the white space around it."""
    at = _white(body, at)
    assert body[at : at + 1] == mark, "the text was decoded"
    return _white(body, at + 1)


def _value_end(body: bytes, start: int) -> int:
    first = body[start : start + 1]
    if first == b'"':
        found = _STRING.match(body, start)
        assert found is not None, "the text was decoded"
        return found.end()
    if first not in (b"{", b"["):
        scalar = _SCALAR.match(body, start)
        assert scalar is not None, "the text was decoded"
        return scalar.end()
    tokens = _TOKEN.finditer(body, start)
    end, depth = start, 0
    while depth or end == start:
        token = next(tokens)
        end = token.end()
        depth += _DEPTHS.get(token.group(), 0)
    return end
