"""A way through an HTTP proxy: CONNECT (RFC 9110 section 9.3.6), carried out by httpcore2 over our own streams.

Knows: httpcore2, which is imported with this file and by nobody who needs no tunnel: it takes a sixth of the time that the whole program
takes to start. Refuses to know: why a proxy is used.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterable
from typing import Any

import attrs
import httpcore2
import trio

from trioproxy.upstream.dial import proxy_authorization, reason_in_words, unreachable
from trioproxy.upstream.origin import Origin, OutboundProxy
from trioproxy.upstream.stream import ByteStream, TlsStream, connect_tcp, start_tls

__all__ = ["HttpcoreStream", "LeanBackend", "open_tunnel"]


async def open_tunnel(origin: Origin, proxy: OutboundProxy, tls_context: Callable[[], ssl.SSLContext]) -> ByteStream:
    """A stream to ``origin`` through ``proxy``, encrypted.

    Raises:
        UpstreamFault: UNREACHABLE, with both hosts and the reason in words.
    """
    hop = proxy.origin
    core = httpcore2.Origin(hop.scheme.encode(), hop.host.encode(), hop.port)
    connection = httpcore2.AsyncHTTPConnection(
        core,
        ssl_context=tls_context() if hop.scheme == "https" else None,
        network_backend=LeanBackend(),
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
            raise unreachable(f"the proxy {hop.authority} answered {response.status} to CONNECT {origin.authority}")
        tunnel = response.extensions["network_stream"]
        encrypted = await tunnel.start_tls(tls_context(), origin.host)
        assert isinstance(encrypted, HttpcoreStream)
        return encrypted.stream
    except (httpcore2.NetworkError, httpcore2.ProtocolError) as exc:
        await _close(connection)
        raise unreachable(f"no tunnel to {origin.authority} through {hop.authority}: {reason_in_words(exc)}") from exc
    except BaseException:
        await _close(connection)
        raise


async def _close(connection: httpcore2.AsyncHTTPConnection) -> None:
    # Our streams close without waiting, so the shield has nothing to hold up.
    with trio.CancelScope(shield=True):
        await connection.aclose()


@attrs.define(eq=False)
class HttpcoreStream(httpcore2.AsyncNetworkStream):
    """A :class:`ByteStream` as httpcore2 wants it. Timeouts are ignored: deadlines are the caller's one scope."""

    stream: ByteStream
    _unread: bytes = b""

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """At most ``max_bytes`` of what has arrived."""
        data = self._unread
        if not data:
            try:
                data = await self.stream.receive()
            except (OSError, trio.ClosedResourceError) as exc:
                raise httpcore2.ReadError(exc) from exc
        self._unread = data[max_bytes:]
        return data[:max_bytes]

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all of ``buffer``."""
        try:
            await self.stream.send_all(buffer)
        except (OSError, trio.ClosedResourceError) as exc:
            raise httpcore2.WriteError(exc) from exc

    async def aclose(self) -> None:
        """Close at once."""
        self.stream.close()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.AsyncNetworkStream:
        """Encrypt from here on."""
        try:
            return HttpcoreStream(await start_tls(self.stream, ssl_context, server_hostname or ""))
        except OSError as exc:
            raise httpcore2.ConnectError(exc) from exc

    def get_extra_info(self, info: str) -> Any:
        """``ssl_object`` and ``is_readable``; None for anything else."""
        match info:
            case "ssl_object":
                return self.stream.ssl_object if isinstance(self.stream, TlsStream) else None
            case "is_readable":
                return self.stream.is_dead()
            case _:
                return None


class LeanBackend(httpcore2.AsyncNetworkBackend):
    """Hands :func:`connect_tcp` to httpcore2."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect; see :func:`connect_tcp`."""
        try:
            return HttpcoreStream(await connect_tcp(host, port))
        except OSError as exc:
            raise httpcore2.ConnectError(exc) from exc
