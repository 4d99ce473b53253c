"""A local provider on recorded traffic, and one that records, each for the time of a ``with`` block.

Knows: how a folder or a configuration becomes a running server, and what a test may ask of it. Refuses to know: pytest.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import attrs

from trioproxy.app import App
from trioproxy.config.load import build, load
from trioproxy.config.model import ModelEntry, Replay, Snapshot
from trioproxy.config.snapshot import SnapshotCell
from trioproxy.errors import UpstreamFault
from trioproxy.gateway.exchange import Exchange
from trioproxy.gateway.recording import Recorder, Witness
from trioproxy.protocols.table import protocols
from trioproxy.providers.catalog import catalogue
from trioproxy.testing.calls import CURRENT, Call, Witnessed
from trioproxy.testing.loopback import Loopback
from trioproxy.upstream.archive import Archive
from trioproxy.upstream.base import Progress, Upstream, UpstreamRequest, UpstreamResponse
from trioproxy.upstream.question import NO_RECORDING, OPERATION
from trioproxy.upstream.redact import Redactor
from trioproxy.upstream.replay import ReplayResponse, ReplayUpstream
from trioproxy.wire.jsoncodec import dumps

__all__ = ["LocalProvider", "recording", "replaying"]

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
    faults: Faults = None,
    once: bool = True,
    ignore: Sequence[str] = (),
) -> Iterator[LocalProvider]:
    """A provider that answers from ``folder``, for the time of the block. Works in any event loop and without one.

    Args:
        folder: fixtures, at any depth.
        match: ``strict``, ``shape``, ``sequence`` or ``any`` (see ``docs/recordings.md``).
        speed: 0 is at once, 1 the recorded pace, N is N times faster.
        faults: what goes wrong with every answer, such as ``"cut@5"``; several in a list, or separated by commas. An error of its own is
            ``{"fault": "status=429", "headers": {...}, "body": {...}}``.
        once: each recording answers once, so that asking twice takes two of them.
        ignore: fields of request bodies that are not compared, as dotted paths; ``*`` is any name or number.

    Raises:
        ProxyFault: MISCONFIGURED, the folder, a file in it or an option can't be used; the message says which.
    """
    replay = Replay(
        folder=str(folder), speed=speed, match=match, once=once, ignore=tuple(ignore), faults=_faults_text(faults)
    )
    app = App(SnapshotCell(_replay_snapshot(replay)), sinks=())
    upstream = app.reach(app.cell.current.credentials[0])
    assert isinstance(upstream, ReplayUpstream)
    app.cell.swap(_listing(app.cell.current, upstream))
    provider = LocalProvider(folder=Path(folder), upstream=upstream)
    with _serving(app, provider, _replayed(app)):
        yield provider


@contextmanager
def recording(
    folder: Path | str, config: Path | str, *, redact: Sequence[str] = (), redact_fields: Sequence[str] = ()
) -> Iterator[LocalProvider]:
    """The providers of a configuration file, for the time of the block; every exchange becomes a recording in ``folder``.

    The recordings hold what the client asked and was answered, so :func:`replaying` answers the same client without any of those
    providers. Not kept is what says nothing of the question: a refused key, a full quota, a failure of the provider or of the way to it.

    Args:
        folder: where the files go.
        config: the configuration.
        redact: regular expressions of what is taken out, on top of keys.
        redact_fields: names of body fields whose values are taken out.

    Raises:
        ConfigInvalid: the file can't be used.
        re.error: a regular expression is none.
    """
    snapshot = build(load(Path(config)), catalogue(), os.environ)
    app = App(SnapshotCell(snapshot), sinks=())
    provider = LocalProvider(
        folder=Path(folder), api_key=snapshot.clients[0].key.reveal() if snapshot.clients else "record"
    )
    archive = Archive(Path(folder), app.known_secrets, Redactor.ruled(redact, redact_fields))
    recorder = Recorder(archive)
    app.over = partial(recorder.over, provider="provider")
    with _serving(app, provider, partial(_recorded, app, provider, recorder), leaving=recorder.break_off):
        yield provider


Faults: TypeAlias = str | Mapping[str, Any] | Sequence[str | Mapping[str, Any]] | None


def _faults_text(faults: Faults) -> str:
    """Faults as one text."""
    match faults:
        case None:
            return ""
        case str():
            return faults
        case Mapping():
            return dumps([faults]).decode()
        case _:
            return dumps(list(faults)).decode() if faults else ""


@contextmanager
def _serving(
    app: App,
    provider: LocalProvider,
    serve: Callable[[Exchange, Call], Awaitable[None]],
    leaving: Callable[[], None] = lambda: None,
) -> Iterator[None]:
    async def handle(exchange: Exchange) -> None:
        call = Call.of(exchange.head)
        CURRENT.set(call)
        provider.calls.append(call)
        await serve(exchange, call)

    protocols()  # all of them now, so that no client waits for an import
    server = Loopback(handle, closing=app.http.close)
    server.start()
    provider.base_url = f"http://127.0.0.1:{server.port}"
    try:
        yield
    finally:
        leaving()
        server.stop()


def _replayed(app: App) -> Callable[[Exchange, Call], Awaitable[None]]:
    app.over = _Attributing

    async def serve(exchange: Exchange, call: Call) -> None:
        await app.gateway.handle(Witnessed(exchange, call))

    return serve


async def _recorded(app: App, provider: LocalProvider, recorder: Recorder, exchange: Exchange, call: Call) -> None:
    def unkept(reason: str) -> None:
        provider.unkept.append(f"{call.method} {call.path}: {reason}")

    def wanted(witness: Witness) -> bool:
        reason = _unkept(witness)
        if reason is not None:
            unkept(reason)
        return reason is None

    def settled(path: Path | None) -> None:
        if path is None:
            unkept("the file was not written; the log says why")

    await recorder.handle(Witnessed(exchange, call, recorded=True), app.gateway.handle, wanted, settled)


def _unkept(witness: Witness) -> str | None:
    """Why an exchange is not worth keeping; None where it is."""
    status = witness.status or 0
    if not witness.provider and status >= 400:
        return f"no provider answered (status {status})"
    if status in _ABOUT_THE_KEY or status >= 500:
        return f"status {status} says nothing of the question"
    return None


@attrs.frozen
class _Attributing:
    """See ``Upstream``. Notes at the call which recording answered it."""

    _inner: Upstream

    async def open(self, request: UpstreamRequest, progress: Progress) -> UpstreamResponse:
        """See ``Upstream.open``."""
        call = CURRENT.get()
        try:
            response = await self._inner.open(request, progress)
        except UpstreamFault as fault:
            if fault.failure.code == NO_RECORDING and (not call.miss or call.miss_place == OPERATION):
                call.miss, call.miss_place = fault.failure.message, fault.failure.param or ""
            raise
        call.miss = ""
        if isinstance(response, ReplayResponse):
            call.recording = response.name
        return response


@functools.cache
def _bare_snapshot() -> Snapshot:
    text = dumps({"providers": {"replay": {"type": "replay", "folder": "."}}}).decode()
    return build(load(text, name="the recordings"), catalogue(), {})


def _replay_snapshot(replay: Replay) -> Snapshot:
    bare = _bare_snapshot()
    [credential] = bare.credentials
    return Snapshot(
        # Nothing is sent but what was recorded.
        settings=attrs.evolve(bare.settings, keepalive=0.0),
        credentials=(attrs.evolve(credential, replay=replay, request_retry=0),),
    )


def _listing(snapshot: Snapshot, upstream: ReplayUpstream) -> Snapshot:
    """The snapshot with the recorded models in its list; any other may be asked for too, and be missed."""
    asked = {volume.question.model for volume in upstream.library.volumes}
    models = tuple(ModelEntry(name=model, alias=model) for model in sorted(asked) if model)
    [credential] = snapshot.credentials
    return attrs.evolve(snapshot, credentials=(attrs.evolve(credential, models=models, open_names=True),))
