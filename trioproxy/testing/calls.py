"""What clients sent and what they were answered, seen at the exchange itself.

Knows: how a request is kept for a test to look at, and how an answer that passes becomes a fixture. Refuses to know: who answers.

It is the client's side that is seen: its own path, model and protocol, whatever a provider was asked in. So a recording made here answers
the same client again, though it was translated or renamed on its way.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any

import attrs
import trio

from trioproxy.gateway.doors import spoken_at
from trioproxy.gateway.exchange import Exchange, RequestHead
from trioproxy.protocols.table import match
from trioproxy.upstream.base import Headers
from trioproxy.upstream.fixture import Chunk, Ending, Fixture, RecordedRequest
from trioproxy.upstream.redact import MARK, Redactor, secrets_of
from trioproxy.wire.jsoncodec import JSONError, loads

__all__ = ["CURRENT", "Call", "Witnessed"]


@attrs.define(eq=False, kw_only=True)
class Call:
    """One request of a client. ``headers`` by lower-case name, keys and cookies replaced; ``body`` is parsed JSON, else text, None where
    none was read. ``status`` is None until the answer began.

    ``recording`` names the recording that answered, ``miss`` says why none did; both are "" where that is not so.
    """

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = MappingProxyType({})
    body: Any = None
    status: int | None = None
    recording: str = ""
    miss: str = ""
    reached: bool = attrs.field(default=False, repr=False)
    """Whether a provider, or a recording in its place, answered at all."""
    target: str = attrs.field(default="", repr=False)
    raw: bytes = attrs.field(default=b"", repr=False)
    """The target and the body to the letter, keys in them too: what recordings are compared with."""

    @classmethod
    def of(cls, head: RequestHead) -> Call:
        """The call that a request begins."""
        redacted = Redactor().redact(Fixture(request=RecordedRequest(path=head.path, query=head.query)))
        headers: dict[str, str] = {}
        for name, value in head.headers:
            shown = MARK if secrets_of(((name, value),), "") else value.decode("latin-1")
            key = name.decode("latin-1")
            headers[key] = f"{headers[key]}, {shown}" if key in headers else shown
        return cls(
            method=head.method,
            path=head.path,
            query=redacted.request.query,
            headers=MappingProxyType(headers),
            target=head.target,
        )

    @property
    def asks_provider(self) -> bool:
        """Whether it is for a provider to answer; a list of models, or a sign of life, is not."""
        return self.method == "POST"

    def __str__(self) -> str:
        outcome = self.miss or (f"answered by {self.recording}" if self.recording else f"status {self.status}")
        return f"{self.method} {self.path}: {outcome}"


CURRENT: ContextVar[Call] = ContextVar("trioproxy_testing_call")
"""The call that the running task serves, for those who answer it further down."""


@attrs.define(eq=False)
class Witnessed:
    """See :class:`~trioproxy.gateway.exchange.Exchange`. Passes everything on and keeps the request in ``call``, and with ``keeping`` the
    answer too."""

    _inner: Exchange
    call: Call
    keeping: bool = False
    _began: float = attrs.field(factory=trio.current_time)
    _headers: Headers = ()
    _head_at: float = 0.0
    _chunks: list[Chunk] = attrs.field(factory=list)
    _ended_at: float | None = None
    _ending: Ending = Ending.CLIENT_LEFT

    @property
    def head(self) -> RequestHead:
        """See ``Exchange.head``. A recording is to be read by people: it is asked for without a content coding. A replayed path may have
        any mount before what a protocol serves, as it had where it was recorded."""
        if not self.keeping:
            return _remounted(self._inner.head)
        kept = tuple(pair for pair in self._inner.head.headers if pair[0] != b"accept-encoding")
        return attrs.evolve(self._inner.head, headers=kept)

    @property
    def started(self) -> bool:
        """See ``Exchange.started``."""
        return self._inner.started

    async def receive_body(self, limit: int) -> bytes:
        """See ``Exchange.receive_body``."""
        body = self.call.raw = await self._inner.receive_body(limit)
        try:
            self.call.body = loads(body) if body else None
        except JSONError:
            self.call.body = body.decode("utf-8", "replace")
        self._began = trio.current_time()
        return body

    async def start(self, status: int, headers: Headers, *, flush: bool = True) -> None:
        """See ``Exchange.start``."""
        await self._inner.start(status, headers, flush=flush)
        self.call.status, self._headers, self._head_at = status, headers, self._now()

    async def send(self, data: bytes) -> None:
        """See ``Exchange.send``."""
        if self.keeping and data:
            self._chunks.append(Chunk(self._now(), data))
        await self._inner.send(data)

    async def finish(self) -> None:
        """See ``Exchange.finish``."""
        self._end(Ending.COMPLETE)
        await self._inner.finish()

    async def abort(self) -> None:
        """See ``Exchange.abort``."""
        self._end(Ending.TRUNCATED)
        await self._inner.abort()

    async def wait_disconnected(self) -> None:
        """See ``Exchange.wait_disconnected``."""
        await self._inner.wait_disconnected()

    def break_off(self) -> None:
        """What comes from now on is no part of the answer any more: the server is ending. Callable from any thread."""
        self.keeping = False
        if self._ended_at is None:
            self._ended_at = self._chunks[-1].at if self._chunks else self._head_at

    @property
    def secrets(self) -> set[str]:
        """What the client itself proved its right with."""
        return secrets_of(self.head.headers, self.head.query)

    def fixture(self, sequence: int) -> Fixture:
        """The exchange as it can be replayed, secrets and all. Call when it is over."""
        head = self.head
        return Fixture(
            protocol=spoken_at(head).name,
            sequence=sequence,
            request=RecordedRequest(
                method=head.method, path=head.path, query=head.query, headers=head.headers, body=self.call.raw
            ),
            status=self.call.status or 200,
            headers=self._headers,
            head_at=self._head_at,
            chunks=tuple(self._chunks),
            ending=self._ending,
            ended_at=self._ended_at if self._ended_at is not None else self._now(),
        )

    def _now(self) -> float:
        return trio.current_time() - self._began

    def _end(self, ending: Ending) -> None:
        if self._ended_at is None:
            self._ended_at, self._ending = self._now(), ending


def _remounted(head: RequestHead) -> RequestHead:
    """The head with the longest end of its path that names an endpoint, where the whole names none."""
    path = head.path
    if head.method != "POST" or match(path):
        return head
    for start, character in enumerate(path):
        if character == "/" and match(path[start:]):
            return attrs.evolve(head, target=head.target[start:])
    return head
