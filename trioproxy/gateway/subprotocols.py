"""What a client offers as subprotocols, and the key that may stand among them.

A browser can set no headers, so OpenAI's SDKs say the key as a subprotocol there. It is ours to read and nobody's to see: neither a provider's
nor the client's, as an answer.
"""

from __future__ import annotations

import attrs

from trioproxy.gateway.exchange import RequestHead

__all__ = ["offered", "with_key"]

_KEY = "openai-insecure-api-key."
_HEADER = b"sec-websocket-protocol"


def offered(head: RequestHead) -> tuple[str, ...]:
    """The subprotocols that a client offers, without its key."""
    return tuple(each for each in _all(head) if not each.startswith(_KEY))


def with_key(head: RequestHead) -> RequestHead:
    """``head`` with the key among its subprotocols as a header, and without it where it was."""
    key = next((each[len(_KEY) :] for each in _all(head) if each.startswith(_KEY)), None)
    if key is None:
        return head
    kept = [field for field in head.headers if field[0] != _HEADER]
    if others := offered(head):
        kept.append((_HEADER, ", ".join(others).encode("latin-1")))
    return attrs.evolve(head, headers=(*kept, (b"authorization", b"Bearer " + key.encode("latin-1"))))


def _all(head: RequestHead) -> list[str]:
    lines = (value.decode("latin-1") for name, value in head.headers if name == _HEADER)
    return [each.strip() for line in lines for each in line.split(",") if each.strip()]
