"""``RecordingUpstream``: passes everything through and makes one fixture an exchange.

Knows: when an exchange with a provider is over and how it ended. Where the fixture goes is ``archive``'s business, or of whoever asked.

A recording never changes, delays or breaks what is recorded: bytes are handed on as they come.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from typing import TypeAlias

import attrs
import trio

from trioproxy.errors import UpstreamFault
from trioproxy.upstream.base import Headers, Progress, Upstream, UpstreamRequest, UpstreamResponse
from trioproxy.upstream.fixture import Chunk, Ending, Fixture
from trioproxy.upstream.redact import secrets_of
from trioproxy.upstream.replay import recorded_request

__all__ = ["MAX_RECORDED_BYTES", "Keep", "RecordingResponse", "RecordingUpstream"]

MAX_RECORDED_BYTES = 64 * 1024 * 1024
"""Of one answer. A longer one is passed on whole; what was heard of it up to here is given up, and its fixture is None."""

Keep: TypeAlias = Callable[[Fixture | None, frozenset[str]], Awaitable[None]]
"""Takes a fixture, secrets and all, and the secrets that its request carries. None stands for an answer that was too long to be kept."""


@attrs.define(eq=False)
class RecordingResponse:
    """See ``UpstreamResponse``. Hands on another one and keeps what passes."""

    _inner: UpstreamResponse
    _keep: Keep
    _fixture: Fixture
    _started: float
    _secrets: frozenset[str] = frozenset()
    _chunks: list[Chunk] = attrs.field(factory=list, init=False)
    _size: int = attrs.field(default=0, init=False)
    _ending: Ending | None = attrs.field(default=None, init=False)
    _settled: bool = attrs.field(default=False, init=False)

    @property
    def status(self) -> int:
        """See ``UpstreamResponse.status``."""
        return self._inner.status

    @property
    def headers(self) -> Headers:
        """See ``UpstreamResponse.headers``."""
        return self._inner.headers

    @property
    def whole(self) -> bool:
        """See ``UpstreamResponse.whole``: the end is to be heard."""
        return False

    @property
    def tap(self) -> None:
        """See ``UpstreamResponse.tap``: every piece goes by here."""

    async def receive_some(self) -> bytes:
        """See ``UpstreamResponse.receive_some``."""
        try:
            data = await self._inner.receive_some()
        except UpstreamFault as fault:
            reset = isinstance(fault.__cause__, ConnectionResetError)
            self._end(Ending.RESET if reset else Ending.TRUNCATED, fault.failure.message)
            raise
        if not data:
            self._end(Ending.COMPLETE)
            return data
        self._size += len(data)
        if self._size <= MAX_RECORDED_BYTES:
            self._chunks.append(Chunk(trio.current_time() - self._started, data))
        else:
            self._chunks.clear()
        return data

    async def aclose(self) -> None:
        """See ``UpstreamResponse.aclose``. Then the fixture is kept."""
        try:
            await self._inner.aclose()
        finally:
            if not self._settled:
                self._settled = True
                self._end(Ending.CLIENT_LEFT)
                await self._keep(self._recorded() if self._size <= MAX_RECORDED_BYTES else None, self._secrets)

    def _end(self, ending: Ending, message: str = "") -> None:
        if self._ending is None:
            self._ending = ending
            self._fixture = attrs.evolve(
                self._fixture, ended_at=trio.current_time() - self._started, end_message=message
            )

    def _recorded(self) -> Fixture:
        return attrs.evolve(self._fixture, chunks=tuple(self._chunks), ending=self._ending or Ending.CLIENT_LEFT)


@attrs.define(eq=False)
class RecordingUpstream:
    """See ``Upstream``. Makes a fixture of every exchange of ``inner`` and gives it to ``keep`` when it is over. ``sent`` is called when a
    request goes out: that it will be answered is not said."""

    inner: Upstream
    keep: Keep
    sent: Callable[[], None] = lambda: None
    _sequence: int = attrs.field(default=0, init=False)

    async def open(self, request: UpstreamRequest, progress: Progress) -> RecordingResponse:
        """See ``Upstream.open``. An exchange without a head leaves no fixture."""
        started = _Started(progress, trio.current_time(), self.sent)
        response = await self.inner.open(request, started)
        self._sequence += 1
        asked = recorded_request(request)
        fixture = Fixture(
            protocol=request.protocol,
            sequence=self._sequence,
            request=asked,
            status=response.status,
            headers=response.headers,
            head_at=trio.current_time() - started.at,
        )
        return RecordingResponse(
            response, self.keep, fixture, started.at, frozenset(secrets_of(asked.headers, asked.query))
        )


@attrs.define(eq=False)
class _Started:
    """Passes progress on and remembers when the request went out: the beginning of a fixture's time."""

    _inner: Progress
    at: float
    _sent: Callable[[], None]

    def request_sent(self) -> None:
        self.at = trio.current_time()
        self._sent()
        self._inner.request_sent()

    def cut_by(self, cut: Callable[[], None]) -> None:
        """See ``Progress.cut_by``."""
        self._inner.cut_by(cut)

    def waiting(self) -> AbstractContextManager[object]:
        """See ``Progress.waiting``."""
        return self._inner.waiting()
