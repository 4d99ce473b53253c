"""Which headers pass, and which stay behind: the one allow and deny table (RFC 9110 section 7.6.1 for hop-by-hop).

Names are lower-case bytes throughout; order and repeats are kept. Credentials and framing belong to one hop and are set afresh on the
next; a client's cookies are none of a provider's business, and a provider's cookies and server banner none of a client's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache

__all__ = ["CREDENTIAL_HEADERS", "HOP_BY_HOP", "Fields", "Headers", "error_response", "header", "request", "response"]

Headers = tuple[tuple[bytes, bytes], ...]


class Fields(tuple[tuple[bytes, bytes], ...]):
    """Headers that several ask for this and that. ``firsts`` is the first value of each name."""

    firsts: dict[bytes, bytes]

    def __init__(self, lines: Iterable[tuple[bytes, bytes]]) -> None:
        self.firsts = dict(reversed(self))


HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)

CREDENTIAL_HEADERS = frozenset(
    {b"authorization", b"x-api-key", b"x-goog-api-key", b"api-key", b"x-management-key", b"cookie"}
)

# They name the account behind the client's own key: beside another key a provider refuses them, or answers from the wrong account.
_ACCOUNT_HEADERS = frozenset({b"openai-organization", b"openai-project", b"chatgpt-account-id", b"x-goog-user-project"})

_REQUEST_DENY = (
    HOP_BY_HOP
    | CREDENTIAL_HEADERS
    | _ACCOUNT_HEADERS
    | {
        b"host",
        b"content-length",
        b"content-encoding",  # the body was decoded on the way in
        b"accept-encoding",  # identity is asked for, so that streams can be observed
        b"expect",
        b"forwarded",
        b"x-forwarded-for",
        b"x-forwarded-host",
        b"x-forwarded-port",
        b"x-forwarded-proto",
        b"x-real-ip",
        b"via",
        b"origin",
        b"referer",
    }
)
_REQUEST_DENY_PREFIXES = (b"sec-", b"x-trioproxy-")

_RESPONSE_DENY = HOP_BY_HOP | {
    b"content-length",
    b"set-cookie",
    b"set-cookie2",
    b"server",
    b"date",
    b"via",
    b"alt-svc",
    b"strict-transport-security",
    b"report-to",
    b"nel",
    b"x-powered-by",
}
_RESPONSE_DENY_PREFIXES = (b"access-control-", b"x-trioproxy-")

_ERROR_ALLOW = frozenset(
    {
        b"content-type",
        b"retry-after",
        b"retry-after-ms",
        b"x-should-retry",
        b"x-request-id",
        b"request-id",
        b"openai-processing-ms",
        b"cf-ray",
    }
)
_ERROR_ALLOW_PREFIXES = (b"x-ratelimit-", b"anthropic-ratelimit-")


def header(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> bytes | None:
    """The first value of a header (lower-case ``name``), None where absent."""
    if type(headers) is Fields:
        return headers.firsts.get(name)
    return dict(reversed(tuple(headers))).get(name)


def request(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """A client's headers as they go to a provider, without what belongs to one hop or names the client's own key or account."""
    return _filtered(headers, _goes_up)


def response(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """A provider's headers of a success as they go to the client."""
    return _filtered(headers, _comes_down)


def error_response(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """A provider's headers of an error as they go to the client: what helps to find and time the fault, and nothing else."""
    return tuple((key, value) for key, value in headers if key in _ERROR_ALLOW or key.startswith(_ERROR_ALLOW_PREFIXES))


# The same names come with every request.


@lru_cache(maxsize=1024)
def _goes_up(name: bytes) -> bool:
    return name not in _REQUEST_DENY and not name.startswith(_REQUEST_DENY_PREFIXES)


@lru_cache(maxsize=1024)
def _comes_down(name: bytes) -> bool:
    return name not in _RESPONSE_DENY and not name.startswith(_RESPONSE_DENY_PREFIXES)


def _filtered(headers: Iterable[tuple[bytes, bytes]], passes: Callable[[bytes], bool]) -> Headers:
    headers = headers if type(headers) is Fields else Fields(headers)
    kept = tuple([line for line in headers if passes(line[0])])
    if b"connection" not in headers.firsts:
        return kept
    nominated = {name.strip().lower() for key, value in headers if key == b"connection" for name in value.split(b",")}
    return tuple([line for line in kept if line[0] not in nominated])
