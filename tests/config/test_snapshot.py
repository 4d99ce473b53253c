"""The cell."""

from __future__ import annotations

from trioproxy.config.model import Settings, Snapshot
from trioproxy.config.snapshot import SnapshotCell


def test_swaps_are_counted_and_old_snapshots_stay_as_they_were() -> None:
    cell = SnapshotCell()
    first = cell.current

    new = cell.swap(Snapshot(settings=Settings(port=1)))

    assert cell.current is new
    assert (new.generation, new.settings.port) == (1, 1)
    assert (first.generation, first.settings.port) == (0, 8317)
    assert cell.swap(new).generation == 2
