from __future__ import annotations

import json
from typing import Any

import pytest

from trioproxy.errors import ErrorKind, Failure, Fault
from trioproxy.protocols.base import StreamSeen
from trioproxy.protocols.openai_chat.errors import WIRE, error_frames, read_error, read_in_band, render_error


def _read(status: int, document: Any, headers: dict[str, str] | None = None) -> Failure:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return read_error(status, headers or {}, body)


# Upstream errors over HTTP.


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"error": {"message": "a"}, "message": "b"}, "a"),
        ({"error": "a", "detail": "b"}, "a"),
        ({"detail": "a", "message": "b"}, "a"),
        ({"message": "a"}, "a"),
        ({"detail": [{"msg": "a"}, {"message": "b"}, 3, {}]}, "a; b"),
        ({"object": "error", "message": {"detail": [{"msg": "a"}]}}, "a"),
        ({"object": "error", "message": "a", "type": "BadRequestError", "code": 400}, "a"),
        ("a", "a"),
    ],
)
def test_where_the_message_stands(document: Any, message: str) -> None:
    assert _read(500, document).message == message


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "no body"),
        (b"  \n", "no body"),
        (b"oops", "text that is not JSON: oops"),
        (b"\xff\xfe", "text that is not JSON"),
        (b'{"x":1}', 'JSON that holds no message: {"x":1}'),
        (b'{"detail":[]}', "JSON that holds no message"),
        (b'{"detail":[{"msg":3}]}', "JSON that holds no message"),
        (b"[1]", "JSON that holds no message: [1]"),
        (b'""', "JSON that holds no message"),
        (b"<html>" + b"x" * 1000, "x..."),
    ],
)
def test_what_is_said_of_a_body_without_a_message(body: bytes, said: str) -> None:
    failure = _read(500, body)
    assert failure.message.startswith("The provider answered 500 with ")
    assert said in failure.message
    assert len(failure.message) < 600
    assert (failure.type, failure.code, failure.param) == (None, None, None)
    assert (failure.status, failure.fault) == (500, Fault.UPSTREAM)


@pytest.mark.parametrize(
    ("status", "words", "kind"),
    [
        (400, {"code": "context_length_exceeded"}, ErrorKind.INVALID_REQUEST),
        (400, {"code": "tool_use_failed"}, ErrorKind.INVALID_REQUEST),
        (400, {"code": "invalid_api_key"}, ErrorKind.UNAUTHENTICATED),
        (400, {"code": "rate_limit_exceeded"}, ErrorKind.INVALID_REQUEST),
        (401, {}, ErrorKind.UNAUTHENTICATED),
        (402, {}, ErrorKind.BILLING),
        (404, {"code": "model_not_found"}, ErrorKind.MODEL_NOT_FOUND),
        (400, {"code": "model_not_found"}, ErrorKind.MODEL_NOT_FOUND),
        (429, {"code": "rate_limit_exceeded"}, ErrorKind.RATE_LIMITED),
        (429, {"type": "insufficient_quota", "code": None}, ErrorKind.BILLING),
        (429, {"code": 429}, ErrorKind.RATE_LIMITED),
        (500, {"code": "insufficient_quota"}, ErrorKind.INTERNAL),
        (503, {"type": "overloaded"}, ErrorKind.OVERLOADED),
    ],
)
def test_what_kind_it_is(status: int, words: dict[str, Any], kind: ErrorKind) -> None:
    failure = _read(status, {"error": {"message": "m", **words}})
    assert (failure.kind, failure.status) == (kind, status)


def test_words_are_kept_and_never_invented() -> None:
    failure = _read(400, {"error": {"message": "m", "type": "t", "code": "c", "param": "p"}})
    assert (failure.type, failure.code, failure.param) == ("t", "c", "p")
    outside = _read(400, {"error": {"message": "m"}, "type": "error", "code": "c", "param": None})
    assert (outside.type, outside.code, outside.param) == (None, "c", None)
    vllm = _read(400, {"object": "error", "message": "m", "type": "BadRequestError", "code": 400, "param": ""})
    assert (vllm.type, vllm.code, vllm.param) == ("BadRequestError", None, None)


def test_when_to_come_back() -> None:
    assert _read(429, {"error": {"message": "m"}}, {"retry-after": "7"}).retry_after == 7


# Errors that came with status 200.


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"choices": []},
        {"error": None},
        {"error": {}},
        {"object": "chat.completion", "choices": [], "code": 5, "message": "x"},
        {"message": "hello"},
        {"message": "ok", "code": 200},
        {"msg": "ok", "status": "0"},
        {"base_resp": {"status_code": 0, "status_msg": "ok"}},
    ],
)
def test_what_is_no_error(document: Any) -> None:
    assert read_in_band(document) is None


