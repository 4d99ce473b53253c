"""Requests to speak WebSocket: which of them are served, by whom, and what the others are told.

Knows: the paths, the switches of the configuration, and who may open a socket. A browser opens sockets to anywhere and no policy of its own
stops it, so where no key is asked for, the page that asks must be one of ours (RFC 6455 section 10.2). Everything else goes to the handler of
plain requests, which answers an Upgrade with 426.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit

import attrs
import trio

from trioproxy.config.model import ClientKey, Settings, Snapshot
from trioproxy.errors import ClientFault, ErrorKind, ProxyError
from trioproxy.gateway.admission import admit
from trioproxy.gateway.exchange import Exchange, Handler, RequestHead
from trioproxy.gateway.handler import Gateway
from trioproxy.gateway.remembering import owner_of
from trioproxy.gateway.subprotocols import offered, with_key
from trioproxy.protocols.openai_responses.conversations import Conversations
from trioproxy.protocols.table import mounted
from trioproxy.server.exchange import H11Exchange
from trioproxy.upstream.http import HttpUpstream

if TYPE_CHECKING:
    from trioproxy.websocket.link import Link

__all__ = ["Upgrades", "socket_kind", "stranger"]

Serve: TypeAlias = Callable[[H11Exchange, RequestHead, ClientKey | None], Awaitable[None]]

RESPONSES = "responses"
REALTIME = "realtime"

_PATHS = {"/v1/responses": RESPONSES, "/v1/realtime": REALTIME}


def socket_kind(head: RequestHead) -> str | None:
    """What a socket at this path would carry, None where there is none."""
    if head.method != "GET":
        return None
    place = mounted(head.path)
    for spelling in place.spellings:
        if spelling in _PATHS and "openai_responses" in place.names:
            return _PATHS[spelling]
    return None


def stranger(head: RequestHead, settings: Settings, *, keyed: bool) -> str | None:
    """Why this page, or this name for us, may not open a socket; None where it may. With ``keyed`` the key alone decides."""
    if keyed:
        return None
    host = (head.header(b"host") or b"").decode("latin-1")
    origin = head.header(b"origin")
    if not settings.allow_anonymous and not _is_ours(host, settings):
        return f"no key is asked for here, so the address must be an IP address or localhost, not {host[:80]!r}"
    if origin is not None and urlsplit(origin.decode("latin-1")).netloc.lower() != host.lower():
        return "no key is asked for here, so pages of other origins may not connect; set api-keys and give the page one"
    return None


def _is_ours(host: str, settings: Settings) -> bool:
    """Whether nobody but this machine's owner can have made ``host`` a name for it (DNS rebinding)."""
    name = urlsplit(f"//{host}").hostname or ""
    if name == "localhost" or name.endswith(".localhost") or name == settings.host.lower():
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


@attrs.define(eq=False, kw_only=True)
class Upgrades:
    """The handler of all requests: those to upgrade are served here where they can be, all others, and what comes over a socket, by
    ``handler``. ``gateway`` refuses those that may not."""

    gateway: Gateway
    handler: Handler
    current: Callable[[], Snapshot]
    token: Callable[[], str]
    http: HttpUpstream
    conversations: Conversations

    async def handle(self, exchange: Exchange) -> None:
        """Serve one request. Nothing escapes but cancellation, and bugs."""
        if isinstance(exchange, H11Exchange) and exchange.upgrade is not None:
            serve = self._server_of(exchange)
            if serve is not None:
                return await self._open(exchange, serve)
        return await self.handler(exchange)

    def _server_of(self, exchange: H11Exchange) -> Serve | None:
        assert exchange.upgrade is not None
        if exchange.upgrade.strip().lower() != b"websocket":
            return None
        settings, kind = self.current().settings, socket_kind(exchange.head)
        if kind == RESPONSES and settings.responses_websocket:
            return self._responses
        if kind == REALTIME and settings.realtime:
            return self._realtime
        return None

    async def _open(self, exchange: H11Exchange, serve: Serve) -> None:
        from trioproxy.websocket.handshake import flaw  # with wsproto, which most processes never need

        snapshot, head = self.current(), with_key(exchange.head)
        try:
            client = admit(snapshot, head)
            why = stranger(head, snapshot.settings, keyed=bool(snapshot.clients))
            if why is not None:
                raise ClientFault(ErrorKind.FORBIDDEN, why)
            problem = flaw(head.headers) or (None if exchange.unread_body.done else "it has a body")
            if problem is not None:
                raise ClientFault(ErrorKind.INVALID_REQUEST, f"the request to speak WebSocket is not valid: {problem}")
        except ProxyError as error:
            return await self.gateway.turn_away(exchange, error)
        await serve(exchange, head, client)
        return None

    async def _responses(self, exchange: H11Exchange, head: RequestHead, client: ClientKey | None) -> None:
        from trioproxy.server.session import Session, SessionLimits
        from trioproxy.websocket.handshake import NotAccepted, accept

        settings, owner = self.current().settings, f"socket {self.token()}"
        self.conversations.bound(
            limit=settings.conversations_size,
            owner_limit=settings.conversations_own_size,
            seconds=settings.conversations_ttl,
        )
        stream = _Taken(exchange.take_over())
        try:
            # A browser takes no answer that chooses nothing of what it offered.
            link = await accept(stream, limit=settings.max_body, subprotocol=next(iter(offered(head)), None))
        except (NotAccepted, OSError, trio.BrokenResourceError, trio.ClosedResourceError):
            return await stream.aclose()
        limits = SessionLimits(
            idle=settings.websocket_idle, ping=settings.keepalive or float("inf"), max_event=settings.max_event
        )
        session = Session(
            link=link,
            head=head,
            handler=self.handler,
            house=exchange.connections,
            conversations=self.conversations,
            owner=owner,
            client=owner_of(client) if settings.conversations_over_http else None,
            limits=limits,
            token=self.token,
        )
        try:
            await session.run()
        finally:
            self.conversations.forget(owner)
        return None

    async def _realtime(self, exchange: H11Exchange, head: RequestHead, client: ClientKey | None) -> None:
        from trioproxy.gateway.realtime import Realtime
        from trioproxy.websocket.handshake import accept

        snapshot = self.current()

        async def answer(subprotocol: str | None) -> Link:
            stream = _Taken(exchange.take_over())
            try:
                return await accept(stream, limit=snapshot.settings.max_body, subprotocol=subprotocol)
            except BaseException:
                await stream.aclose()
                raise

        relay = Realtime(failover=self.gateway.failover, ledger=self.gateway.ledger, http=self.http, token=self.token)
        await relay.serve(exchange, head, snapshot, client, answer)


@attrs.define(eq=False)
class _Taken:
    """A connection that was handed over, as the stream under a link."""

    _stream: trio.abc.Stream

    async def send_all(self, data: bytes) -> None:
        await self._stream.send_all(data)

    async def receive_some(self) -> bytes:
        return bytes(await self._stream.receive_some())

    async def send_eof(self) -> None:
        if isinstance(self._stream, trio.abc.HalfCloseableStream):
            await self._stream.send_eof()

    async def aclose(self) -> None:
        await trio.aclose_forcefully(self._stream)
