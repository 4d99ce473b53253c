"""``countTokens``: what is sent to be counted, and the count (https://ai.google.dev/api/tokens)."""

from __future__ import annotations

from trioproxy.errors import ErrorKind, UpstreamFault
from trioproxy.wire.jsoncodec import Object

__all__ = ["count_request", "read_count", "render_count"]


def count_request(body: Object) -> Object:
    """The body of ``countTokens`` for the body of a request: its contents alone, as Google counts nothing else and refuses the rest."""
    return {"contents": body["contents"]}


def read_count(document: Object) -> int:
    """The number of tokens an upstream counted.

    Raises:
        UpstreamFault: MALFORMED, the answer holds no count.
    """
    total = document.get("totalTokens", 0 if not document else None)
    if isinstance(total, int) and not isinstance(total, bool):
        return total
    raise UpstreamFault(ErrorKind.MALFORMED, "The provider's answer to countTokens holds no totalTokens.")


def render_count(total: int) -> Object:
    """The answer to a client's ``countTokens``."""
    return {"totalTokens": total}
