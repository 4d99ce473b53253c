"""How to come by a connected stream to an origin: directly, through an HTTP proxy, or through SOCKS 5; encrypted where the origin is https.

Knows: the order of the steps and how to close what stands when one fails. Refuses to know: what is asked over the stream. Environment variables
name no proxies here: the configuration does.
"""

from __future__ import annotations

import base64
import os
import ssl
from collections.abc import Callable

import attrs

from trioproxy.errors import ErrorKind, UpstreamFault
from trioproxy.upstream.origin import Origin, OutboundProxy
from trioproxy.upstream.socks5 import Socks5Handshake
from trioproxy.upstream.stream import ByteStream, connect_tcp, start_tls
from trioproxy.wire.machine import ProtocolViolation

__all__ = ["Dialer", "proxy_authorization", "reason_in_words", "system_trust", "unreachable"]

_OWN_TRUST = "SSL_CERT_FILE names a file of authorities to trust instead of the system's"


def system_trust() -> ssl.SSLContext:
    """A context that trusts what the system trusts."""
    import httpcore2  # with its own import, which is slow, so that a start does not wait for the first request's needs

    context: ssl.SSLContext = httpcore2.default_ssl_context()
    return context


def proxy_authorization(proxy: OutboundProxy) -> tuple[tuple[bytes, bytes], ...]:
    """The header that signs in at an HTTP proxy, none where the proxy wants none (RFC 7617)."""
    if proxy.username is None:
        return ()
    pair = f"{proxy.username}:{proxy.password or ''}".encode()
    return ((b"proxy-authorization", b"Basic " + base64.b64encode(pair)),)


def reason_in_words(error: BaseException) -> str:
    """Why a connection could not be had or broke, as the system says it, without the wrappings."""
    while True:
        inner = error.exceptions[0] if isinstance(error, BaseExceptionGroup) else error.__cause__
        if inner is None:
            break
        error = inner
    match error:
        case ssl.SSLCertVerificationError():
            return f"its certificate is not trusted ({error.verify_message}); {_OWN_TRUST}"
        case ssl.SSLError():
            # OpenSSL's name for it, where the error came from OpenSSL.
            reason = getattr(error, "reason", None) or str(error)
            return f"TLS failed ({reason.replace('_', ' ').lower()})"
        case OSError() if error.errno is not None and error.errno > 0:  # trio puts the address into strerror
            words = os.strerror(error.errno)
        case OSError() if error.strerror:  # name resolution has numbers of its own, below nought
            words = error.strerror
        case _:
            words = str(error) or f"({type(error).__name__})"
    return words[:1].lower() + words[1:]


@attrs.define(eq=False)
class Dialer:
    """Connects. ``ssl_context`` makes the context for origins and https proxies; it is called when first needed."""

    ssl_context: Callable[[], ssl.SSLContext] = system_trust
    _context: ssl.SSLContext | None = attrs.field(default=None, init=False)

    async def dial(self, origin: Origin, proxy: OutboundProxy | None) -> ByteStream:
        """A stream on which a request can be sent. A clear-text request through an HTTP proxy must name the whole URL as its target.

        Raises:
            UpstreamFault: UNREACHABLE, with the host, the port and the reason in words.
        """
        if proxy is None:
            return await self._encrypted(await self._connect(origin, ""), origin)
        if proxy.origin.scheme in ("socks5", "socks5h"):
            return await self._encrypted(await self._through_socks(origin, proxy), origin)
        if origin.scheme == "http":
            return await self._encrypted(await self._connect(proxy.origin, "the proxy "), proxy.origin)
        from trioproxy.upstream.tunnel import open_tunnel  # httpcore2 is slow to import, and few need a tunnel

        return await open_tunnel(origin, proxy, self.tls_context)

    def tls_context(self) -> ssl.SSLContext:
        """The one context; sessions and loaded certificates are shared."""
        if self._context is None:
            self._context = self.ssl_context()
            self._context.set_alpn_protocols(["http/1.1"])
        return self._context

    async def _connect(self, origin: Origin, role: str) -> ByteStream:
        try:
            return await connect_tcp(origin.host, origin.port)
        except OSError as exc:
            raise unreachable(f"can't connect to {role}{origin.authority}: {reason_in_words(exc)}") from exc

    async def _encrypted(self, stream: ByteStream, origin: Origin) -> ByteStream:
        if origin.scheme != "https":
            return stream
        try:
            return await start_tls(stream, self.tls_context(), origin.host)
        except OSError as exc:
            raise unreachable(f"can't set up TLS with {origin.authority}: {reason_in_words(exc)}") from exc

    async def _through_socks(self, origin: Origin, proxy: OutboundProxy) -> ByteStream:
        stream = await self._connect(proxy.origin, "the SOCKS proxy ")
        handshake = Socks5Handshake(origin.host, origin.port, proxy.username, proxy.password)
        try:
            await stream.send_all(handshake.start())
            while not handshake.done:
                received = await stream.receive()
                if not received:
                    raise ProtocolViolation("it hung up")
                answer = handshake.feed(received)
                if answer:
                    await stream.send_all(answer)
        except (OSError, ProtocolViolation) as exc:
            stream.close()
            raise unreachable(
                f"the SOCKS proxy {proxy.origin.authority} did not connect to {origin.authority}: {reason_in_words(exc)}"
            ) from exc
        except BaseException:
            stream.close()
            raise
        return stream


def unreachable(message: str) -> UpstreamFault:
    """The failure of a way that could not be opened."""
    return UpstreamFault(ErrorKind.UNREACHABLE, message)
