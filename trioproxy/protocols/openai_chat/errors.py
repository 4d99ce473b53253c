"""Errors in the words of Chat Completions: what upstreams say, and what OpenAI's clients understand.

Reading knows the shapes of OpenAI and of those who imitate it, over HTTP and inside a stream that began with 200. Writing is one table,
:data:`WIRE`, total over :class:`~trioproxy.errors.ErrorKind`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from trioproxy.errors import ErrorKind, Failure, Fault, kind_for_status
from trioproxy.protocols.base import StreamSeen
from trioproxy.protocols.error_text import error_text
from trioproxy.protocols.minimax import minimax_failure
from trioproxy.protocols.openai_chat.google_errors import google_details, unlisted
from trioproxy.protocols.retry_after import read_reset, read_retry_after
from trioproxy.wire.frames import Frame
from trioproxy.wire.jsoncodec import JSON, JSONError, Object, dumps, loads

__all__ = ["WIRE", "error_frames", "read_error", "read_in_band", "render_error"]

_QUOTED = 500
"""Characters of an upstream's text that a message quotes."""

WIRE: dict[ErrorKind, tuple[str, str]] = {
    ErrorKind.INVALID_REQUEST: ("invalid_request_error", "invalid_request"),
    ErrorKind.UNAUTHENTICATED: ("authentication_error", "invalid_api_key"),
    ErrorKind.BILLING: ("insufficient_quota", "insufficient_quota"),
    ErrorKind.FORBIDDEN: ("permission_error", "forbidden"),
    ErrorKind.NOT_FOUND: ("invalid_request_error", "not_found"),
    ErrorKind.MODEL_NOT_FOUND: ("invalid_request_error", "model_not_found"),
    ErrorKind.METHOD_NOT_ALLOWED: ("invalid_request_error", "method_not_allowed"),
    ErrorKind.CLIENT_TIMEOUT: ("timeout_error", "request_timeout"),
    ErrorKind.CONFLICT: ("conflict_error", "conflict"),
    ErrorKind.TOO_LARGE: ("invalid_request_error", "request_too_large"),
    ErrorKind.UNSUPPORTED_ENCODING: ("invalid_request_error", "unsupported_encoding"),
    ErrorKind.UNPROCESSABLE: ("invalid_request_error", "unprocessable"),
    ErrorKind.UPGRADE_REQUIRED: ("invalid_request_error", "upgrade_required"),
    ErrorKind.RATE_LIMITED: ("rate_limit_error", "rate_limit_exceeded"),
    ErrorKind.MODEL_COOLDOWN: ("rate_limit_error", "model_cooldown"),
    ErrorKind.HEAD_TOO_LARGE: ("invalid_request_error", "headers_too_large"),
    ErrorKind.CLIENT_GONE: ("invalid_request_error", "client_closed_request"),
    ErrorKind.INTERNAL: ("server_error", "internal_error"),
    ErrorKind.MISCONFIGURED: ("server_error", "misconfigured"),
    ErrorKind.UNSUPPORTED: ("server_error", "unsupported"),
    ErrorKind.UNREACHABLE: ("upstream_request_error", "upstream_unreachable"),
    ErrorKind.TRUNCATED: ("server_error", "upstream_truncated"),
    ErrorKind.MALFORMED: ("server_error", "upstream_malformed"),
    ErrorKind.OVERLOADED: ("server_error", "overloaded"),
    ErrorKind.SHUTTING_DOWN: ("server_error", "shutting_down"),
    ErrorKind.TIMEOUT: ("timeout_error", "timeout"),
}
"""Kind -> OpenAI's ``type``, and the ``code`` where the failure is our own: an upstream's code is never invented."""

_BY_WORD: dict[str, ErrorKind] = {
    "insufficient_quota": ErrorKind.BILLING,
    "insufficient_balance": ErrorKind.BILLING,
    "insufficient_credits": ErrorKind.BILLING,
    "billing_hard_limit_reached": ErrorKind.BILLING,
    "billing_not_active": ErrorKind.BILLING,
    "invalid_api_key": ErrorKind.UNAUTHENTICATED,
    "authentication_error": ErrorKind.UNAUTHENTICATED,
    "permission_error": ErrorKind.FORBIDDEN,
    "model_not_found": ErrorKind.MODEL_NOT_FOUND,
    "rate_limit_exceeded": ErrorKind.RATE_LIMITED,
    "rate_limit_error": ErrorKind.RATE_LIMITED,
    "overloaded_error": ErrorKind.OVERLOADED,
    "overloaded": ErrorKind.OVERLOADED,
    "context_length_exceeded": ErrorKind.INVALID_REQUEST,
    "invalid_request_error": ErrorKind.INVALID_REQUEST,
    # Google at its compatible endpoint, with 400 and 403.
    "API_KEY_INVALID": ErrorKind.UNAUTHENTICATED,
    "BILLING_DISABLED": ErrorKind.BILLING,
}
"""What an error's ``code`` or ``type`` means, where it says more than the status or there is no status."""

_REFINING = frozenset({ErrorKind.BILLING, ErrorKind.MODEL_NOT_FOUND, ErrorKind.UNAUTHENTICATED})
"""Kinds that a word may make of an HTTP status: 429 without quota is not a rate limit, 400 with a bad key is not a bad request."""

# iFlow answers 200 with status and msg.
_IFLOW_TOKEN_EXPIRED = "439"


