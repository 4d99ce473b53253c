"""Reading the configuration again while the program runs: one function, whatever asked for it.

Knows: when a file has changed, how a new snapshot gets into force, that a bad file leaves the old one there. Refuses to know: what a
snapshot holds, but for the addresses that only a restart can change.

Reading and building run in a thread: a file of thousands of keys takes a while, and streams must not stand still for it. The swap itself is
one assignment on the loop's own thread. One more thread looks for changes, so that a file system that hangs holds nobody up; it stays there
between two looks, because to send another one each time cost as much as six events of a stream.
"""

from __future__ import annotations

import enum
import hashlib
import logging
import signal
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import attrs
import trio

from trioproxy.config.load import ConfigInvalid, Problem, build, load
from trioproxy.config.model import Settings, Snapshot
from trioproxy.config.snapshot import SnapshotCell
from trioproxy.config.tokenfile import read_text
from trioproxy.providers.catalog import Catalogue

__all__ = ["Outcome", "Reloaded", "Reloader"]

_log = logging.getLogger("trioproxy.config")

POLL = 1.0
SETTLE = 0.15
"""Seconds between looks at the file, and how long a file that has changed must stay as it is (editors write in steps)."""

_STATIC: Mapping[str, Callable[[Settings], object]] = {
    "host": lambda settings: settings.host,
    "port": lambda settings: settings.port,
    "state-dir": lambda settings: settings.state_dir,
}


class Outcome(enum.Enum):
    """What became of a reload."""

    SWAPPED = "swapped"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@attrs.frozen(kw_only=True)
class Reloaded:
    """One reload. ``problems`` are set for REFUSED; ``warnings`` and ``restart`` (keys that only a restart puts in force) for SWAPPED."""

    outcome: Outcome
    generation: int
    problems: tuple[Problem, ...] = ()
    warnings: tuple[str, ...] = ()
    restart: tuple[str, ...] = ()


@attrs.define(eq=False)
class Reloader:
    """Reloads one file into one cell.

    ``env`` is asked for anew each time. ``host`` and ``port`` are a command line's, which go on winning over the file. ``started`` are the
    settings the listeners were opened with. ``last`` is the latest outcome, for whoever shows the state. ``poll`` are the seconds between two
    looks at the file.
    """

    cell: SnapshotCell
    path: Path
    catalogue: Catalogue
    env: Callable[[], Mapping[str, str]]
    host: str | None = attrs.field(default=None, kw_only=True)
    port: int | None = attrs.field(default=None, kw_only=True)
    poll: float = attrs.field(default=POLL, kw_only=True)
    last: Reloaded | None = attrs.field(default=None, init=False)
    _started: Settings = attrs.field(init=False)
    _digest: bytes = attrs.field(default=b"", init=False)
    _tokens: set[str] = attrs.field(factory=set, init=False)
    _seen: tuple[object, ...] = attrs.field(default=(), init=False)
    _lock: trio.Lock = attrs.field(factory=trio.Lock, init=False)

    def __attrs_post_init__(self) -> None:
        self._started = self.cell.current.settings

    def start(self) -> Snapshot:
        """The first reading, before anything listens: put into the cell and given back.

        Raises:
            ConfigInvalid: the file can't be used.
        """
        digest, snapshot = self._read()
        self._digest = digest
        self._started = snapshot.settings
        return self.cell.swap(snapshot)

    async def reload(self, *, force: bool = False) -> Reloaded:
        """Read the file and put it in force; a file that is as it was is left alone unless ``force``, a bad one leaves the old snapshot."""
        async with self._lock:
            self.last = await self._reload(force)
        return self.last

    async def watch(self) -> None:
        """Reload whenever the file, or a token file it names, has changed. Never returns."""
        over, only = threading.Event(), trio.CapacityLimiter(1)  # which takes the place of nobody else's thread
        try:
            while True:
                now = await trio.to_thread.run_sync(self._look_out, over, abandon_on_cancel=True, limiter=only)
                await trio.sleep(SETTLE)
                if await trio.to_thread.run_sync(self._fingerprint) == now:
                    self._seen = now
                    await self.reload()
        finally:
            over.set()

    async def watch_signals(self) -> None:
        """Reload on SIGHUP, changed or not (the environment may have). Never returns."""
        with trio.open_signal_receiver(signal.SIGHUP) as signals:
            async for _ in signals:
                await self.reload(force=True)

    async def _reload(self, force: bool) -> Reloaded:
        try:
            digest, snapshot = await trio.to_thread.run_sync(self._read)
        except ConfigInvalid as exc:
            for problem in exc.problems:
                _log.error("configuration not reloaded, the old one stays in force: %s", problem)
            return Reloaded(outcome=Outcome.REFUSED, generation=self.cell.current.generation, problems=exc.problems)
        if digest == self._digest and not force:
            return Reloaded(outcome=Outcome.UNCHANGED, generation=self.cell.current.generation)
        self._digest = digest
        restart = tuple(key for key, of in _STATIC.items() if of(snapshot.settings) != of(self._started))
        current = self.cell.swap(snapshot)
        _log.info(
            "configuration reloaded (generation %d, %d credentials)", current.generation, len(current.credentials)
        )
        for warning in snapshot.warnings:
            _log.warning("%s", warning)
        for key in restart:
            _log.warning("%s has changed in %s: restart needed, the old value stays in force", key, self.path)
        return Reloaded(
            outcome=Outcome.SWAPPED, generation=current.generation, warnings=snapshot.warnings, restart=restart
        )

    def _read(self) -> tuple[bytes, Snapshot]:
        """Digest and snapshot of what lies there now. Runs in a thread.

        What is read is remembered as it was *before* the reading: a file saved meanwhile is a change that is yet to be seen.
        """
        before = {str(self.path): _stamp(self.path)}
        config = load(self.path)
        digest = hashlib.sha256()
        _add(digest, self.path)
        tokens: set[str] = set()

        def read(path: str) -> str:
            tokens.add(path)
            before.setdefault(path, _stamp(Path(path)))
            return read_text(path)

        snapshot = build(config, self.catalogue, self.env(), host=self.host, port=self.port, read=read)
        self._tokens = tokens
        self._seen = tuple(before[path] for path in (str(self.path), *sorted(tokens)))
        for path in sorted(tokens):
            _add(digest, Path(path))
        return digest.digest(), snapshot

    def _look_out(self, over: threading.Event) -> tuple[object, ...]:
        """Look until something has changed, or it is ``over``; the last look. Runs in a thread."""
        now = self._seen
        while now == self._seen and not over.wait(self.poll):
            now = self._fingerprint()
        return now

    def _fingerprint(self) -> tuple[object, ...]:
        """What changes when a watched file does. Runs in a thread."""
        return tuple(_stamp(path) for path in (self.path, *map(Path, sorted(self._tokens))))


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


def _add(digest: hashlib._Hash, path: Path) -> None:
    try:
        digest.update(path.read_bytes())
    except OSError:
        digest.update(b"\0missing")
    digest.update(b"\0")
