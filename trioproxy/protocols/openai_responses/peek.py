"""The endpoints of this protocol, and what routing has to know of a request: its model, and whether it wants a stream."""

from __future__ import annotations

from trioproxy.errors import ClientFault, ErrorKind
from trioproxy.protocols.base import Asked, Endpoint, ModelSpot, Operation, PeekRequest
from trioproxy.protocols.openai_responses.vocabulary import NAME
from trioproxy.wire.jsoncodec import JSONError, loads_object
from trioproxy.wire.splice import DuplicateMember, member_span

__all__ = ["ENDPOINTS", "peek"]

ENDPOINTS = (
    Endpoint(method="POST", path="/v1/responses", operation=Operation.GENERATE),
    Endpoint(method="POST", path="/v1/responses/compact", operation=Operation.COMPACT, stream=False),
    Endpoint(method="POST", path="/v1/responses/input_tokens", operation=Operation.COUNT_TOKENS, stream=False),
)


def peek(request: PeekRequest) -> Asked:
    """What the client asks.

    Raises:
        ClientFault: INVALID_REQUEST where the body is not what it should be; ``param`` names the member where there is one.
    """
    try:
        document = loads_object(request.body)
        span = member_span(request.body, "model", document)
    except JSONError as exc:
        raise _fault(f"The request body is not a JSON object: {exc}. Send one as UTF-8.") from None
    except DuplicateMember:
        raise _fault("`model` is given twice: send it once.", param="model") from None
    model = document.get("model")
    if span is None or not isinstance(model, str) or not model.strip():
        raise _fault("`model` must be a string that names a model.", param="model")
    stream = document.get("stream")
    if not isinstance(stream, bool | None):
        raise _fault("`stream` must be true or false.", param="stream")
    return Asked(
        protocol=NAME,
        endpoint=request.endpoint,
        model=model.strip(),
        stream=bool(stream) if request.endpoint.stream is None else request.endpoint.stream,
        body=request.body,
        spot=ModelSpot.JSON,
        model_span=span,
        query=request.query,
        content_type=request.content_type,
        document=document,
    )


def _fault(message: str, *, param: str | None = None) -> ClientFault:
    return ClientFault(ErrorKind.INVALID_REQUEST, message, param=param)
