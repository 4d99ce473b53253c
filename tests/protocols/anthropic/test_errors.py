from __future__ import annotations

from typing import Any

import pytest

from trioproxy.errors import ErrorKind, Failure, Fault
from trioproxy.protocols.anthropic.errors import (
    KINDS,
    TYPES,
    error_frames,
    error_in_answer,
    failure_read,
    read_error,
    render_error,
)
from trioproxy.protocols.base import StreamSeen
from trioproxy.wire.jsoncodec import dumps, loads

# https://platform.claude.com/docs/en/api/errors
WIRE_TYPES = {
    "invalid_request_error",
    "authentication_error",
    "billing_error",
    "permission_error",
    "not_found_error",
    "request_too_large",
    "rate_limit_error",
    "api_error",
    "timeout_error",
    "overloaded_error",
}


def test_every_kind_has_a_type_that_clients_know() -> None:
    assert TYPES.keys() == set(ErrorKind)
    assert set(TYPES.values()) <= WIRE_TYPES
    assert KINDS.keys() == WIRE_TYPES


def test_a_failure_of_ours_is_two_words() -> None:
    failure = Failure(kind=ErrorKind.RATE_LIMITED, message="slow down", code="x", param="y", fault=Fault.PROXY)
    assert render_error(failure) == {"type": "error", "error": {"type": "rate_limit_error", "message": "slow down"}}


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("invalid_request_error", "rate_limit_error"),
        ("upstream_error_non_json", "upstream_error_non_json"),
        ("insufficient_quota", "rate_limit_error"),
        (None, "rate_limit_error"),
    ],
)
def test_the_type_is_that_of_the_failure_and_an_upstreams_other_words_stay(said: str | None, written: str) -> None:
    failure = Failure(
        kind=ErrorKind.RATE_LIMITED, message="m", fault=Fault.UPSTREAM, type=said, code="c", param="p", status=429
    )
    assert render_error(failure)["error"] == {
        "type": written,
        "message": "m",
        "code": "c",
        "param": "p",
        "status": 429,
    }


def test_nothing_is_invented() -> None:
    failure = Failure(kind=ErrorKind.INTERNAL, message="m", fault=Fault.UPSTREAM)
    assert render_error(failure)["error"] == {"type": "api_error", "message": "m"}


def test_a_stream_ends_in_one_named_event() -> None:
    (frame,) = error_frames(Failure(kind=ErrorKind.TIMEOUT, message="silence"), StreamSeen())
    assert frame.event == "error"
    assert loads(frame.data) == {"type": "error", "error": {"type": "timeout_error", "message": "silence"}}


@pytest.mark.parametrize(
    ("status", "body", "kind", "said", "message", "code"),
    [
        (
            529,
            {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}, "request_id": "r"},
            ErrorKind.OVERLOADED,
            "overloaded_error",
            "Overloaded",
            None,
        ),
        (
            400,
            {"type": "error", "error": {"type": "billing_error", "message": "pay"}},
            ErrorKind.BILLING,
            "billing_error",
            "pay",
            None,
        ),
        (
            404,
            {"type": "error", "error": {"type": "not_found_error", "message": "model: x"}},
            ErrorKind.MODEL_NOT_FOUND,
            "not_found_error",
            "model: x",
            None,
        ),
        (
            429,
            {"error": {"message": "quota exhausted", "code": "rate_limit_exceeded"}},
            ErrorKind.RATE_LIMITED,
            None,
            "quota exhausted",
            "rate_limit_exceeded",
        ),
        (500, {"error": "boom"}, ErrorKind.INTERNAL, "upstream_error", "boom", None),
        (500, {"message": "flat", "code": 17}, ErrorKind.INTERNAL, "upstream_error", "flat", "17"),
        (500, {"detail": "gone"}, ErrorKind.INTERNAL, "upstream_error", "gone", None),
        (
            500,
            {"detail": [{"msg": "a"}, {"message": "b"}, {"msg": 3}, "c"]},
            ErrorKind.INTERNAL,
            "upstream_error",
            "a; b",
            None,
        ),
        (
            401,
            {"base_resp": {"status_code": 1004, "status_msg": "login fail"}},
            ErrorKind.UNAUTHENTICATED,
            "upstream_error",
            "login fail",
            None,
        ),
    ],
)
def test_what_a_provider_says_is_kept(
    status: int, body: Any, kind: ErrorKind, said: str | None, message: str, code: str | None
) -> None:
    failure = read_error(status, {}, dumps(body))
    assert (failure.kind, failure.type, failure.message, failure.code) == (kind, said, message, code)
    assert (failure.status, failure.fault, failure.retry_after) == (status, Fault.UPSTREAM, None)


