from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.recordings import Recording, recording_params
from trioproxy.errors import ClientFault, ErrorKind, Failure
from trioproxy.protocols.base import Asked, Endpoint, ModelSpot, Operation, PeekRequest
from trioproxy.protocols.openai_chat.endpoints import ENDPOINTS, peek

CHAT, COMPLETIONS, EMBEDDINGS, IMAGES, AUDIO = ENDPOINTS


def _peek(body: bytes, endpoint: Endpoint = CHAT, content_type: str = "application/json") -> Asked:
    return peek(PeekRequest(endpoint=endpoint, params={}, query="a=1", content_type=content_type, body=body))


def _fault(body: bytes, endpoint: Endpoint = CHAT, content_type: str = "application/json") -> Failure:
    with pytest.raises(ClientFault) as caught:
        _peek(body, endpoint, content_type)
    assert caught.value.failure.kind is ErrorKind.INVALID_REQUEST
    return caught.value.failure


def test_the_endpoints_of_the_family() -> None:
    assert {each.path: each.operation for each in ENDPOINTS} == {
        "/v1/chat/completions": Operation.GENERATE,
        "/v1/completions": Operation.COMPLETIONS,
        "/v1/embeddings": Operation.EMBEDDINGS,
        "/v1/images/{tail}": Operation.IMAGES,
        "/v1/audio/{tail}": Operation.AUDIO,
    }
    assert all(each.method == "POST" and each.stream is None for each in ENDPOINTS)


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_a_json_body(endpoint: Endpoint) -> None:
    body = b'{ "stream" : true, "model"\t:  "caf\\u00e9/x" , "messages": [{"model": "inner"}]}'
    asked = _peek(body, endpoint)
    assert (asked.model, asked.stream, asked.spot, asked.query) == ("café/x", True, ModelSpot.JSON, "a=1")
    assert asked.model_span is not None
    assert body[slice(*asked.model_span)] == b'"caf\\u00e9/x"'
    assert asked.document == json.loads(body)
    assert asked.body is body
    assert asked.operation is endpoint.operation


@pytest.mark.parametrize(
    ("said", "stream"), [({}, False), ({"stream": None}, False), ({"stream": False}, False), ({"stream": True}, True)]
)
def test_the_body_says_whether_it_is_a_stream(said: Any, stream: bool) -> None:
    assert _peek(json.dumps({"model": "m", **said}).encode()).stream is stream


@pytest.mark.parametrize(
    "body", [b"{}", b'{"model":null}', b'{"model":""}', b'{"model":"  "}', b'{"model":7}', b'{"model":["m"]}']
)
def test_a_model_that_is_none(body: bytes) -> None:
    failure = _fault(body)
    assert failure.param == "model"
    assert "`model`" in failure.message


@pytest.mark.parametrize("body", [b'{"model":"a","model":"b"}', b'{"model":"a","mod\\u0065l":"a"}'])
def test_two_models_are_refused(body: bytes) -> None:
    assert _fault(body).param == "model"


@pytest.mark.parametrize("stream", [b'"true"', b"1", b"{}"])
def test_a_stream_that_is_neither(stream: bytes) -> None:
    assert _fault(b'{"model":"m","stream":%b}' % stream).param == "stream"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nonsense",
        b"[]",
        b'"model"',
        b'{"model":"m"',
        b'{"model":"m","temperature":NaN}',
        b'{"model":"m","user":"\xff"}',
        b'{"model":"m","a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
)
def test_bodies_that_are_no_json_object(body: bytes) -> None:
    failure = _fault(body)
    assert "JSON" in failure.message
    assert failure.param is None


# Forms.

FORM = "multipart/form-data; boundary=abc"


def _form(*fields: tuple[str, bytes], boundary: bytes = b"ABC") -> bytes:
    parts = [
        b'--%b\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n' % (boundary, name.encode(), value)
        for name, value in fields
    ]
    return b"".join(parts) + b"--%b--\r\n" % boundary


def test_a_form_names_its_model_in_a_field() -> None:
    body = _form(("file", b"\x00" * 1000), ("model", b"whisper-1"), ("stream", b"true"))
    asked = _peek(body, AUDIO, FORM)
    assert (asked.model, asked.stream, asked.spot, asked.document) == ("whisper-1", True, ModelSpot.FORM, None)
    assert asked.model_span is not None
    assert body[slice(*asked.model_span)] == b"whisper-1"
    assert asked.content_type == FORM


def test_a_form_without_a_stream_is_none() -> None:
    assert _peek(_form(("model", b"m"), ("stream", b"0")), IMAGES, FORM).stream is False


@pytest.mark.parametrize(
    "fields", [[], [("model", b"")], [("model", b" ")], [("Model", b"m")], [("model", b"a"), ("model", b"b")]]
)
def test_forms_without_one_model(fields: list[tuple[str, bytes]]) -> None:
    assert _fault(_form(*fields), AUDIO, FORM).param == "model"


def test_a_form_that_is_none() -> None:
    assert "multipart" in _fault(b"nonsense", AUDIO, FORM).message


def test_other_endpoints_take_no_forms() -> None:
    assert "JSON" in _fault(_form(("model", b"m")), CHAT, FORM).message


@pytest.mark.parametrize("recording", recording_params("openai_chat"))
def test_recorded_requests(recording: Recording) -> None:
    body = recording.request["body"] if recording.request else None
    if not isinstance(body, dict):
        pytest.skip("the source kept no request body")
    asked = _peek(json.dumps(body).encode())
    assert (asked.model, asked.stream) == (body["model"], bool(body.get("stream")))
