"""The file by which a process is found by its own user's commands."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import attrs
import pytest

from trioproxy.config.model import Secret
from trioproxy.contact import Contact, contacts, leave, withdraw

HERE = Contact(url="http://127.0.0.1:7", port=7, pid=os.getpid(), secret=Secret("s"))


def test_who_left_word_is_found_until_it_is_withdrawn(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    other = attrs.evolve(HERE, port=5)
    leave(folder, HERE)
    leave(folder, other)
    assert contacts(folder) == [other, HERE]
    withdraw(folder, HERE)
    withdraw(folder, HERE)
    assert contacts(folder) == [other]


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    leave(tmp_path / "state", HERE)
    (path,) = (tmp_path / "state").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert "s" not in repr(HERE.secret)[7:-1].replace("***", "")


def test_a_file_that_is_anothers_by_now_stays(tmp_path: Path) -> None:
    leave(tmp_path, HERE)
    newer = attrs.evolve(HERE, secret=Secret("newer"))
    leave(tmp_path, newer)
    withdraw(tmp_path, HERE)
    assert contacts(tmp_path) == [newer]


def test_who_is_gone_is_not_called(tmp_path: Path) -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    leave(tmp_path, attrs.evolve(HERE, pid=child))
    assert contacts(tmp_path) == []


def test_a_process_of_another_user_lives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(pid: int, number: int) -> None:
        raise PermissionError(1, "not permitted")

    leave(tmp_path, HERE)
    monkeypatch.setattr(os, "kill", refuse)
    assert contacts(tmp_path) == [HERE]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"url": "u"}', '{"url":"u","port":"x","pid":1,"secret":"s"}'])
def test_what_is_no_such_file_is_passed_over(tmp_path: Path, text: str) -> None:
    (tmp_path / "control-9.json").write_text(text)
    assert contacts(tmp_path) == []
    assert contacts(tmp_path / "nowhere") == []
