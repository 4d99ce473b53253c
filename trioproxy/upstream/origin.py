"""Where a URL leads: an :class:`Origin` to connect to and a target to ask for. Pure; knows RFC 3986 as far as HTTP needs it.

URLs come from the configuration and from the catalogue, so what is wrong with one is a person's mistake and is answered as such, without
quoting the query: it may hold a key.
"""

from __future__ import annotations

import functools
from urllib.parse import SplitResult, quote, unquote, urlsplit

import attrs

from trioproxy.errors import ErrorKind, ProxyFault

__all__ = ["Origin", "OutboundProxy", "locate", "read_proxy"]

_DEFAULT_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}


@attrs.frozen
class Origin:
    """Scheme, host and port (RFC 9110 section 4.3.1). ``host`` is lower-case ASCII, an IPv6 address without its brackets."""

    scheme: str
    host: str
    port: int

    @property
    def authority(self) -> str:
        """``host:port``, for messages and for CONNECT."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def host_header(self) -> bytes:
        """The value of ``Host``: the port only where it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return (host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}").encode("ascii")


@attrs.frozen(repr=False)
class OutboundProxy:
    """A proxy on the way out. ``origin.scheme`` is ``http``, ``https``, ``socks5`` or ``socks5h`` (names are always resolved by the proxy)."""

    origin: Origin
    username: str | None = None
    password: str | None = None

    def __repr__(self) -> str:
        return f"OutboundProxy({self.origin.scheme}://{self.origin.authority})"


@functools.lru_cache(maxsize=1024)
def locate(url: str) -> tuple[Origin, bytes]:
    """The origin and the request target (path and query) of an absolute ``http`` or ``https`` URL.

    Raises:
        ProxyFault: MISCONFIGURED, the URL can't be used.
    """
    parts = _split(url, "base URL")
    origin = _origin(parts, ("http", "https"), "base URL")
    target = parts.path or "/"
    if parts.query:
        target += "?" + parts.query
    return origin, quote(target, safe="!#$%&'()*+,/:;=?@[]~").encode("ascii")


@functools.lru_cache(maxsize=64)
def read_proxy(url: str) -> OutboundProxy:
    """An outbound proxy from its URL.

    Raises:
        ProxyFault: MISCONFIGURED, the URL can't be used.
    """
    parts = _split(url, "proxy-url")
    origin = _origin(parts, ("http", "https", "socks5", "socks5h"), "proxy-url")
    username = unquote(parts.username) if parts.username is not None else None
    password = unquote(parts.password or "") if username is not None else None
    return OutboundProxy(origin, username, password)


def _split(url: str, what: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError as exc:
        raise ProxyFault(ErrorKind.MISCONFIGURED, f"the {what} is not a URL: {exc}") from None


def _origin(parts: SplitResult, schemes: tuple[str, ...], what: str) -> Origin:
    scheme = parts.scheme
    if scheme not in schemes:
        expected = ", ".join(f"{each}://" for each in schemes)
        raise ProxyFault(
            ErrorKind.MISCONFIGURED, f"the {what} begins with {scheme or 'no scheme'}, expected one of {expected}"
        )
    try:
        host = (parts.hostname or "").encode("ascii" if (parts.hostname or "").isascii() else "idna").decode("ascii")
        port = parts.port if parts.port is not None else _DEFAULT_PORTS[scheme]
    except ValueError as exc:
        raise ProxyFault(ErrorKind.MISCONFIGURED, f"the {what} names no usable host and port: {exc}") from None
    if not host or any(character <= " " or character == "\x7f" for character in host):
        raise ProxyFault(ErrorKind.MISCONFIGURED, f"the {what} names no usable host")
    return Origin(scheme, host, port)
