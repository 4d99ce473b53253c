"""Chunks that hold nothing but more text and the counts so far, told by a typed look at their bytes.

Most chunks of an answer are of this kind. The look refuses what it does not know: a chunk with one member more may mean something else, and is
for the reader.

Refuses to know: which part of the answer the text goes on, and what the counts mean.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from trioproxy.wire.jsoncodec import Object

__all__ = ["PlainChunk", "plain_chunk"]


class _Strict(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    pass


class PlainPart(_Strict):
    """More of a text, or of a thought."""

    text: Annotated[str, msgspec.Meta(min_length=1)]
    thought: bool = False


class PlainContent(_Strict):
    """The only part."""

    parts: tuple[PlainPart]
    role: str | None = None


class PlainCandidate(_Strict):
    """The only candidate, before its end."""

    content: PlainContent
    index: Literal[0] = 0


class PlainChunk(_Strict, rename="camel"):
    """A chunk that says nothing but more text, and counts."""

    candidates: tuple[PlainCandidate]
    usage_metadata: Object | None = None
    model_version: str = ""
    response_id: str = ""
    create_time: str | None = None


_decode = msgspec.json.Decoder(PlainChunk).decode


def plain_chunk(data: bytes) -> PlainChunk | None:
    """A chunk that does nothing but say more and count; None where it may do more."""
    try:
        return _decode(data)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
