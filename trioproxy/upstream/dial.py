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
import httpcore2
import trio

from trioproxy.errors import ErrorKind, UpstreamFault
from trioproxy.upstream.origin import Origin, OutboundProxy
from trioproxy.upstream.socks5 import Socks5Handshake
from trioproxy.upstream.stream import ByteStream, HttpcoreStream, LeanBackend, connect_tcp, start_tls
from trioproxy.wire.machine import ProtocolViolation

__all__ = ["Dialer", "proxy_authorization", "reason_in_words"]


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
            return f"its certificate is not trusted ({error.verify_message})"
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

    ssl_context: Callable[[], ssl.SSLContext] = httpcore2.default_ssl_context
    _context: ssl.SSLContext | None = attrs.field(default=None, init=False)
    _backend: LeanBackend = attrs.field(factory=LeanBackend, init=False)

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
        return await self._through_tunnel(origin, proxy)

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
            raise _unreachable(f"can't connect to {role}{origin.authority}: {reason_in_words(exc)}") from exc

    async def _encrypted(self, stream: ByteStream, origin: Origin) -> ByteStream:
        if origin.scheme != "https":
            return stream
        try:
            return await start_tls(stream, self.tls_context(), origin.host)
        except OSError as exc:
            raise _unreachable(f"can't set up TLS with {origin.authority}: {reason_in_words(exc)}") from exc

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
            raise _unreachable(
                f"the SOCKS proxy {proxy.origin.authority} did not connect to {origin.authority}: {reason_in_words(exc)}"
            ) from exc
        except BaseException:
            stream.close()
            raise
        return stream

    async def _through_tunnel(self, origin: Origin, proxy: OutboundProxy) -> ByteStream:
        hop = proxy.origin
        core = httpcore2.Origin(hop.scheme.encode(), hop.host.encode(), hop.port)
        connection = httpcore2.AsyncHTTPConnection(
            core,
            ssl_context=self.tls_context() if hop.scheme == "https" else None,
            network_backend=self._backend,
        )
        authority = origin.authority.encode()
        request = httpcore2.Request(
            "CONNECT",
            httpcore2.URL(scheme=core.scheme, host=core.host, port=core.port, target=authority),
            headers=[(b"host", authority), *proxy_authorization(proxy)],
        )
        try:
            response = await connection.handle_async_request(request)
            if not 200 <= response.status < 300:
                raise _unreachable(
                    f"the proxy {hop.authority} answered {response.status} to CONNECT {origin.authority}"
                )
            tunnel = response.extensions["network_stream"]
            encrypted = await tunnel.start_tls(self.tls_context(), origin.host)
            assert isinstance(encrypted, HttpcoreStream)
            return encrypted.stream
        except (httpcore2.NetworkError, httpcore2.ProtocolError) as exc:
            await self._close(connection)
            raise _unreachable(
                f"no tunnel to {origin.authority} through {hop.authority}: {reason_in_words(exc)}"
            ) from exc
        except BaseException:
            await self._close(connection)
            raise

    @staticmethod
    async def _close(connection: httpcore2.AsyncHTTPConnection) -> None:
        # Our streams close without waiting, so the shield has nothing to hold up.
        with trio.CancelScope(shield=True):
            await connection.aclose()


def _unreachable(message: str) -> UpstreamFault:
    return UpstreamFault(ErrorKind.UNREACHABLE, message)
