"""Where the recordings lie that come with the program."""

from __future__ import annotations

from pathlib import Path

__all__ = ["bundled_fixtures"]


def bundled_fixtures() -> Path:
    """The folder of the fixtures that ship with the package, one folder a protocol.

    Installed, they lie inside the package; in a checkout, beside it.

    Raises:
        FileNotFoundError: neither is there: the installation is not whole.
    """
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "fixtures", package.parent / "fixtures"):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f"no fixtures beside {package}: reinstall trioproxy")
