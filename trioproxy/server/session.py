"""One WebSocket of the Responses API: messages in, one exchange after another, and an end that the client can tell from a crash.

Each request is an exchange through the very same handler that serves POST, so routing, keys, deadlines and the ledger are what they are
there. The session keeps what no upstream keeps: the conversation, and the order of lanes. A failed turn is a message; only a broken protocol, a
shutdown or a long silence ends the socket.

Tasks. One reads for as long as the socket lives, so that pings are answered and the client's leaving is seen at once; a lane that has something
to do has a task of its own; one sends pings into silences. The reader ends the others.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from math import inf

import attrs
import trio

from trioproxy.errors import ClientFault, ErrorKind, Failure
from trioproxy.gateway.exchange import Handler, RequestHead
from trioproxy.neutral.continuation import NOT_FOUND
from trioproxy.protocols.openai_responses.conversations import Conversations, Past, answered, continued
from trioproxy.protocols.openai_responses.socket import (
    TURN_STATE,
    Ask,
    Steer,
    failure_event,
    in_lane,
    not_steered,
    read_message,
    request_body,
    warm_up,
)
from trioproxy.server.connections import Connections
from trioproxy.server.event_teller import EventTeller
from trioproxy.server.turn import WebSocketTurn
from trioproxy.upstream.base import SocketTurn
from trioproxy.upstream.sockets import ProviderSockets
from trioproxy.websocket.link import GOING_AWAY, INTERNAL_ERROR, RESTARTING, TRY_LATER, Link, LinkClosed, Said
from trioproxy.wire.jsoncodec import JSON, Object, dumps, loads_object

__all__ = ["Session", "SessionLimits", "turn_headers"]

_log = logging.getLogger("trioproxy.server")

_RESTART = "the server is shutting down"

MOST_LANES = 32
MOST_RUNNING = 16
MOST_WAITING = 16
"""As the API has them: named lanes of a socket, responses at once. Requests that wait in a lane are our own bound."""

MOST_INHERITED = 1024 * 1024
"""Bytes of a request's members that an append may inherit."""
LAST_WORDS_TIME = 3.0
CLIENT_SEND_TIME = 60.0
"""Seconds that a client may take no byte of a message that no exchange sends."""
_BETA = b"openai-beta"
_BETA_TOKEN = b"responses_websockets="
# What the handshake said of itself and not of the requests to come.
_OF_THE_HANDSHAKE = frozenset(
    {b"connection", b"upgrade", b"content-length", b"content-type", b"content-encoding", b"accept", b"origin"}
)

_SHUTTING_DOWN = Failure(
    kind=ErrorKind.SHUTTING_DOWN, message="the server is shutting down; ask again on a new socket", retry_after=1.0
)
_BROKEN_OFF = Failure(
    kind=ErrorKind.TRUNCATED,
    message="the answer broke off in the midst of an event; the proxy's log says where and why",
)


@attrs.frozen(kw_only=True)
class SessionLimits:
    """``idle`` seconds a socket may wait for its next request, ``ping`` seconds of silence before a ping (``inf`` for none), ``max_event``
    bytes an event of an upstream may have, ``waiting`` bytes of requests that may wait for their turn."""

    idle: float = 3600.0
    ping: float = 15.0
    max_event: int = 16 * 1024 * 1024
    waiting: int = 64 * 1024 * 1024


def turn_headers(head: RequestHead, turn_state: str | None = None) -> tuple[tuple[bytes, bytes], ...]:
    """The headers of a request that came over a socket opened with ``head``."""
    kept: list[tuple[bytes, bytes]] = []
    for name, value in head.headers:
        if name in _OF_THE_HANDSHAKE or name.startswith(b"sec-websocket-"):
            continue
        if name == _BETA:
            tokens = [each.strip() for each in value.split(b",") if not each.strip().startswith(_BETA_TOKEN)]
            if not tokens:
                continue
            value = b", ".join(tokens)
        if turn_state is None or name != TURN_STATE.encode():
            kept.append((name, value))
    kept += [(b"content-type", b"application/json"), (b"accept", b"text/event-stream")]
    if turn_state is not None:
        kept.append((TURN_STATE.encode(), turn_state.encode("latin-1", "replace")))
    return tuple(kept)


@attrs.define(eq=False)
class _Lane:
    """Requests with one ``stream_id``, answered in order. ``asked`` is how the last one was asked, as JSON, where that is not too long to keep;
    ``last`` the last response that can be continued: what ``response.append`` builds on."""

    name: str | None
    waiting: deque[tuple[Ask, int]] = attrs.field(factory=deque)
    running: bool = False
    asked: bytes | None = None
    last: str | None = None


