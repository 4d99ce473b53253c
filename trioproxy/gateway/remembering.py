"""Conversations kept for clients that ask over HTTP (``conversations.over-http``): ``previous_response_id`` works with every provider.

An exchange of ``POST /v1/responses`` is wrapped: a request that goes on from a response kept here becomes the whole request, and what is
answered is looked at as it passes. Bodies that go on from nothing pass as they are. ``store: false`` is heeded: such a response is not kept.
"""

from __future__ import annotations

from collections.abc import Awaitable

import attrs
import trio

from trioproxy.config.model import ClientKey, Snapshot
from trioproxy.errors import ClientFault, ErrorKind, ProxyError
from trioproxy.gateway.admission import admit
from trioproxy.gateway.exchange import Exchange, RequestHead
from trioproxy.gateway.wrapped import WrappedExchange
from trioproxy.protocols.base import Operation
from trioproxy.protocols.openai_responses.conversations import Conversations, Past, answered, continued, input_items
from trioproxy.protocols.openai_responses.outcome import Outcome
from trioproxy.protocols.table import match
from trioproxy.upstream.base import Headers
from trioproxy.wire.headers import header
from trioproxy.wire.jsoncodec import JSONError, Object, dumps, loads_object
from trioproxy.wire.machine import ProtocolViolation
from trioproxy.wire.sse import SSEDecoder

__all__ = ["Remembering", "owner_of", "remembered"]

MOST_BODY = 16 * 1024 * 1024
"""Of a whole answer, looked at."""
_PREVIOUS = ("previous_response_id", "conversation_id")


def owner_of(client: ClientKey | None) -> str:
    """Whose conversations a client's are."""
    return f"key {client.id}" if client is not None else "anyone"


def remembered(exchange: Exchange, snapshot: Snapshot, conversations: Conversations | None) -> Exchange:
    """``exchange``, with a memory where it is one that can use it and the configuration wants that."""
    settings = snapshot.settings
    if conversations is None or not settings.conversations_over_http or exchange.head.turn is not None:
        return exchange
    if not _generates(exchange.head):
        return exchange
    try:
        client = admit(snapshot, exchange.head)
    except ProxyError:
        return exchange  # the handler will say so
    conversations.bound(
        limit=settings.conversations_size,
        owner_limit=settings.conversations_own_size,
        seconds=settings.conversations_ttl,
    )
    return Remembering(exchange, conversations, owner_of(client), settings.max_event)


def _generates(head: RequestHead) -> bool:
    return head.method == "POST" and any(
        door.protocol.name == "openai_responses" and door.endpoint.operation is Operation.GENERATE
        for door in match(head.path)
    )


@attrs.define(eq=False)
class Remembering(WrappedExchange):
    """See ``Exchange``. Passes everything on but the body of a request that goes on from something kept here."""

    _conversations: Conversations
    _owner: str
    _max_event: int
    _past: Past | None = attrs.field(default=None, init=False)
    _outcome: Outcome = attrs.field(factory=Outcome, init=False)
    _decoder: SSEDecoder | None = attrs.field(default=None, init=False)
    _body: bytearray | None = attrs.field(default=None, init=False)
    _head: RequestHead | None = attrs.field(default=None, init=False)

    @property
    def head(self) -> RequestHead:
        """See ``Exchange.head``. Behind the body it says what the request goes on from."""
        return self._head or self._inner.head

    async def receive_body(self, limit: int) -> bytes:
        """See ``Exchange.receive_body``. The bound holds for the whole request too."""
        body = await self._inner.receive_body(limit)
        try:
            document = loads_object(body)
        except JSONError:
            return body  # the handler will say so
        whole = self._whole(body, document)
        if document.get("store") is False:
            self._past = None
        if len(whole) > limit:
            raise ClientFault(
                ErrorKind.TOO_LARGE, f"the request with the conversation before it is larger than {limit} bytes"
            )
        return whole

    def _whole(self, body: bytes, document: Object) -> bytes:
        items = input_items(document.get("input"))
        previous = next((document[name] for name in _PREVIOUS if isinstance(document.get(name), str)), None)
        if not previous:
            self._past = continued(None, items)
            return body
        found = self._conversations.find(self._owner, previous, trio.current_time())
        if found is None:
            self._past = continued(None, items, after=previous)
            return body
        self._past = continued(found, items)
        self._head = attrs.evolve(self._inner.head, follows=previous)
        members = {name: value for name, value in document.items() if name not in ("input", *_PREVIOUS)}
        if found.root.after is not None:
            members["previous_response_id"] = found.root.after
        head = dumps(members)
        return b'%b%b"input":%b}' % (head[:-1], b"," if members else b"", self._past.items())

    async def start(self, status: int, headers: Headers, *, flush: bool = True) -> None:
        """See ``Exchange.start``."""
        if self._past is not None and status < 300:
            media = (header(headers, b"content-type") or b"").split(b";")[0].strip().lower()
            if media == b"text/event-stream":
                self._decoder = SSEDecoder(max_event=self._max_event)
            else:
                self._body = bytearray()
        await self._inner.start(status, headers, flush=flush)

    async def send(self, data: bytes) -> None:
        """See ``Exchange.send``. What is learnt is kept before the client can know of it."""
        self._learn(data)
        await self._inner.send(data)

    def offer(self, data: bytes) -> Awaitable[None] | None:
        """See ``Exchange.offer``."""
        self._learn(data)
        return self._inner.offer(data)

    async def finish(self, data: bytes = b"") -> None:
        """See ``Exchange.finish``."""
        self._learn(data)
        if self._body is not None:
            self._read(bytes(self._body))
        await self._inner.finish(data)

    def _learn(self, data: bytes) -> None:
        if self._decoder is not None:
            self._look(self._decoder, data)
        elif self._body is not None:
            self._body += data
            if len(self._body) > MOST_BODY:
                self._body = None

    def offer_last(self, data: bytes) -> Awaitable[None] | None:
        """See ``Exchange.offer_last``."""
        return self.finish(data)

    def _look(self, decoder: SSEDecoder, data: bytes) -> None:
        try:
            frames = decoder.feed(data)
        except ProtocolViolation:
            self._decoder = None
            return
        for frame in frames:
            self._outcome.see(frame.data)
        if self._outcome.kept:
            self._decoder = None
            self._keep(self._outcome)

    def _read(self, body: bytes) -> None:
        try:
            response = loads_object(body)
        except JSONError:
            return
        outcome = Outcome()
        outcome.see(dumps({"type": f"response.{response.get('status')}", "response": response}))
        if outcome.kept:
            self._keep(outcome)

    def _keep(self, outcome: Outcome) -> None:
        assert self._past is not None and outcome.response_id is not None  # noqa: PT018
        past = answered(self._past, outcome.output, stored=True)
        self._conversations.keep(self._owner, outcome.response_id, past, trio.current_time())
