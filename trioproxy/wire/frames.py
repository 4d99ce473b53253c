"""A :class:`Frame` is one event of a stream, whatever frames it on the wire (SSE, a JSON array, a WebSocket message)."""

from __future__ import annotations

import msgspec

__all__ = ["Frame", "Row"]


class Frame(msgspec.Struct, frozen=True, gc=False):
    """One event: its ``data`` (joined data lines, no trailing newline) and its ``event`` name, None where unnamed."""

    data: bytes
    event: str | None = None


class Row(msgspec.Struct, frozen=True, gc=False):
    """Frames of one name in a row, each with ``data`` of one line."""

    data: list[bytes]
    event: str | None = None

    def frames(self) -> list[Frame]:
        """The same, one by one."""
        return [Frame(data, self.event) for data in self.data]
