"""The one JSON codec (RFC 8259), on msgspec.

Knows: how bytes become values and back, and which bytes are refused (NaN, Infinity, bad UTF-8, too deep).
Refuses to know: what the values mean.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import msgspec

__all__ = ["JSON", "JSONError", "Object", "dumps", "loads", "loads_object"]

JSON: TypeAlias = Any
"""A decoded JSON value: None, bool, int, float, str, list or dict."""

Object: TypeAlias = dict[str, Any]
"""A decoded JSON object."""

_decoder = msgspec.json.Decoder()
_encoder = msgspec.json.Encoder()


class JSONError(ValueError):
    """The bytes are not one JSON value. The message gives the byte position and never quotes the bytes."""


def loads(data: bytes | str) -> JSON:
    """Decode one JSON value.

    Raises:
        JSONError: not JSON, not UTF-8, or nested deeper than the interpreter allows.
    """
    try:
        return _decoder.decode(data)
    except RecursionError:
        raise JSONError("JSON is nested too deeply") from None
    except msgspec.DecodeError as exc:
        raise JSONError(str(exc)) from None
    except UnicodeError as exc:
        raise JSONError(f"JSON is not valid UTF-8: {exc.args[-1]}") from None


def loads_object(data: bytes | str) -> Object:
    """Decode one JSON object.

    Raises:
        JSONError: as :func:`loads`, or the value is not an object.
    """
    value = loads(data)
    if not isinstance(value, dict):
        raise JSONError(f"expected a JSON object, got {type(value).__name__}")
    return value


def dumps(value: JSON) -> bytes:
    """Encode compactly as UTF-8, keys in the order of the mapping, non-ASCII as itself."""
    return _encoder.encode(value)
