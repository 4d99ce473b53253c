"""``HttpUpstream``: the way to providers over HTTP/1.1.

Knows: what one exchange needs of a connection, when it may be repeated, which failure is told how. Refuses to know: what the bytes mean, and
every deadline: the caller's one cancel scope bounds everything here, or its cutting the connection off.

**Repeating.** A warm connection may have been closed by the server while our request was on its way. When a connection that served before
ends without a single byte of an answer, the request is sent once more on a fresh one, POST too: a server that closes an idle connection has
not read what crosses its close (RFC 9112 section 9.3.1 leaves that to the client's knowledge, and every common client does the same). A
fresh connection that dies the same way is an error at once.

**Ending.** The connection goes back to the pool the moment the body is whole, and only then, only if nothing came behind it and all of the
request was sent. Every other end closes it, cancellation at any await included.
"""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache
from typing import ClassVar, TypeAlias

import attrs

from trioproxy.errors import ErrorKind, ProxyFault, UpstreamFault
from trioproxy.upstream.base import Headers, Progress, UpstreamRequest
from trioproxy.upstream.bodies import BodyDecoder, body_decoder
from trioproxy.upstream.dial import Dialer, proxy_authorization, reason_in_words, system_trust
from trioproxy.upstream.http1 import HeadDecoder, ResponseHead, header_lines, request_head
from trioproxy.upstream.origin import Origin, OutboundProxy, locate, read_proxy
from trioproxy.upstream.pool import ConnectionPool, Lease, OriginStatistics
from trioproxy.upstream.stream import RECEIVE_BYTES, ByteStream
from trioproxy.wire.machine import ProtocolViolation

__all__ = ["HttpResponse", "HttpUpstream"]

_Key: TypeAlias = tuple[Origin, OutboundProxy | None]

# Framing and routing of this hop: set here, whatever a caller sends along.
_OWN_HEADERS = frozenset({b"host", b"content-length", b"transfer-encoding", b"connection", b"proxy-authorization"})
_BODILESS_METHODS = frozenset({"GET", "HEAD", "DELETE", "OPTIONS"})
_ONE_SEND_BYTES = 256 * 1024


class _Stale(Exception):
    """A warm connection ended before the first byte of an answer."""


@attrs.define(eq=False)
class HttpResponse:
    """See ``UpstreamResponse``. Made by :meth:`HttpUpstream.open`."""

    status: int
    headers: Headers
    _where: str
    _keep_alive: int
    _reusable: bool
    _lease: Lease[_Key, ByteStream]
    _stream: ByteStream
    _body: BodyDecoder
    _ready: bytes
    whole: bool = attrs.field(default=False, init=False)
    """See ``UpstreamResponse.whole``."""
    _received: int = attrs.field(init=False)
    _broke: str | None = attrs.field(default=None, init=False)
    """How the answer broke off. Not the fault that says so: it would hold this answer by its traceback, and with it all that was asked."""

    def __attrs_post_init__(self) -> None:
        self._received = len(self._ready)
        self._release_if_whole()

    async def receive_some(self) -> bytes:
        """See ``UpstreamResponse.receive_some``. What came along with the head is returned without waiting."""
        ready = self._ready
        if ready:
            self._ready = b""
            self.whole = self._body.ended
            return ready
        if self._broke is not None:
            raise self._fault(self._broke)
        try:
            while not self._body.ended:
                await self._stream.ready()
                piece = self.take()
                if piece is not None:
                    return piece
        except BaseException:
            if self._broke is None:
                self._broken("it was abandoned")
            raise
        return b""

    @property
    def tap(self) -> HttpResponse | None:
        """See ``UpstreamResponse.tap``."""
        return self if not self._ready and self._broke is None and not self._body.ended else None

    @property
    def ready(self) -> Callable[[], Awaitable[None]]:
        """See ``Tap.ready``."""
        return self._stream.ready

    def take(self) -> bytes | None:
        """See ``Tap.take``."""
        body = self._body
        try:
            data = self._stream.pull(RECEIVE_BYTES)
            if data:
                piece = body.feed(data)
                self._received += len(piece)
                if body.ended:
                    self.whole = True
                    self._release_if_whole()
                    return piece
                return piece or None
            self._closed_by_peer()
        except (BlockingIOError, InterruptedError):  # nothing as yet
            return None
        except (OSError, ProtocolViolation) as exc:
            raise self._broken(reason_in_words(exc)) from exc
        return b""

    async def aclose(self) -> None:
        """See ``UpstreamResponse.aclose``. Never waits."""
        if self._broke is None and not self._body.ended:
            self._broken("it was closed")

    def _release_if_whole(self) -> None:
        if self._body.ended:
            self._lease.release(reusable=self._reusable and not self._body.excess, keep_alive=self._keep_alive)

    def _closed_by_peer(self) -> None:
        missing = self._body.close()
        if missing is not None:
            raise self._broken(f"the connection was closed and {missing}")
        self._lease.release(reusable=False)

    def _broken(self, reason: str) -> UpstreamFault:
        """Close the connection; from now on every read fails."""
        self._lease.release(reusable=False)
        if self._broke is None:
            self._broke = f"the answer of {self._where} broke off after {self._received} bytes: {reason}"
        return self._fault(self._broke)

    @staticmethod
    def _fault(broke: str) -> UpstreamFault:
        return UpstreamFault(ErrorKind.TRUNCATED, broke)


