from __future__ import annotations

from typing import Any

import pytest

from tests.protocols.anthropic.wires import asked
from trioproxy.errors import ClientFault, ErrorKind
from trioproxy.protocols.anthropic import PROTOCOL
from trioproxy.protocols.base import ModelSpot, Operation


def test_the_paths() -> None:
    assert [(each.method, each.path, each.operation, each.stream) for each in PROTOCOL.endpoints] == [
        ("POST", "/v1/messages", Operation.GENERATE, None),
        ("POST", "/v1/messages/count_tokens", Operation.COUNT_TOKENS, False),
    ]


def test_peek_finds_the_model_and_keeps_the_rest() -> None:
    body = b'{"x": {"model": "no"}, "model" : "claude-\\u0061", "stream": true}'

    found = asked(body)

    assert found.protocol == "anthropic"
    assert found.model == "claude-a"
    assert found.model_span is not None
    assert body[slice(*found.model_span)] == b'"claude-\\u0061"'
    assert (found.stream, found.spot, found.query) == (True, ModelSpot.JSON, "beta=true")
    assert found.content_type == "application/json"
    assert found.document == {"x": {"model": "no"}, "model": "claude-a", "stream": True}
    assert found.body is body


@pytest.mark.parametrize("stream", [None, False])
def test_no_stream_unless_asked(stream: bool | None) -> None:
    assert asked({"model": "m", "stream": stream}).stream is False


def test_counting_is_never_a_stream() -> None:
    found = asked({"model": "m", "stream": True}, operation=Operation.COUNT_TOKENS)
    assert (found.operation, found.stream) == (Operation.COUNT_TOKENS, False)


@pytest.mark.parametrize(
    ("body", "param", "words"),
    [
        (b"{", None, "not a JSON object"),
        (b"[]", None, "not a JSON object"),
        (b"{}", "model", "names a model"),
        (b'{"model": "  "}', "model", "names a model"),
        (b'{"model": 7}', "model", "names a model"),
        (b'{"model": "a", "model": "a"}', "model", "given once"),
        (b'{"model": "a", "stream": "yes"}', "stream", "true or false"),
    ],
)
def test_what_routing_needs_is_checked(body: Any, param: str | None, words: str) -> None:
    with pytest.raises(ClientFault, match=words) as caught:
        asked(body)
    assert caught.value.failure.kind is ErrorKind.INVALID_REQUEST
    assert caught.value.failure.param == param
