"""An upstream whose exchanges go to a folder, one file each."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from trioproxy.upstream.archive import Archive
from trioproxy.upstream.base import Upstream
from trioproxy.upstream.fixture import Fixture
from trioproxy.upstream.record import RecordingUpstream

__all__ = ["DiskRecording"]


class DiskRecording(RecordingUpstream):
    """What passes through ``inner`` becomes a fixture in ``folder``; ``written`` names the files."""

    def __init__(self, inner: Upstream, folder: Path, secrets: Callable[[], Iterable[str]] = tuple) -> None:
        self.archive = Archive(folder, secrets)
        super().__init__(inner, self._keep)

    @property
    def written(self) -> list[Path]:
        """The files so far, in order."""
        return self.archive.written

    async def _keep(self, fixture: Fixture | None, secrets: frozenset[str]) -> None:
        await self.archive.keep(fixture, secrets)
