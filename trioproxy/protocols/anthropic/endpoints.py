"""Where the Messages API is found and what routing reads from a request, before anything is understood.

Source: platform.claude.com, API reference, Messages and Count tokens. The query (``?beta=true``) is kept as it is.
"""

from __future__ import annotations

from trioproxy.errors import ClientFault, ErrorKind
from trioproxy.protocols.anthropic.fields import invalid
from trioproxy.protocols.base import Asked, Endpoint, ModelSpot, Operation, PeekRequest
from trioproxy.wire.jsoncodec import JSONError, loads_object
from trioproxy.wire.splice import DuplicateMember, member_span

__all__ = ["DIRECT_CALLER", "ENDPOINTS", "NAME", "peek"]

NAME = "anthropic"

DIRECT_CALLER = {"type": "direct"}
"""``caller`` of a tool call that the model itself makes: what every call is unless it says otherwise."""

ENDPOINTS = (
    Endpoint(method="POST", path="/v1/messages", operation=Operation.GENERATE),
    Endpoint(method="POST", path="/v1/messages/count_tokens", operation=Operation.COUNT_TOKENS),
)


def peek(request: PeekRequest) -> Asked:
    """Parse the body once and find the model.

    Raises:
        ClientFault: INVALID_REQUEST: not a JSON object, or ``model`` or ``stream`` is not what it must be.
    """
    try:
        document = loads_object(request.body)
    except JSONError as exc:
        raise ClientFault(ErrorKind.INVALID_REQUEST, f"the request body is not a JSON object: {exc}") from exc
    model = document.get("model")
    if not isinstance(model, str) or not model.strip():
        raise invalid("model", "is required and must be the name of a model")
    try:
        span = member_span(request.body, "model", document)
    except DuplicateMember as exc:
        raise invalid("model", "is given twice; give it once") from exc
    stream = document.get("stream")
    if stream is not None and not isinstance(stream, bool):
        raise invalid("stream", "must be true or false")
    return Asked(
        protocol=NAME,
        endpoint=request.endpoint,
        model=model,
        stream=bool(stream) and request.endpoint.operation is Operation.GENERATE,
        body=request.body,
        spot=ModelSpot.JSON,
        model_span=span,
        query=request.query,
        content_type=request.content_type,
        document=document,
    )
