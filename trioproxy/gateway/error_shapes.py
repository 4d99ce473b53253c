"""What a provider's error body is, where it is not what its protocol promises: empty, no JSON, JSON without a message. Pure.

The names are ProxAI's; they go where a client looks for the type of an error, so that a script can tell a proxy's page from a provider's word.
"""

from __future__ import annotations

from typing import Any

import attrs

from trioproxy.errors import Failure
from trioproxy.wire.jsoncodec import JSON, JSONError, loads

__all__ = ["typed"]

EMPTY = "upstream_error_body_empty"
NON_JSON = "upstream_error_body_non_json"
UNKNOWN_SHAPE = "upstream_error_body_unknown_shape"
FOREIGN_SHAPE = "upstream_error"


def typed(failure: Failure, body: bytes) -> Failure:
    """``failure`` with the name of what ``body`` is as its type, unless the body is an error of the usual form."""
    shape = _shape(body)
    return attrs.evolve(failure, type=shape) if shape is not None else failure


def _shape(body: bytes) -> str | None:
    if not body.strip():
        return EMPTY
    try:
        document = loads(body)
    except JSONError:
        return NON_JSON
    if not isinstance(document, dict):
        return UNKNOWN_SHAPE
    error = document.get("error")
    if isinstance(error, dict) and _text(error.get("message")):
        return None
    return FOREIGN_SHAPE if _speaks(document) else UNKNOWN_SHAPE


def _speaks(document: dict[str, Any]) -> bool:
    """Whether there is a message for a person in one of the places where servers put it."""
    details = document.get("detail")
    items: list[JSON] = details if isinstance(details, list) else []
    inner = document.get("base_resp")
    return any(
        _text(value)
        for value in (
            document.get("error"),
            details,
            document.get("message"),
            document.get("msg"),
            inner.get("status_msg") if isinstance(inner, dict) else None,
            *(item.get("msg") or item.get("message") for item in items if isinstance(item, dict)),
        )
    )


def _text(value: JSON) -> bool:
    return isinstance(value, str) and bool(value)
