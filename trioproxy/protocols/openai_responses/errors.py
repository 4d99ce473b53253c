"""Errors in the words of the Responses API: over HTTP, in an ``error`` event, and in the ``error`` of a failed response.

Reading knows OpenAI's shapes and those of servers that imitate it. Writing is one table, :data:`WIRE`, total over
:class:`~trioproxy.errors.ErrorKind`. How a stream ends badly is ``failed.py``'s business.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import attrs

from trioproxy.errors import ErrorKind, Failure, Fault, kind_for_status
from trioproxy.neutral.overflow import OVERFLOW, overflow_code
from trioproxy.protocols.error_text import error_text
from trioproxy.protocols.retry_after import read_retry_after
from trioproxy.wire.jsoncodec import JSON, JSONError, Object, loads

__all__ = ["WIRE", "Words", "failure_of", "is_overflow", "read_error", "render_error", "response_error"]

_QUOTED = 500
"""Characters of an upstream's text that a message quotes."""


@attrs.frozen
class Words:
    """What a kind is called: ``type`` and ``code`` of an HTTP error, and ``failed``, the code of a failed response (one of the few that the
    SDK's types know: ``ResponseError`` of openai 3.57)."""

    type: str
    code: str
    failed: str = "server_error"


WIRE: dict[ErrorKind, Words] = {
    ErrorKind.INVALID_REQUEST: Words("invalid_request_error", "invalid_request", "invalid_prompt"),
    ErrorKind.UNAUTHENTICATED: Words("authentication_error", "invalid_api_key"),
    ErrorKind.BILLING: Words("insufficient_quota", "insufficient_quota"),
    ErrorKind.FORBIDDEN: Words("permission_error", "forbidden"),
    ErrorKind.NOT_FOUND: Words("invalid_request_error", "not_found"),
    ErrorKind.MODEL_NOT_FOUND: Words("invalid_request_error", "model_not_found"),
    ErrorKind.METHOD_NOT_ALLOWED: Words("invalid_request_error", "method_not_allowed"),
    ErrorKind.CLIENT_TIMEOUT: Words("timeout_error", "request_timeout"),
    ErrorKind.CONFLICT: Words("conflict_error", "conflict"),
    ErrorKind.TOO_LARGE: Words("invalid_request_error", "request_too_large", "invalid_prompt"),
    ErrorKind.UNSUPPORTED_ENCODING: Words("invalid_request_error", "unsupported_encoding"),
    ErrorKind.UNPROCESSABLE: Words("invalid_request_error", "unprocessable", "invalid_prompt"),
    ErrorKind.UPGRADE_REQUIRED: Words("invalid_request_error", "upgrade_required"),
    ErrorKind.RATE_LIMITED: Words("rate_limit_error", "rate_limit_exceeded", "rate_limit_exceeded"),
    ErrorKind.MODEL_COOLDOWN: Words("rate_limit_error", "model_cooldown", "rate_limit_exceeded"),
    ErrorKind.HEAD_TOO_LARGE: Words("invalid_request_error", "headers_too_large"),
    ErrorKind.CLIENT_GONE: Words("invalid_request_error", "client_closed_request"),
    ErrorKind.INTERNAL: Words("server_error", "internal_error"),
    ErrorKind.MISCONFIGURED: Words("server_error", "misconfigured"),
    ErrorKind.UNSUPPORTED: Words("server_error", "unsupported"),
    ErrorKind.UNREACHABLE: Words("upstream_request_error", "upstream_unreachable"),
    ErrorKind.TRUNCATED: Words("server_error", "upstream_truncated"),
    ErrorKind.MALFORMED: Words("server_error", "upstream_malformed"),
    ErrorKind.OVERLOADED: Words("server_error", "overloaded"),
    ErrorKind.SHUTTING_DOWN: Words("server_error", "shutting_down"),
    ErrorKind.TIMEOUT: Words("timeout_error", "timeout"),
}

