from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.events import failures, json_objects
from trioproxy.errors import ErrorKind, Failure, Fault
from trioproxy.protocols.base import StreamSeen
from trioproxy.protocols.gemini.errors import STATUSES, error_frames, failure_of, read_error, render_error
from trioproxy.wire.jsoncodec import dumps, loads

_RPC = "type.googleapis.com/google.rpc."


def test_every_kind_has_a_status() -> None:
    assert STATUSES.keys() == set(ErrorKind)


def test_an_error_in_googles_words() -> None:
    failure = Failure(
        kind=ErrorKind.RATE_LIMITED,
        message="slow down",
        type="RESOURCE_EXHAUSTED",
        code="RATE_LIMIT_EXCEEDED",
        param="contents",
        retry_after=34.07,
        provider="gemini",
    )
    assert render_error(failure) == {
        "error": {
            "code": 429,
            "message": "slow down",
            "status": "RESOURCE_EXHAUSTED",
            "details": [
                {"@type": f"{_RPC}ErrorInfo", "reason": "RATE_LIMIT_EXCEEDED", "domain": "gemini"},
                {"@type": f"{_RPC}BadRequest", "fieldViolations": [{"field": "contents", "description": "slow down"}]},
                {"@type": f"{_RPC}RetryInfo", "retryDelay": "34.07s"},
            ],
        }
    }
    assert render_error(Failure(kind=ErrorKind.OVERLOADED, message="busy", status=529, type="overloaded_error")) == {
        "error": {"code": 529, "message": "busy", "status": "UNAVAILABLE"}
    }


def test_an_error_in_a_stream_is_one_unnamed_frame() -> None:
    failure = Failure(kind=ErrorKind.TIMEOUT, message="silence")
    (frame,) = error_frames(failure, StreamSeen())
    assert frame.event is None
    assert loads(frame.data) == {"error": {"code": 504, "message": "silence", "status": "DEADLINE_EXCEEDED"}}


@given(failures())
def test_what_is_written_is_read_again(failure: Failure) -> None:
    again = read_error(failure.http_status, {}, dumps(render_error(failure)))
    assert again.status == failure.http_status
    assert again.fault is Fault.UPSTREAM
    assert (again.code, again.param, again.retry_after) == (failure.code, failure.param, failure.retry_after)
    assert again.message == failure.message or (not failure.message and again.message)


def _error(**fields: Any) -> bytes:
    return dumps({"error": fields})


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, _error(code=400, message="no", status="INVALID_ARGUMENT"), ErrorKind.INVALID_REQUEST),
        (
            400,
            _error(
                code=400,
                message="bad key",
                status="INVALID_ARGUMENT",
                details=[{"@type": f"{_RPC}ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com"}],
            ),
            ErrorKind.UNAUTHENTICATED,
        ),
        (400, _error(message="API key not valid. Please pass a valid API key."), ErrorKind.UNAUTHENTICATED),
        (
            403,
            _error(code=403, details=[{"@type": f"{_RPC}ErrorInfo", "reason": "BILLING_DISABLED"}]),
            ErrorKind.BILLING,
        ),
        (404, _error(code=404, message="no model", status="NOT_FOUND"), ErrorKind.MODEL_NOT_FOUND),
        (429, _error(code=429, message="quota"), ErrorKind.RATE_LIMITED),
        (503, b'[{"error":{"code":503,"message":"busy","status":"UNAVAILABLE"}}]', ErrorKind.OVERLOADED),
        (500, b'{"error":"boom"}', ErrorKind.INTERNAL),
    ],
)
def test_kinds(status: int, body: bytes, kind: ErrorKind) -> None:
    failure = read_error(status, {}, body)
    assert failure.kind is kind
    assert failure.status == status
    assert failure.message


@pytest.mark.parametrize(
    ("details", "headers", "seconds"),
    [
        ([{"@type": f"{_RPC}RetryInfo", "retryDelay": "34.07s"}], {}, 34.07),
        ([{"@type": f"{_RPC}RetryInfo", "retryDelay": "7s"}], {"retry-after": "9"}, 7.0),
        ([{"@type": f"{_RPC}RetryInfo", "retryDelay": "soon"}], {"retry-after": "9"}, 9.0),
        ([{"@type": f"{_RPC}QuotaFailure", "violations": []}, "x", {}], {"retry-after": "1.5"}, 1.5),
        ({}, {"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        (None, {"retry-after": "-1"}, None),
        (None, {}, None),
    ],
)
def test_how_long_to_wait(details: Any, headers: dict[str, str], seconds: float | None) -> None:
    assert read_error(429, headers, _error(code=429, message="m", details=details)).retry_after == seconds


def test_the_field_that_was_wrong() -> None:
    violations = {"@type": f"{_RPC}BadRequest", "fieldViolations": [{"field": "contents[0]", "description": "bad"}]}
    failure = read_error(400, {}, _error(code=400, message="m", status="INVALID_ARGUMENT", details=[violations]))
    assert failure.param == "contents[0]"
    assert failure.type == "INVALID_ARGUMENT"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "empty body"),
        (b"<html>no</html>", "<html>no</html>"),
        (b'{"x":1}', '{"x":1}'),
        (b"[]", "[]"),
        (b'{"error":3}', "3"),
    ],
)
def test_what_is_no_google_error_is_quoted(body: bytes, said: str) -> None:
    failure = read_error(502, {}, body)
    assert failure.kind is ErrorKind.UNREACHABLE
    assert "502" in failure.message
    assert said in failure.message
    assert (failure.type, failure.code, failure.param) == (None, None, None)


def test_inside_a_stream_the_error_says_its_own_status() -> None:
    failure = failure_of({"error": {"status": "RESOURCE_EXHAUSTED"}})
    assert failure is not None
    assert (failure.kind, failure.status) == (ErrorKind.RATE_LIMITED, 429)
    assert failure.message == "The provider answered RESOURCE_EXHAUSTED."
    odd = failure_of({"error": {"code": 200, "message": 7}})
    assert odd is not None
    assert (odd.kind, odd.status) == (ErrorKind.INTERNAL, 500)
    assert failure_of({"candidates": []}) is None
    assert failure_of("error") is None


@given(
    st.integers(400, 599),
    st.binary(max_size=60) | json_objects().map(dumps) | json_objects().map(lambda each: dumps({"error": each})),
)
def test_no_body_breaks_it(status: int, body: bytes) -> None:
    failure = read_error(status, {}, body)
    assert failure.fault is Fault.UPSTREAM
    assert failure.status == status


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"error": "e"}, ("e", None, None)),
        ({"detail": "d"}, ("d", None, None)),
        ({"message": "m", "code": "c", "param": "p"}, ("m", "c", "p")),
        ({"detail": [{"msg": "a"}, {"message": "b"}, {"msg": 1}, 2]}, ("a; b", None, None)),
        ({"error": {"message": "m", "code": "c", "param": "p", "type": "t"}}, ("m", "c", "p")),
    ],
)
def test_an_error_that_is_not_googles_keeps_its_words(body: Any, said: tuple[str, str | None, str | None]) -> None:
    failure = read_error(500, {}, dumps(body))
    assert (failure.message, failure.code, failure.param) == said


def test_only_an_error_is_one_in_a_stream() -> None:
    assert failure_of({"message": "m", "detail": "d"}) is None
    assert failure_of({"error": "e", "message": "m"}) is not None
