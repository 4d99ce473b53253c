"""``POST /v1/responses/input_tokens``: the count (API reference, "Get input token counts")."""

from __future__ import annotations

from trioproxy.errors import ErrorKind, UpstreamFault
from trioproxy.wire.jsoncodec import Object

__all__ = ["read_count", "render_count"]


def read_count(document: Object) -> int:
    """The number of tokens an upstream counted.

    Raises:
        UpstreamFault: MALFORMED, the answer holds no count.
    """
    total = document.get("input_tokens")
    if isinstance(total, int) and not isinstance(total, bool):
        return total
    raise UpstreamFault(ErrorKind.MALFORMED, "the provider's answer to responses/input_tokens holds no input_tokens")


def render_count(total: int) -> Object:
    """The answer to a client that asked for a count."""
    return {"object": "response.input_tokens", "input_tokens": total}
