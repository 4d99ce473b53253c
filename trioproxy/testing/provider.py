"""A local provider on recorded traffic, and one that records, each for the time of a ``with`` block.

Knows: how a folder or a configuration becomes a running server, and what a test may ask of it. Refuses to know: pytest.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import attrs

from trioproxy.app import App
from trioproxy.config.load import build, load
from trioproxy.config.model import ModelEntry, Snapshot
from trioproxy.config.snapshot import SnapshotCell
from trioproxy.errors import UpstreamFault
from trioproxy.gateway.exchange import Exchange
from trioproxy.protocols.table import protocols
from trioproxy.providers.catalog import catalogue
from trioproxy.testing.calls import CURRENT, Call, Witnessed
from trioproxy.testing.loopback import Loopback
from trioproxy.upstream.base import Progress, Upstream, UpstreamRequest, UpstreamResponse
from trioproxy.upstream.record import RecordingUpstream
from trioproxy.upstream.replay import ReplayResponse, ReplayUpstream
from trioproxy.wire.jsoncodec import dumps

__all__ = ["LocalProvider", "recording", "replaying"]

_NOWHERE = "http://replay.invalid"
_NO_RECORDING = "no_recording"
_ABOUT_THE_KEY = frozenset({401, 402, 403, 407, 408, 429})


@attrs.define(eq=False, kw_only=True, repr=False)
class LocalProvider:
    """A provider on the loopback. ``folder`` is where its recordings lie, or go to; ``calls`` are the requests so far, in order."""

    folder: Path
    api_key: str = "replay"
    base_url: str = ""
    calls: list[Call] = attrs.field(factory=list)
    unkept: list[str] = attrs.field(factory=list)
    """Exchanges that were to be recorded and were not, and why."""
    _upstream: ReplayUpstream | None = None

    def __repr__(self) -> str:
        return (
            f"<LocalProvider at {self.base_url} on {self.folder}: {len(self.calls)} calls, {len(self.misses)} missed>"
        )

    @property
    def openai_base_url(self) -> str:
        """For clients of OpenAI's APIs."""
        return f"{self.base_url}/v1"

    @property
    def anthropic_base_url(self) -> str:
        """For clients of Anthropic's API."""
        return self.base_url

    @property
    def gemini_base_url(self) -> str:
        """For clients of Google's API."""
        return self.base_url

    @property
    def recordings(self) -> list[str]:
        """The names of the recordings that can answer, in their order; none while recording."""
        return [volume.name for volume in self._upstream.library.volumes] if self._upstream is not None else []

    @property
    def unused(self) -> list[str]:
        """The names of those that did not answer so far."""
        volumes = self._upstream.library.volumes if self._upstream is not None else ()
        return [volume.name for volume in volumes if not volume.uses]

    @property
    def misses(self) -> list[Call]:
        """The calls that no recording answered."""
        return [call for call in self.calls if call.miss]


@contextmanager
def replaying(
    folder: Path | str,
    *,
    match: str = "shape",
    speed: float = 0.0,
    faults: str | Sequence[str] | None = None,
    once: bool = True,
) -> Iterator[LocalProvider]:
    """A provider that answers from ``folder``, for the time of the block. Works in any event loop and without one.

    Args:
        folder: fixtures, at any depth.
        match: ``strict``, ``shape``, ``sequence`` or ``any`` (see ``docs/recordings.md``).
        speed: 0 is at once, 1 the recorded pace, N is N times faster.
        faults: what goes wrong with every answer, such as ``"cut@5"``; several in a list, or separated by commas.
        once: each recording answers once, so that asking twice takes two of them.

    Raises:
        ProxyFault: MISCONFIGURED, the folder, a file in it or an option can't be used; the message says which.
    """
    app = App(SnapshotCell(_replay_snapshot(Path(folder), speed, match)), sinks=())
    app.fault = faults if faults is None or isinstance(faults, str) else ",".join(faults)
    upstream = app.reach(app.cell.current.credentials[0])
    assert isinstance(upstream, ReplayUpstream)
    upstream.library.repeat = not once
    app.cell.swap(_listing(app.cell.current, upstream))
    provider = LocalProvider(folder=Path(folder), upstream=upstream)
    with _serving(app, provider):
        yield provider


@contextmanager
def recording(folder: Path | str, config: Path | str) -> Iterator[LocalProvider]:
    """The providers of a configuration file, for the time of the block; every exchange becomes a recording in ``folder``.

    The recordings hold what the client asked and was answered, so :func:`replaying` answers the same client without any of those
    providers. Not kept is what says nothing of the question: a refused key, a full quota, a failure of the provider or of the way to it.

    Raises:
        ConfigInvalid: the file can't be used.
    """
    snapshot = build(load(Path(config)), catalogue(), os.environ)
    # A sign of life would become a part of the recording.
    snapshot = attrs.evolve(snapshot, settings=attrs.evolve(snapshot.settings, keepalive=0.0))
    app = App(SnapshotCell(snapshot), sinks=())
    key = snapshot.clients[0].key.reveal() if snapshot.clients else "record"
    provider = LocalProvider(folder=Path(folder), api_key=key)
    keys = [credential.key.reveal() for credential in snapshot.credentials if credential.key is not None]
    keys += (client.key.reveal() for client in snapshot.clients)
    with _serving(app, provider, _Recorder(provider, RecordingUpstream(app.http, Path(folder), lambda: keys))):
        yield provider


