"""The endpoints of this family, and what routing has to know of a request to one of them: its model, and whether it wants a stream.

``/v1/embeddings``, ``/v1/images`` and ``/v1/audio`` are carried as they are to a provider that has them, and so is ``/v1/completions``; one that
does not have it serves it by chatting (``completions.py``).
"""

from __future__ import annotations

import attrs

from trioproxy.errors import ClientFault, ErrorKind
from trioproxy.protocols.base import Asked, Endpoint, ModelSpot, Operation, PeekRequest
from trioproxy.protocols.members import refusal
from trioproxy.protocols.openai_chat.guests import as_chat
from trioproxy.protocols.openai_chat.multipart import NotMultipart, form_fields
from trioproxy.protocols.peeking import peek_json
from trioproxy.wire.jsoncodec import dumps
from trioproxy.wire.splice import member_span

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
    asked = peek_json(request, NAME)
    chat = as_chat(asked.document) if asked.operation is Operation.GENERATE and asked.document is not None else None
    if chat is None:
        return asked
    body = dumps(chat)
    return attrs.evolve(asked, body=body, document=chat, model_span=member_span(body, "model", chat))


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
                raise refusal("model", "given once")
            span = (start, end)
    except NotMultipart as exc:
        raise ClientFault(ErrorKind.INVALID_REQUEST, f"The request body is not multipart/form-data: {exc}.") from None
    model = request.body[span[0] : span[1]].decode("utf-8", "replace").strip() if span else ""
    if not model:
        raise refusal("model", "a form field that names a model")
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
