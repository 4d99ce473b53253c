"""What is switched by hand over what the file says."""

from __future__ import annotations

from tests.config.making import made
from trioproxy.config.snapshot import SnapshotCell

TEXT = """
claude-api-key: [{api-key: a}, {api-key: b}]
groq: [{api-key: c, enabled: false}]
openai-compatibility: [{name: Local, base-url: "http://h/v1", api-key-entries: [{api-key: d}]}]
"""


def states(cell: SnapshotCell) -> list[bool]:
    return [credential.enabled for credential in cell.current.credentials]


def test_a_provider_is_taken_out_and_put_back() -> None:
    cell = SnapshotCell(made(TEXT))
    before = cell.current
    assert states(cell) == [True, True, False, True]
    assert cell.switch("Claude", False) is cell.current
    assert states(cell) == [False, False, False, True]
    assert states(SnapshotCell(before)) == [True, True, False, True]
    cell.switch("claude", True)
    cell.switch("LOCAL", False)
    cell.switch("groq", True)
    assert states(cell) == [True, True, True, False]


def test_every_switch_is_a_new_generation() -> None:
    cell = SnapshotCell()
    cell.swap(made(TEXT))
    first = cell.current.generation
    cell.switch("claude", False)
    assert cell.current.generation == first + 1
    assert cell.swap(made(TEXT)).generation == first + 2


def test_a_switch_outlives_a_reload() -> None:
    cell = SnapshotCell(made(TEXT))
    cell.switch("claude", False)
    cell.swap(made(TEXT + "port: 1\n"))
    assert states(cell) == [False, False, False, True]
    assert cell.current.settings.port == 1


def test_one_credential_has_a_switch_of_its_own() -> None:
    cell = SnapshotCell(made(TEXT))
    first, second = cell.current.credentials[:2]
    cell.switch(first.id, False)
    assert states(cell)[:2] == [False, True]
    cell.switch("claude", True)
    assert states(cell)[:2] == [True, True]
    cell.switch("claude", False)
    cell.switch(second.id, True)
    assert states(cell)[:2] == [False, True]
    assert cell.switches == {"claude": False, second.id: True}