@attrs.define(eq=False)
class HttpUpstream:
    """See ``Upstream``. One for the process; it holds the warm connections of all origins.

    ``ssl_context`` makes the TLS context when it is first needed: the system's trust store by default. ``idle_seconds`` is how long a warm
    connection is kept.
    """

    CUTTABLE: ClassVar[bool] = True
    """See ``Upstream``: all that is waited for here are a slot, a connection's making, and its bytes."""

    ssl_context: Callable[[], ssl.SSLContext] = system_trust
    idle_seconds: float = 45.0
    _dialer: Dialer = attrs.field(init=False)
    _pool: ConnectionPool[_Key, ByteStream] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._dialer = Dialer(self.ssl_context)
        self._pool = ConnectionPool(self.idle_seconds)

    @property
    def clock(self) -> Callable[[], float]:
        """What tells the time in seconds: trio's, where nothing else was set."""
        return self._pool.now

    @clock.setter
    def clock(self, clock: Callable[[], float]) -> None:
        self._pool.now = clock

    @property
    def dialer(self) -> Dialer:
        """What connects, with this upstream's trust."""
        return self._dialer

    async def open(self, request: UpstreamRequest, progress: Progress) -> HttpResponse:
        """See ``Upstream.open``.

        Raises:
            UpstreamFault: UNREACHABLE, no connection or no head could be had; MALFORMED, what came is no HTTP.
            ProxyFault: MISCONFIGURED, the URL, the proxy's URL or a header can't be sent.
        """
        origin, target = locate(request.url)
        proxy = read_proxy(request.proxy_url) if request.proxy_url is not None else None
        head = _head(request, origin, target, proxy)
        lease = self._pool.acquire_nowait((origin, proxy), limit=request.max_connections)
        if lease is None:
            with progress.waiting():
                lease = await self._pool.acquire((origin, proxy), limit=request.max_connections)
        try:
            progress.cut_by(lease.cut)
            if lease.connection is not None:
                progress.request_sent()
                try:
                    return await self._exchange(lease, lease.connection, head, request, origin)
                except _Stale:
                    lease.discard()
                    with progress.waiting():
                        lease.connection = await self._dialer.dial(origin, proxy)
            else:
                with progress.waiting():
                    lease.connection = await self._dialer.dial(origin, proxy)
                progress.request_sent()
            return await self._exchange(lease, lease.connection, head, request, origin)
        except BaseException:
            lease.release(reusable=False)
            raise

    def statistics(self) -> Mapping[str, OriginStatistics]:
        """What is going on, by ``scheme://host:port``, with `` via host:port`` behind it where a proxy is between."""
        return {_name(origin, proxy): each for (origin, proxy), each in self._pool.statistics().items()}

    def close_expired(self) -> None:
        """Close connections that were idle for too long on origins nobody asks any more. Worth calling about once a minute."""
        self._pool.close_expired()

    def close(self) -> None:
        """Close all idle connections and keep none from now on. Running exchanges go on."""
        self._pool.close()

    async def _exchange(
        self, lease: Lease[_Key, ByteStream], stream: ByteStream, head: bytes, request: UpstreamRequest, origin: Origin
    ) -> HttpResponse:
        sent = True
        decoder = HeadDecoder()
        try:
            try:
                await _send(stream, head, request.body)
            except OSError:
                sent = False  # a server may answer before it has read all of a request, and close: the answer is what counts
            found = None
            while found is None:
                data = await stream.receive()
                if not data:
                    raise ConnectionResetError(None, "the server closed the connection without an answer")
                found = decoder.feed(data)
            answer, rest = found
            body = body_decoder(request.method, answer)
            ready = body.feed(rest) if rest or body.ended else b""
        except OSError as exc:
            if lease.reused and decoder.untouched:
                raise _Stale from exc
            raise UpstreamFault(
                ErrorKind.UNREACHABLE, f"no answer from {origin.authority}: {reason_in_words(exc)}"
            ) from exc
        except ProtocolViolation as exc:
            raise UpstreamFault(ErrorKind.MALFORMED, f"the answer of {origin.authority} is not HTTP: {exc}") from exc
        return _response(answer, request, origin, sent, lease, stream, body, ready)


