"""Frames that differ in nothing but the text inside one JSON string: what stands around it is a mould.

Most frames of an answer are of this kind. A block of lines that begins and ends like a known one, and has nothing between but what the JSON
decoder takes for the inside of one string, is that known one with another text: no byte of it can mean anything else. So whoever knows what the
known one meant knows what this one means, without a look at its members. The string is judged by the decoder itself, escapes, UTF-8 and control
characters alike, so that nothing is taken here that would be refused there.

Refuses to know: what a frame means. That a text stands where it seems to stand has to be tried, by one who knows (:func:`moulded`).
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from trioproxy.wire.jsoncodec import dumps

__all__ = ["Mould", "moulded"]

LONGEST = 4 * 1024
"""Of what stands around a text: it is kept as long as its stream is open."""

_decode = msgspec.json.Decoder(str).decode
_REFUSED = (msgspec.DecodeError, UnicodeError)


class Mould:
    """``before`` ends with the quote that opens the string, ``after`` begins with the one that closes it. Blocks are those of
    :meth:`~trioproxy.wire.sse.SSEDecoder.blocks`."""

    def __init__(self, before: bytes, after: bytes) -> None:
        self.before = before
        self.after = after
        self._ending = after + b"\n\n"
        # With its quotes: where the two ends overlap, too little is left to be a string.
        self._opening = len(before) - 1
        self._closing = 1 - len(after)
        self._closing_whole = 1 - len(self._ending)

    def filled(self, text: str) -> bytes:
        """The block with this text."""
        return self.before + dumps(text)[1:-1] + self.after

    def text(self, data: bytes) -> str | None:
        """The text of one block and its blank line; None where ``data`` is something else, or the text is empty."""
        if data.startswith(self.before) and data.endswith(self._ending):
            try:
                return _decode(data[self._opening : self._closing_whole]) or None
            except _REFUSED:
                return None
        return None

    def texts(self, blocks: Sequence[bytes], at: int) -> list[str]:
        """The texts of the blocks from number ``at`` on, up to the first that is something else, or whose text is empty."""
        before, after, opening, closing = self.before, self.after, self._opening, self._closing
        texts: list[str] = []
        try:
            for number in range(at, len(blocks)):
                block = blocks[number]
                if not (block.startswith(before) and block.endswith(after)):
                    break
                text = _decode(block[opening:closing])
                if not text:
                    break
                texts.append(text)
        except _REFUSED:
            pass
        return texts


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
