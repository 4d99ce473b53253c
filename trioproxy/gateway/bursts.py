"""Many frames in one read that differ in nothing but their words.

A provider that is faster than its reader, and a recording at full speed, fill a read with hundreds of frames. All of them are alike but for
the text inside one JSON string, so one regular expression runs over all of them at once, at a fifth of what a look at each costs. What the
expression takes are whole frames whose text is printable ASCII without quotes and backslashes: such a frame can mean nothing else than the one
it was made of, which was found to continue a part and to do nothing else. Pure.
"""

from __future__ import annotations

import re

from trioproxy.wire.frames import Frame
from trioproxy.wire.sse import encode

__all__ = ["LEAST", "alike"]

LEAST = 16
"""So many frames in one read are worth an expression: making it costs as much as looking at a hundred."""

_LONGEST = 16 * 1024
_PLAIN = rb"[ !#-\[\]-~]"


def alike(frame: Frame, text: str) -> re.Pattern[bytes] | None:
    """What finds runs of frames like ``frame`` in a stream's bytes; None where it can't be told for sure where in it its ``text`` stands."""
    raw = encode([frame])
    inside = b'"%b"' % text.encode()
    # Without a backslash a string is spelled in one way only, so where it stands once, there it stands.
    if (
        b"\\" in raw
        or raw.count(inside) != 1
        or len(raw) > _LONGEST
        or re.fullmatch(_PLAIN + b"+", text.encode()) is None
    ):
        return None
    before, _, after = raw.partition(inside)
    return re.compile(rb'(?:%b"%b*"%b)+' % (re.escape(before), _PLAIN, re.escape(after)))
