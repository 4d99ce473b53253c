"""How a key goes on the wire, as header lines.

Knows: the styles of :class:`~trioproxy.providers.model.AuthStyle`. Refuses to know: where keys come from, and what time it is.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import assert_never

from trioproxy.providers.model import AuthStyle

__all__ = ["CREDENTIAL_HEADERS", "auth_headers", "entry_headers"]

CREDENTIAL_HEADERS = frozenset(
    {"authorization", "x-api-key", "x-goog-api-key", "api-key", "proxy-authorization", "cookie"}
)
"""Lower-case names of headers that carry a client's own credentials: none of them is ever sent upstream."""

_IFLOW_AGENT = "iFlow-Cli"


def auth_headers(
    style: AuthStyle, key: str | None, *, custom_base: bool = False, now: float = 0.0, token: str = ""
) -> dict[str, str]:
    """Header lines (lower-case names) that carry ``key``; empty where there is no key or the style has none.

    ``custom_base`` says that the base URL is not the vendor's own. ``now`` (Unix seconds) and ``token`` (random hex) are read only by the
    style that signs each request (IFLOW).
    """
    if not key:
        return {}
    match style:
        case AuthStyle.BEARER:
            return {"authorization": f"Bearer {key}"}
        case AuthStyle.X_API_KEY:
            return {"x-api-key": key}
        case AuthStyle.ANTHROPIC:
            # Servers that imitate the API differ in which of the two they look at; the vendor refuses a Bearer that is no OAuth token.
            return {"x-api-key": key, "authorization": f"Bearer {key}"} if custom_base else {"x-api-key": key}
        case AuthStyle.GOOGLE:
            return {"x-goog-api-key": key}
        case AuthStyle.IFLOW:
            return _iflow(key, now, token)
        case AuthStyle.NONE:
            return {}
        case _:
            assert_never(style)


def entry_headers(headers: Mapping[str, str], client: Mapping[str, str]) -> dict[str, str]:
    """The extra headers of a configuration entry, names lower-case. ``$Name`` copies the client's header of that name (``client`` has
    lower-case names) and is left out where the client sent none or where it would copy the client's own key."""
    lines: dict[str, str] = {}
    for name, value in headers.items():
        if value.startswith("$") and len(value) > 1:
            wanted = value[1:].lower()
            if wanted in client and wanted not in CREDENTIAL_HEADERS:
                lines[name.lower()] = client[wanted]
        else:
            lines[name.lower()] = value
    return lines


def _iflow(key: str, now: float, token: str) -> dict[str, str]:
    session = f"session-{token}"
    timestamp = str(int(now * 1000))
    message = f"{_IFLOW_AGENT}:{session}:{timestamp}".encode()
    return {
        "authorization": f"Bearer {key}",
        "user-agent": _IFLOW_AGENT,
        "session-id": session,
        "x-iflow-timestamp": timestamp,
        "x-iflow-signature": hmac.new(key.encode(), message, hashlib.sha256).hexdigest(),
    }
