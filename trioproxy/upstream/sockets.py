"""``SocketUpstream``: Responses over WebSocket, on the provider's side too.

For a turn that came over a client's socket, a provider that takes sockets is asked on one of its own, which stays open as long as the
client's: the provider keeps the conversation in its memory there, and the next turn sends it the new items only. What it says is its own,
message by message; to the rest of the house it looks like the stream that POST would have given, so nothing above knows the difference.

Falling back. Whatever goes wrong before the provider's first message, the same request goes over POST instead: nothing was sent to the
client. A refusal of the key or of the account is an answer, and stays one. A provider that will have no sockets is not asked for one
again by this client for a while.

Knows: which socket may take which turn, and what a provider's errors on a socket are over HTTP. Refuses to know: deadlines, which are the
caller's one cancel scope.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from math import inf
from typing import Any

import attrs
import trio

from trioproxy.errors import ErrorKind, UpstreamFault
from trioproxy.upstream.base import Headers, Progress, SocketTurn, UpstreamRequest, UpstreamResponse
from trioproxy.upstream.dialed import carries_sockets, dial_link
from trioproxy.upstream.http import HttpUpstream
from trioproxy.upstream.origin import locate
from trioproxy.websocket.handshake import NotAccepted
from trioproxy.websocket.link import NORMAL, Link, LinkClosed, Said
from trioproxy.wire.jsoncodec import JSONError, Object, dumps, loads_object

__all__ = ["ProviderSockets", "SocketUpstream"]

_log = logging.getLogger("trioproxy.upstream")

MOST_MESSAGE = 64 * 1024 * 1024
OLDEST = 55 * 60.0
"""Seconds: OpenAI ends a socket after sixty minutes, and a turn should not be cut by that."""
AGAIN_AFTER = 600.0
"""Seconds until a provider that would not have a socket is asked for one again."""

GOODBYE_TIME = 0.5

_BETA = (b"openai-beta", b"responses_websockets=2026-02-06")
_NOT_SENT = frozenset({b"content-type", b"content-length", b"accept", b"accept-encoding"})
# Handshakes refused with these say something of the key, and POST would hear the same.
_ANSWERS = frozenset({401, 402, 403, 429})
_TERMINAL = frozenset({"response.completed", "response.incomplete", "response.failed", "error"})
_SSE: Headers = ((b"content-type", b"text/event-stream"),)
_TERMINAL_WORDS = (b"response.completed", b"response.incomplete", b"response.failed", b'"error"')


@attrs.frozen
class _Place:
    """Where a socket leads, and as whom."""

    credential: str
    url: str
    proxy: str | None


@attrs.define(eq=False)
class _Line:
    """One socket to a provider. ``last`` is the response whose conversation it has, ``turn`` where its messages go while one is answered."""

    link: Link
    opened: float
    last: str | None = None
    turn: trio.MemorySendChannel[Said] | None = None

    async def attend(self) -> None:
        """Read for as long as it is open, so that pings are answered between turns."""
        try:
            while True:
                message = await self.link.receive()
                if self.turn is not None:
                    with suppress(
                        trio.BrokenResourceError, trio.ClosedResourceError
                    ):  # the turn is over, this is none of its
                        await self.turn.send(message)
        except LinkClosed:
            if self.turn is not None:
                self.turn.close()
        finally:
            with trio.CancelScope(shield=True):
                await self.link.close(NORMAL, patience=GOODBYE_TIME)

    @property
    def alive(self) -> bool:
        """Whether it can take a turn."""
        return self.link.closed is None and self.turn is None and trio.current_time() < self.opened + OLDEST


@attrs.define(eq=False)
class ProviderSockets:
    """The sockets to providers that belong to one client's socket. ``nursery`` is that socket's: its end closes them."""

    nursery: trio.Nursery
    _lines: dict[_Place, list[_Line]] = attrs.field(factory=dict, init=False)
    _refused: dict[_Place, float] = attrs.field(factory=dict, init=False)

    @property
    def busy(self) -> int:
        """How many of them answer a turn now."""
        return sum(line.turn is not None for lines in self._lines.values() for line in lines)

    def take(self, place: _Place, previous: str | None) -> _Line | None:
        """A socket that can take a turn, one that has its conversation before others."""
        lines = self._lines.get(place, [])
        lines[:] = [line for line in lines if line.link.closed is None]
        free = [line for line in lines if line.alive]
        known = [line for line in free if line.last is not None and line.last == previous]
        return next(iter(known or free), None)

    def add(self, place: _Place, link: Link) -> _Line:
        """Attend to a new socket."""
        line = _Line(link, trio.current_time())
        self._lines.setdefault(place, []).append(line)
        self.nursery.start_soon(line.attend)
        return line

    def refused(self, place: _Place) -> bool:
        """Whether this provider would have no socket lately."""
        return trio.current_time() < self._refused.get(place, -inf)

    def refuse(self, place: _Place) -> None:
        """Leave this provider without one for a while."""
        self._refused[place] = trio.current_time() + AGAIN_AFTER


class _NoSocket(Exception):
    """The provider can't be asked on a socket. ``lasting`` says that it will be so for a while."""

    def __init__(self, reason: str, *, lasting: bool) -> None:
        super().__init__(reason)
        self.lasting = lasting


