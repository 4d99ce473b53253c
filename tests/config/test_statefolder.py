"""Where a user's state lies."""

from __future__ import annotations

from pathlib import Path

import pytest

from trioproxy.config.model import Settings
from trioproxy.config.statefolder import OFF, state_dir_of, state_folder

ENV = {"HOME": "/home/u"}


@pytest.mark.parametrize(
    ("given", "whole"),
    [
        ("", ""),
        ("  ", ""),
        ("off", OFF),
        ("None", OFF),
        ("/srv/state", "/srv/state"),
        ("~/state", "/home/u/state"),
        ("state", "/etc/proxy/state"),
    ],
)
def test_a_relative_folder_begins_where_the_file_lies(given: str, whole: str) -> None:
    assert state_dir_of(Settings(state_dir=given), Path("/etc/proxy"), ENV) == whole


def test_a_text_without_a_place_begins_at_the_current_folder() -> None:
    assert state_dir_of(Settings(state_dir="state"), None, ENV) == "state"


@pytest.mark.parametrize(
    ("state_dir", "env", "folder"),
    [
        (OFF, ENV, None),
        ("/srv/state", ENV, Path("/srv/state")),
        ("", ENV, Path("/home/u/.local/state/trioproxy")),
        ("", ENV | {"XDG_STATE_HOME": "/x"}, Path("/x/trioproxy")),
        # A relative value is to be ignored (XDG base directory specification, "Environment variables").
        ("", ENV | {"XDG_STATE_HOME": "x"}, Path("/home/u/.local/state/trioproxy")),
    ],
)
def test_without_a_word_it_is_the_users_own_folder(state_dir: str, env: dict[str, str], folder: Path | None) -> None:
    assert state_folder(Settings(state_dir=state_dir), env) == folder
