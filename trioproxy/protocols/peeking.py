"""What routing has to know of a request that names its model in its JSON body: the same wherever a protocol writes it there.

Knows: the members ``model`` and ``stream``. Refuses to know: which endpoints a protocol has, and what any other member means.
"""

from __future__ import annotations

from trioproxy.errors import ClientFault, ErrorKind
from trioproxy.protocols.base import Asked, ModelSpot, PeekRequest
from trioproxy.protocols.members import refusal
from trioproxy.wire.jsoncodec import JSONError, Object, loads_object
from trioproxy.wire.splice import DuplicateMember, member_span

__all__ = ["json_body", "peek_json"]


def json_body(request: PeekRequest) -> Object:
    """The body.

    Raises:
        ClientFault: INVALID_REQUEST, it is not a JSON object.
    """
    try:
        return loads_object(request.body)
    except JSONError as exc:
        raise ClientFault(
            ErrorKind.INVALID_REQUEST, f"The request body is not a JSON object: {exc}. Send one as UTF-8."
        ) from None


def peek_json(request: PeekRequest, protocol: str) -> Asked:
    """What the client asks, and where in its body it names the model.

    Raises:
        ClientFault: INVALID_REQUEST, the body is not a JSON object, or ``model`` or ``stream`` (``param`` says which) is not what it must be.
    """
    document = json_body(request)
    model = document.get("model")
    try:
        span = member_span(request.body, "model", document)
    except DuplicateMember:
        raise refusal("model", "given once") from None
    if span is None or not isinstance(model, str) or not model.strip():
        raise refusal("model", "a string that names a model")
    stream = document.get("stream")
    if not isinstance(stream, bool | None):
        raise refusal("stream", "true or false")
    return Asked(
        protocol=protocol,
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