@pytest.mark.parametrize(
    ("document", "kind", "status", "message"),
    [
        ({"error": {"message": "m", "code": 502}}, ErrorKind.UNREACHABLE, 502, "m"),
        ({"error": {"message": "m", "code": "429"}}, ErrorKind.RATE_LIMITED, 429, "m"),
        ({"error": {"message": "m", "status_code": 400}}, ErrorKind.INVALID_REQUEST, 400, "m"),
        ({"error": {"message": "m", "type": "overloaded_error"}}, ErrorKind.OVERLOADED, None, "m"),
        ({"error": {"message": "m", "code": 402, "type": "insufficient_credits"}}, ErrorKind.BILLING, 402, "m"),
        ({"error": {"message": "m", "code": 20, "status": True}}, ErrorKind.INTERNAL, None, "m"),
        ({"error": "m"}, ErrorKind.INTERNAL, None, "m"),
        (
            {"error": {"x": 1}},
            ErrorKind.INTERNAL,
            None,
            'The provider ended the answer with an error: {"error":{"x":1}}',
        ),
        ({"object": "error", "message": "m", "code": 404}, ErrorKind.MODEL_NOT_FOUND, 404, "m"),
        ({"code": 50501, "message": "m", "data": None}, ErrorKind.INTERNAL, None, "m"),
        ({"code": 503, "message": "m"}, ErrorKind.OVERLOADED, 503, "m"),
        ({"status": "439", "msg": "expired"}, ErrorKind.UNAUTHENTICATED, None, "expired"),
        ({"status": 500, "msg": "m"}, ErrorKind.INTERNAL, None, "m"),
        ({"base_resp": {"status_code": 1008, "status_msg": "no balance"}}, ErrorKind.BILLING, None, "no balance"),
        ({"base_resp": {"status_code": 77}}, ErrorKind.INTERNAL, None, "The provider answered with error 77"),
        ({"base_resp": {"status_code": "x"}}, ErrorKind.INTERNAL, None, "The provider answered with error x"),
    ],
)
def test_errors_in_a_200(document: Any, kind: ErrorKind, status: int | None, message: str) -> None:
    failure = read_in_band(document)
    assert failure is not None
    assert (failure.kind, failure.status, failure.message) == (kind, status, message)
    assert failure.fault is Fault.UPSTREAM


def test_a_frame_named_error_is_one_whatever_it_holds() -> None:
    failure = read_in_band({"choices": []}, named=True)
    assert failure is not None
    assert failure.kind is ErrorKind.INTERNAL


# What clients get.


@pytest.mark.parametrize("kind", list(ErrorKind))
def test_every_kind_has_words(kind: ErrorKind) -> None:
    type_, code = WIRE[kind]
    assert type_
    assert code
    ours = render_error(Failure(kind=kind, message="m"))["error"]
    assert ours == {"message": "m", "type": type_, "code": code}


def test_an_upstreams_words_pass_and_its_silence_too() -> None:
    said = Failure(kind=ErrorKind.RATE_LIMITED, message="m", fault=Fault.UPSTREAM, type="t", code="c", param="p")
    assert render_error(said) == {"error": {"message": "m", "type": "t", "code": "c", "param": "p"}}
    silent = Failure(kind=ErrorKind.RATE_LIMITED, message="m", fault=Fault.UPSTREAM)
    assert render_error(silent) == {"error": {"message": "m", "type": "rate_limit_error"}}


def test_a_fault_of_the_clients_names_the_field() -> None:
    failure = Failure(kind=ErrorKind.INVALID_REQUEST, message="m", fault=Fault.CLIENT, param="messages[0]")
    assert render_error(failure)["error"]["param"] == "messages[0]"


def test_in_a_stream_the_status_goes_with_it() -> None:
    (frame,) = error_frames(Failure(kind=ErrorKind.TRUNCATED, message="m", fault=Fault.UPSTREAM), StreamSeen())
    assert frame.event is None
    assert json.loads(frame.data) == {"error": {"message": "m", "type": "server_error", "status": 502}}


_RPC = "type.googleapis.com/google.rpc."


@pytest.mark.parametrize(
    ("status", "details", "expected"),
    [
        (400, [{"@type": f"{_RPC}ErrorInfo", "reason": "API_KEY_INVALID"}], (ErrorKind.UNAUTHENTICATED, None, None)),
        (403, [{"@type": f"{_RPC}ErrorInfo", "reason": "BILLING_DISABLED"}], (ErrorKind.BILLING, None, None)),
        (429, [{"@type": f"{_RPC}RetryInfo", "retryDelay": "17.5s"}, 7], (ErrorKind.RATE_LIMITED, 17.5, None)),
        (400, [{"fieldViolations": [{"field": "tools[0]"}]}], (ErrorKind.INVALID_REQUEST, None, "tools[0]")),
        (503, None, (ErrorKind.OVERLOADED, None, None)),
    ],
)
def test_a_list_of_googles(status: int, details: Any, expected: tuple[ErrorKind, float | None, str | None]) -> None:
    """Gemini's compatible endpoint answers so."""
    error = {"code": status, "message": "No.", "status": "WORD", "details": details}
    failure = read_error(status, {}, json.dumps([{"error": error}]).encode())
    assert (failure.kind, failure.retry_after, failure.param) == expected
    assert failure.message == "No."


def test_a_header_outranks_what_google_says() -> None:
    error = {"message": "No.", "details": [{"@type": f"{_RPC}RetryInfo", "retryDelay": "17s"}]}
    assert read_error(429, {"retry-after": "3"}, json.dumps({"error": error}).encode()).retry_after == 3