_OF_THE_REQUEST = (
    "data_residency_mismatch",
    "bio_policy",
    "misalignment_policy_violation",
    "invalid_image",
    "invalid_image_format",
    "invalid_base64_image",
    "invalid_image_url",
    "image_too_large",
    "image_too_small",
    "image_parse_error",
    "image_content_policy_violation",
    "invalid_image_mode",
    "image_file_too_large",
    "unsupported_image_media_type",
    "empty_image_file",
    "failed_to_download_image",
    "image_file_not_found",
)
"""The codes of a failed response that are the request's doing: another provider would not fare better."""

FAILED_CODES = frozenset(
    [
        "server_error",
        "rate_limit_exceeded",
        "invalid_prompt",
        "vector_store_timeout",
        *_OF_THE_REQUEST,
        # OpenAI sends these too, and Codex acts on them, although the types lack them.
        "context_length_exceeded",
        "insufficient_quota",
        "usage_not_included",
        "server_is_overloaded",
        "slow_down",
    ]
)
"""The codes of a failed response that clients know: those of the SDK (``ResponseError`` of openai 3.57) and of Codex 0.169."""

_BY_WORD: dict[str, ErrorKind] = {
    "insufficient_quota": ErrorKind.BILLING,
    "billing_hard_limit_reached": ErrorKind.BILLING,
    "billing_not_active": ErrorKind.BILLING,
    "invalid_api_key": ErrorKind.UNAUTHENTICATED,
    "authentication_error": ErrorKind.UNAUTHENTICATED,
    "permission_error": ErrorKind.FORBIDDEN,
    "model_not_found": ErrorKind.MODEL_NOT_FOUND,
    "rate_limit_exceeded": ErrorKind.RATE_LIMITED,
    "rate_limit_error": ErrorKind.RATE_LIMITED,
    "usage_limit_reached": ErrorKind.RATE_LIMITED,
    "server_is_overloaded": ErrorKind.OVERLOADED,
    "slow_down": ErrorKind.OVERLOADED,
    "overloaded": ErrorKind.OVERLOADED,
    "overloaded_error": ErrorKind.OVERLOADED,
    "context_length_exceeded": ErrorKind.INVALID_REQUEST,
    "cyber_policy": ErrorKind.INVALID_REQUEST,
    "invalid_prompt": ErrorKind.INVALID_REQUEST,
    "invalid_request": ErrorKind.INVALID_REQUEST,
    "invalid_request_error": ErrorKind.INVALID_REQUEST,
    "server_error": ErrorKind.INTERNAL,
    **dict.fromkeys(_OF_THE_REQUEST, ErrorKind.INVALID_REQUEST),
}
"""What an error's ``code`` or ``type`` means where it says more than the status, or there is no status."""

_REFINING = frozenset({ErrorKind.BILLING, ErrorKind.MODEL_NOT_FOUND, ErrorKind.UNAUTHENTICATED})
"""Kinds that a word may make of an HTTP status: 429 without quota is no rate limit, 400 without such a model no bad request."""

_TRY_AGAIN = re.compile(r"try again in\s*(\d+(?:\.\d+)?)\s*(ms|s)", re.IGNORECASE)


def read_error(status: int, headers: Mapping[str, str], body: bytes) -> Failure:
    """The failure behind an upstream's non-2xx answer. ``headers`` have lower-case names."""
    try:
        document = loads(body)
    except JSONError:
        document = None
    said = body[:_QUOTED].decode("utf-8", "replace").strip()
    message = error_text(document) or f"The provider answered {status}" + (
        f": {said}" if said else " with an empty body"
    )
    error = _error(document)
    kind, refined = kind_for_status(status), _kind(error)
    if refined in _REFINING and status < 500:
        kind = refined
    return Failure(
        kind=kind,
        message=message,
        fault=Fault.UPSTREAM,
        status=status,
        type=_word(error, "type"),
        code=_word(error, "code"),
        param=_word(error, "param"),
        retry_after=read_retry_after(headers) or _delay(error, message, kind),
    )


