"""Frames that differ in nothing but the text inside one JSON string: what stands around it is a mould.

Most frames of an answer are of this kind. A block of lines that begins and ends like a known one, and has nothing between but what the JSON
decoder takes for the inside of one string, is that known one with another text: no byte of it can mean anything else. So whoever knows what the
known one meant knows what this one means, without a look at its members. The string is judged by the decoder itself, escapes, UTF-8 and control
characters alike, so that nothing is taken here that would be refused there.

Some providers pad their frames to hide how long the words are: OpenAI by a second string (``obfuscation``), Anthropic by spaces (both recorded
in 2025 and 2026). Such a mould has a gap behind its text, in which any string or any spaces may stand.

Refuses to know: what a frame means. That a text stands where it seems to stand, and that a gap says nothing, has to be tried, by one who knows:
:func:`moulded`, :func:`widened`.
"""

from __future__ import annotations

import enum
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


_PADDING = {Gap.NONE: b"", Gap.SPACES: b"   ", Gap.STRING: rb"\"padding\", \u00e9 \n"}


class Mould:
    """``before`` ends with the quote that opens the text, ``after`` begins with the one that closes it. Where there is a gap, ``after`` ends
    where it begins (behind the quote that opens its string), and ``behind`` is what follows it. Blocks are those of
    :meth:`~trioproxy.wire.sse.SSEDecoder.blocks`."""

    def __init__(self, before: bytes, after: bytes, behind: bytes = b"", gap: Gap = Gap.NONE) -> None:
        self.before, self.after, self.behind, self.gap = before, after, behind, gap
        self._end = after if gap is Gap.NONE else behind
        self._last = self._end + b"\n\n"
        # With its quotes: where the two ends overlap, too little is left to be a string.
        self._opening = len(before) - 1
        self._closing = 1 - len(self._end)
        self._closing_last = 1 - len(self._last)

    def filled(self, text: str) -> bytes:
        """The block with this text, and something else in its gap."""
        return self.before + dumps(text)[1:-1] + self.after + _PADDING[self.gap] + self.behind

    def text(self, data: bytes) -> str | None:
        """The text of one block and its blank line; None where ``data`` is something else, or the text is empty."""
        if data.startswith(self.before) and data.endswith(self._last):
            try:
                if self.gap is Gap.NONE:
                    return _decode(data[self._opening : self._closing_last]) or None
                return self._beside_gap(data[: -len(b"\n\n")])
            except _REFUSED:
                return None
        return None

    def texts(self, blocks: Sequence[bytes], at: int) -> list[str]:
        """The texts of the blocks from number ``at`` on, up to the first that is something else, or whose text is empty."""
        before, end, opening, closing, simple = (
            self.before,
            self._end,
            self._opening,
            self._closing,
            self.gap is Gap.NONE,
        )
        texts: list[str] = []
        try:
            for number in range(at, len(blocks)):
                block = blocks[number]
                if not (block.startswith(before) and block.endswith(end)):
                    break
                text = _decode(block[opening:closing]) if simple else self._beside_gap(block)
                if not text:
                    break
                texts.append(text)
        except _REFUSED:
            pass
        return texts

    def _beside_gap(self, block: bytes) -> str | None:
        """The text of a block whose two ends are right."""
        closed = block.find(self.after, len(self.before))
        if closed < 0:
            return None
        text = _decode(block[self._opening : closed + 1])
        begin, end = closed + len(self.after), len(block) - len(self.behind)
        if self.gap is Gap.STRING:
            _decode(block[begin - 1 : end + 1])
        elif begin > end or block[begin:end].strip(b" "):
            return None
        return text or None


def moulded(block: bytes, text: str) -> Mould | None:
    """What stands around ``text`` in ``block``, where it seems to stand in one place; None where it does not.

    It only seems so: the words may be spelled elsewhere and stand here by chance. Whoever reads :meth:`Mould.filled` with another text, and
    finds that other text in it and no other difference, knows.
    """
    inside = dumps(text)
    before, found, after = block.partition(inside)
    if not found or inside in after or len(before) + len(after) > LONGEST:
        return None
    return Mould(before + b'"', b'"' + after)


def widened(one: Mould, other: Mould) -> Mould | None:
    """A mould for both of two, the second without a gap, that differ in one place behind their text; None where they don't, or may differ in
    more than padding. To be tried like any other: that a string there says nothing is only supposed."""
    if one.gap is not Gap.NONE or one.before != other.before or one.after == other.after:
        return None
    same = _same(one.after, other.after)
    left = (one.after[same:], other.after[same:])
    rest = _same(left[0][::-1], left[1][::-1])
    after, behind = other.after[:same], other.after[len(other.after) - rest :]
    if not any(each[: len(each) - rest].strip(b" ") for each in left):
        return Mould(one.before, after.rstrip(b" "), behind.lstrip(b" "), Gap.SPACES)
    opened, closed = after.rfind(b'"') + 1, behind.find(b'"')
    if opened < 2 or closed < 0:
        return None
    return Mould(one.before, after[:opened], behind[closed:], Gap.STRING)


def _same(one: bytes, other: bytes) -> int:
    """How many bytes the two have in common before they differ."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))
