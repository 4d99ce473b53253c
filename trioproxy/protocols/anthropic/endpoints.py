"""Where the Messages API is found and what routing reads from a request, before anything is understood.

Source: platform.claude.com, API reference, Messages and Count tokens. The query (``?beta=true``) is kept as it is.
"""

from __future__ import annotations

from trioproxy.protocols.base import Asked, Endpoint, Operation, PeekRequest
from trioproxy.protocols.peeking import peek_json

__all__ = ["DIRECT_CALLER", "ENDPOINTS", "HEADERS", "NAME", "peek"]

NAME = "anthropic"

DIRECT_CALLER = {"type": "direct"}
"""``caller`` of a tool call that the model itself makes: what every call is unless it says otherwise."""

HEADERS = {"anthropic-version": "2023-06-01"}
"""The API: "anthropic-version: header is required"."""

ENDPOINTS = (
    Endpoint(method="POST", path="/v1/messages", operation=Operation.GENERATE),
    Endpoint(method="POST", path="/v1/messages/count_tokens", operation=Operation.COUNT_TOKENS, stream=False),
)


def peek(request: PeekRequest) -> Asked:
    """See :func:`~trioproxy.protocols.peeking.peek_json`."""
    return peek_json(request, NAME)
