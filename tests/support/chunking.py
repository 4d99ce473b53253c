"""Ways to cut bytes: every border a network may choose."""

from __future__ import annotations

import random
from collections.abc import Iterator

from hypothesis import strategies as st

__all__ = ["cut", "cuttings", "whole_and_bytewise"]


def cut(data: bytes, size: int) -> list[bytes]:
    """``data`` in pieces of ``size`` bytes; ``size`` 0 is one piece."""
    if size == 0:
        return [data] if data else []
    return [data[at : at + size] for at in range(0, len(data), size)]


def random_cut(data: bytes, seed: int) -> list[bytes]:
    """``data`` in pieces of 1 to 97 bytes, the same for the same seed."""
    lengths = random.Random(seed)
    pieces: list[bytes] = []
    at = 0
    while at < len(data):
        size = lengths.randint(1, 97)
        pieces.append(data[at : at + size])
        at += size
    return pieces


def whole_and_bytewise(data: bytes) -> Iterator[list[bytes]]:
    """The cuttings that find most border faults: whole, 1, 2, 3 and 7 bytes, and one at random."""
    for size in (0, 1, 2, 3, 7):
        yield cut(data, size)
    yield random_cut(data, 1)


@st.composite
def cuttings(draw: st.DrawFn, data: st.SearchStrategy[bytes]) -> list[bytes]:
    """Some bytes, cut at drawn borders."""
    whole = draw(data)
    borders = sorted(draw(st.sets(st.integers(0, len(whole)), max_size=12)))
    return [whole[a:b] for a, b in zip([0, *borders], [*borders, len(whole)], strict=True) if a != b]
