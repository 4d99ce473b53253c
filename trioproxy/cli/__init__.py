"""The command line: one table of commands, each in its own file, imported when it is used."""

from __future__ import annotations


def main() -> None:
    """Run the ``trioproxy`` command."""
    raise NotImplementedError
