"""A :class:`Frame` is one event of a stream, whatever frames it on the wire (SSE, a JSON array, a WebSocket message)."""

from __future__ import annotations

import attrs

__all__ = ["Frame"]


@attrs.frozen
class Frame:
    """One event: its ``data`` (joined data lines, no trailing newline) and its ``event`` name, None where unnamed."""

    data: bytes
    event: str | None = None
