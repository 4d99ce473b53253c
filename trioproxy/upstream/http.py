"""The way to a provider over HTTP/1.1: connections under the pool, errors in words.

Knows: httpcore2, what an exchange needs of a connection, which failure is whose. Refuses to know: what the bytes mean, and any deadline: a
caller's one cancel scope bounds everything here.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator, Mapping
from typing import Any, cast

import attrs
import httpcore2
import trio

from trioproxy.errors import ErrorKind, ProxyFault, UpstreamFault
from trioproxy.upstream.base import Headers, Progress, UpstreamRequest
from trioproxy.upstream.origin import Origin, locate, read_proxy
from trioproxy.upstream.pool import ConnectionPool, Lease, OriginStatistics
from trioproxy.upstream.stream import HttpcoreStream, LeanBackend, connect_tcp, start_tls

__all__ = ["HttpUpstream"]

Key = tuple[Origin, str | None]
_OWN_HEADERS = frozenset({b"host", b"content-length", b"transfer-encoding", b"connection"})


@attrs.define(eq=False)
class _Connection:
    inner: Any
    stream: Any = None

    def is_dead(self) -> bool:
        return bool(self.inner.has_expired()) or not self.inner.is_idle()

    def close(self) -> None:
        coroutine = self.inner.aclose()
        try:
            coroutine.send(None)
        except StopIteration:
            return
        raise AssertionError("closing a lean stream never waits")


@attrs.define(eq=False)
class _Response:
    _lease: Lease[Key, _Connection]
    _response: httpcore2.Response
    _keep_alive: int
    _where: str
    _headers: Headers
    _body: AsyncGenerator[bytes] = attrs.field(init=False)
    _received: int = 0
    _ended: bool = False

    def __attrs_post_init__(self) -> None:
        self._body = cast("AsyncGenerator[bytes]", aiter(self._response.stream))  # type: ignore[arg-type]

    @property
    def status(self) -> int:
        return self._response.status

    @property
    def headers(self) -> Headers:
        return self._headers

    async def receive_some(self) -> bytes:
        if self._ended:
            return b""
        try:
            while True:
                chunk = await anext(self._body)
                if chunk:
                    self._received += len(chunk)
                    return chunk
        except StopAsyncIteration:
            self._ended = True
            await self._response.aclose()
            connection = self._lease.connection
            assert connection is not None
            self._lease.release(reusable=connection.inner.is_idle(), keep_alive=self._keep_alive)
            return b""
        except BaseException as exc:
            await self.aclose()
            if isinstance(exc, (httpcore2.NetworkError, httpcore2.ProtocolError)):
                raise UpstreamFault(
                    ErrorKind.TRUNCATED, f"{self._where} broke off after {self._received} bytes of its answer: {exc}"
                ) from exc
            raise

    async def aclose(self) -> None:
        self._lease.release(reusable=False)
        with trio.CancelScope(shield=True):
            await self._body.aclose()


@attrs.define(eq=False)
class HttpUpstream:
    """Reaches providers over HTTP/1.1, directly or through a proxy."""

    ssl_context: ssl.SSLContext | None = None
    pool: ConnectionPool[Key, _Connection] = attrs.field(factory=ConnectionPool)
    _backend: LeanBackend = attrs.field(factory=LeanBackend)

    def statistics(self) -> Mapping[str, OriginStatistics]:
        return {f"{origin.scheme}://{origin.authority}": each for (origin, _), each in self.pool.statistics().items()}

    def close(self) -> None:
        self.pool.close()

    async def open(self, request: UpstreamRequest, progress: Progress) -> _Response:
        origin, target = locate(request.url)
        lease = await self.pool.acquire((origin, request.proxy_url), limit=request.max_connections)
        try:
            while True:
                try:
                    return await self._exchange(request, origin, target, lease, progress)
                except httpcore2.RemoteProtocolError as exc:
                    if not lease.reused:
                        raise UpstreamFault(ErrorKind.UNREACHABLE, f"{origin.authority}: {exc}") from exc
                except (httpcore2.NetworkError, OSError) as exc:
                    if not lease.reused:
                        raise UpstreamFault(ErrorKind.UNREACHABLE, f"{origin.authority}: {exc}") from exc
                except httpcore2.ProxyError as exc:
                    raise UpstreamFault(ErrorKind.UNREACHABLE, f"the proxy for {origin.authority}: {exc}") from exc
                except httpcore2.LocalProtocolError as exc:
                    raise ProxyFault(
                        ErrorKind.MISCONFIGURED, f"request to {origin.authority} is not legal HTTP"
                    ) from exc
                lease.discard()
        except BaseException:
            lease.release(reusable=False)
            raise

    async def _exchange(
        self,
        request: UpstreamRequest,
        origin: Origin,
        target: bytes,
        lease: Lease[Key, _Connection],
        progress: Progress,
    ) -> _Response:
        core = httpcore2.Origin(origin.scheme.encode(), origin.host.encode(), origin.port)
        if lease.connection is None:
            if request.proxy_url is not None:
                lease.connection = _Connection(self._proxied(core, request.proxy_url))
            else:
                stream: Any = await connect_tcp(origin.host, origin.port)
                if origin.scheme == "https":
                    stream = await start_tls(stream, self._context(), origin.host)
                lease.connection = _Connection(httpcore2.AsyncHTTP11Connection(core, HttpcoreStream(stream)))
        progress.request_sent()
        headers = [(b"Host", origin.host_header), *(h for h in request.headers if h[0] not in _OWN_HEADERS)]
        if request.body or request.method not in ("GET", "HEAD", "DELETE", "OPTIONS"):
            headers.append((b"Content-Length", b"%d" % len(request.body)))
        response = await lease.connection.inner.handle_async_request(
            httpcore2.Request(
                request.method,
                httpcore2.URL(scheme=core.scheme, host=core.host, port=core.port, target=target),
                headers=headers,
                content=request.body,
            )
        )
        head = tuple((name.lower(), value) for name, value in response.headers)
        return _Response(lease, response, request.keep_alive_connections, origin.authority, head)

    def _context(self) -> ssl.SSLContext:
        if self.ssl_context is None:
            self.ssl_context = httpcore2.default_ssl_context()
        return self.ssl_context

    def _proxied(self, core: httpcore2.Origin, proxy_url: str) -> Any:
        proxy = read_proxy(proxy_url)
        with_auth = (proxy.username, proxy.password or "") if proxy.username is not None else None
        pool = httpcore2.AsyncHTTPProxy(
            proxy_url=proxy_url, proxy_auth=with_auth, ssl_context=self._context(), network_backend=self._backend
        )
        return pool.create_connection(core)
