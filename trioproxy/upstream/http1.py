"""HTTP/1.1 as a client reads and writes it (RFC 9112), as pure code: bytes in, values out.

Knows: request heads, response heads, the four ways a body can end. Refuses to know: sockets, connections, what the bytes mean.

Strict where laxness would let one message be taken for two (chunk sizes, differing lengths), lax where servers are known to be sloppy and
nothing hangs on it (bare line feeds and folded lines in a head, a missing reason phrase).
"""

from __future__ import annotations

import enum
import re
from typing import Protocol

import attrs

from trioproxy.immutable import immutable
from trioproxy.upstream.base import Headers
from trioproxy.wire.machine import ProtocolViolation

__all__ = [
    "MAX_HEAD_BYTES",
    "BodyDecoder",
    "ChunkedBody",
    "EmptyBody",
    "HeadDecoder",
    "LengthBody",
    "ResponseHead",
    "UntilCloseBody",
    "body_decoder",
    "header_lines",
    "request_head",
]

MAX_HEAD_BYTES = 64 * 1024
"""A response head may have this many bytes; so may the trailers of a chunked body."""

_MAX_CHUNK_LINE = 4 * 1024
_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_TOKEN_BYTES = b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_FORBIDDEN_IN_VALUE = re.compile(rb"[\x00\r\n]")
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9][0-9])(?: .*)?")
_WHOLE_SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,8})\r\n")
_CHUNK_SIZE = re.compile(rb"[0-9A-Fa-f]{1,15}")
_LENGTH = re.compile(rb"[0-9]{1,18}")


def request_head(method: str, target: bytes, lines: bytes) -> bytes:
    """The bytes of a request's head, the empty line included. ``lines`` are those of :func:`header_lines`.

    Raises:
        ValueError: ``method`` is not a token.
    """
    if not _TOKEN.fullmatch(method.encode("ascii", "replace")):
        raise ValueError("the method is not a token")
    return b"%b %b HTTP/1.1\r\n%b\r\n" % (method.encode("ascii"), target, lines)


def header_lines(headers: Headers) -> bytes:
    """The lines of these headers.

    Raises:
        ValueError: a name or value that would end its line early. The message names the header and never its value.
    """
    block = b"".join([b"%b: %b\r\n" % line for line in headers])
    named = _are_tokens([line[0] for line in headers])
    if not named or b"\0" in block or not block.count(b"\r") == block.count(b"\n") == len(headers):
        raise ValueError(_complaint(headers))
    return block


def _are_tokens(names: list[bytes]) -> bool:
    return b"" not in names and not b"".join(names).translate(None, _TOKEN_BYTES)


def _complaint(headers: Headers) -> str:
    """What is wrong with one of these headers."""
    for name, value in headers:
        if not _TOKEN.fullmatch(name):
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
    if b"connection" in dict(headers):
        closes = any(name == b"connection" and b"close" in value.lower() for name, value in headers)
        persistent = persistent and not closes
    return ResponseHead(status=int(status_line[2]), headers=headers, keep_alive=persistent)


def _plain_fields(block: bytes, lines: list[bytes]) -> Headers | None:
    """The headers of a head as servers write it, line by line and nothing else; None where it has anything that is to be looked at more
    closely."""
    ends = block.count(b"\r\n")
    if not ends == len(lines) == block.count(b"\r") or b"\0" in block or b"\n " in block or b"\n\t" in block:
        return None
    try:
        fields = [(name.lower(), value.strip(b" \t\r")) for name, value in [line.split(b":", 1) for line in lines]]
    except ValueError:  # a line without a colon
        return None
    return tuple(fields) if _are_tokens([name for name, _ in fields]) else None


def _fields(lines: list[bytes]) -> Headers:
    headers: list[tuple[bytes, bytes]] = []
    for line in lines:
        if line[:1] in (b" ", b"\t") and headers:  # a folded line (RFC 9112 section 5.2)
            name, value = headers[-1]
            headers[-1] = name, (value + b" " + line.strip(b" \t\r")).strip(b" ")
            continue
        name, colon, value = line.partition(b":")
        if not colon or not _TOKEN.fullmatch(name):
            raise ProtocolViolation("the head of the answer holds a line that is no header")
        value = value.strip(b" \t\r")
        if _FORBIDDEN_IN_VALUE.search(value):
            raise ProtocolViolation(f"the value of header {name.decode('ascii')!r} holds a control character")
        headers.append((name.lower(), value))
    return tuple(headers)


