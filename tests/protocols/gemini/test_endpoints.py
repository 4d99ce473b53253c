from __future__ import annotations

import pytest

from tests.protocols.gemini.exchanges import endpoint, peeked
from trioproxy.errors import ClientFault, ErrorKind
from trioproxy.protocols import table
from trioproxy.protocols.base import Framing, ModelSpot, Operation, PeekRequest
from trioproxy.protocols.gemini.endpoints import ENDPOINTS, VERBS, peek, verb


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ("/v1beta/models/gemini-2.5-flash:generateContent", "gemini-2.5-flash"),
        ("/v1/models/gemini-2.5-flash:generateContent", "gemini-2.5-flash"),
        ("/v1beta/models/team%2Fgemini:generateContent", "team/gemini"),
        ("/v1beta/models/team/gemini:generateContent", "team/gemini"),
        ("/v1beta/models/models/gemini-x:generateContent", "gemini-x"),
        ("/v1beta/models/ft:gpt:x:generateContent", "ft:gpt:x"),
        ("/v1beta/tunedModels/mine:generateContent", "tunedModels/mine"),
        ("/v1beta/team/gemini:generateContent", "team/gemini"),
        ("/v1beta1/publishers/google/models/gemini-x:generateContent", "gemini-x"),
        ("/v1/publishers/google/models/gemini-x:generateContent", "gemini-x"),
        ("/v1alpha/models/gemini-x:generateContent", "gemini-x"),
        ("/v1beta/models/gemini-x%3AgenerateContent", "gemini-x"),
        ("/models/gemini-x%3agenerateContent", "gemini-x"),
        ("/v1/projects/p/locations/l/publishers/google/models/gemini-x:generateContent", "gemini-x"),
        ("/v1beta1/projects/p/locations/l/publishers/google/models/gemini-x:generateContent", "gemini-x"),
    ],
)
def test_the_model_is_in_the_path(path: str, model: str) -> None:
    found = table.match(path)
    assert [each.protocol.name for each in found] == ["gemini"]
    request = PeekRequest(endpoint=found[0].endpoint, params=found[0].params, query="", content_type="", body=b"{}")
    asked = peek(request)
    assert asked.model == model
    assert (asked.protocol, asked.spot, asked.model_span) == ("gemini", ModelSpot.PATH, None)
    assert verb(asked.endpoint) == "generateContent"


@pytest.mark.parametrize("name", VERBS)
def test_every_verb_everywhere(name: str) -> None:
    operation, stream = VERBS[name]
    places = [each for each in ENDPOINTS if verb(each) == name]
    assert len(places) == 10
    assert {(each.method, each.operation, each.stream) for each in places} == {("POST", operation, stream)}


def test_operations() -> None:
    assert peeked(verb="countTokens").operation is Operation.COUNT_TOKENS
    assert peeked(verb="predict").operation is Operation.IMAGES
    assert peeked(verb="batchEmbedContents").operation is Operation.EMBEDDINGS


@pytest.mark.parametrize(
    ("query", "framing"),
    [
        ("alt=sse", Framing.SSE),
        ("key=x&alt=SSE", Framing.SSE),
        ("$alt=sse", Framing.SSE),
        ("%24alt=sse", Framing.SSE),
        ("", Framing.JSON_ARRAY),
        ("alt=json", Framing.JSON_ARRAY),
        ("key=alt%3Dsse", Framing.JSON_ARRAY),
    ],
)
def test_a_stream_is_framed_as_asked(query: str, framing: Framing) -> None:
    asked = peeked(verb="streamGenerateContent", query=query)
    assert asked.stream
    assert asked.framing is framing
    assert asked.query == query


def test_a_whole_answer_is_not_framed() -> None:
    asked = peeked({"contents": []}, verb="generateContent", query="alt=json")
    assert not asked.stream
    assert asked.framing is Framing.SSE
    assert asked.document == {"contents": []}
    assert asked.body == b'{"contents":[]}'
    assert asked.content_type == "application/json"


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff"])
def test_a_body_that_is_no_object_is_refused(body: bytes) -> None:
    request = PeekRequest(endpoint=endpoint(), params={"model": "m"}, query="", content_type="", body=body)
    with pytest.raises(ClientFault, match="not a JSON object") as caught:
        peek(request)
    assert caught.value.failure.kind is ErrorKind.INVALID_REQUEST


@pytest.mark.parametrize("place", ["/v1beta/models/{model}", "/v1beta/tunedModels/{model}"])
def test_a_path_without_a_model_is_refused(place: str) -> None:
    request = PeekRequest(endpoint=endpoint(place=place), params={"model": "  "}, query="", content_type="", body=b"{}")
    with pytest.raises(ClientFault, match="names no model") as caught:
        peek(request)
    assert caught.value.failure.param == "model"
