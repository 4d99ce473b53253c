"""Errors in the words of the Messages API, both ways.

``{"type": "error", "error": {"type", "message"}}`` is the body of a status, the last event of a stream, and with some compatible providers
a body behind a 200. Source: platform.claude.com, "Errors".
"""

from __future__ import annotations

from collections.abc import Mapping

from trioproxy.errors import ErrorKind, Failure, Fault, kind_for_status
from trioproxy.neutral.overflow import overflow_code, overflow_words
from trioproxy.protocols.base import StreamSeen
from trioproxy.protocols.error_text import error_text
from trioproxy.protocols.minimax import minimax_failure
from trioproxy.protocols.retry_after import read_retry_after
from trioproxy.wire.frames import Frame
from trioproxy.wire.jsoncodec import JSON, JSONError, Object, dumps, loads

__all__ = ["KINDS", "TYPES", "error_frames", "error_in_answer", "failure_read", "read_error", "render_error"]

TYPES: dict[ErrorKind, str] = {
    ErrorKind.INVALID_REQUEST: "invalid_request_error",
    ErrorKind.UNAUTHENTICATED: "authentication_error",
    ErrorKind.BILLING: "billing_error",
    ErrorKind.FORBIDDEN: "permission_error",
    ErrorKind.NOT_FOUND: "not_found_error",
    ErrorKind.MODEL_NOT_FOUND: "not_found_error",
    ErrorKind.METHOD_NOT_ALLOWED: "invalid_request_error",
    ErrorKind.CLIENT_TIMEOUT: "timeout_error",
    ErrorKind.CONFLICT: "invalid_request_error",
    ErrorKind.TOO_LARGE: "request_too_large",
    ErrorKind.UNSUPPORTED_ENCODING: "invalid_request_error",
    ErrorKind.UNPROCESSABLE: "invalid_request_error",
    ErrorKind.UPGRADE_REQUIRED: "invalid_request_error",
    ErrorKind.RATE_LIMITED: "rate_limit_error",
    ErrorKind.MODEL_COOLDOWN: "rate_limit_error",
    ErrorKind.HEAD_TOO_LARGE: "request_too_large",
    ErrorKind.CLIENT_GONE: "api_error",
    ErrorKind.INTERNAL: "api_error",
    ErrorKind.MISCONFIGURED: "api_error",
    ErrorKind.UNSUPPORTED: "api_error",
    ErrorKind.UNREACHABLE: "api_error",
    ErrorKind.TRUNCATED: "api_error",
    ErrorKind.MALFORMED: "api_error",
    ErrorKind.OVERLOADED: "overloaded_error",
    ErrorKind.SHUTTING_DOWN: "overloaded_error",
    ErrorKind.TIMEOUT: "timeout_error",
}

KINDS: dict[str, ErrorKind] = {
    "invalid_request_error": ErrorKind.INVALID_REQUEST,
    "authentication_error": ErrorKind.UNAUTHENTICATED,
    "billing_error": ErrorKind.BILLING,
    "permission_error": ErrorKind.FORBIDDEN,
    "not_found_error": ErrorKind.MODEL_NOT_FOUND,
    "request_too_large": ErrorKind.TOO_LARGE,
    "rate_limit_error": ErrorKind.RATE_LIMITED,
    "api_error": ErrorKind.INTERNAL,
    "overloaded_error": ErrorKind.OVERLOADED,
    "timeout_error": ErrorKind.TIMEOUT,
}

_QUOTED = 500


def render_error(failure: Failure) -> Object:
    """The body of an error status.

    The type is the one that this API has for such a failure, because other vendors use its names otherwise (OpenAI's 401 and 404 are
    ``invalid_request_error``); an upstream's code, param and status stay beside it.
    """
    error: Object = {"type": _wire_type(failure), "message": overflow_words(failure.code, failure.message)}
    if failure.fault is Fault.UPSTREAM:
        said = {"code": failure.code, "param": failure.param, "status": failure.status}
        error.update({name: value for name, value in said.items() if value is not None})
    elif failure.param == "thread":
        # On this word the SDK begins a new thread with the whole conversation (anthropic 2.14, `lib/threads`).
        error["details"] = {"error_code": "thread_not_found"}
    return {"type": "error", "error": error}


def error_frames(failure: Failure, seen: StreamSeen) -> tuple[Frame, ...]:
    """The last event of a stream that failed. ``seen`` says nothing that this event would repeat."""
    return (Frame(dumps(render_error(failure)), "error"),)


def _wire_type(failure: Failure) -> str:
    said = failure.type
    return said if said is not None and said.startswith("upstream_error") else TYPES[failure.kind]


def read_error(status: int, headers: Mapping[str, str], body: bytes) -> Failure:
    """A non-2xx answer. ``headers`` are lower-cased."""
    retry_after = read_retry_after(headers)
    try:
        document = loads(body)
    except JSONError:
        text = body.decode("utf-8", "replace").strip()
        if not text:
            return _failure(
                status, f"the provider answered {status} without a body", "upstream_error_body_empty", retry_after
            )
        said = f"the provider answered {status}: {text[:_QUOTED]}"
        return _failure(status, said, "upstream_error_non_json", retry_after)
    error = document.get("error") if isinstance(document, dict) else None
    message = error_text(document)
    if message is None:
        quoted = dumps(document).decode()[:_QUOTED]
        said = f"the provider answered {status} with an unknown error body: {quoted}"
        return _failure(status, said, "upstream_error_unknown_shape", retry_after)
    inner: Object = error if isinstance(error, dict) else document
    named = _text(inner.get("type"))
    return Failure(
        kind=_kind(status, named),
        message=message,
        fault=Fault.UPSTREAM,
        status=status,
        type=named if inner is error else "upstream_error",
        code=_text(inner.get("code")) or overflow_code(error_text(document)),
        param=_text(inner.get("param")),
        retry_after=retry_after,
    )


def failure_read(document: Object) -> Failure:
    """The failure in an ``error`` event, or in an error body behind a 200."""
    error = document.get("error")
    inner = error if isinstance(error, dict) else document
    said = _text(inner.get("type"))
    kind, status = KINDS.get(said or ""), _status(inner.get("code"))
    if kind is None:
        kind = kind_for_status(status) if status is not None else ErrorKind.INTERNAL
    return Failure(
        kind=kind,
        message=error_text(document) or "the provider reported an error without a message",
        fault=Fault.UPSTREAM,
        # An event has no status of its own, but for what gateways write; the API's for this one is not the kind's.
        status=529 if said == "overloaded_error" else status,
        type=said if inner is error else None,
        code=_text(inner.get("code")) or overflow_code(error_text(document)),
        param=_text(inner.get("param")),
    )


def error_in_answer(document: Object) -> Failure | None:
    """The failure that a document behind a 200 is, None where it is none."""
    failure = minimax_failure(document)
    if failure is not None:
        return failure
    if document.get("type") == "error" or document.get("error"):
        return failure_read(document)
    return None


def _failure(status: int, message: str, said: str, retry_after: float | None) -> Failure:
    kind = kind_for_status(status)
    return Failure(kind=kind, message=message, fault=Fault.UPSTREAM, status=status, type=said, retry_after=retry_after)


def _kind(status: int, said: str | None) -> ErrorKind:
    """The status decides, but for the two that share one with something else."""
    if said in ("overloaded_error", "billing_error"):
        return KINDS[said]
    return kind_for_status(status)


def _status(code: JSON) -> int | None:
    number = int(code) if isinstance(code, str) and code.isascii() and code.isdigit() else code
    return number if isinstance(number, int) and 400 <= number <= 599 else None


def _text(value: JSON) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return str(value)
