"""The endpoints of this family, and what routing has to know of a request: its model, and whether it wants a stream.

``/v1/embeddings``, ``/v1/images`` and ``/v1/audio`` are carried as they are to a provider that has them, and so is ``/v1/completions``; one that
does not have it serves it by chatting (``completions.py``).
"""

from __future__ import annotations

from trioproxy.errors import ClientFault, ErrorKind
from trioproxy.protocols.base import Asked, Endpoint, ModelSpot, Operation, PeekRequest
from trioproxy.protocols.openai_chat.guests import as_chat
from trioproxy.protocols.openai_chat.multipart import NotMultipart, form_fields
from trioproxy.wire.jsoncodec import JSONError, dumps, loads_object
from trioproxy.wire.splice import DuplicateMember, member_span

__all__ = ["ENDPOINTS", "NAME", "peek"]

NAME = "openai_chat"

ENDPOINTS = (
    Endpoint(method="POST", path="/v1/chat/completions", operation=Operation.GENERATE),
    Endpoint(method="POST", path="/v1/completions", operation=Operation.COMPLETIONS),
    Endpoint(method="POST", path="/v1/embeddings", operation=Operation.EMBEDDINGS),
    Endpoint(method="POST", path="/v1/images/{tail}", operation=Operation.IMAGES),
    Endpoint(method="POST", path="/v1/audio/{tail}", operation=Operation.AUDIO),
)

_FORM_OPERATIONS = frozenset({Operation.IMAGES, Operation.AUDIO})


def peek(request: PeekRequest) -> Asked:
    """What the client asks.

    Raises:
        ClientFault: INVALID_REQUEST where the body is not what it should be; ``param`` names the field where there is one.
    """
    if request.endpoint.operation in _FORM_OPERATIONS and request.content_type.startswith("multipart/form-data"):
        return _peek_form(request)
    return _peek_json(request)


def _peek_json(request: PeekRequest) -> Asked:
    try:
        document = loads_object(request.body)
        span = member_span(request.body, "model", document)
    except JSONError as exc:
        raise _fault(f"The request body is not a JSON object: {exc}. Send one as UTF-8.") from None
    except DuplicateMember:
        raise _duplicate() from None
    body = request.body
    chat = as_chat(document) if request.endpoint.operation is Operation.GENERATE else None
    if chat is not None and span is not None:
        document, body = chat, dumps(chat)
        span = member_span(body, "model", document)
    model = document.get("model")
    if span is None or not isinstance(model, str) or not model.strip():
        raise _fault("`model` must be a string that names a model.", param="model")
    stream = document.get("stream")
    if not isinstance(stream, bool | None):
        raise _fault("`stream` must be true or false.", param="stream")
    return Asked(
        protocol=NAME,
        endpoint=request.endpoint,
        model=model,
        stream=bool(stream),
        body=body,
        spot=ModelSpot.JSON,
        model_span=span,
        query=request.query,
        content_type=request.content_type,
        document=document,
    )


def _peek_form(request: PeekRequest) -> Asked:
    span: tuple[int, int] | None = None
    stream = False
    try:
        for name, start, end in form_fields(request.body, request.content_type):
            if name == "stream":
                stream = request.body[start:end].strip().lower() == b"true"
            if name != "model":
                continue
            if span is not None:
                raise _duplicate()
            span = (start, end)
    except NotMultipart as exc:
        raise _fault(f"The request body is not multipart/form-data: {exc}.") from None
    model = request.body[span[0] : span[1]].decode("utf-8", "replace").strip() if span else ""
    if not model:
        raise _fault("The form field `model` must name a model.", param="model")
    return Asked(
        protocol=NAME,
        endpoint=request.endpoint,
        model=model,
        stream=stream,
        body=request.body,
        spot=ModelSpot.FORM,
        model_span=span,
        query=request.query,
        content_type=request.content_type,
    )


def _duplicate() -> ClientFault:
    return _fault("`model` is given twice: send it once.", param="model")


def _fault(message: str, *, param: str | None = None) -> ClientFault:
    return ClientFault(ErrorKind.INVALID_REQUEST, message, param=param)