_SIZES: dict[bytes, int] = {}
"""What the size lines that were read say: few differ, and a look-up costs a third of reading one."""

_MOST_SIZES = 4096


def _size_of(line: bytes) -> int:
    """What a plain size line says; 0 for the last one, and for one that is not plain."""
    plain = _WHOLE_SIZE_LINE.fullmatch(line)
    size = int(plain[1], 16) if plain is not None else 0
    if size and len(_SIZES) < _MOST_SIZES:
        _SIZES[line] = size
    return size


class BodyDecoder(Protocol):
    """Takes the framing off a body."""

    @property
    def ended(self) -> bool:
        """Whether the body is whole."""
        ...

    @property
    def excess(self) -> bool:
        """Whether bytes came behind the end: the connection can't be used again."""
        ...

    def feed(self, data: bytes) -> bytes:
        """The body bytes in ``data``, perhaps none.

        Raises:
            ProtocolViolation: the framing is broken.
        """
        ...

    def close(self) -> str | None:
        """The connection ended: None where that is an honest end of this body, else what is missing, in words."""
        ...


@attrs.define(eq=False)
class EmptyBody:
    """No body at all: the answer to HEAD, 204, 304."""

    ended: bool = attrs.field(default=True, init=False)
    excess: bool = attrs.field(default=False, init=False)

    def feed(self, data: bytes) -> bytes:
        """See :meth:`BodyDecoder.feed`."""
        self.excess = self.excess or bool(data)
        return b""

    def close(self) -> str | None:
        """See :meth:`BodyDecoder.close`."""
        return None


@attrs.define(eq=False)
class LengthBody:
    """``length`` bytes announced by content-length."""

    length: int
    ended: bool = attrs.field(init=False)
    excess: bool = attrs.field(default=False, init=False)
    _missing: int = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._missing = self.length
        self.ended = self.length == 0

    def feed(self, data: bytes) -> bytes:
        """See :meth:`BodyDecoder.feed`."""
        if len(data) > self._missing:
            self.excess = True
            data = data[: self._missing]
        self._missing -= len(data)
        self.ended = self._missing == 0
        return data

    def close(self) -> str | None:
        """See :meth:`BodyDecoder.close`."""
        return None if self.ended else f"{self._missing} of {self.length} bytes are missing"


@attrs.define(eq=False)
class UntilCloseBody:
    """A body without any framing: the end of the connection is its end (RFC 9112 section 6.3, rule 8)."""

    ended: bool = attrs.field(default=False, init=False)
    excess: bool = attrs.field(default=False, init=False)

    def feed(self, data: bytes) -> bytes:
        """See :meth:`BodyDecoder.feed`."""
        return data

    def close(self) -> str | None:
        """See :meth:`BodyDecoder.close`."""
        self.ended = True
        return None


class _Place(enum.Enum):
    SIZE = enum.auto()
    DATA = enum.auto()
    DATA_END = enum.auto()
    TRAILER = enum.auto()
    END = enum.auto()


_AT_SIZE = _Place.SIZE
"""A name of the module is found sooner than a member of an enumeration, and this one is asked for with every event."""


