"""How a failure reaches the client while the head has not been sent: status, headers and a body in the client's own protocol.

A provider's own error passes unchanged where it is an error in the client's protocol already; otherwise what it said is rendered anew, with its
status, message, code and the headers that help (``wire/headers.py`` has the list). Pure.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, assert_never

import attrs

from trioproxy.config.model import ErrorFormat
from trioproxy.errors import ErrorKind, Failure, Fault
from trioproxy.gateway.stages import ErrorAnswer, Rejected
from trioproxy.protocols.base import Protocol
from trioproxy.upstream.base import Headers
from trioproxy.upstream.question import NO_RECORDING
from trioproxy.wire import headers as table
from trioproxy.wire.jsoncodec import JSONError, Object, dumps, loads_object

__all__ = ["Reply", "is_native", "is_unrecorded", "json_reply", "lacks_the_place", "refusal"]


@attrs.frozen(kw_only=True)
class Reply:
    """A whole answer of our own making, or one that is passed on whole."""

    status: int
    headers: Headers
    body: bytes = b""


def json_reply(document: Any, *, status: int = 200, headers: Headers = ()) -> Reply:
    """A JSON answer."""
    return Reply(status=status, headers=((b"content-type", b"application/json"), *headers), body=dumps(document))


def refusal(
    failure: Failure,
    protocol: Protocol,
    *,
    form: ErrorFormat = ErrorFormat.JSON,
    answer: ErrorAnswer | None = None,
    extra: Headers = (),
    request_id: str | None = None,
) -> Reply:
    """The answer that tells of ``failure``. ``answer`` is the provider's own error, where it is one; ``extra`` headers go on top.
    ``request_id`` is told in the body where the protocol has a place for it there."""
    kept = table.error_response(answer.headers) if answer is not None else ()
    if answer is not None and form is ErrorFormat.JSON and answer.protocol == protocol.name and is_native(answer):
        return Reply(status=answer.status, headers=(*kept, *extra), body=answer.body)
    headers = tuple((name, value) for name, value in kept if name != b"content-type")
    if failure.retry_after is not None and table.header(headers, b"retry-after") is None:
        headers += ((b"retry-after", b"%d" % max(1, math.ceil(failure.retry_after))),)
    if failure.lasting:
        headers += ((b"x-should-retry", b"false"),)  # the SDKs of OpenAI and Anthropic obey it, whatever the status
    headers += extra
    match form:
        case ErrorFormat.JSON:
            document = _document(failure, protocol)
            if request_id is not None and protocol.errors_tell_id:
                document["request_id"] = request_id
            return json_reply(document, status=failure.http_status, headers=headers)
        case ErrorFormat.TEXT:
            plain = (b"content-type", b"text/plain; charset=utf-8")
            return Reply(status=failure.http_status, headers=(plain, *headers), body=failure.message.encode())
        case _:
            assert_never(form)


def _document(failure: Failure, protocol: Protocol) -> Object:
    """The native body; of a provider's error its status stands in it too, where the protocol has no other use for that member."""
    document = protocol.render_error(failure)
    error = document.get("error")
    if failure.fault is Fault.UPSTREAM and failure.status is not None and isinstance(error, dict):
        error.setdefault("status", failure.status)
    if failure.kind is ErrorKind.MODEL_COOLDOWN and isinstance(error, dict):
        error.update(_return(failure))
    return document


def _return(failure: Failure) -> Object:
    """When a model that cools down may be asked again, as members of its error: clients that don't know them pass over them."""
    told: Object = {"model": failure.model, "provider": failure.provider}
    if failure.resets_at is not None:
        told["reset_time"] = (
            datetime.fromtimestamp(math.ceil(failure.resets_at), UTC).isoformat().replace("+00:00", "Z")
        )
    if failure.retry_after is not None:
        told["reset_seconds"] = math.ceil(failure.retry_after)
    return {name: value for name, value in told.items() if value is not None}


def is_native(answer: ErrorAnswer) -> bool:
    """Whether this error is one in the words of its own protocol, which some servers that imitate it don't use."""
    try:
        document = loads_object(answer.body)
    except JSONError:
        return False
    error = document.get("error")
    return (
        isinstance(error, dict) and isinstance(error.get("message"), str) and _NATIVE[answer.protocol](document, error)
    )


_NO_SUCH_PLACE = frozenset({405, 501})
# How OpenAI says it, in errors of the usual form: of a path that is not there, and of a model that only chats.
_WORDS = ("invalid url", "v1/chat/completions")


def lacks_the_place(rejected: Rejected) -> bool:
    """Whether a provider says that it has nothing at the path that was asked, which is no word about the request or the model: servers that
    imitate a protocol often know its main path only."""
    answer, failure = rejected.answer, rejected.failure
    if answer is None:
        return False
    if failure.status in _NO_SUCH_PLACE:
        return True
    message = failure.message.lower()
    return failure.status == 404 and (not is_native(answer) or any(word in message for word in _WORDS))


def is_unrecorded(rejected: Rejected) -> bool:
    """Whether a folder of recordings was asked, and has none for this."""
    return rejected.failure.code == NO_RECORDING


def _openai(document: Object, error: Object) -> bool:
    # OpenRouter has the status as ``code`` and no ``type``; its clients are used to that.
    return "type" in error or isinstance(error.get("code"), int)


def _anthropic(document: Object, error: Object) -> bool:
    return document.get("type") == "error" and isinstance(error.get("type"), str)


def _gemini(document: Object, error: Object) -> bool:
    return isinstance(error.get("code"), int) and isinstance(error.get("status"), str)


# What the clients of each protocol look for in an error, beside its message.
_NATIVE: dict[str, Callable[[Object, Object], bool]] = {
    "openai_chat": _openai,
    "openai_responses": _openai,
    "anthropic": _anthropic,
    "gemini": _gemini,
}
