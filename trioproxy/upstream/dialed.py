"""A WebSocket to a provider: dialled as any connection is, through the same proxies and with the same trust."""

from __future__ import annotations

import attrs
import trio

from trioproxy.upstream.base import Headers
from trioproxy.upstream.dial import Dialer
from trioproxy.upstream.origin import locate, read_proxy
from trioproxy.upstream.stream import ByteStream
from trioproxy.websocket.handshake import NotAccepted, connect
from trioproxy.websocket.link import Link

__all__ = ["Dialed", "carries_sockets", "dial_link"]


@attrs.define(eq=False)
class Dialed:
    """See ``websocket.link.Bytes``."""

    stream: ByteStream

    async def send_all(self, data: bytes) -> None:
        """See ``Bytes.send_all``."""
        await self.stream.send_all(data)

    async def receive_some(self) -> bytes:
        """See ``Bytes.receive_some``."""
        return await self.stream.receive()

    async def send_eof(self) -> None:
        """See ``Bytes.send_eof``. TLS over memory buffers has none."""

    async def aclose(self) -> None:
        """See ``Bytes.aclose``."""
        self.stream.close()
        await trio.lowlevel.checkpoint()


def carries_sockets(url: str, proxy_url: str | None) -> bool:
    """Whether a WebSocket can be had this way: an HTTP proxy carries clear text as requests of its own, and a socket is none."""
    return proxy_url is None or url.startswith("https:") or proxy_url.startswith("socks5")


async def dial_link(
    dialer: Dialer,
    url: str,
    *,
    headers: Headers,
    proxy_url: str | None,
    limit: int,
    subprotocols: tuple[str, ...] = (),
) -> Link:
    """A WebSocket at ``url`` (``http`` or ``https``, as providers are configured).

    Raises:
        NotAccepted: the provider would have none, or none can be had this way.
        UpstreamFault: UNREACHABLE.
        ProxyFault: MISCONFIGURED, the URL or the proxy's can't be used.
    """
    if not carries_sockets(url, proxy_url):
        raise NotAccepted("its proxy-url is an HTTP proxy, which carries no WebSocket without TLS")
    origin, target = locate(url)
    proxy = read_proxy(proxy_url) if proxy_url is not None else None
    stream = Dialed(await dialer.dial(origin, proxy))
    try:
        return await connect(
            stream,
            host=origin.host_header.decode("ascii"),
            target=target.decode("ascii"),
            limit=limit,
            headers=headers,
            subprotocols=subprotocols,
        )
    except BaseException as error:
        await stream.aclose()
        if isinstance(error, OSError | trio.ClosedResourceError):
            raise NotAccepted("the connection broke in the handshake") from None
        raise
