"""Errors as Google's APIs say them: ``{"error": {"code", "message", "status", "details"}}``, in both directions.

``status`` is a name of google.rpc.Code, ``details`` hold google.rpc.RetryInfo, ErrorInfo, BadRequest and QuotaFailure
(https://cloud.google.com/apis/design/errors). A stream without ``alt=sse`` wraps its error in a list.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from trioproxy.errors import ErrorKind, Failure, Fault, kind_for_status
from trioproxy.neutral.overflow import overflow_code
from trioproxy.protocols.base import StreamSeen
from trioproxy.protocols.error_text import error_text
from trioproxy.protocols.retry_after import read_retry_after
from trioproxy.wire.frames import Frame
from trioproxy.wire.jsoncodec import JSON, JSONError, Object, dumps, loads

__all__ = ["STATUSES", "error_frames", "failure_of", "read_error", "render_error"]

STATUSES: dict[ErrorKind, str] = {
    ErrorKind.INVALID_REQUEST: "INVALID_ARGUMENT",
    ErrorKind.UNAUTHENTICATED: "UNAUTHENTICATED",
    ErrorKind.BILLING: "FAILED_PRECONDITION",
    ErrorKind.FORBIDDEN: "PERMISSION_DENIED",
    ErrorKind.NOT_FOUND: "NOT_FOUND",
    ErrorKind.MODEL_NOT_FOUND: "NOT_FOUND",
    ErrorKind.METHOD_NOT_ALLOWED: "UNIMPLEMENTED",
    ErrorKind.CLIENT_TIMEOUT: "DEADLINE_EXCEEDED",
    ErrorKind.CONFLICT: "ABORTED",
    ErrorKind.TOO_LARGE: "INVALID_ARGUMENT",
    ErrorKind.UNSUPPORTED_ENCODING: "INVALID_ARGUMENT",
    ErrorKind.UNPROCESSABLE: "INVALID_ARGUMENT",
    ErrorKind.UPGRADE_REQUIRED: "FAILED_PRECONDITION",
    ErrorKind.RATE_LIMITED: "RESOURCE_EXHAUSTED",
    ErrorKind.MODEL_COOLDOWN: "RESOURCE_EXHAUSTED",
    ErrorKind.HEAD_TOO_LARGE: "INVALID_ARGUMENT",
    ErrorKind.CLIENT_GONE: "CANCELLED",
    ErrorKind.INTERNAL: "INTERNAL",
    ErrorKind.MISCONFIGURED: "INTERNAL",
    ErrorKind.UNSUPPORTED: "UNIMPLEMENTED",
    ErrorKind.UNREACHABLE: "UNAVAILABLE",
    ErrorKind.TRUNCATED: "UNAVAILABLE",
    ErrorKind.MALFORMED: "INTERNAL",
    ErrorKind.OVERLOADED: "UNAVAILABLE",
    ErrorKind.SHUTTING_DOWN: "UNAVAILABLE",
    ErrorKind.TIMEOUT: "DEADLINE_EXCEEDED",
}

# google.rpc.Code, with the HTTP status each one has.
_CODES = {
    "CANCELLED": 499,
    "UNKNOWN": 500,
    "INVALID_ARGUMENT": 400,
    "DEADLINE_EXCEEDED": 504,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "PERMISSION_DENIED": 403,
    "UNAUTHENTICATED": 401,
    "RESOURCE_EXHAUSTED": 429,
    "FAILED_PRECONDITION": 400,
    "ABORTED": 409,
    "OUT_OF_RANGE": 400,
    "UNIMPLEMENTED": 501,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
    "DATA_LOSS": 500,
}

# The Gemini API answers a bad key with 400, and a project that may not be billed too: the reason tells them from a bad request.
_KIND_BY_REASON = {
    "API_KEY_INVALID": ErrorKind.UNAUTHENTICATED,
    "API_KEY_SERVICE_BLOCKED": ErrorKind.FORBIDDEN,
    "SERVICE_DISABLED": ErrorKind.FORBIDDEN,
    "CONSUMER_INVALID": ErrorKind.FORBIDDEN,
    "BILLING_DISABLED": ErrorKind.BILLING,
}

_TYPE = "type.googleapis.com/google.rpc."
_SECONDS = re.compile(r"(\d+(?:\.\d+)?)s")
_SNIPPET = 500


def render_error(failure: Failure) -> Object:
    """The error's native body. What an upstream said of code, field and delay goes where Google's clients look for it."""
    details: list[Object] = []
    if failure.code is not None:
        details.append(
            {"@type": f"{_TYPE}ErrorInfo", "reason": failure.code, "domain": failure.provider or "trioproxy"}
        )
    if failure.param is not None:
        violation = {"field": failure.param, "description": failure.message}
        details.append({"@type": f"{_TYPE}BadRequest", "fieldViolations": [violation]})
    if failure.retry_after is not None:
        details.append({"@type": f"{_TYPE}RetryInfo", "retryDelay": f"{failure.retry_after:.9g}s"})
    error: Object = {
        "code": failure.http_status,
        "message": failure.message,
        "status": failure.type if failure.type in _CODES else STATUSES[failure.kind],
    }
    return {"error": {**error, "details": details} if details else error}


def error_frames(failure: Failure, seen: StreamSeen) -> Sequence[Frame]:
    """The error of a stream whose head was sent: one object in the stream, which ends there."""
    return (Frame(dumps(render_error(failure))),)


def read_error(status: int, headers: Mapping[str, str], body: bytes) -> Failure:
    """What an upstream's error answer says. A body that is no Google error (a proxy's page, nothing) is quoted in short."""
    try:
        document = loads(body)
    except JSONError:
        document = None
    failure = failure_of(document, status=status)
    if failure is None:
        text = body[:_SNIPPET].decode("utf-8", "replace").strip()
        message = f"The provider answered {status}" + (f": {text}" if text else " with an empty body")
        failure = Failure(kind=kind_for_status(status), message=message, fault=Fault.UPSTREAM, status=status)
    if failure.retry_after is None:
        failure = attrs.evolve(failure, retry_after=read_retry_after(headers))
    return failure


def failure_of(document: JSON, *, status: int | None = None) -> Failure | None:
    """The failure that a parsed error document describes, None where it is no error. ``status`` is the HTTP status, None inside a
    stream."""
    if isinstance(document, list) and document:
        return failure_of(document[0], status=status)
    if not isinstance(document, dict):
        return None
    error = document.get("error")
    if not isinstance(error, dict):
        # In a stream only the word "error" makes a document one.
        said = error_text(document if status is not None else {"error": error})
        if said is None:
            return None
        error = {**document, "message": said}
    name = error.get("status") if isinstance(error.get("status"), str) else None
    code = error.get("code")
    details = _Details.of(error.get("details"))
    known = status if status is not None else code if isinstance(code, int) else _CODES.get(name or "", 500)
    known = known if 400 <= known <= 599 else 500
    said = error.get("message")
    message = said if isinstance(said, str) and said else None
    return Failure(
        kind=_kind(known, details.reason, message),
        message=message or f"The provider answered {name or known}.",
        fault=Fault.UPSTREAM,
        status=known,
        type=name,
        code=details.reason or (code if isinstance(code, str) and code else None) or overflow_code(message),
        param=details.field or (error["param"] if isinstance(error.get("param"), str) else None),
        retry_after=details.delay,
    )


def _kind(status: int, reason: str | None, message: Any) -> ErrorKind:
    if reason in _KIND_BY_REASON:
        return _KIND_BY_REASON[reason]
    if status == 400 and isinstance(message, str) and "API key not valid" in message:
        return ErrorKind.UNAUTHENTICATED
    return kind_for_status(status)


@attrs.frozen(kw_only=True)
class _Details:
    """What ``error.details`` say: ErrorInfo's reason, the first field of BadRequest, RetryInfo's delay in seconds."""

    reason: str | None = None
    field: str | None = None
    delay: float | None = None

    @classmethod
    def of(cls, details: JSON) -> _Details:
        found = cls()
        for each in details if isinstance(details, list) else []:
            if not isinstance(each, dict):
                continue
            match each:
                case {"@type": str() as kind, "reason": str() as reason} if kind.endswith("ErrorInfo"):
                    found = attrs.evolve(found, reason=reason)
                case {"@type": str() as kind, "fieldViolations": [{"field": str() as field}, *_]} if kind.endswith(
                    "BadRequest"
                ):
                    found = attrs.evolve(found, field=field)
                case {"@type": str() as kind, "retryDelay": str() as delay} if kind.endswith("RetryInfo"):
                    seconds = _SECONDS.fullmatch(delay)
                    found = attrs.evolve(found, delay=float(seconds[1]) if seconds else None)
                case _:
                    pass
        return found
