"""A :class:`Frame` is one event of a stream, whatever frames it on the wire (SSE, a JSON array, a WebSocket message)."""

from __future__ import annotations

import msgspec

__all__ = ["Frame"]


class Frame(msgspec.Struct, frozen=True, gc=False):
    """One event: its ``data`` (joined data lines, no trailing newline) and its ``event`` name, None where unnamed."""

    data: bytes
    event: str | None = None