@attrs.frozen(kw_only=True)
class _Words:
    """``type``, ``code`` and ``param`` as the upstream said them, None where it said nothing that is a string; ``delay`` in seconds."""

    type: str | None = None
    code: str | None = None
    param: str | None = None
    delay: float | None = None

    @property
    def kind(self) -> ErrorKind | None:
        """What the words mean, None where they mean nothing to us."""
        for word in (self.code, self.type):
            kind = _BY_WORD.get(word or "")
            if kind is not None:
                return kind
        return None


def read_error(status: int, headers: Mapping[str, str], body: bytes) -> Failure:
    """The failure behind an upstream's non-2xx answer. ``headers`` have lower-case names."""
    text = body.decode("utf-8", "replace").strip()
    try:
        document = unlisted(loads(body))
    except JSONError:
        document = None
        said = f"text that is not JSON: {_quoted(text)}" if text else "no body"
    else:
        said = f"JSON that holds no message: {_quoted(text)}"
    message = error_text(document) or f"The provider answered {status} with {said}"
    words = _words(document)
    delays = (read_retry_after(headers), read_reset(headers), words.delay)
    kind = kind_for_status(status)
    if words.kind in _REFINING and status < 500:
        kind = words.kind
    return Failure(
        kind=kind,
        message=message,
        fault=Fault.UPSTREAM,
        status=status,
        type=words.type,
        code=words.code,
        param=words.param,
        retry_after=next((delay for delay in delays if delay is not None), None),
    )


def read_in_band(document: Object, *, named: bool = False) -> Failure | None:
    """The failure in a body or chunk that came with status 200, None where it is no error.

    ``named`` says that the frame's event name was ``error``.
    """
    error = document.get("error")
    vendor = _vendor_failure(document)
    if vendor is not None:
        return vendor
    if not error and document.get("object") != "error" and not named and not _is_bare_error(document):
        return None
    words = _words(document)
    status = _status(document)
    kind = words.kind
    if status is not None and kind not in _REFINING:
        kind = kind_for_status(status)
    return Failure(
        kind=kind or ErrorKind.INTERNAL,
        message=error_text(document)
        or f"The provider ended the answer with an error: {_quoted(dumps(document).decode())}",
        fault=Fault.UPSTREAM,
        status=status,
        type=words.type,
        code=words.code,
        param=words.param,
        retry_after=words.delay,
    )


def render_error(failure: Failure) -> Object:
    """The body of an error status. ``param`` and ``code`` are there only where there is something to say.

    A type in capitals is Google's name of a status: it is a code here, and the type is the one that OpenAI's clients know.
    """
    type_, code = WIRE[failure.kind]
    said, native = failure.type, failure.type is None or failure.type.islower()
    error: Object = {"message": failure.message, "type": said or type_ if native else type_}
    if failure.param is not None:
        error["param"] = failure.param
    if failure.code is not None or not native:
        error["code"] = failure.code or said
    elif failure.fault is not Fault.UPSTREAM:
        error["code"] = code
    return {"error": error}


def error_frames(failure: Failure, seen: StreamSeen) -> Sequence[Frame]:
    """The error of a stream whose head was sent. With it goes the ``status`` that the head can no longer carry; no ``[DONE]`` follows."""
    document = render_error(failure)
    document["error"]["status"] = failure.http_status
    return [Frame(dumps(document))]


def _words(document: JSON) -> _Words:
    if not isinstance(document, dict):
        return _Words()
    inner = document.get("error")
    error = inner if isinstance(inner, dict) else {}

    def said(name: str) -> str | None:
        value = error.get(name)
        if value is None and not (name == "type" and document.get("type") == "error"):
            value = document.get(name)
        return value if isinstance(value, str) and value else None

    google = google_details(error)
    return _Words(
        type=said("type"), code=said("code") or google.reason, param=said("param") or google.field, delay=google.delay
    )


def _status(document: Object) -> int | None:
    """The HTTP status that an error in a 200 names (Groq: ``status_code``, OpenRouter and vLLM: ``code``)."""
    inner = document.get("error")
    for at in (inner if isinstance(inner, dict) else {}, document):
        for name in ("status_code", "status", "code"):
            value = at.get(name)
            if isinstance(value, str) and value.isascii() and value.isdigit():
                value = int(value)
            if isinstance(value, int) and not isinstance(value, bool) and 400 <= value <= 599:
                return value
    return None


def _is_bare_error(document: Object) -> bool:
    """SiliconFlow and gateways like it: ``{code, message, data}`` without choices."""
    if "choices" in document or not isinstance(document.get("message"), str):
        return False
    return _status(document) is not None or document.get("code") not in (None, 0, 200, "0", "200")


def _vendor_failure(document: Object) -> Failure | None:
    failure = minimax_failure(document)
    if failure is not None:
        return failure
    said, status = document.get("msg"), document.get("status")
    if "choices" not in document and isinstance(said, str) and isinstance(status, str | int) and str(status) != "0":
        expired = str(status) == _IFLOW_TOKEN_EXPIRED
        return Failure(
            kind=ErrorKind.UNAUTHENTICATED if expired else ErrorKind.INTERNAL,
            message=said,
            fault=Fault.UPSTREAM,
            code=str(status),
        )
    return None


def _quoted(text: str) -> str:
    return text if len(text) <= _QUOTED else f"{text[:_QUOTED]}..."
