from __future__ import annotations

from typing import Any

import pytest

from trioproxy.errors import ErrorKind, Failure, Fault
from trioproxy.protocols.openai_responses import PROTOCOL
from trioproxy.protocols.openai_responses.errors import WIRE, failure_of
from trioproxy.wire.jsoncodec import dumps


def test_every_kind_has_its_words() -> None:
    assert set(WIRE) == set(ErrorKind)


def read(status: int, body: object, **headers: str) -> Failure:
    raw = body if isinstance(body, bytes) else dumps(body)
    return PROTOCOL.read_error(status, {name.replace("_", "-"): value for name, value in headers.items()}, raw)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"error": {"message": "a"}, "detail": "b"}, "a"),
        ({"error": "a", "message": "b"}, "a"),
        ({"detail": "a", "message": "b"}, "a"),
        ({"error": {"code": "x"}, "message": "a"}, "a"),
        ({"detail": [{"msg": "a"}, {"message": "b"}, {"x": 1}, "odd"]}, "a; b"),
        ("a", "a"),
        (b"oops", "The provider answered 500: oops"),
        (b"", "The provider answered 500 with an empty body"),
        ({"x": 1}, 'The provider answered 500: {"x":1}'),
        ({"detail": []}, 'The provider answered 500: {"detail":[]}'),
        ([1], "The provider answered 500: [1]"),
        ("", 'The provider answered 500: ""'),
    ],
)
def test_the_message_is_found_wherever_it_stands(body: object, message: str) -> None:
    failure = read(500, body)

    assert (failure.message, failure.status, failure.kind) == (message, 500, ErrorKind.INTERNAL)
    assert (failure.code, failure.fault) == (
        None if body != {"error": {"code": "x"}, "message": "a"} else "x",
        Fault.UPSTREAM,
    )


def test_a_rate_limit_keeps_all_it_says() -> None:
    error = {"message": "quota exhausted", "code": "rate_limit_exceeded", "type": "requests", "param": None}
    failure = read(429, {"error": error}, retry_after="7")

    assert (failure.kind, failure.code, failure.type, failure.param) == (
        ErrorKind.RATE_LIMITED,
        "rate_limit_exceeded",
        "requests",
        None,
    )
    assert failure.retry_after == 7.0


@pytest.mark.parametrize(
    ("error", "headers", "delay"),
    [
        ({"type": "usage_limit_reached", "resets_in_seconds": 3600}, {}, 3600.0),
        ({"type": "usage_limit_reached", "resets_in_seconds": "60"}, {}, 60.0),
        ({"type": "usage_limit_reached", "resets_in_seconds": True}, {}, None),
        ({"resets_in_seconds": "soon"}, {}, None),
        ({"resets_in_seconds": -1}, {}, None),
        ({"resets_in_seconds": 9}, {"retry_after": "5"}, 5.0),
        ({}, {"retry_after": "5", "retry_after_ms": "1500"}, 1.5),
        ({}, {"retry_after": "Fri, 20 Nov 2026 12:00:00 GMT"}, None),
        ({"message": "Rate limit. Please try again in 11.054s."}, {}, 11.054),
        ({"message": "Please try again in 500ms."}, {}, 0.5),
        ({"message": "Please try again later."}, {}, None),
    ],
)
def test_when_to_come_back(error: dict[str, Any], headers: dict[str, str], delay: float | None) -> None:
    assert read(429, {"error": error}, **headers).retry_after == delay


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (429, "insufficient_quota", ErrorKind.BILLING),
        (400, "model_not_found", ErrorKind.MODEL_NOT_FOUND),
        (400, "invalid_api_key", ErrorKind.UNAUTHENTICATED),
        (401, None, ErrorKind.UNAUTHENTICATED),
        (404, None, ErrorKind.MODEL_NOT_FOUND),
        (500, "insufficient_quota", ErrorKind.INTERNAL),
        (400, "rate_limit_exceeded", ErrorKind.INVALID_REQUEST),
        (503, "server_is_overloaded", ErrorKind.OVERLOADED),
    ],
)
def test_a_code_may_say_more_than_the_status(status: int, code: str | None, kind: ErrorKind) -> None:
    assert read(status, {"error": {"message": "m", "code": code}}).kind is kind


@pytest.mark.parametrize(
    ("error", "kind", "status"),
    [
        ({"code": "rate_limit_exceeded"}, ErrorKind.RATE_LIMITED, None),
        ({"code": "brand_new", "type": "overloaded_error"}, ErrorKind.OVERLOADED, None),
        ({"code": "invalid_image_url"}, ErrorKind.INVALID_REQUEST, None),
        ({"code": "cyber_policy", "type": "brand_new"}, ErrorKind.INVALID_REQUEST, None),
        ({"type": "invalid_request"}, ErrorKind.INVALID_REQUEST, None),
        ({"status": 404}, ErrorKind.MODEL_NOT_FOUND, 404),
        ({"status": 200}, ErrorKind.INTERNAL, None),
        ({"status": "failed"}, ErrorKind.INTERNAL, None),
        ({"type": "error", "status": 429, "error": {"message": "m"}}, ErrorKind.RATE_LIMITED, 429),
        ("just words", ErrorKind.INTERNAL, None),
        (None, ErrorKind.INTERNAL, None),
    ],
)
def test_an_error_inside_a_200(error: object, kind: ErrorKind, status: int | None) -> None:
    failure = failure_of(error, fallback="it broke")

    assert (failure.kind, failure.status) == (kind, status)
    assert failure.message in {"m", "just words", "it broke"}


def test_an_upstreams_code_is_never_invented() -> None:
    upstream = Failure(kind=ErrorKind.OVERLOADED, message="busy", fault=Fault.UPSTREAM)
    own = Failure(kind=ErrorKind.MODEL_NOT_FOUND, message="no such model", param="model")

    assert PROTOCOL.render_error(upstream) == {"error": {"message": "busy", "type": "server_error"}}
    assert PROTOCOL.render_error(own) == {
        "error": {
            "message": "no such model",
            "type": "invalid_request_error",
            "param": "model",
            "code": "model_not_found",
        }
    }


@pytest.mark.parametrize("kind", list(ErrorKind))
def test_every_kind_has_a_body_that_is_read_again(kind: ErrorKind) -> None:
    failure = Failure(kind=kind, message="it broke", fault=Fault.UPSTREAM, type="t", code="c", param="p")
    again = PROTOCOL.read_error(failure.http_status, {}, dumps(PROTOCOL.render_error(failure)))

    assert (again.message, again.type, again.code, again.param) == ("it broke", "t", "c", "p")
