"""Who asks: the client's key, found and compared.

Knows: the four places a key may stand in. The key itself goes no further than this file: what comes out is the configured client. Comparing
takes the same time for every wrong key.
"""

from __future__ import annotations

import hmac
from urllib.parse import parse_qsl

from trioproxy.config.model import ClientKey, Snapshot
from trioproxy.errors import ClientFault, ErrorKind
from trioproxy.gateway.exchange import RequestHead

__all__ = ["admit", "presented_keys"]

_HEADERS = frozenset({b"authorization", b"x-api-key", b"x-goog-api-key"})


def presented_keys(head: RequestHead) -> tuple[str, ...]:
    """Every key the request shows, from ``Authorization`` (with or without ``Bearer``), ``x-api-key``, ``x-goog-api-key``, ``?key=``."""
    found: list[str] = []
    for name, value in head.headers:
        if name in _HEADERS:
            text = value.decode("latin-1").strip()
            scheme, _, rest = text.partition(" ")
            bearer = name == b"authorization" and scheme.lower() == "bearer" and rest
            found.append(rest.strip() if bearer else text)
    if "key=" in head.query:
        found += (value for name, value in parse_qsl(head.query) if name == "key")
    return tuple(key for key in found if key)


def admit(snapshot: Snapshot, head: RequestHead) -> ClientKey | None:
    """The client whose key the request shows; None where no keys are configured, and anyone may ask.

    Raises:
        ClientFault: UNAUTHENTICATED, no key or an unknown one.
    """
    if not snapshot.clients:
        return None
    shown: list[bytes] | None = head.memo.get("keys")
    if shown is None:
        shown = head.memo["keys"] = [key.encode("utf-8", "surrogateescape") for key in presented_keys(head)]
    admitted: ClientKey | None = None
    for client in snapshot.clients:
        wanted = client.key.reveal().encode()
        for key in shown:
            if hmac.compare_digest(wanted, key) and admitted is None:
                admitted = client
    if admitted is None:
        what = "the key in this request is not among them" if shown else "this request has none"
        raise ClientFault(
            ErrorKind.UNAUTHENTICATED,
            f"this proxy asks for one of its own keys (api-keys in its configuration), and {what}. "
            "Send it as `Authorization: Bearer`, `x-api-key`, `x-goog-api-key` or `?key=`.",
            code="invalid_api_key",
        )
    return admitted
