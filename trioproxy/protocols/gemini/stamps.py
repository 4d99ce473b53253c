"""``createTime``: an RFC 3339 stamp on the wire, Unix seconds in the house. Fractions of a second are not kept."""

from __future__ import annotations

from datetime import UTC, datetime

from trioproxy.wire.jsoncodec import JSON

__all__ = ["read_stamp", "write_stamp"]


def read_stamp(stamp: JSON) -> int | None:
    """Unix seconds; None for what is no stamp."""
    try:
        moment = datetime.fromisoformat(stamp) if isinstance(stamp, str) else None
        return None if moment is None else int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    except ValueError:
        return None


def write_stamp(seconds: int) -> str | None:
    """The stamp; None for a moment no calendar has."""
    try:
        return datetime.fromtimestamp(seconds, tz=UTC).isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):
        return None
