"""A stream of JSON values in one growing array: Gemini's ``streamGenerateContent`` without ``alt=sse``.

Knows: where one element ends and the next begins. Refuses to know: what the elements mean.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable

from trioproxy.wire.frames import Frame
from trioproxy.wire.machine import ProtocolViolation

__all__ = ["JSONArrayDecoder", "JSONArrayEncoder"]

DEFAULT_MAX_ELEMENT = 16 * 1024 * 1024

_STRUCTURE = re.compile(rb'["{}\[\]]')
_STRING_STOP = re.compile(rb'["\\]')


class _Place(enum.Enum):
    BEFORE = enum.auto()
    """The array has not begun."""
    BETWEEN = enum.auto()
    """In the array, outside elements."""
    INSIDE = enum.auto()
    """In an element."""
    AFTER = enum.auto()
    """The array is closed, or a lone object was whole."""


class JSONArrayDecoder:
    """A machine from bytes, cut anywhere, to one frame an element. A lone object (an error body) is one frame.

    Elements are objects; what lies between them (commas, white space) is skipped. Memory is bounded by ``max_element`` bytes.
    """

    def __init__(self, *, max_element: int = DEFAULT_MAX_ELEMENT) -> None:
        self._max = max_element
        self._place = _Place.BEFORE
        self._lone = False
        self._depth = 0
        self._in_string = False
        self._escaped = False
        self._element = bytearray()
        self._elements = 0
        self._comma = False

    @property
    def at_boundary(self) -> bool:
        """Whether an element of our own may be written here (:meth:`opening` says with what before it)."""
        return self._place in (_Place.BEFORE, _Place.BETWEEN)

    @property
    def opening(self) -> bytes:
        """What must stand before an element that is added here: the array's bracket, a comma, or nothing."""
        if self._place is _Place.BEFORE:
            return b"["
        return b"," if self._elements and not self._comma else b""

    def feed(self, item: bytes) -> list[Frame]:
        """Frames of the elements that end in ``item``.

        Raises:
            ProtocolViolation: an element is longer than ``max_element`` bytes, or the text is not a JSON array of objects.
        """
        frames: list[Frame] = []
        at = 0
        while at < len(item):
            if self._place is _Place.INSIDE:
                at = self._inside(item, at, frames)
            else:
                at = self._outside(item, at)
        return frames

    def close(self) -> list[Frame]:
        """Nothing is owed: a cut element is not an element."""
        return []

    def _outside(self, item: bytes, at: int) -> int:
        char = item[at : at + 1]
        if char == b"{" and self._place is not _Place.AFTER:
            self._lone = self._place is _Place.BEFORE
            self._place = _Place.INSIDE
            self._depth = 0
            return at
        if char == b"[" and self._place is _Place.BEFORE:
            self._place = _Place.BETWEEN
        elif char == b"]" and self._place is _Place.BETWEEN:
            self._place = _Place.AFTER
        elif char == b"," and self._place is _Place.BETWEEN:
            self._comma = True
        elif not char.isspace():
            raise ProtocolViolation("the body is not a JSON array of objects")
        return at + 1

    def _inside(self, item: bytes, at: int, frames: list[Frame]) -> int:
        end = self._element_end(item, at)
        self._element += item[at:end]
        if len(self._element) > self._max:
            raise ProtocolViolation(f"an array element is longer than {self._max} bytes")
        if self._depth == 0:
            frames.append(Frame(bytes(self._element)))
            self._element.clear()
            self._elements += 1
            self._comma = False
            self._place = _Place.AFTER if self._lone else _Place.BETWEEN
        return end

    def _element_end(self, item: bytes, at: int) -> int:
        """The index behind the element's last byte in ``item`` (with depth back at 0), or the end of ``item``."""
        while at < len(item):
            if self._escaped:
                self._escaped = False
                at += 1
                continue
            found = (_STRING_STOP if self._in_string else _STRUCTURE).search(item, at)
            if found is None:
                return len(item)
            at = found.end()
            char = found.group()
            if char == b"\\":
                self._escaped = True
            elif char == b'"':
                self._in_string = not self._in_string
            elif char in b"{[":
                self._depth += 1
            else:
                self._depth -= 1
                if self._depth == 0:
                    return at
        return at


class JSONArrayEncoder:
    """Frames as the elements of one array. ``close`` ends it; an array without elements is ``[]``."""

    def __init__(self) -> None:
        self._begun = False

    def encode(self, frames: Iterable[Frame]) -> bytes:
        """The bytes of these elements, with what separates them from those before."""
        out: list[bytes] = []
        for frame in frames:
            out.append(b",\r\n" if self._begun else b"[")
            out.append(frame.data)
            self._begun = True
        return b"".join(out)

    def close(self) -> bytes:
        """The end of the array."""
        return b"]" if self._begun else b"[]"