def failure_of(error: JSON, *, fallback: str) -> Failure:
    """The failure that an error object inside a 200 describes (of an ``error`` event, a failed response, or a body). ``fallback`` is the message
    where it has none."""
    words = _error(error)
    message = error_text(error) or fallback
    status = _status(words)
    kind = _kind(words) or (kind_for_status(status) if status is not None else ErrorKind.INTERNAL)
    return Failure(
        kind=kind,
        message=message,
        fault=Fault.UPSTREAM,
        status=status,
        type=_word(words, "type"),
        code=_word(words, "code"),
        param=_word(words, "param"),
        retry_after=_delay(words, message, kind),
    )


def is_overflow(failure: Failure) -> bool:
    """Whether the conversation is too long for the model. OpenAI says so in the stream that was asked for, behind a good head: Codex compacts
    the conversation on that, and gives up on an error status."""
    return failure.fault is Fault.UPSTREAM and OVERFLOW in (failure.code, overflow_code(failure.message))


def render_error(failure: Failure) -> Object:
    """The body of an error status. ``param`` and ``code`` stand there where there is something to say; an upstream's code is never invented.

    A type in capitals is Google's name of a status: it is a code here, and the type is the one that OpenAI's clients know.
    """
    words = WIRE[failure.kind]
    said, native = failure.type, failure.type is None or failure.type.islower()
    error: Object = {"message": failure.message, "type": said or words.type if native else words.type}
    if failure.param is not None:
        error["param"] = failure.param
    if is_overflow(failure):
        error["code"] = OVERFLOW
    elif failure.code is not None or not native:
        error["code"] = failure.code or said
    elif failure.fault is not Fault.UPSTREAM:
        error["code"] = words.code
    return {"error": error}


def response_error(failure: Failure) -> Object:
    """The ``error`` of a failed response. Its code is compulsory, and the SDK's types take those of :data:`FAILED_CODES` alone; an upstream's
    code that is none of them says the same through the failure's kind."""
    code = OVERFLOW if is_overflow(failure) else failure.code
    error: Object = {
        "code": code if code in FAILED_CODES else WIRE[failure.kind].failed,
        "message": failure.message,
    }
    if failure.param is not None:
        error["param"] = failure.param
    return error


def _error(document: JSON) -> dict[str, Any]:
    """The object that says what is wrong: ``error`` inside the document, or the document itself (an ``error`` event of OpenAI's is flat)."""
    if not isinstance(document, dict):
        return {}
    inner = document.get("error")
    if not isinstance(inner, dict):
        # `type` names the event there and not the error.
        return {name: value for name, value in document.items() if (name, value) != ("type", "error")}
    return {**{name: document[name] for name in ("code", "param", "status") if name in document}, **inner}


def _word(error: Mapping[str, Any], name: str) -> str | None:
    value = error.get(name)
    return value if isinstance(value, str) and value else None


def _kind(error: Mapping[str, Any]) -> ErrorKind | None:
    for name in ("code", "type"):
        kind = _BY_WORD.get(_word(error, name) or "")
        if kind is not None:
            return kind
    return None


def _status(error: Mapping[str, Any]) -> int | None:
    """The HTTP status that an error inside a 200 names (errors of the WebSocket mode do)."""
    status = error.get("status")
    return status if isinstance(status, int) and 400 <= status <= 599 else None


def _delay(error: Mapping[str, Any], message: str, kind: ErrorKind) -> float | None:
    """What the error itself says: ``resets_in_seconds`` (Codex's ``usage_limit_reached``), or OpenAI's sentence in the message."""
    told = _seconds(error.get("resets_in_seconds"))
    if told is not None or kind is not ErrorKind.RATE_LIMITED:
        return told
    found = _TRY_AGAIN.search(message)
    if found is None:
        return None
    return float(found[1]) / (1000 if found[2].lower() == "ms" else 1)


def _seconds(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        seconds = float(value)
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None
