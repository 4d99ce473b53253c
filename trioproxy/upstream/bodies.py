"""Bodies of HTTP/1.1 as a client reads them (RFC 9112), as pure code: bytes in, bytes without their framing out.

Knows: the four ways a body can end. Refuses to know: heads (``http1.py``) but for what they say of the body, sockets, what the bytes mean.

Strict throughout: a chunk size or a length that can be read in two ways would let one message be taken for two.
"""

from __future__ import annotations

import enum
import re
from typing import Protocol

import attrs

from trioproxy.upstream.http1 import MAX_HEAD_BYTES, ResponseHead
from trioproxy.wire.machine import ProtocolViolation

__all__ = ["BodyDecoder", "ChunkedBody", "EmptyBody", "LengthBody", "UntilCloseBody", "body_decoder"]

_MAX_CHUNK_LINE = 4 * 1024
_WHOLE_SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,8})\r\n")
_CHUNK_SIZE = re.compile(rb"[0-9A-Fa-f]{1,15}")
_LENGTH = re.compile(rb"[0-9]{1,18}")

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
    if (
        len(said) == 1 and said[0][0] == b"content-length" and _LENGTH.fullmatch(said[0][1])
    ):  # as nearly every whole body has it
        return LengthBody(int(said[0][1]))
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
