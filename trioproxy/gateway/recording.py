"""Exchanges kept as fixtures: what the client asked, and how it was answered.

A recording answers the same client again, without the configuration it was made with. So it holds the client's own request: its path, its
model, its protocol. Its answer is the provider's, piece by piece with its times and its end, where the bytes went on to the client unchanged;
where they were translated or edited, it is what the client got. A sign of life of ours is no part of either.

Knows: which of the two sides of an exchange becomes the recording. Refuses to know: files (``upstream/archive.py``).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from functools import partial
from pathlib import Path

import attrs
import trio

from trioproxy.errors import ClientFault
from trioproxy.gateway.doors import spoken_at
from trioproxy.gateway.exchange import Exchange, Handler
from trioproxy.gateway.wrapped import WrappedExchange
from trioproxy.protocols.table import match
from trioproxy.upstream.archive import Archive
from trioproxy.upstream.base import Headers, Upstream
from trioproxy.upstream.fixture import Chunk, Ending, Fixture, RecordedRequest
from trioproxy.upstream.record import MAX_RECORDED_BYTES, RecordingUpstream
from trioproxy.upstream.redact import secrets_of

__all__ = ["Recorder", "Witness"]


@attrs.frozen
class _Heard:
    """What one provider answered; ``fixture`` is None where that was too long to be kept."""

    provider: str
    fixture: Fixture | None


@attrs.define(eq=False)
class Witness(WrappedExchange):
    """See :class:`~trioproxy.gateway.exchange.Exchange`. Passes everything on and keeps the request and the answer."""

    sequence: int = 0
    secrets: set[str] = attrs.field(factory=set, init=False)
    asked: str = attrs.field(default="", init=False)
    """Which provider a request went out to last, "" where to none."""
    _heard: list[_Heard] = attrs.field(factory=list, init=False)
    _body: bytes = attrs.field(default=b"", init=False)
    _began: float = attrs.field(factory=trio.current_time, init=False)
    _status: int | None = attrs.field(default=None, init=False)
    _headers: Headers = attrs.field(default=(), init=False)
    _head_at: float = attrs.field(default=0.0, init=False)
    _chunks: list[Chunk] = attrs.field(factory=list, init=False)
    _size: int = attrs.field(default=0, init=False)
    _ending: Ending = attrs.field(default=Ending.CLIENT_LEFT, init=False)
    _ended_at: float | None = attrs.field(default=None, init=False)
    _deaf: bool = attrs.field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        self.secrets |= secrets_of(self.head.headers, self.head.query)

    # -- the exchange

    async def receive_body(self, limit: int) -> bytes:
        """See ``Exchange.receive_body``."""
        self._body = await self._inner.receive_body(limit)
        self._began = trio.current_time()
        return self._body

    async def start(self, status: int, headers: Headers, *, flush: bool = True) -> None:
        """See ``Exchange.start``."""
        await self._inner.start(status, headers, flush=flush)
        self._status, self._headers, self._head_at = status, headers, self._now()

    async def send(self, data: bytes) -> None:
        """See ``Exchange.send``."""
        self._keep(data)
        try:
            await self._inner.send(data)
        except ClientFault:
            self._end(Ending.CLIENT_LEFT)
            raise

    def offer(self, data: bytes) -> Awaitable[None] | None:
        """See ``Exchange.offer``."""
        return self.send(data)

    async def finish(self, data: bytes = b"") -> None:
        """See ``Exchange.finish``."""
        self._keep(data)
        if not data:
            self._end(Ending.COMPLETE)
        try:
            await self._inner.finish(data)
        except ClientFault:
            self._end(Ending.CLIENT_LEFT)
            raise
        self._end(Ending.COMPLETE)

    def _keep(self, data: bytes) -> None:
        if data and not self._deaf:
            self._size += len(data)
            if self._size <= MAX_RECORDED_BYTES:
                self._chunks.append(Chunk(self._now(), data))
            else:
                self._chunks.clear()

    def offer_last(self, data: bytes) -> Awaitable[None] | None:
        """See ``Exchange.offer_last``."""
        return self.finish(data)

    async def abort(self) -> None:
        """See ``Exchange.abort``."""
        self._end(Ending.TRUNCATED)
        await self._inner.abort()

    # -- the recording

    @property
    def provider(self) -> str:
        """Who answered last, "" where nobody was reached."""
        return self._heard[-1].provider if self._heard else ""

    @property
    def status(self) -> int | None:
        """The status that the client was told; None before it was."""
        return self._status

    @property
    def asks_provider(self) -> bool:
        """Whether it is for a provider to answer; a list of models, or a sign of life, is not."""
        head = self.head
        return any(door.endpoint.method == head.method for door in match(head.path))

    def asks(self, provider: str) -> None:
        """A request goes out to a provider."""
        self.asked = provider
        self._heard.append(_Heard("", None))

    def heard(self, provider: str, fixture: Fixture | None) -> None:
        """A provider's answer is over."""
        self._heard.append(_Heard(provider, fixture))

    def break_off(self) -> None:
        """What comes from now on is no part of the answer any more: the server is ending. Callable from any thread."""
        self._deaf = True
        self._end(Ending.CLIENT_LEFT, self._chunks[-1].at if self._chunks else self._head_at)

    def fixture(self) -> Fixture | None:
        """The exchange as it can be replayed, secrets and all; None where the answer is too long. Call when it is over."""
        head = self.head
        asked = RecordedRequest(
            method=head.method, path=head.path, query=head.query, headers=head.headers, body=self._body
        )
        answer = self._unchanged() or self._received()
        if answer is None:
            return None
        return attrs.evolve(answer, protocol=spoken_at(head).name, sequence=self.sequence, request=asked)

    def _received(self) -> Fixture | None:
        """What the client got."""
        if self._size > MAX_RECORDED_BYTES:
            return None
        beat = spoken_at(self.head).keepalive
        return Fixture(
            status=self._status or 200,
            headers=self._headers,
            head_at=self._head_at,
            chunks=tuple(chunk for chunk in self._chunks if chunk.data != beat),
            ending=self._ending,
            ended_at=self._ended_at if self._ended_at is not None else self._now(),
        )

    def _unchanged(self) -> Fixture | None:
        """What the provider sent, where the client got just that: all of it, all of it and an error of ours behind, or less because it left."""
        theirs = self._heard[-1].fixture if self._heard else None
        ours = self._received()
        if theirs is None or ours is None or theirs.protocol != spoken_at(self.head).name:
            return None
        sent, got = theirs.body, ours.body
        if self._ending is Ending.CLIENT_LEFT and sent.startswith(got):
            left = theirs.ending if sent == got and theirs.ending is not Ending.CLIENT_LEFT else Ending.CLIENT_LEFT
            return attrs.evolve(theirs, ending=left)
        if not got.startswith(sent):
            return None
        if theirs.ending is Ending.CLIENT_LEFT:  # we went away ourselves: satisfied, or tired of waiting
            whole = got == sent and self._ending is Ending.COMPLETE
            return attrs.evolve(theirs, ending=Ending.COMPLETE if whole else Ending.STALL)
        return theirs if theirs.status == self._status or not sent else None

    def _now(self) -> float:
        return trio.current_time() - self._began

    def _end(self, ending: Ending, at: float | None = None) -> None:
        if self._ended_at is None:
            self._ended_at, self._ending = self._now() if at is None else at, ending