@attrs.define(eq=False)
class SocketUpstream:
    """See ``Upstream``. Turns of a client's socket go over sockets where ``http``'s provider takes them, everything else over ``http``."""

    http: HttpUpstream

    async def open(self, request: UpstreamRequest, progress: Progress) -> UpstreamResponse:
        """See ``Upstream.open``."""
        turn = request.turn
        sockets = turn.sockets if turn is not None else None
        if turn is None or not isinstance(sockets, ProviderSockets) or not _fits(request):
            return await self.http.open(request, progress)
        place = _Place(request.credential_id, request.url, request.proxy_url)
        if sockets.refused(place):
            return await self.http.open(request, progress)
        try:
            return await self._ask(request, turn, sockets, place, progress)
        except _NoSocket as why:
            _log.info("%s is asked over POST: %s", locate(request.url)[0].authority, why)
            if why.lasting:
                sockets.refuse(place)
        return await self.http.open(request, progress)

    async def _ask(
        self, request: UpstreamRequest, turn: SocketTurn, sockets: ProviderSockets, place: _Place, progress: Progress
    ) -> UpstreamResponse:
        line = sockets.take(place, turn.previous)
        while True:
            fresh = line is None
            if line is None:
                try:
                    line = sockets.add(place, await _dial(self.http, request))
                except NotAccepted as refusal:
                    answer = refusal.answer
                    if answer is not None and answer.status in _ANSWERS:
                        return _Refused(status=answer.status, headers=answer.headers, body=answer.body)
                    raise _NoSocket(f"no WebSocket there: {refusal}", lasting=True) from None
            progress.request_sent()
            answered = await _first_message(line, request, turn)
            if not isinstance(answered, str):
                return answered
            if fresh:
                raise _NoSocket(answered, lasting=False)
            line = None  # it had grown old, or forgotten: once more on a new one


async def _dial(http: HttpUpstream, request: UpstreamRequest) -> Link:
    return await dial_link(
        http.dialer,
        request.url,
        headers=_headers(request.headers),
        proxy_url=request.proxy_url,
        limit=MOST_MESSAGE,
    )


def _headers(headers: Headers) -> Headers:
    kept = [field for field in headers if field[0] not in _NOT_SENT and field[0] != _BETA[0]]
    betas = [value for name, value in headers if name == _BETA[0]]
    return (*kept, (_BETA[0], b", ".join((*betas, _BETA[1]))))


def _fits(request: UpstreamRequest) -> bool:
    """Whether a request can be said on a socket: a streamed response, on a way that carries sockets."""
    if not request.stream or request.protocol != "openai_responses":
        return False
    if not request.url.partition("?")[0].endswith("/responses"):
        return False
    return carries_sockets(request.url, request.proxy_url)


async def _first_message(line: _Line, request: UpstreamRequest, turn: SocketTurn) -> UpstreamResponse | str:
    """The answer, once its first message is here; in words, why the socket is of no use for it."""
    line.turn, inbox = trio.open_memory_channel[Said](0)
    continues = turn.previous is not None and turn.previous == line.last
    line.last = None
    done = False
    try:
        for whole in (not continues, True):
            try:
                await line.link.send(_message(request, turn, whole=whole).decode())
                first = await inbox.receive()
            except (LinkClosed, trio.EndOfChannel):
                return "the socket closed before the first event"
            data = first.encode() if isinstance(first, str) else first
            refused = _refusal(data)
            if refused is None:
                done = True
                return SocketResponse(line=line, inbox=inbox, ready=data)
            match refused.code:
                case "previous_response_not_found" if not whole:
                    continue
                case "websocket_connection_limit_reached":
                    return "the socket had reached its provider's limit"
                case _:
                    line.turn, done = None, True
                    return refused
        raise AssertionError("a whole conversation needs no response before it")
    finally:
        if not done:
            await _give_up(line, inbox)