def _response(
    answer: ResponseHead,
    request: UpstreamRequest,
    origin: Origin,
    sent: bool,
    lease: Lease[_Key, ByteStream],
    stream: ByteStream,
    body: BodyDecoder,
    ready: bytes,
) -> HttpResponse:
    return HttpResponse(
        status=answer.status,
        headers=answer.headers,
        where=origin.authority,
        keep_alive=request.keep_alive_connections,
        reusable=answer.keep_alive and sent,
        lease=lease,
        stream=stream,
        body=body,
        ready=ready,
    )


async def _send(stream: ByteStream, head: bytes, body: bytes) -> None:
    if len(body) <= _ONE_SEND_BYTES:  # one packet, one system call; a large body is not worth copying
        await stream.send_all(head + body)
    else:
        await stream.send_all(head)
        await stream.send_all(body)


def _head(request: UpstreamRequest, origin: Origin, target: bytes, proxy: OutboundProxy | None) -> bytes:
    try:
        lines = _lines(origin.host_header, request.headers)
        if request.body or request.method not in _BODILESS_METHODS:
            lines += b"content-length: %d\r\n" % len(request.body)
        if proxy is not None and origin.scheme == "http" and proxy.origin.scheme in ("http", "https"):
            target = b"http://" + origin.host_header + target
            lines += header_lines(proxy_authorization(proxy))
        return request_head(request.method, target, lines)
    except ValueError as exc:
        raise ProxyFault(ErrorKind.MISCONFIGURED, f"the request to {origin.authority} can't be sent: {exc}") from None


@lru_cache(maxsize=128)
def _lines(host: bytes, headers: Headers) -> bytes:
    """What every request of one client to one provider has in common, which may be hundreds."""
    return header_lines(((b"host", host), *[line for line in headers if line[0] not in _OWN_HEADERS]))


def _name(origin: Origin, proxy: OutboundProxy | None) -> str:
    via = f" via {proxy.origin.authority}" if proxy is not None else ""
    return f"{origin.scheme}://{origin.authority}{via}"
