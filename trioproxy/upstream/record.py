"""``RecordingUpstream``: passes everything through and leaves one fixture an exchange behind.

Knows: when an exchange is over and how it ended, and how a fixture gets its name and reaches the disk. What may not reach it is
``redact``'s business.

A recording never changes, delays or breaks what is recorded: bytes are handed on as they come, the file is made and written in a thread when
the exchange is over, and what goes wrong with it is one line in the log.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import attrs
import trio

from trioproxy.errors import UpstreamFault
from trioproxy.upstream.base import Headers, Progress, Upstream, UpstreamRequest, UpstreamResponse
from trioproxy.upstream.fixture import Chunk, Ending, Fixture, write_fixture
from trioproxy.upstream.question import Question
from trioproxy.upstream.redact import Redactor, SecretRemains, secrets_of
from trioproxy.upstream.replay import recorded_request
from trioproxy.wire.jsoncodec import dumps

__all__ = ["RecordingResponse", "RecordingUpstream", "fixture_name"]

_log = logging.getLogger(__name__)

MAX_RECORDED_BYTES = 64 * 1024 * 1024
"""Of one answer. A longer one is passed on whole and not recorded."""

_WRITE_DEADLINE_S = 5.0
_LONGEST_SLUG = 80
_NOT_IN_A_NAME = re.compile(r"[^a-z0-9.]+")


def fixture_name(fixture: Fixture) -> str:
    """``protocol/model-operation-hash``: the same request has the same name, today and tomorrow.

    The hash covers what is compared, so that a field which differs from run to run gives no new name. ``fixture`` is redacted already.
    """
    question = Question.of(fixture.request)
    digest = hashlib.sha256(dumps(question.whole()) + (b"+" if question.stream else b"-")).hexdigest()[:8]
    words = [question.model or "no-model", question.operation]
    slug = "-".join(_NOT_IN_A_NAME.sub("-", word.lower()).strip("-.") for word in words)[:_LONGEST_SLUG]
    return f"{fixture.protocol or 'other'}/{slug}-{digest}"


@attrs.define(eq=False)
class RecordingResponse:
    """See ``UpstreamResponse``. Hands on another one and keeps what passes."""

    _inner: UpstreamResponse
    _upstream: RecordingUpstream
    _fixture: Fixture
    _started: float
    _chunks: list[Chunk] = attrs.field(factory=list, init=False)
    _size: int = attrs.field(default=0, init=False)
    _ending: Ending | None = attrs.field(default=None, init=False)
    _secrets: frozenset[str] = frozenset()
    _settled: bool = attrs.field(default=False, init=False)

    @property
    def status(self) -> int:
        """See ``UpstreamResponse.status``."""
        return self._inner.status

    @property
    def headers(self) -> Headers:
        """See ``UpstreamResponse.headers``."""
        return self._inner.headers

    async def receive_some(self) -> bytes:
        """See ``UpstreamResponse.receive_some``."""
        try:
            data = await self._inner.receive_some()
        except UpstreamFault as fault:
            self._end(Ending.RESET if isinstance(fault.__cause__, ConnectionResetError) else Ending.TRUNCATED)
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
        """See ``UpstreamResponse.aclose``. Writes the fixture; bounded, and shielded from the cancellation that may have brought us here."""
        try:
            await self._inner.aclose()
        finally:
            if not self._settled:
                self._settled = True
                self._end(Ending.CLIENT_LEFT)
                if self._size <= MAX_RECORDED_BYTES:
                    await self._upstream.keep(self._recorded(), self._secrets)
                else:
                    _log.warning("an answer of %d bytes is too long to be recorded", self._size)

    def _end(self, ending: Ending) -> None:
        if self._ending is None:
            self._ending = ending
            self._fixture = attrs.evolve(self._fixture, ended_at=trio.current_time() - self._started)

    def _recorded(self) -> Fixture:
        return attrs.evolve(self._fixture, chunks=tuple(self._chunks), ending=self._ending or Ending.CLIENT_LEFT)


@attrs.define(eq=False)
class RecordingUpstream:
    """See ``Upstream``. Records every exchange of ``inner`` into ``folder``, which is made when it is first needed.

    ``secrets`` tells the keys that are known at the time, on top of those that a request itself carries. An exchange that was recorded before
    under the same name is replaced; a second one of this session gets a number.
    """

    inner: Upstream
    folder: Path
    secrets: Callable[[], Iterable[str]] = tuple
    written: list[Path] = attrs.field(factory=list, init=False)
    _sequence: int = attrs.field(default=0, init=False)
    _names: dict[str, int] = attrs.field(factory=dict, init=False)

    async def open(self, request: UpstreamRequest, progress: Progress) -> RecordingResponse:
        """See ``Upstream.open``. An exchange without a head leaves no fixture."""
        started = _Started(progress, trio.current_time())
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
        known = frozenset(self.secrets()) | secrets_of(asked.headers, asked.query)
        return RecordingResponse(response, self, fixture, started.at, secrets=known)

    async def keep(self, fixture: Fixture, secrets: Iterable[str]) -> None:
        """Redact, check and write one fixture. What goes wrong is logged, not raised."""
        with trio.move_on_after(_WRITE_DEADLINE_S, shield=True) as scope:
            try:
                name, data = await trio.to_thread.run_sync(
                    _prepared, fixture, frozenset(secrets), abandon_on_cancel=True
                )
                self._names[name] = number = self._names.get(name, 0) + 1
                path = self.folder / (f"{name}.json" if number == 1 else f"{name}-{number}.json")
                await trio.to_thread.run_sync(_write, path, data, abandon_on_cancel=True)
                self.written.append(path)
            except SecretRemains as exc:
                _log.warning("a recording of %s was not written: %s", fixture.request.path, exc)
            except OSError as exc:
                _log.warning("a recording was not written to %s: %s", self.folder, exc.strerror or exc)
        if scope.cancelled_caught:
            _log.warning("a recording was not written to %s within %.0f s", self.folder, _WRITE_DEADLINE_S)


@attrs.define(eq=False)
class _Started:
    """Passes progress on and remembers when the request went out: the beginning of a fixture's time."""

    _inner: Progress
    at: float

    def request_sent(self) -> None:
        self.at = trio.current_time()
        self._inner.request_sent()


def _prepared(fixture: Fixture, secrets: frozenset[str]) -> tuple[str, bytes]:
    redactor = Redactor(secrets)
    clean = redactor.redact(fixture)
    redactor.check(clean)
    return fixture_name(clean), write_fixture(clean)


def _write(path: Path, data: bytes) -> None:
    """Replace the file as a whole, readable by its owner alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
