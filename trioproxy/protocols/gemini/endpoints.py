"""Which paths are Gemini's and what a request asks for, before its body is understood.

The model stands in the path. The same actions are served at the Gemini API's places (``/v1beta/models``, and ``/v1/models``, where the
Python SDK looks by default, and ``/v1alpha/models``, where Google tries fields out) and at Vertex AI's (``.../publishers/google/models``), as
https://ai.google.dev/api and https://cloud.google.com/vertex-ai/generative-ai/docs/reference/rest give them. ``alt=sse`` asks for server-sent
events; without it a stream is one JSON array.
"""

from __future__ import annotations

from urllib.parse import parse_qs

from trioproxy.errors import ClientFault, ErrorKind
from trioproxy.protocols.base import Asked, Endpoint, Framing, ModelSpot, Operation, PeekRequest
from trioproxy.protocols.peeking import json_body

__all__ = ["ENDPOINTS", "NAME", "VERBS", "peek", "verb"]

NAME = "gemini"

VERBS: dict[str, tuple[Operation, bool]] = {
    "generateContent": (Operation.GENERATE, False),
    "streamGenerateContent": (Operation.GENERATE, True),
    "countTokens": (Operation.COUNT_TOKENS, False),
    "embedContent": (Operation.EMBEDDINGS, False),
    "batchEmbedContents": (Operation.EMBEDDINGS, False),
    "predict": (Operation.IMAGES, False),
}

# Vertex AI names project and location too; both are the upstream's business, not the client's. A name with a slash in it (``prefix/model``)
# is a whole resource name to Vercel's SDK, which puts no ``models/`` before it.
_PLACES = (
    "/v1beta/models/{model}",
    "/v1/models/{model}",
    "/v1alpha/models/{model}",
    "/v1beta/tunedModels/{model}",
    "/v1/tunedModels/{model}",
    "/v1beta1/publishers/google/models/{model}",
    "/v1/publishers/google/models/{model}",
    "/v1beta1/projects/{project}/locations/{location}/publishers/google/models/{model}",
    "/v1/projects/{project}/locations/{location}/publishers/google/models/{model}",
    "/v1beta/{model}",
)

ENDPOINTS = tuple(
    Endpoint(method="POST", path=f"{place}:{verb}", operation=operation, stream=stream)
    for place in _PLACES
    for verb, (operation, stream) in VERBS.items()
)


def verb(endpoint: Endpoint) -> str:
    """The action that an endpoint's path ends in (``generateContent``)."""
    return endpoint.path.rpartition(":")[2]


def peek(request: PeekRequest) -> Asked:
    """What is asked for.

    Raises:
        ClientFault: INVALID_REQUEST, the path names no model or the body is not a JSON object.
    """
    document = json_body(request)
    return Asked(
        protocol=NAME,
        endpoint=request.endpoint,
        model=_model(request),
        stream=bool(request.endpoint.stream),
        body=request.body,
        spot=ModelSpot.PATH,
        framing=_framing(request),
        query=request.query,
        content_type=request.content_type,
        document=document,
    )


def _model(request: PeekRequest) -> str:
    model = request.params.get("model", "").strip().removeprefix("models/")
    if model and "/tunedModels/" in request.endpoint.path:
        model = f"tunedModels/{model}"
    if not model:
        raise ClientFault(
            ErrorKind.INVALID_REQUEST,
            f"The path names no model. Ask for /v1beta/models/<model>:{verb(request.endpoint)}.",
            param="model",
        )
    return model


def _framing(request: PeekRequest) -> Framing:
    if not request.endpoint.stream:
        return Framing.SSE
    asked = parse_qs(request.query)
    alt = asked.get("alt", asked.get("$alt", [""]))[-1]
    return Framing.SSE if alt.lower() == "sse" else Framing.JSON_ARRAY