@attrs.define(eq=False)
class ChunkedBody:
    """A chunked body (RFC 9112 section 7.1). Extensions and trailers are read over."""

    ended: bool = attrs.field(default=False, init=False)
    excess: bool = attrs.field(default=False, init=False)
    _place: _Place = attrs.field(default=_Place.SIZE, init=False)
    _missing: int = attrs.field(default=0, init=False)
    _partial: bytes = attrs.field(default=b"", init=False)
    _trailer_bytes: int = attrs.field(default=0, init=False)

    def feed(self, data: bytes) -> bytes:
        """See :meth:`BodyDecoder.feed`. All chunks that are whole or begun come out as one piece."""
        # A provider that streams sends one chunk an event, and that is what one read finds: of 256 to 4,095 bytes, nearly always.
        size = _SIZES.get(data[:5])
        if size and len(data) == size + 7 and data.endswith(b"\r\n") and self._place is _AT_SIZE and not self._partial:
            return data[5:-2]
        if self._partial:
            data = self._partial + data
            self._partial = b""
        parts: list[bytes] = []
        at = 0
        while at < len(data):
            match self._place:
                case _Place.SIZE:
                    at = self._whole_chunks(data, at, parts)
                    if at < len(data):
                        at = self._line(data, at)
                case _Place.DATA:
                    part = data[at : at + self._missing]
                    parts.append(part)
                    at += len(part)
                    self._missing -= len(part)
                    if not self._missing:
                        self._place = _Place.DATA_END
                case _Place.DATA_END | _Place.TRAILER:
                    at = self._line(data, at)
                case _:
                    self.excess = True
                    break
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def close(self) -> str | None:
        """See :meth:`BodyDecoder.close`."""
        return None if self.ended else "its last chunk is missing"

    @staticmethod
    def _whole_chunks(data: bytes, at: int, parts: list[bytes]) -> int:
        """Take the chunks that are here as a whole, as most are; what remains goes the slow way."""
        find, known, take = data.find, _SIZES.get, parts.append
        while (begin := find(b"\r\n", at, at + 10) + 2) > 1:
            line = data[at:begin]
            size = known(line) or _size_of(line)
            end = begin + size
            if not size or data[end : end + 2] != b"\r\n":
                break
            take(data[begin:end])
            at = end + 2
        return at

    def _line(self, data: bytes, at: int) -> int:
        end = data.find(b"\r\n", at)
        if end < 0:
            self._keep_partial(data[at:])
            return len(data)
        match self._place:
            case _Place.SIZE:
                size = _CHUNK_SIZE.match(data, at, end)
                # What may follow the size is white space and extensions.
                if size is None or (size.end() < end and data[size.end()] not in b"; \t"):
                    raise ProtocolViolation("a chunk has no size")
                self._missing = int(size[0], 16)
                self._place = _Place.DATA if self._missing else _Place.TRAILER
            case _Place.DATA_END:
                if end != at:
                    raise ProtocolViolation("a chunk is longer than its size")
                self._place = _Place.SIZE
            case _:
                self._trailer_bytes += end - at
                if self._trailer_bytes > MAX_HEAD_BYTES:
                    raise ProtocolViolation(f"the trailers are over {MAX_HEAD_BYTES} bytes")
                if end == at:
                    self._place = _Place.END
                    self.ended = True
        return end + 2

    def _keep_partial(self, rest: bytes) -> None:
        if self._place is _Place.DATA_END and rest != b"\r":
            raise ProtocolViolation("a chunk is longer than its size")
        if len(rest) > (MAX_HEAD_BYTES if self._place is _Place.TRAILER else _MAX_CHUNK_LINE):
            raise ProtocolViolation("a line of the chunked framing does not end")
        self._partial = rest


def body_decoder(method: str, head: ResponseHead) -> BodyDecoder:
    """How the body behind ``head`` ends (RFC 9112 section 6.3).

    Raises:
        ProtocolViolation: the head contradicts itself, or names a transfer coding other than ``chunked``.
    """
    if method == "HEAD" or head.status in (204, 304):
        return EmptyBody()
    said = [line for line in head.headers if line[0] in _FRAMING]
    codings = [coding for name, value in said if name == b"transfer-encoding" for coding in _listed(value)]
    if codings:
        if [coding.lower() for coding in codings] != [b"chunked"]:
            raise ProtocolViolation("the answer has a transfer coding other than chunked")
        return ChunkedBody()
    if not said:
        return UntilCloseBody()
    (length, *others) = {length for _, value in said for length in _listed(value)}
    if others or not _LENGTH.fullmatch(length):
        raise ProtocolViolation("the answer's content-length is not one number")
    return LengthBody(int(length))


_FRAMING = frozenset({b"transfer-encoding", b"content-length"})


def _listed(value: bytes) -> list[bytes]:
    return [each.strip(b" \t") for each in value.split(b",")]
