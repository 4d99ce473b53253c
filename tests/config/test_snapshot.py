"""The cell."""

from __future__ import annotations

from tests.support.houses import snapshot_of
from trioproxy.config.model import ModelEntry, Settings, Snapshot
from trioproxy.config.snapshot import SnapshotCell


def test_swaps_are_counted_and_old_snapshots_stay_as_they_were() -> None:
    cell = SnapshotCell()
    first = cell.current

    new = cell.swap(Snapshot(settings=Settings(port=1)))

    assert cell.current is new
    assert (new.generation, new.settings.port) == (1, 1)
    assert (first.generation, first.settings.port) == (0, 8317)
    assert cell.swap(new).generation == 2


DISCOVERING = """
openai-compatibility:
  - {name: local, base-url: "http://a.test/v1", api-key-entries: [{api-key: ONE}], discover: true}
"""


def test_who_heeds_the_cell_is_told_of_every_change_and_of_nothing_else() -> None:
    cell = SnapshotCell(snapshot_of(DISCOVERING))
    seen: list[int] = []
    cell.heed(lambda: seen.append(cell.current.generation))
    (credential,) = cell.current.credentials
    cell.swap(snapshot_of(DISCOVERING))
    cell.switch(credential.id, on=False)
    models = (ModelEntry(name="a", alias="a"),)
    cell.discover(credential.id, models)
    cell.discover(credential.id, models)
    cell.discover("nobody", models)
    assert seen == [cell.current.generation - 2, cell.current.generation - 1, cell.current.generation]