@pytest.mark.parametrize(
    ("body", "said", "words"),
    [
        (b"", "upstream_error_body_empty", "the provider answered 502 without a body"),
        (b"  \n", "upstream_error_body_empty", "the provider answered 502 without a body"),
        (b"oops \xff", "upstream_error_non_json", "the provider answered 502: oops \ufffd"),
        (b'{"x": 1}', "upstream_error_unknown_shape", 'unknown error body: {"x":1}'),
        (b"[1]", "upstream_error_unknown_shape", "unknown error body: [1]"),
        (b'{"detail": [1]}', "upstream_error_unknown_shape", "unknown error body"),
    ],
)
def test_what_nobody_can_read_is_quoted(body: bytes, said: str, words: str) -> None:
    failure = read_error(502, {}, body)
    assert (failure.kind, failure.type, failure.code, failure.param) == (ErrorKind.UNREACHABLE, said, None, None)
    assert words in failure.message


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": " 1.5 "}, 1.5),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after": "Fri, 20 Nov 2026 12:00:00 GMT"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "²"}, None),
        ({}, None),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    assert read_error(429, headers, b"").retry_after == seconds


def test_an_error_event() -> None:
    failure = failure_read({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}})
    assert failure.kind is ErrorKind.OVERLOADED
    assert (failure.message, failure.type, failure.http_status, failure.fault) == (
        "Overloaded",
        "overloaded_error",
        529,
        Fault.UPSTREAM,
    )


def test_an_error_event_of_another_make() -> None:
    failure = failure_read({"error": {"message": "m", "type": "server_error", "code": "c", "param": "p"}})
    assert (failure.kind, failure.type, failure.code, failure.param) == (ErrorKind.INTERNAL, "server_error", "c", "p")
    assert failure_read({"type": "error"}).message == "the provider reported an error without a message"
    assert failure_read({"error": "text", "type": "error"}).message == "text"


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (1002, ErrorKind.RATE_LIMITED),
        (1004, ErrorKind.UNAUTHENTICATED),
        (1008, ErrorKind.BILLING),
        (1013, ErrorKind.INTERNAL),
        (1027, ErrorKind.INVALID_REQUEST),
        (1039, ErrorKind.RATE_LIMITED),
        (2013, ErrorKind.INVALID_REQUEST),
        (4242, ErrorKind.INTERNAL),
        ("odd", ErrorKind.INTERNAL),
    ],
)
def test_minimax_says_it_behind_a_200(code: Any, kind: ErrorKind) -> None:
    failure = error_in_answer({"base_resp": {"status_code": code, "status_msg": "told"}})
    assert failure is not None
    assert (failure.kind, failure.code, failure.message) == (kind, str(code), "told")


def test_what_is_no_error() -> None:
    assert error_in_answer({"type": "message", "base_resp": {"status_code": 0, "status_msg": "success"}}) is None
    assert error_in_answer({"type": "message", "base_resp": {}}) is None
    assert error_in_answer({"type": "message", "error": None}) is None


def test_an_error_body_behind_a_200() -> None:
    failure = error_in_answer({"type": "error", "error": {"type": "api_error", "message": "m"}})
    assert failure is not None
    assert failure.kind is ErrorKind.INTERNAL
    unnamed = error_in_answer({"base_resp": {"status_code": 1000}})
    assert unnamed is not None
    assert unnamed.message == "The provider answered with error 1000"