async def _give_up(line: _Line, inbox: trio.MemoryReceiveChannel[Said]) -> None:
    """What a turn has left on a socket would reach the next one: it is of no use any more."""
    line.turn = None
    inbox.close()  # and whoever waits to hand over a message need not
    await line.link.break_off()


def _message(request: UpstreamRequest, turn: SocketTurn, *, whole: bool) -> bytes:
    """The request as a message: with the conversation, or on top of the one that the provider has."""
    body: Object = loads_object(request.body)
    body.pop("stream", None)
    if not whole:
        body["previous_response_id"] = turn.previous
        body["input"] = body["input"][turn.known :]
    return dumps({"type": "response.create", **body})


def _refusal(data: bytes) -> _Refused | None:
    """The answer of HTTP that an error message stands for, None where it is no error of the request itself."""
    if b'"error"' not in data:
        return None
    try:
        event = loads_object(data)
    except JSONError:
        return None
    status = event.get("status", event.get("status_code"))
    if event.get("type") != "error" or not isinstance(status, int) or not 400 <= status <= 599:
        return None
    error, said = event.get("error"), event.get("headers")
    headers: list[tuple[bytes, bytes]] = [(b"content-type", b"application/json")]
    for name, value in said.items() if isinstance(said, dict) else ():
        if isinstance(value, str | int | float) and str(value).isprintable():
            headers.append((name.lower().encode("latin-1", "replace"), str(value).encode("latin-1", "replace")))
    code = error.get("code") if isinstance(error, dict) else None
    return _Refused(
        status=status,
        headers=tuple(headers),
        body=dumps({"error": error}),
        code=code if isinstance(code, str) else None,
    )


@attrs.define(eq=False, kw_only=True)
class _Refused:
    """See ``UpstreamResponse``: a refusal, whole."""

    whole = False
    tap = None
    status: int
    headers: Headers
    body: bytes
    code: str | None = None

    async def receive_some(self) -> bytes:
        """See ``UpstreamResponse.receive_some``."""
        await trio.lowlevel.checkpoint()
        body, self.body = self.body, b""
        return body

    async def aclose(self) -> None:
        """See ``UpstreamResponse.aclose``."""


@attrs.define(eq=False, kw_only=True)
class SocketResponse:
    """See ``UpstreamResponse``: the messages of one response, as the stream of events that POST would have given."""

    whole = False
    tap = None
    status = 200
    headers = _SSE
    _line: _Line
    _inbox: trio.MemoryReceiveChannel[Said]
    _ready: bytes | None
    _ended: bool = attrs.field(default=False, init=False)
    _fault: UpstreamFault | None = attrs.field(default=None, init=False)

    async def receive_some(self) -> bytes:
        """See ``UpstreamResponse.receive_some``: one event at a time."""
        if self._fault is not None:
            raise self._fault
        if self._ended:
            await trio.lowlevel.checkpoint()
            return b""
        data, self._ready = self._ready, None
        if data is None:
            try:
                message = await self._inbox.receive()
            except trio.EndOfChannel:
                raise self._broken(self._line.link.closed) from None
            except BaseException:
                await self._abandon("it was abandoned")
                raise
            data = message.encode() if isinstance(message, str) else message
        self._see(data)
        lines = data.replace(b"\r", b"").split(b"\n")
        return b"".join(b"data: %b\n" % line for line in lines) + b"\n"

    async def aclose(self) -> None:
        """See ``UpstreamResponse.aclose``. A socket in the midst of an answer can't serve another turn."""
        if not self._ended and self._fault is None:
            await self._abandon("it was closed")

    def _see(self, data: bytes) -> None:
        if not any(word in data for word in _TERMINAL_WORDS):
            return
        try:
            event: Any = loads_object(data)
        except JSONError:
            return
        if isinstance(event.get("type"), str) and event["type"] in _TERMINAL:
            self._ended = True
            response = event.get("response")
            kept = event["type"] in ("response.completed", "response.incomplete") and isinstance(response, dict)
            self._line.last = response.get("id") if kept else None
            self._line.turn = None
            self._inbox.close()

    async def _abandon(self, reason: str) -> None:
        self._fault = self._broken(None, reason)
        await _give_up(self._line, self._inbox)

    def _broken(self, closed: LinkClosed | None, reason: str = "") -> UpstreamFault:
        self._line.turn = None
        if closed is not None:
            reason = f"the provider's socket closed ({closed})"
        self._fault = UpstreamFault(ErrorKind.TRUNCATED, f"the answer broke off: {reason}")
        return self._fault
