"""The one JSON codec (RFC 8259), on msgspec.

Knows: how bytes become values and back, and which bytes are refused (NaN, Infinity, bad UTF-8, too deep).
Refuses to know: what the values mean.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import msgspec

__all__ = ["JSON", "JSONError", "Object", "dumps", "loads", "loads_object", "undecoded_members"]

JSON: TypeAlias = Any
"""A decoded JSON value: None, bool, int, float, str, list or dict."""

Object: TypeAlias = dict[str, Any]
"""A decoded JSON object."""

_decoder = msgspec.json.Decoder()
_undecoded = msgspec.json.Decoder(dict[str, msgspec.Raw])
_encoder = msgspec.json.Encoder()


_REFUSED = (RecursionError, msgspec.DecodeError, UnicodeError)


class JSONError(ValueError):
    """The bytes are not one JSON value. The message gives the byte position and never quotes the bytes."""


def loads(data: bytes | str) -> JSON:
    """Decode one JSON value.

    Raises:
        JSONError: not JSON, not UTF-8, or nested deeper than the interpreter allows.
    """
    try:
        return _decoder.decode(data)
    except _REFUSED as exc:
        raise _refusal(exc) from None


def undecoded_members(data: bytes) -> dict[str, bytes]:
    """The top-level members of a JSON object, values as they are written. Of a name given twice the last value.

    Raises:
        JSONError: as :func:`loads_object`.
    """
    try:
        return {name: bytes(raw) for name, raw in _undecoded.decode(data).items()}
    except _REFUSED as exc:
        raise _refusal(exc) from None


def _refusal(exc: Exception) -> JSONError:
    if isinstance(exc, RecursionError):
        return JSONError("JSON is nested too deeply")
    if isinstance(exc, msgspec.DecodeError):
        return JSONError(str(exc))
    return JSONError(f"JSON is not valid UTF-8: {exc.args[-1]}")


def loads_object(data: bytes | str) -> Object:
    """Decode one JSON object.

    Raises:
        JSONError: as :func:`loads`, or the value is not an object.
    """
    value = loads(data)
    if not isinstance(value, dict):
        raise JSONError(f"expected a JSON object, got {type(value).__name__}")
    return value


dumps: Callable[[JSON], bytes] = _encoder.encode
"""Encode compactly as UTF-8, keys in the order of the mapping, non-ASCII as itself."""
