"""What a provider's error body is, where it is not what its protocol promises: empty, no JSON, JSON without a message, a browser check. Pure.

The names are ProxAI's; they go where a client looks for the type of an error, so that a script can tell a proxy's page from a provider's word.
"""

from __future__ import annotations

import re
from typing import Any

import attrs

from trioproxy.errors import ErrorKind, Failure
from trioproxy.wire.headers import Headers, header
from trioproxy.wire.jsoncodec import JSON, JSONError, loads

__all__ = ["CHALLENGE_REST", "challenged", "typed", "unserved"]

EMPTY = "upstream_error_body_empty"
NON_JSON = "upstream_error_body_non_json"
UNKNOWN_SHAPE = "upstream_error_body_unknown_shape"
FOREIGN_SHAPE = "upstream_error"
CHALLENGE_REST = 10.0
"""The shortest rest, in seconds, of a credential that was shown a browser check."""

_QUOTED = 500
_CHALLENGING = frozenset({403, 429, 503})
# developers.cloudflare.com, "Detect a Challenge Page response": the header is always there; older pages have only their own words.
_CHALLENGE_WORDS = (b"challenge-platform", b"<title>Just a moment...</title>", b"_cf_chl_opt")


def typed(failure: Failure, body: bytes) -> Failure:
    """``failure`` with the name of what ``body`` is as its type, unless the body is an error of the usual form.

    A message in an unusual place (Ollama, Mistral, vLLM, SiliconFlow) goes by what its status means, where that means something: a rate
    limit is one to the client too.
    """
    shape = _shape(body)
    if shape is None or (shape == FOREIGN_SHAPE and failure.kind is not ErrorKind.INTERNAL):
        return failure
    return attrs.evolve(failure, type=shape)


def challenged(failure: Failure, headers: Headers, body: bytes) -> Failure:
    """``failure`` as a rate limit, where the answer is Cloudflare's page that asks a browser to prove itself: it says nothing of the key, and
    goes away by itself when fewer requests come."""
    if failure.status not in _CHALLENGING:
        return failure
    if header(headers, b"cf-mitigated") != b"challenge" and not any(word in body for word in _CHALLENGE_WORDS):
        return failure
    return attrs.evolve(
        failure,
        kind=ErrorKind.RATE_LIMITED,
        status=429,
        message="Cloudflare stands before the provider and asks for a browser check instead of letting the request through; "
        "it does that to addresses that ask too much",
        code=None,
        retry_after=max(failure.retry_after or 0.0, CHALLENGE_REST),
    )


_ABOUT_THE_MODEL = frozenset({"model_not_supported", "unsupported_api_for_model", "model_not_found"})
# Copilot says it in a code; Codex, DeepSeek, OpenRouter and LiteLLM in a message alone (errors seen with them in 2025 and 2026).
_NO_SUCH_MODEL = re.compile(
    r"model is not supported when using|model not exist|is not a valid model id|invalid model name passed",
    re.IGNORECASE,
)


def unserved(failure: Failure) -> Failure:
    """``failure`` as a model that is not there, where a 400 says that this account does not have it: another credential may."""
    if failure.kind is not ErrorKind.INVALID_REQUEST:
        return failure
    if failure.code not in _ABOUT_THE_MODEL and not _NO_SUCH_MODEL.search(failure.message[:_QUOTED]):
        return failure
    return attrs.evolve(failure, kind=ErrorKind.MODEL_NOT_FOUND)


def _shape(body: bytes) -> str | None:
    if not body.strip():
        return EMPTY
    try:
        document = loads(body)
    except JSONError:
        return NON_JSON
    match document:
        case [dict() as only]:
            # Google's way where an array was asked for, and always at its compatible endpoint.
            document = only
        case dict():
            pass
        case _:
            return UNKNOWN_SHAPE
    error = document.get("error")
    if isinstance(error, dict) and _text(error.get("message")):
        return None
    return FOREIGN_SHAPE if _speaks(document) else UNKNOWN_SHAPE


def _speaks(document: dict[str, Any]) -> bool:
    """Whether there is a message for a person in one of the places where servers put it."""
    details = document.get("detail")
    said = document.get("message")
    if isinstance(said, dict):
        return _speaks(said)
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
