"""How commands print what they found: JSON for programs, counts and columns for people."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import click

__all__ = ["aligned", "counted", "print_json"]


def print_json(document: Any) -> None:
    """Print one JSON document on a line."""
    from trioproxy.wire.jsoncodec import dumps

    click.echo(dumps(document).decode())


def counted(number: int, noun: str) -> str:
    """How many there are of ``noun``, in words."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def aligned(lines: Sequence[Sequence[str]], *, right: Collection[int] = ()) -> str:
    """The cells of ``lines`` in columns, those at ``right`` (numbers, from 0) set to the right."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if at in right else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )
