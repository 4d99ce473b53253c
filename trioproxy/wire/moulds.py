"""Frames that differ in nothing but the text inside one JSON string: what stands around it is a mould.

Most frames of an answer are of this kind. A block of lines that begins and ends like a known one, and has nothing between but what the JSON
decoder takes for the inside of one string, is that known one with another text: no byte of it can mean anything else. So whoever knows what the
known one meant knows what this one means, without a look at its members. The string is judged by the decoder itself, escapes, UTF-8 and control
characters alike, so that nothing is taken here that would be refused there.

Some providers pad their frames to hide how long the words are: OpenAI by a second string (``obfuscation``), Anthropic by spaces (both recorded
in 2025 and 2026). Such a mould has a gap behind its text, in which any string or any spaces may stand. And OpenAI
numbers the events of a response.

Refuses to know: what a frame means. That a text stands where it seems to stand, and that a gap says nothing, has to be tried, by one who knows:
:func:`moulded`, :func:`widened`.
"""

from __future__ import annotations

import enum
import re
import sys
from collections.abc import Sequence

import msgspec

from trioproxy.wire.jsoncodec import dumps

__all__ = ["Gap", "Mould", "moulded", "widened"]

LONGEST = 4 * 1024
"""Of what stands around a text: it is kept as long as its stream is open."""

_decode = msgspec.json.Decoder(str).decode
_REFUSED = (msgspec.DecodeError, UnicodeError)


class Gap(enum.Enum):
    """What else may differ."""

    NONE = enum.auto()
    SPACES = enum.auto()
    STRING = enum.auto()


_COUNT = re.compile(rb"(?:0|[1-9][0-9]{0,14})(?![0-9])")
_NUMBER = 1234567890
_PADDING = {Gap.NONE: b"", Gap.SPACES: b"   ", Gap.STRING: rb"\"padding\", \u00e9 \n"}


class Mould:
    """``before`` ends with the quote that opens the text, ``after`` begins with the one that closes it. Where there is a gap, ``after`` ends
    where it begins (behind the quote that opens its string), and ``behind`` is what follows it. Where frames are numbered, ``head`` is what
    stands before the number, and ``before`` begins behind it. Blocks are those of :meth:`~trioproxy.wire.sse.SSEDecoder.blocks`.

    ``number`` is that of the block that was taken last, ``limit`` the most bytes that one may have.
    """

    __slots__ = (
        "_begin",
        "_closing",
        "_closing_last",
        "_end",
        "_last",
        "_opening",
        "_simple",
        "after",
        "before",
        "behind",
        "gap",
        "head",
        "limit",
        "number",
    )

    def __init__(
        self, before: bytes, after: bytes, behind: bytes = b"", gap: Gap = Gap.NONE, head: bytes = b""
    ) -> None:
        self.before, self.after, self.behind, self.gap, self.head = before, after, behind, gap, head
        self.number: int | None = None
        self.limit = sys.maxsize
        self._begin = head or before
        self._end = after if gap is Gap.NONE else behind
        self._last = self._end + b"\n\n"
        self._simple = gap is Gap.NONE and not head
        # With its quotes: where the two ends overlap, too little is left to be a string.
        self._opening = len(before) - 1
        self._closing = 1 - len(self._end)
        self._closing_last = 1 - len(self._last)

    def filled(self, text: str) -> bytes:
        """The block with this text, and something else in its gap and for its number."""
        head = self.head + b"%d" % _NUMBER if self.head else b""
        return head + self.before + dumps(text)[1:-1] + self.after + _PADDING[self.gap] + self.behind

    def text(self, data: bytes) -> str | None:
        """The text of one block and its blank line; None where ``data`` is something else, or the text is empty."""
        if data.startswith(self._begin) and data.endswith(self._last) and len(data) <= self.limit:
            try:
                if self._simple:
                    return _decode(data[self._opening : self._closing_last]) or None
                return self._inside(data[: -len(b"\n\n")])
            except _REFUSED:
                return None
        return None

    def texts(self, blocks: Sequence[bytes], at: int) -> list[str]:
        """The texts of the blocks from number ``at`` on, up to the first that is something else, or whose text is empty."""
        begin, end, opening, closing, simple = self._begin, self._end, self._opening, self._closing, self._simple
        texts: list[str] = []
        try:
            for place in range(at, len(blocks)):
                block = blocks[place]
                if not (block.startswith(begin) and block.endswith(end)):
                    break
                text = _decode(block[opening:closing]) if simple else self._inside(block)
                if not text:
                    break
                texts.append(text)
        except _REFUSED:
            pass
        return texts

    def _inside(self, block: bytes) -> str | None:
        """The text of a block whose two ends are right."""
        opened, number = len(self.before), None
        if self.head:
            counted = block.find(self.before, len(self.head))
            digits = block[len(self.head) : counted]
            if counted < 0 or _COUNT.fullmatch(digits) is None:
                return None
            opened, number = opened + counted, int(digits)
        closed = block.find(self.after, opened)
        if closed < 0:
            return None
        text = _decode(block[opened - 1 : closed + 1])
        begin, end = closed + len(self.after), len(block) - len(self.behind)
        if self.gap is Gap.STRING:
            _decode(block[begin - 1 : end + 1])
        elif begin > end or block[begin:end].strip(b" "):
            return None
        if text:
            self.number = number
        return text or None


def moulded(block: bytes, text: str, counter: bytes = b"") -> Mould | None:
    """What stands around ``text`` in ``block``, where it seems to stand in one place; None where it does not. ``counter`` is what stands before
    a number that may be any, b"" where there is none.

    It only seems so: the words may be spelled elsewhere and stand here by chance. Whoever reads :meth:`Mould.filled` with another text, and
    finds that other text in it and no other difference, knows.
    """
    inside = dumps(text)
    before, found, after = block.partition(inside)
    if not found or inside in after or len(before) + len(after) > LONGEST:
        return None
    head, numbered, rest = before.partition(counter) if counter and block.count(counter) == 1 else (before, b"", b"")
    digits = _COUNT.match(rest)
    if digits is None:
        return Mould(before + b'"', b'"' + after)
    return Mould(rest[digits.end() :] + b'"', b'"' + after, head=head + numbered)


def widened(one: Mould, other: Mould) -> Mould | None:
    """A mould for both of two, the second without a gap, that differ in one place behind their text; None where they don't, or may differ in
    more than padding. To be tried like any other: that a string there says nothing is only supposed."""
    if one.gap is not Gap.NONE or one.after == other.after or (one.head, one.before) != (other.head, other.before):
        return None
    same = _same(one.after, other.after)
    left = (one.after[same:], other.after[same:])
    rest = _same(left[0][::-1], left[1][::-1])
    after, behind = other.after[:same], other.after[len(other.after) - rest :]
    if not any(each[: len(each) - rest].strip(b" ") for each in left):
        return Mould(one.before, after.rstrip(b" "), behind.lstrip(b" "), Gap.SPACES, one.head)
    opened, closed = after.rfind(b'"') + 1, behind.find(b'"')
    if opened < 2 or closed < 0:
        return None
    return Mould(one.before, after[:opened], behind[closed:], Gap.STRING, one.head)


def _same(one: bytes, other: bytes) -> int:
    """How many bytes the two have in common before they differ."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))
