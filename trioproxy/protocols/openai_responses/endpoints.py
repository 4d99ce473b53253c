"""The endpoints of this protocol, all of which name the model in the body."""

from __future__ import annotations

from trioproxy.protocols.base import Asked, Endpoint, Operation, PeekRequest
from trioproxy.protocols.openai_responses.vocabulary import NAME
from trioproxy.protocols.peeking import peek_json

__all__ = ["ENDPOINTS", "peek"]

ENDPOINTS = (
    Endpoint(method="POST", path="/v1/responses", operation=Operation.GENERATE),
    Endpoint(method="POST", path="/v1/responses/compact", operation=Operation.COMPACT, stream=False),
    Endpoint(method="POST", path="/v1/responses/input_tokens", operation=Operation.COUNT_TOKENS, stream=False),
)


def peek(request: PeekRequest) -> Asked:
    """See :func:`~trioproxy.protocols.peeking.peek_json`."""
    return peek_json(request, NAME)
