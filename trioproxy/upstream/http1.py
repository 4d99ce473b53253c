"""The heads of HTTP/1.1 as a client writes and reads them (RFC 9112), as pure code: bytes in, values out.

Knows: request heads and response heads. Refuses to know: bodies (``bodies.py``), sockets, connections, what the bytes mean.

Strict where laxness would let one message be taken for two, lax where servers are known to be sloppy and nothing hangs on it (bare line feeds
and folded lines, a missing reason phrase).
"""

from __future__ import annotations

import re
from operator import methodcaller

import attrs

from trioproxy.immutable import immutable
from trioproxy.upstream.base import Headers
from trioproxy.wire.field_names import are_tokens
from trioproxy.wire.headers import Fields
from trioproxy.wire.machine import ProtocolViolation

__all__ = [
    "MAX_HEAD_BYTES",
    "HeadDecoder",
    "ResponseHead",
    "header_lines",
    "request_head",
]

MAX_HEAD_BYTES = 64 * 1024
"""A response head may have this many bytes; so may the trailers of a chunked body."""

_FORBIDDEN_IN_VALUE = re.compile(rb"[\x00\r\n]")
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9][0-9])(?: .*)?")


def request_head(method: str, target: bytes, lines: bytes) -> bytes:
    """The bytes of a request's head, the empty line included. ``lines`` are those of :func:`header_lines`.

    Raises:
        ValueError: ``method`` is not a token.
    """
    verb = method.encode("utf-8", "replace")  # what is no ASCII is no token then
    if not are_tokens([verb]):
        raise ValueError("the method is not a token")
    return b"%b %b HTTP/1.1\r\n%b\r\n" % (verb, target, lines)


def header_lines(headers: Headers) -> bytes:
    """The lines of these headers.

    Raises:
        ValueError: a name or value that would end its line early. The message names the header and never its value.
    """
    block = b"".join([b"%b: %b\r\n" % line for line in headers])
    named = are_tokens([line[0] for line in headers])
    if not named or b"\0" in block or not block.count(b"\r") == block.count(b"\n") == len(headers):
        raise ValueError(_complaint(headers))
    return block


def _complaint(headers: Headers) -> str:
    """What is wrong with one of these headers."""
    for name, value in headers:
        if not are_tokens([name]):
            return f"header name {name!r} is not a token"
        if _FORBIDDEN_IN_VALUE.search(value):
            return f"the value of header {name.decode('ascii')!r} holds a line break or a zero byte"
    raise AssertionError("each of them can be sent")


@immutable(kw_only=True)
class ResponseHead:
    """A final (not 1xx) head. ``headers`` have lower-case names; ``keep_alive`` is what the server offers (RFC 9112 section 9.3)."""

    status: int
    headers: Headers
    keep_alive: bool


@attrs.define(eq=False)
class HeadDecoder:
    """Finds a response's head in the bytes of a connection. Interim (1xx) responses are skipped."""

    untouched: bool = attrs.field(default=True, init=False)
    """Whether no byte of an answer came."""
    _buffer: bytes = attrs.field(default=b"", init=False)
    _searched: int = attrs.field(default=0, init=False)

    def feed(self, data: bytes) -> tuple[ResponseHead, bytes] | None:
        """The head and the bytes behind it, or None while it is not whole.

        Raises:
            ProtocolViolation: not an HTTP/1.x response, or its head is over :data:`MAX_HEAD_BYTES`.
        """
        buffer = self._buffer + data if self._buffer else data
        self.untouched = False
        while True:
            end = _HEAD_END.search(buffer, self._searched)
            if end is None or end.start() > MAX_HEAD_BYTES:
                if len(buffer) > MAX_HEAD_BYTES:
                    raise ProtocolViolation(f"the head of the answer is over {MAX_HEAD_BYTES} bytes")
                if buffer and not b"HTTP/1.".startswith(buffer[:7]):
                    raise ProtocolViolation("the answer does not begin like HTTP/1.x")
                self._searched = max(0, len(buffer) - 3)
                self._buffer = buffer
                return None
            head = _read_head(buffer[: end.start()])
            buffer = buffer[end.end() :]
            self._searched = 0
            if head.status >= 200:
                return head, buffer
            if head.status == 101:
                raise ProtocolViolation("the server switched protocols though nobody asked it to")


def _read_head(block: bytes) -> ResponseHead:
    first, *lines = block.split(b"\n")
    status_line = _STATUS_LINE.fullmatch(first.removesuffix(b"\r"))
    if status_line is None:
        raise ProtocolViolation("the answer has no HTTP/1.x status line")
    headers = _plain_fields(block, lines)
    if headers is None:
        headers = _fields(lines)
    persistent = status_line[1] == b"1"
    if b"connection" in headers.firsts:
        closes = any(name == b"connection" and b"close" in value.lower() for name, value in headers)
        persistent = persistent and not closes
    return ResponseHead(status=int(status_line[2]), headers=headers, keep_alive=persistent)


_at_colon = methodcaller("split", b":", 1)


def _plain_fields(block: bytes, lines: list[bytes]) -> Fields | None:
    """The headers of a head as servers write it, line by line and nothing else; None where it has anything that is to be looked at more
    closely."""
    ends = block.count(b"\r\n")
    if not ends == len(lines) == block.count(b"\r") or b"\0" in block or b"\n " in block or b"\n\t" in block:
        return None
    try:
        fields = [(name.lower(), value.strip(b" \t\r")) for name, value in map(_at_colon, lines)]
    except ValueError:  # a line without a colon
        return None
    return Fields(fields) if are_tokens([name for name, _ in fields]) else None


def _fields(lines: list[bytes]) -> Fields:
    headers: list[tuple[bytes, bytes]] = []
    for line in lines:
        if line[:1] in (b" ", b"\t") and headers:  # a folded line (RFC 9112 section 5.2)
            name, value = headers[-1]
            headers[-1] = name, (value + b" " + line.strip(b" \t\r")).strip(b" ")
            continue
        name, colon, value = line.partition(b":")
        if not colon or not are_tokens([name]):
            raise ProtocolViolation("the head of the answer holds a line that is no header")
        value = value.strip(b" \t\r")
        if _FORBIDDEN_IN_VALUE.search(value):
            raise ProtocolViolation(f"the value of header {name.decode('ascii')!r} holds a control character")
        headers.append((name.lower(), value))
    return Fields(headers)
