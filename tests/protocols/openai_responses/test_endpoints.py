from __future__ import annotations

from typing import Any

import pytest

from trioproxy.errors import ClientFault, ErrorKind
from trioproxy.protocols.base import Asked, ModelSpot, Operation, PeekRequest
from trioproxy.protocols.openai_responses import PROTOCOL

GENERATE, COMPACT, COUNT = PROTOCOL.endpoints


def peek(body: bytes, **members: Any) -> Asked:
    asked: dict[str, Any] = {
        "endpoint": GENERATE,
        "params": {},
        "query": "a=b",
        "content_type": "application/json",
        **members,
    }
    return PROTOCOL.peek(PeekRequest(body=body, **asked))


def test_the_endpoints() -> None:
    assert [(each.method, each.path, each.operation) for each in PROTOCOL.endpoints] == [
        ("POST", "/v1/responses", Operation.GENERATE),
        ("POST", "/v1/responses/compact", Operation.COMPACT),
        ("POST", "/v1/responses/input_tokens", Operation.COUNT_TOKENS),
    ]


def test_the_model_is_found_in_its_place() -> None:
    body = b'{"input": {"model": "inner"}, "model" : " gpt-6 ", "stream": true}'
    asked = peek(body)

    assert (asked.model, asked.stream, asked.spot, asked.operation) == (
        "gpt-6",
        True,
        ModelSpot.JSON,
        Operation.GENERATE,
    )
    assert asked.model_span is not None
    assert body[slice(*asked.model_span)] == b'" gpt-6 "'
    assert asked.document == {"input": {"model": "inner"}, "model": " gpt-6 ", "stream": True}
    assert (asked.query, asked.content_type, asked.body) == ("a=b", "application/json", body)


@pytest.mark.parametrize("stream", [b"false", b"null"])
def test_no_stream(stream: bytes) -> None:
    assert not peek(b'{"model":"m","stream":' + stream + b"}").stream


@pytest.mark.parametrize("endpoint", [COMPACT, COUNT])
def test_the_other_operations_never_stream(endpoint: Any) -> None:
    assert not peek(b'{"model":"m","stream":true}', endpoint=endpoint).stream


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"", None),
        (b"{", None),
        (b"[]", None),
        (b'"x"', None),
        (b'{"model":"\xff"}', None),
        (b"{}", "model"),
        (b'{"model":null}', "model"),
        (b'{"model":5}', "model"),
        (b'{"model":"  "}', "model"),
        (b'{"model":"a","model":"b"}', "model"),
        (b'{"model":"a","mod\\u0065l":"b"}', "model"),
        (b'{"model":"a","stream":"yes"}', "stream"),
    ],
)
def test_what_can_not_be_routed_is_refused(body: bytes, param: str | None) -> None:
    with pytest.raises(ClientFault) as caught:
        peek(body)
    assert (caught.value.failure.kind, caught.value.failure.param) == (ErrorKind.INVALID_REQUEST, param)


def test_the_record() -> None:
    assert (PROTOCOL.name, PROTOCOL.title, PROTOCOL.keepalive) == (
        "openai_responses",
        "OpenAI Responses",
        b": keep-alive\n\n",
    )