def is_answer(witness: Witness) -> bool:
    """Whether a provider had a part in the exchange, if only by saying nothing, or it came to an answer without one (an estimate)."""
    return bool(witness.asked) or (witness.status is not None and witness.status < 400)


_WITNESS: ContextVar[Witness] = ContextVar("trioproxy_witness")


@attrs.define(eq=False)
class Recorder:
    """Records every exchange that a provider has a part in, or only those of ``providers`` (names of entries, lower-case).

    ``wanted`` says of each, when it is over, whether it is worth keeping.
    """

    archive: Archive
    providers: frozenset[str] = frozenset()
    _count: int = attrs.field(default=0, init=False)
    _running: set[Witness] = attrs.field(factory=set, init=False)

    async def handle(
        self,
        exchange: Exchange,
        serve: Handler,
        wanted: Callable[[Witness], bool] = is_answer,
        settled: Callable[[Path | None], None] = lambda path: None,
    ) -> None:
        """Have the exchange served. ``settled`` is told which file it became, or None where that could not be written."""
        self._count += 1
        witness = Witness(exchange, self._count)
        _WITNESS.set(witness)
        self._running.add(witness)
        try:
            await serve(witness)
        finally:
            self._running.discard(witness)
            if self._concerns(witness) and witness.status is not None and wanted(witness):
                settled(await self.archive.keep(witness.fixture(), witness.secrets))

    def over(self, upstream: Upstream, provider: str) -> Upstream:
        """``upstream`` with what passes it told to the exchange that asked."""
        return RecordingUpstream(upstream, partial(_tell, provider), partial(_note, provider))

    def break_off(self) -> None:
        """Nothing that is still running goes on. Callable from any thread."""
        for witness in list(self._running):
            witness.break_off()

    def _concerns(self, witness: Witness) -> bool:
        return witness.asks_provider and (not self.providers or witness.asked.lower() in self.providers)


def _note(provider: str) -> None:
    witness = _WITNESS.get(None)
    if witness is not None:
        witness.asks(provider)


async def _tell(provider: str, fixture: Fixture | None, secrets: frozenset[str]) -> None:
    witness = _WITNESS.get(None)
    if witness is not None:
        witness.secrets |= secrets
        witness.heard(provider, fixture)
