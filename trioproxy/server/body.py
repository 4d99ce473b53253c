"""How a request's body is framed (RFC 9112 sections 6 and 7), strictly.

Knows: where a body ends among the bytes that arrive, and which framings two servers might read differently. Refuses to know: what the body
says, how it is encoded, how large it may be.

The chunk parser is written here because h11's is kinder than a server beside others should be: it lets bare CR stand in chunk extensions,
blanks stand behind a chunk size and bare LF end trailer lines, each of which some other server reads as a border.
"""

from __future__ import annotations

import enum
import re
from typing import Protocol, assert_never

from trioproxy.wire.machine import ProtocolViolation

__all__ = ["BodyReader", "ChunkedBody", "LengthBody"]

_LINE_BYTES = 256
_TRAILER_BYTES = 8 * 1024

# A client that cuts its body into single bytes spends 5 bytes on each; one that spends more than this is after something else.
_OVERHEAD_FREE = 64 * 1024
_OVERHEAD_PER_BYTE = 8

_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,15})(?:;[\t\x20-\x7e\x80-\xff]*)?")
_TRAILER_LINE = re.compile(rb"[-!#$%&'*+.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*")


class BodyReader(Protocol):
    """Takes a body's bytes out of what has arrived."""

    @property
    def done(self) -> bool:
        """Whether the body is whole; bytes that remain belong to the next request."""
        ...

    @property
    def left(self) -> int | None:
        """How many bytes are to come, None where that is not known."""
        ...

    def take(self, arrived: bytearray) -> bytes:
        """Remove this body's bytes from the front of ``arrived`` and return what they carry; ``b""`` when more must arrive first.

        Raises:
            ProtocolViolation: the framing is not legal; nothing behind it can be trusted.
        """
        ...


class LengthBody:
    """A body of a declared length, 0 for none."""

    def __init__(self, length: int) -> None:
        self._left = length

    @property
    def done(self) -> bool:
        """See :attr:`BodyReader.done`."""
        return self._left == 0

    @property
    def left(self) -> int | None:
        """See :attr:`BodyReader.left`."""
        return self._left

    def take(self, arrived: bytearray) -> bytes:
        """See :meth:`BodyReader.take`."""
        data = bytes(arrived[: self._left])
        del arrived[: self._left]
        self._left -= len(data)
        return data


class _At(enum.Enum):
    SIZE = enum.auto()
    DATA = enum.auto()
    DATA_END = enum.auto()
    TRAILER = enum.auto()
    END = enum.auto()


class ChunkedBody:
    """A body in chunks. Extensions are dropped, trailers checked and dropped."""

    def __init__(self) -> None:
        self._at = _At.SIZE
        self._chunk_left = 0
        self._carried = 0
        self._overhead = 0
        self._trailer_bytes = 0

    @property
    def done(self) -> bool:
        """See :attr:`BodyReader.done`."""
        return self._at is _At.END

    @property
    def left(self) -> int | None:
        """See :attr:`BodyReader.left`."""
        return 0 if self.done else None

    def take(self, arrived: bytearray) -> bytes:
        """See :meth:`BodyReader.take`."""
        pieces: list[bytes] = []
        while self._step(arrived, pieces):
            pass
        return b"".join(pieces)

    def _step(self, arrived: bytearray, pieces: list[bytes]) -> bool:
        match self._at:
            case _At.SIZE:
                return self._take_size(arrived)
            case _At.DATA:
                return self._take_data(arrived, pieces)
            case _At.DATA_END:
                return self._take_data_end(arrived)
            case _At.TRAILER:
                return self._take_trailer(arrived)
            case _At.END:
                return False
            case never:
                assert_never(never)

    def _take_size(self, arrived: bytearray) -> bool:
        line = self._take_line(arrived, _LINE_BYTES, "a chunk's size line")
        if line is None:
            return False
        match = _CHUNK_LINE.fullmatch(line)
        if match is None:
            raise ProtocolViolation("a chunk of the body does not begin with its size")
        self._chunk_left = int(match[1], 16)
        self._overhead += len(line) + 4
        if self._overhead > _OVERHEAD_FREE + _OVERHEAD_PER_BYTE * self._carried:
            raise ProtocolViolation("the body's chunks are mostly framing")
        self._at = _At.DATA if self._chunk_left else _At.TRAILER
        return True

    def _take_data(self, arrived: bytearray, pieces: list[bytes]) -> bool:
        data = bytes(arrived[: self._chunk_left])
        del arrived[: self._chunk_left]
        self._chunk_left -= len(data)
        self._carried += len(data)
        pieces.append(data)
        if self._chunk_left:
            return False
        self._at = _At.DATA_END
        return True

    def _take_data_end(self, arrived: bytearray) -> bool:
        end = bytes(arrived[:2])
        if not b"\r\n".startswith(end):
            raise ProtocolViolation("a chunk of the body is longer than its size says")
        if len(end) < 2:
            return False
        del arrived[:2]
        self._at = _At.SIZE
        return True

    def _take_trailer(self, arrived: bytearray) -> bool:
        line = self._take_line(arrived, _TRAILER_BYTES - self._trailer_bytes, "the body's trailer")
        if line is None:
            return False
        if not line:
            self._at = _At.END
            return False
        if _TRAILER_LINE.fullmatch(line) is None:
            raise ProtocolViolation("the body's trailer is not made of header lines")
        self._trailer_bytes += len(line) + 2
        return True

    @staticmethod
    def _take_line(arrived: bytearray, limit: int, what: str) -> bytes | None:
        end = arrived.find(b"\n", 0, limit + 2)
        if end < 0:
            if len(arrived) >= limit + 2:
                raise ProtocolViolation(f"{what} is too long")
            return None
        if arrived[end - 1 : end] != b"\r":
            raise ProtocolViolation(f"{what} does not end in CRLF")
        line = bytes(arrived[: end - 1])
        del arrived[: end + 1]
        return line
