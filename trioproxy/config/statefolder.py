"""Where a user's state lies: the ledger, and what one process tells another of the same user.

Knows: the XDG base directory specification (0.8, ``XDG_STATE_HOME``), the words that mean none. Refuses to know: what is kept there. Nothing is
looked at or made here.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from trioproxy.config.model import Settings
from trioproxy.config.tokenfile import expand_home

__all__ = ["OFF", "state_dir_of", "state_folder"]

OFF = "off"
_OFF_WORDS = frozenset({"off", "none", "false", "no"})


def state_dir_of(settings: Settings, folder: Path | None, env: Mapping[str, str]) -> str:
    """``settings.state_dir`` as a whole path: a relative one begins at the ``folder`` of the file, ``~`` at the user's home. "" and
    :data:`OFF` stay as they are."""
    given = settings.state_dir.strip()
    if not given:
        return ""
    if given.lower() in _OFF_WORDS:
        return OFF
    return str((folder or Path()) / expand_home(given, env))


def state_folder(settings: Settings, env: Mapping[str, str]) -> Path | None:
    """The folder, None where nothing is to be kept. The specification has relative values of its variable ignored."""
    if settings.state_dir == OFF:
        return None
    if settings.state_dir:
        return Path(settings.state_dir)
    base = env.get("XDG_STATE_HOME", "")
    if base.startswith("/"):
        return Path(base) / "trioproxy"
    return Path(expand_home("~/.local/state/trioproxy", env))
