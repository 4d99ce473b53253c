"""``count_tokens``: what is sent to be counted, and the count. Source: platform.claude.com, API reference, "Count tokens in a Message"."""

from __future__ import annotations

from trioproxy.errors import ErrorKind, UpstreamFault
from trioproxy.wire.jsoncodec import Object

__all__ = ["COUNTED", "count_request", "read_count", "render_count"]

COUNTED = ("model", "messages", "system", "tools", "tool_choice", "thinking")
"""The members of a body that only counts; the endpoint refuses ``max_tokens``, ``stream`` and sampling settings."""


def count_request(body: Object) -> Object:
    """The body of ``count_tokens`` for the body of a request."""
    return {name: body[name] for name in COUNTED if name in body}


def read_count(document: Object) -> int:
    """The number of tokens an upstream counted.

    Raises:
        UpstreamFault: MALFORMED, the answer holds no count.
    """
    total = document.get("input_tokens")
    if isinstance(total, int) and not isinstance(total, bool):
        return total
    raise UpstreamFault(ErrorKind.MALFORMED, "the provider's answer to count_tokens holds no input_tokens")


def render_count(total: int) -> Object:
    """The answer to a client's ``count_tokens``."""
    return {"input_tokens": total}
