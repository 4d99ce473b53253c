"""One connection's life: requests in, one exchange after another, and an end that the client can tell from a crash.

Knows: the order of things on a connection, its clocks, and what becomes of a handler that fails. Refuses to know: what is asked.

Requests that arrive while an answer runs wait in the inbox and are answered in order. h11 parses each head afresh (``head.py``) and sees
nothing else: bodies and answers are framed here (``body.py``, ``answer.py``), so there is no second state to keep in step.

A handler that raises is this file's to survive: the client gets a 500, or a broken transfer where the answer had begun, the log gets one
line, and nothing leaves :func:`serve_connection` but cancellation.
"""

from __future__ import annotations

import logging
import traceback
from math import inf

import attrs
import trio

from trioproxy.errors import FACTS, ClientFault, ErrorKind, Failure, Fault, ProxyError
from trioproxy.gateway.exchange import Handler, RequestHead
from trioproxy.server.answer import Headers, write_head
from trioproxy.server.connections import Connections
from trioproxy.server.exchange import H11Exchange
from trioproxy.server.hangups import Line
from trioproxy.server.head import HeadMemory, HeadScanner
from trioproxy.server.intake import pour
from trioproxy.server.streams import Inbox, client_stream
from trioproxy.wire import jsoncodec
from trioproxy.wire.machine import ProtocolViolation

__all__ = ["serve_connection"]

logger = logging.getLogger("trioproxy.server")


async def serve_connection(
    stream: trio.abc.Stream,
    handler: Handler,
    *,
    connections: Connections | None = None,
    peer: str = "",
    scheme: str = "http",
) -> None:
    """Serve the requests on ``stream``, which is closed at the end whatever happens.

    ``connections`` is what this connection is one of; without it, it is the only one of a server with the default limits. Raises nothing
    but cancellation.
    """
    house = connections if connections is not None else Connections()
    connection = _Connection(stream, handler, house, peer, scheme, Inbox(client_stream(stream)))
    lean = connection.inbox.stream
    connection.line = house.opened(lean)
    try:
        await connection.run()
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        pass  # the client left, or the server's drain closed the connection
    except Exception as exc:
        logger.error("connection of %s: internal error: %s", peer, _describe(exc))
        logger.debug("traceback of the error above", exc_info=exc)
    finally:
        house.closed(lean)
        with trio.CancelScope(shield=True):
            await lean.aclose()