@attrs.define(eq=False, kw_only=True)
class Session:
    """Serves one open link. ``owner`` is whose conversations these are; ``house`` the connections that this one is among.
    ``client`` is the client whose conversations over HTTP are kept too, None where they are not."""

    link: Link
    head: RequestHead
    handler: Handler
    house: Connections
    conversations: Conversations
    owner: str
    client: str | None
    limits: SessionLimits
    token: Callable[[], str]
    _gone: trio.Event = attrs.field(factory=trio.Event, init=False)
    _idle: trio.CancelScope = attrs.field(factory=trio.CancelScope, init=False)
    _lanes: dict[str | None, _Lane] = attrs.field(factory=dict, init=False)
    _busy: int = attrs.field(default=0, init=False)
    _waiting: int = attrs.field(default=0, init=False)
    _turns: int = attrs.field(default=0, init=False)
    _room: trio.Semaphore = attrs.field(factory=lambda: trio.Semaphore(MOST_RUNNING), init=False)
    _tasks: trio.Nursery = attrs.field(init=False)
    _providers: ProviderSockets = attrs.field(init=False)

    async def run(self) -> None:
        """Serve until the socket ends, and close it. Nothing escapes but cancellation, which says that the server is shutting down."""
        code, reason = RESTARTING, _RESTART
        try:
            async with trio.open_nursery() as attendants:
                attendants.start_soon(self._ping)
                self._providers = ProviderSockets(attendants)
                async with trio.open_nursery() as self._tasks:
                    code, reason = await self._read()
                attendants.cancel_scope.cancel(reason="the socket is over")
        except Exception:
            code, reason = INTERNAL_ERROR, "a bug in the proxy itself; its log says where"
            raise
        finally:
            self._gone.set()
            self.house.woke(self._idle)
            with trio.CancelScope(shield=True):
                await self.link.close(code, reason, patience=self.house.limits.linger_seconds)
            _log.info("socket of %s closed: %s after %d turns", self.head.peer, self.link.closed, self._turns)

    # Reading.

    async def _read(self) -> tuple[int, str]:
        """Take messages until the socket ends; how it is to be closed where it was not."""
        self._rest()
        try:
            with self._idle:
                while True:
                    await self._take(await self.link.receive())
        except LinkClosed as closed:
            self._gone.set()  # what runs is cancelled, as if its connection had closed
            return closed.code, closed.reason
        if self.house.drain.begun:
            return RESTARTING, _RESTART
        if trio.current_time() >= self._idle.deadline:
            return GOING_AWAY, f"nothing was asked for {self.limits.idle:g} s"
        return TRY_LATER, "an idle socket makes room for a new one"

    async def _take(self, message: Said) -> None:
        lane: str | None = None
        try:
            asked = read_message(message)
            if isinstance(asked, Ask):
                lane = asked.lane
                self._queue(asked, len(message))
            elif isinstance(asked, Steer):
                await self._remark(not_steered(asked))
        except ClientFault as fault:
            await self._remark(failure_event(fault.failure), lane)

    async def _remark(self, data: bytes, lane: str | None = None) -> None:
        """Say what no exchange says. A client that does not take it loses its socket."""
        with trio.move_on_after(CLIENT_SEND_TIME) as patience:
            await self._say(in_lane(data, lane))
        if patience.cancelled_caught:
            await self.link.break_off()

    def _queue(self, ask: Ask, size: int) -> None:
        lane = self._lanes.get(ask.lane)
        if lane is None:
            if ask.lane is not None and len(self._lanes) >= MOST_LANES + (None in self._lanes):
                raise ClientFault(
                    ErrorKind.INVALID_REQUEST,
                    f"a socket has at most {MOST_LANES} named lanes; use one of them, or another socket",
                    code="websocket_stream_limit_reached",
                    param="stream_id",
                )
            lane = self._lanes[ask.lane] = _Lane(ask.lane)
        if len(lane.waiting) >= MOST_WAITING or (self._waiting and self._waiting + size > self.limits.waiting):
            raise ClientFault(
                ErrorKind.RATE_LIMITED, "too many requests wait for their turn on this socket", code="too_many_requests"
            )
        lane.waiting.append((ask, size))
        self._waiting += size
        if not lane.running:
            lane.running = True
            self._wake()
            self._tasks.start_soon(self._serve, lane)

    # Being idle.

    def _rest(self) -> None:
        self._idle.deadline = trio.current_time() + self.limits.idle
        self.house.went_idle(self._idle)

    def _wake(self) -> None:
        self._busy += 1
        self._idle.deadline = inf
        self.house.woke(self._idle)

    async def _ping(self) -> None:
        if self.limits.ping == inf:
            return
        while True:
            silent_since = max(self.link.last_sent, self.link.last_heard)
            await trio.sleep_until(silent_since + self.limits.ping)
            if max(self.link.last_sent, self.link.last_heard) == silent_since:
                try:
                    await self.link.ping()
                except LinkClosed:
                    return  # the reader has seen it too, or will

    # Turns.

    async def _serve(self, lane: _Lane) -> None:
        """Answer what waits in a lane, one request after another."""
        try:
            while lane.waiting and not self._gone.is_set():
                ask, size = lane.waiting.popleft()
                self._waiting -= size
                async with self._room:
                    await self._turn(ask, lane)
        except LinkClosed:
            pass
        finally:
            lane.running = False
            self._busy -= 1
            if not self._busy and not self._gone.is_set():
                self._rest()

    async def _turn(self, ask: Ask, lane: _Lane) -> None:
        self._turns += 1
        teller = EventTeller(self._say, lane.name, self.limits.max_event)
        try:
            members, past, follows = self._resumed(ask, lane)
        except ClientFault as fault:
            await teller.tell(failure_event(fault.failure))
            return
        asked = dumps(members)
        lane.asked = asked if len(asked) <= MOST_INHERITED else None
        if not ask.generate:
            await self._warm_up(attrs.evolve(ask, members=members), past, lane, teller)
            return
        stored = members.get("store") is not False

        def keep(response_id: str, output: list[JSON]) -> None:
            whole = answered(past, output, stored=stored)
            self._keep(response_id, whole, lane)
            if stored and self.client is not None:
                self.conversations.keep(self.client, response_id, whole, trio.current_time())

        teller.keep = keep
        turn = WebSocketTurn(
            RequestHead(
                method="POST",
                target=self.head.target,
                headers=turn_headers(self.head, ask.turn_state),
                peer=self.head.peer,
                scheme=self.head.scheme,
                version=self.head.version,
                turn=SocketTurn(sockets=self._providers, previous=follows, known=past.known),
                follows=follows,
            ),
            request_body(asked, past.items(), past.root.after),
            teller,
            self._gone,
        )
        failure = _SHUTTING_DOWN  # what an end by cancellation means
        try:
            await self.handler(turn)
            failure = _BROKEN_OFF
        finally:
            with trio.CancelScope(shield=True, deadline=trio.current_time() + LAST_WORDS_TIME), suppress(LinkClosed):
                await self._have_ended(teller, failure)

    def _resumed(self, ask: Ask, lane: _Lane) -> tuple[Object, Past, str | None]:
        """The request's members, the conversation with its input at the end, and the response known here that it follows.

        Raises:
            ClientFault: INVALID_REQUEST, what it follows is not known here.
        """
        members, previous = ask.members, ask.previous
        if ask.append:
            if lane.asked is None or (previous is None and lane.last is None):
                raise ClientFault(
                    ErrorKind.INVALID_REQUEST,
                    "there is nothing on this socket that could be appended to; send response.create",
                )
            members, previous = {**loads_object(lane.asked), **members}, previous or lane.last
        if previous is None:
            return members, continued(None, ask.items), None
        found = self._found(previous)
        if found is not None:
            return members, continued(found, ask.items, mend=ask.generate), previous
        if members.get("store") is False or ask.append:
            raise ClientFault(
                ErrorKind.INVALID_REQUEST,
                f"the response {previous[:80]} is not known on this socket, or not any more; send the whole conversation",
                code=NOT_FOUND,
                param="previous_response_id",
            )
        return members, continued(None, ask.items, after=previous), None

    def _found(self, response_id: str) -> Past | None:
        now = trio.current_time()
        found = self.conversations.find(self.owner, response_id, now)
        if found is None and self.client is not None:
            found = self.conversations.find(self.client, response_id, now)
        return found

    async def _warm_up(self, ask: Ask, past: Past, lane: _Lane, teller: EventTeller) -> None:
        """Answer at once: nothing behind this proxy could be warmed, but its answer must have an id that can be followed."""
        response_id = f"resp_prewarm_{self.token()}"
        for event in warm_up(response_id, ask, int(time.time())):
            await teller.tell(event)
        self._keep(response_id, past, lane)

    def _keep(self, response_id: str, past: Past, lane: _Lane) -> None:
        lane.last = response_id
        self.conversations.keep(self.owner, response_id, past, trio.current_time())

    async def _have_ended(self, teller: EventTeller, failure: Failure) -> None:
        """See to it that the client was told an end."""
        if teller.outcome.ended is None and not self._gone.is_set():
            await teller.tell(failure_event(failure))

    async def _say(self, text: str) -> None:
        try:
            await self.link.send(text)
        except LinkClosed:
            await self.link.break_off()  # wakes the reader, which may know nothing of it yet
            raise