@contextmanager
def _serving(app: App, provider: LocalProvider, recorder: _Recorder | None = None) -> Iterator[None]:
    app.over = partial(_Attributing, replayed=recorder is None)

    async def handle(exchange: Exchange) -> None:
        call = Call.of(exchange.head)
        CURRENT.set(call)
        provider.calls.append(call)
        witnessed = Witnessed(exchange, call, keeping=recorder is not None)
        if recorder is None:
            return await app.gateway.handle(witnessed)
        return await recorder.handle(app, witnessed)

    protocols()  # all of them now, so that no client waits for an import
    server = Loopback(handle, closing=app.http.close)
    server.start()
    provider.base_url = f"http://127.0.0.1:{server.port}"
    try:
        yield
    finally:
        if recorder is not None:
            recorder.break_off()
        server.stop()


@attrs.define(eq=False)
class _Recorder:
    """Keeps exchanges when they are over."""

    _provider: LocalProvider
    _files: RecordingUpstream
    _running: set[Witnessed] = attrs.field(factory=set)
    _count: int = 0

    async def handle(self, app: App, witnessed: Witnessed) -> None:
        self._running.add(witnessed)
        try:
            await app.gateway.handle(witnessed)
        finally:
            self._running.discard(witnessed)
            call = witnessed.call
            reason = _unkept(call)
            if call.reached and reason is None:
                await self._keep(witnessed)
            elif reason is not None:
                self._provider.unkept.append(f"{call.method} {call.path}: {reason}")

    def break_off(self) -> None:
        """Nothing that is still running goes on."""
        for witnessed in list(self._running):
            witnessed.break_off()

    async def _keep(self, witnessed: Witnessed) -> None:
        self._count += 1
        before = len(self._files.written)
        await self._files.keep(witnessed.fixture(self._count), witnessed.secrets | set(self._files.secrets()))
        if len(self._files.written) == before:
            call = witnessed.call
            self._provider.unkept.append(f"{call.method} {call.path}: the file was not written; the log says why")


def _unkept(call: Call) -> str | None:
    """Why an exchange is not worth keeping; None where it is, or where none was asked for."""
    if call.status is None or not call.asks_provider:
        return None
    if not call.reached:
        return f"no provider answered (status {call.status})"
    if call.status in _ABOUT_THE_KEY or call.status >= 500:
        return f"status {call.status} says nothing of the question"
    return None


@attrs.frozen
class _Attributing:
    """See ``Upstream``. Notes at the call what answered it. Recordings are asked what the client asked, to the letter."""

    _inner: Upstream
    _replayed: bool

    async def open(self, request: UpstreamRequest, progress: Progress) -> UpstreamResponse:
        """See ``Upstream.open``."""
        call = CURRENT.get()
        if self._replayed:
            request = attrs.evolve(request, url=_NOWHERE + call.target, body=call.raw)
        try:
            response = await self._inner.open(request, progress)
        except UpstreamFault as fault:
            if fault.failure.code == _NO_RECORDING:
                call.miss = fault.failure.message
            raise
        call.reached = True
        if isinstance(response, ReplayResponse):
            call.recording = response.name
        return response


@functools.cache
def _bare_snapshot() -> Snapshot:
    text = dumps({"providers": {"replay": {"type": "replay", "folder": "."}}}).decode()
    return build(load(text, name="the recordings"), catalogue(), {})


def _replay_snapshot(folder: Path, speed: float, match: str) -> Snapshot:
    bare = _bare_snapshot()
    [credential] = bare.credentials
    return Snapshot(
        # Nothing is sent but what was recorded.
        settings=attrs.evolve(bare.settings, keepalive=0.0),
        credentials=(
            attrs.evolve(credential, replay_dir=str(folder), replay_speed=speed, replay_match=match, request_retry=0),
        ),
    )


def _listing(snapshot: Snapshot, upstream: ReplayUpstream) -> Snapshot:
    """The snapshot with the recorded models in its list; any other may be asked for too, and be missed."""
    asked = {volume.question.model for volume in upstream.library.volumes}
    models = tuple(ModelEntry(name=model, alias=model) for model in sorted(asked) if model)
    [credential] = snapshot.credentials
    return attrs.evolve(snapshot, credentials=(attrs.evolve(credential, models=models, open_names=True),))