@attrs.define(eq=False)
class _Connection:
    stream: trio.abc.Stream
    handler: Handler
    house: Connections
    peer: str
    scheme: str
    inbox: Inbox
    scanner: HeadScanner = attrs.field(init=False)
    memory: HeadMemory = attrs.field(factory=HeadMemory, init=False)
    line: Line = attrs.field(factory=Line, init=False)

    def __attrs_post_init__(self) -> None:
        self.scanner = HeadScanner(self.house.limits)

    @property
    def scope(self) -> trio.CancelScope:
        """All that runs on this connection."""
        return self.line.scope

    async def run(self) -> None:
        """Serve until the connection is over. A request that crosses with our wish to close its idle connection is served all the same.

        One scope serves all requests, because each costs a small answer three per cent. It is cancelled by whoever wants this connection closed:
        it waited for too long, makes room for another, its client is gone, or the server ends.
        """
        again = True
        while again:
            again = False
            with self.scope:
                while await self._serve_one():
                    pass
                again = self.scope.cancel_called and bool(self.inbox.pending) and not self.line.dead
            self.line.scope = trio.CancelScope()

    async def _serve_one(self) -> bool:
        """Serve one request; whether another may follow."""
        try:
            raw = await self._receive_head()
            if raw is None:
                return False
            parsed = self.memory.parse(raw, limits=self.house.limits, peer=self.peer, scheme=self.scheme)
        except ClientFault as exc:
            await self._refuse(exc.failure)
            return False
        kept = raw if parsed.upgrade is not None else b""
        exchange = H11Exchange(parsed, kept, self.inbox, self.house, self.stream, self.line)
        try:
            await self._run_handler(exchange)
        finally:
            self.line.tell(None)
        return await self._settle(exchange)

    # Before the handler.

    async def _receive_head(self) -> bytes | None:
        """The next head; None where none will come. Raises ``ClientFault``."""
        if not self.inbox.pending and not await self._wait_for_request():
            return None
        raw = self.scanner.take(self.inbox.pending)
        if raw is not None:
            return raw
        with trio.move_on_after(self.house.limits.head_seconds):
            while await self.inbox.receive():
                raw = self.scanner.take(self.inbox.pending)
                if raw is not None:
                    return raw
            return None
        raise ClientFault(ErrorKind.CLIENT_TIMEOUT, "the request's head came too slowly")

    async def _wait_for_request(self) -> bool:
        """Whether anything came, and this connection is still wanted."""
        scope, house = self.scope, self.house
        until = trio.current_time() + house.limits.idle_seconds
        if not house.attended:
            scope.deadline = until
        house.went_idle(scope, until=until)
        try:
            return await self.inbox.receive() and not scope.cancel_called
        finally:
            house.woke(scope)
            if not house.attended:
                scope.deadline = inf

    async def _refuse(self, failure: Failure) -> None:
        """Answer what never became a request, and close."""
        self.house.request_refused()
        logger.info("refused a request of %s: %d %s", self.peer, failure.http_status, failure.message)
        body = _render(failure)
        headers = _error_headers(failure, body)
        # A method is not known yet; a client that asked with HEAD closes on what it does not expect, as it would anyway.
        answer = write_head(failure.http_status, headers, method="GET", version="1.1", keep_alive=False)
        with trio.move_on_after(self.house.limits.linger_seconds) as patience:
            await self.inbox.stream.send_all(answer.wire + body)
        if not patience.cancelled_caught:
            await self._linger()

    # The handler.

    async def _run_handler(self, exchange: H11Exchange) -> None:
        """Run the handler to its end and make up for what it left undone."""
        self.house.exchange_began(self.scope)
        try:
            failure = await self._handle(exchange)
        except BaseException:
            # Everything ends. An answer that shows no end of its own must not look whole.
            with trio.CancelScope(shield=True):
                await self._cut_short(exchange)
            raise
        finally:
            self.house.exchange_ended(self.scope)
        if not exchange.over:
            await self._make_up(exchange, failure)

    async def _cut_short(self, exchange: H11Exchange) -> None:
        """The handler was cancelled: by the server's end, which the client is told where the handler has not; because that client is gone; or
        from further out."""
        if self.line.dead or not self.scope.cancel_called:
            await exchange.abort()
            return
        if not exchange.over:
            await self._make_up(exchange, _SHUTTING_DOWN)
        await self._settle(exchange)

    async def _make_up(self, exchange: H11Exchange, failure: Failure | None) -> None:
        """End an answer that its handler has left without an end."""
        if failure is None or exchange.started or failure.kind is ErrorKind.CLIENT_GONE:
            await exchange.abort()
        else:
            await self._answer_failure(exchange, failure)

    async def _handle(self, exchange: H11Exchange) -> Failure | None:
        """Run the handler; what it failed with."""
        try:
            await self.handler(exchange)
        except ProxyError as exc:
            return self._log_failure(exchange.head, exc, exc.failure)
        except Exception as exc:
            return self._log_failure(exchange.head, exc, _INTERNAL)
        except BaseExceptionGroup as group:
            # A handler that fails while it is cancelled raises both at once; only the cancellation is somebody else's.
            failures, rest = group.split(Exception)
            if failures is not None:
                self._log_failure(exchange.head, failures, _INTERNAL)
            assert rest is not None  # or it were an ExceptionGroup, and caught above
            try:
                raise rest from None
            finally:
                del failures, rest  # which hold this frame, and with it the exchange
        if exchange.over or self.inbox.ended or self.line.dead:  # who ends because the client has left need say no more
            return None
        logger.error("%s %s of %s: the handler ended without an end to its answer", *_name(exchange.head))
        return _INTERNAL

    def _log_failure(self, head: RequestHead, exc: Exception, failure: Failure) -> Failure:
        level = logging.getLevelNamesMapping()[FACTS[failure.kind].level]
        logger.log(level, "%s %s of %s: the handler failed: %s", *_name(head), _describe(exc))
        logger.debug("traceback of the failure above", exc_info=exc)
        return failure

    async def _answer_failure(self, exchange: H11Exchange, failure: Failure) -> None:
        body = _render(failure)
        with trio.move_on_after(self.house.limits.linger_seconds):
            try:
                headers = (*_error_headers(failure, body), (b"connection", b"close"))
                await exchange.start(failure.http_status, headers, flush=False)
                await exchange.send(body)
                await exchange.finish()
            except ClientFault:  # it did not wait for the answer
                pass
        await exchange.abort()

    # After the handler.

    async def _settle(self, exchange: H11Exchange) -> bool:
        """Bring the connection to the next request; False where there can be none."""
        if not exchange.whole:
            return False
        if exchange.keep_alive:
            return exchange.unread_body.done or await self._discard(exchange)
        if self.inbox.pending or not exchange.unread_body.done:
            await self._linger()
        return False

    async def _discard(self, exchange: H11Exchange) -> bool:
        with trio.move_on_after(self.house.limits.linger_seconds):
            try:
                await pour(exchange.unread_body, self.inbox, self.house.limits, into=lambda data: None)
            except (ClientFault, ProtocolViolation):
                return False
            return True
        return False

    async def _linger(self) -> None:
        """Let the client read the answer: closed with bytes unread, TCP would tell it of a reset first (RFC 9112 section 9.6). Nothing is
        asked on the connection any more, so it counts as idle."""
        scope = trio.CancelScope(deadline=trio.current_time() + self.house.limits.linger_seconds)
        self.house.went_idle(scope)
        passed = 0
        self.inbox.pending.clear()
        try:
            with scope:
                await self.inbox.stream.send_eof()
                while passed < self.house.limits.linger and await self.inbox.receive():
                    passed += len(self.inbox.pending)
                    self.inbox.pending.clear()
        finally:
            self.house.woke(scope)


_SHUTTING_DOWN = Failure(
    kind=ErrorKind.SHUTTING_DOWN, message="the server is shutting down; ask again", retry_after=1.0
)
_INTERNAL = Failure(kind=ErrorKind.INTERNAL, message="internal error; the server's log says where", fault=Fault.PROXY)


def _name(head: RequestHead) -> tuple[str, str, str]:
    # Without the query: keys may stand there.
    return head.method, head.path, head.peer


def _describe(exc: BaseException) -> str:
    """What was raised and where, on one line, without the message: nobody knows what it quotes."""
    leaf = exc
    while isinstance(leaf, BaseExceptionGroup):
        leaf = leaf.exceptions[0]
    frames = traceback.extract_tb(leaf.__traceback__)
    place = f" at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    return f"{type(leaf).__name__}{place}"


def _render(failure: Failure) -> bytes:
    return jsoncodec.dumps(
        {"error": {"message": failure.message, "type": failure.kind.value, "status": failure.http_status}}
    )


def _error_headers(failure: Failure, body: bytes) -> Headers:
    headers: Headers = ((b"content-type", b"application/json"), (b"content-length", b"%d" % len(body)))
    if failure.retry_after is not None:
        headers += ((b"retry-after", b"%d" % failure.retry_after),)
    return headers
