"""``ReplayUpstream``: answers from recordings, byte by byte as they were recorded, at their pace or another.

Knows: how a recording is played on trio's clock, and how it ends. Which recording answers is ``matching``'s business, what goes wrong on demand
``faults``'.

The folder is read once, when the upstream is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from pathlib import Path

import attrs
import trio

from trioproxy.errors import ClientFault, ErrorKind, ProxyFault, UpstreamFault
from trioproxy.upstream.base import Headers, Progress, UpstreamRequest
from trioproxy.upstream.faults import Fault, FaultInvalid, FaultKind, apply, drawn, latency, parse_faults
from trioproxy.upstream.fixture import Ending, Fixture, FixtureInvalid, RecordedRequest, read_fixture
from trioproxy.upstream.matching import Library, MatchMode, NoMatch
from trioproxy.upstream.origin import locate
from trioproxy.upstream.question import NO_RECORDING, VOLATILE, Question

__all__ = ["ReplayResponse", "ReplayUpstream", "read_folder", "recorded_request"]


_BREAKS: dict[Ending, OSError] = {
    Ending.TRUNCATED: ConnectionError("the connection was closed before the end"),
    Ending.RESET: ConnectionResetError("connection reset by peer"),
}


def read_folder(folder: Path) -> dict[str, Fixture]:
    """Every fixture below ``folder``, by its path there without the suffix.

    Raises:
        ProxyFault: MISCONFIGURED, no such folder, or a file in it is no fixture; the message names the file and the place in it.
    """
    if not folder.is_dir():
        raise ProxyFault(ErrorKind.MISCONFIGURED, f"there is no folder of recordings at {folder}")
    fixtures: dict[str, Fixture] = {}
    for path in sorted(folder.rglob("*.json")):
        try:
            fixtures[path.relative_to(folder).with_suffix("").as_posix()] = read_fixture(path.read_bytes())
        except (FixtureInvalid, OSError) as exc:
            raise ProxyFault(ErrorKind.MISCONFIGURED, f"{path} is no recording: {exc}") from None
    return fixtures


def recorded_request(request: UpstreamRequest) -> RecordedRequest:
    """A request as a fixture holds it, secrets and all."""
    _, target = locate(request.url)
    path, _, query = target.decode("ascii").partition("?")
    return RecordedRequest(method=request.method, path=path, query=query, headers=request.headers, body=request.body)


@attrs.define(eq=False)
class ReplayResponse:
    """See ``UpstreamResponse``. Plays one recording; ``name`` says which."""

    whole = False
    tap = None
    name: str
    fixture: Fixture
    _start: float
    _speed: float
    _lag: float = 0.0
    """Seconds that everything comes late, whatever the speed."""
    _position: int = attrs.field(default=0, init=False)
    _fault: UpstreamFault | None = attrs.field(default=None, init=False)
    _ended: bool = attrs.field(default=False, init=False)

    @property
    def status(self) -> int:
        """See ``UpstreamResponse.status``."""
        return self.fixture.status

    @property
    def headers(self) -> Headers:
        """See ``UpstreamResponse.headers``. A whole body that came at once has its length."""
        fixture = self.fixture
        streamed = any(name == b"content-type" and b"event-stream" in value for name, value in fixture.headers)
        if streamed or len(fixture.chunks) > 1 or fixture.ending is not Ending.COMPLETE:
            return fixture.headers
        return (*fixture.headers, (b"content-length", b"%d" % len(fixture.body)))

    async def wait_for_head(self) -> None:
        """Return when the head came in the recording."""
        await self._wait_until(self.fixture.head_at)

    async def receive_some(self) -> bytes:
        """See ``UpstreamResponse.receive_some``. Chunks keep their borders."""
        if self._fault is not None:
            raise self._fault
        if self._ended:
            return b""
        try:
            while self._position < len(self.fixture.chunks):
                chunk = self.fixture.chunks[self._position]
                await self._wait_until(chunk.at)
                self._position += 1
                if chunk.data:
                    return chunk.data
            await self._wait_until(self.fixture.ended_at)
            return await self._end()
        except trio.Cancelled:
            self._break("it was abandoned")
            raise

    async def aclose(self) -> None:
        """See ``UpstreamResponse.aclose``."""
        if not self._ended:
            self._break("it was closed")

    async def _end(self) -> bytes:
        if self.fixture.ending is Ending.STALL:
            await trio.sleep_forever()
        reason = _BREAKS.get(self.fixture.ending)
        if reason is not None:
            raise self._break(str(reason), self.fixture.end_message) from reason
        self._ended = True
        return b""

    async def _wait_until(self, at: float) -> None:
        # A late reader finds everything that is due; nothing is ever early.
        due = self._start + self._lag + (at / self._speed if self._speed else 0.0)
        if self._speed or self._lag:
            await trio.sleep_until(due)
        else:
            await trio.lowlevel.checkpoint()

    def _break(self, reason: str, said: str = "") -> UpstreamFault:
        if self._fault is None:
            played = sum(len(chunk.data) for chunk in self.fixture.chunks[: self._position])
            said = said or f"the recording {self.name} broke off after {played} bytes: {reason}"
            self._fault = UpstreamFault(ErrorKind.TRUNCATED, said)
        return self._fault


@attrs.define(eq=False, init=False)
class ReplayUpstream:
    """See ``Upstream``. The library of one folder.

    Args:
        folder: fixtures, at any depth.
        speed: 1 is the recorded pace, N is N times faster, 0 is at once.
        match: how a request finds its recording, a :class:`MatchMode` or its name.
        repeat: whether a recording answers more than once.
        fault: what goes wrong with every answer (see ``faults``); a request's own ``fault`` comes on top.
        volatile: body fields that are not compared, as dotted paths.
        ignore: more of these.

    Raises:
        ProxyFault: MISCONFIGURED, the folder or an option can't be used.
    """

    library: Library
    speed: float
    _volatile: Sequence[str]
    _faults: tuple[Fault, ...]
    _answers: int

    def __init__(
        self,
        folder: Path | str,
        speed: float = 1.0,
        match: MatchMode | str = MatchMode.SHAPE,
        *,
        repeat: bool = True,
        fault: str | None = None,
        volatile: Sequence[str] = VOLATILE,
        ignore: Sequence[str] = (),
    ) -> None:
        try:
            mode = MatchMode(match)
        except ValueError:
            known = ", ".join(each.value for each in MatchMode)
            raise ProxyFault(ErrorKind.MISCONFIGURED, f"match is {match!r}, expected one of {known}") from None
        if not 0 <= speed < inf:
            raise ProxyFault(ErrorKind.MISCONFIGURED, f"speed is {speed!r}, expected 0 or more")
        self.speed = speed
        self._volatile = (*volatile, *ignore)
        self._answers = 0
        self._faults = _parsed(fault)
        self.library = Library.of(read_folder(Path(folder)), mode=mode, repeat=repeat, volatile=self._volatile)

    async def open(self, request: UpstreamRequest, progress: Progress) -> ReplayResponse:
        """See ``Upstream.open``.

        Raises:
            UpstreamFault: NOT_FOUND, no recording answers; the message names the nearest one and the first difference.
            ClientFault: INVALID_REQUEST, the request's ``fault`` is not one.
        """
        try:
            faults = self._faults + parse_faults(request.fault or "")
        except FaultInvalid as exc:
            raise ClientFault(ErrorKind.INVALID_REQUEST, str(exc)) from None
        try:
            volume = self.library.choose(Question.of(recorded_request(request), volatile=self._volatile))
        except NoMatch as exc:
            await trio.lowlevel.checkpoint()
            raise UpstreamFault(ErrorKind.NOT_FOUND, str(exc), code=NO_RECORDING, param=exc.place) from None
        self._answers += 1
        certain = drawn(faults, volume.fixture, self._answers)
        # Being late is no part of the recording: at whatever speed that is played, so many seconds are so many.
        fixture = apply([each for each in certain if each.kind is not FaultKind.LATENCY], volume.fixture)
        response = ReplayResponse(volume.name, fixture, trio.current_time(), self.speed, lag=latency(certain))
        progress.request_sent()
        await response.wait_for_head()
        return response


def _parsed(fault: str | None) -> tuple[Fault, ...]:
    try:
        return parse_faults(fault or "")
    except FaultInvalid as exc:
        raise ProxyFault(ErrorKind.MISCONFIGURED, str(exc)) from None
