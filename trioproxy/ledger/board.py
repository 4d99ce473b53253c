"""What each process of a house last told of itself, where all others can read it: one page a process, in memory.

A page outlives its process. So the counts of one that died are not lost, and the one that takes its place counts on from them; and those of one
that hangs are there as it last told them.

Knows: how a page is replaced so that a reader, and a kill in the midst of it, find the old one or the new one and never a half. Refuses to know:
what is written there.
"""

from __future__ import annotations

import os
import struct

import attrs

__all__ = ["Board"]

_HEAD = struct.Struct("<QQ")
_FIRST = 4096
MOST_BYTES = 64 * 2**20
"""The room of one writing; a larger one is not kept."""
_TRIES = 8


@attrs.define(eq=False)
class Board:
    """One page for each of several processes. Files without a name, opened before the processes part: nothing is left of them at the end."""

    _files: list[int]

    @classmethod
    def of(cls, count: int) -> Board:
        """Empty pages for ``count`` processes."""
        return cls([_nameless() for _ in range(count)])

    def write(self, number: int, data: bytes) -> None:
        """Replace the page of process ``number``, which alone does so. Two writings lie side by side; the head says which is the newer."""
        if len(data) > MOST_BYTES:
            return
        file = self._files[number]
        count = self._head(file)[0] + 1
        if data:
            os.pwrite(file, data, _place(count))
        os.pwrite(file, _HEAD.pack(count, len(data)), 0)

    def read(self, number: int) -> bytes:
        """The page of process ``number``, empty where it has written none."""
        file = self._files[number]
        for _ in range(_TRIES):
            count, length = self._head(file)
            data = os.pread(file, length, _place(count))
            if self._head(file)[0] == count:  # what is written meanwhile lies beside it
                return data
        return b""

    def close(self) -> None:
        """Close the pages, in this process."""
        for file in self._files:
            os.close(file)

    @staticmethod
    def _head(file: int) -> tuple[int, int]:
        head = os.pread(file, _HEAD.size, 0)
        if len(head) < _HEAD.size:
            return 0, 0
        count, length = _HEAD.unpack(head)
        return count, length


def _place(count: int) -> int:
    return _FIRST + (count % 2) * MOST_BYTES


def _nameless() -> int:
    in_memory = getattr(os, "memfd_create", None)  # Linux
    if in_memory is not None:
        return int(in_memory("trioproxy"))
    import tempfile

    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
