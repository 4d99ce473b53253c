"""Where a command finds its configuration, and how it tells what is wrong with it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click

from trioproxy.cli.printing import counted
from trioproxy.config.load import ConfigInvalid, build, load
from trioproxy.config.model import Snapshot
from trioproxy.providers.catalog import catalogue

__all__ = [
    "PLACES",
    "config_option",
    "discovering",
    "fail",
    "find",
    "find_or_none",
    "look",
    "no_such_provider",
    "read",
    "read_text",
    "report",
]

_Command = TypeVar("_Command", bound=Callable[..., Any])

PLACES = ("config.yaml", "config.yml", "~/.config/trioproxy/config.yaml")
"""Where a configuration is looked for, in order, when neither ``--config`` nor TRIOPROXY_CONFIG names one."""

config_option = click.option(
    "--config",
    "-c",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="TRIOPROXY_CONFIG",
    help=f"The configuration file. Without it: {', '.join(PLACES)}, the first that exists.",
)


def fail(message: str) -> NoReturn:
    """End the command with exit code 1."""
    raise click.ClickException(message)


def find_or_none(given: Path | None) -> Path | None:
    """The file to use, None where there is none."""
    if given is not None:
        return given
    return next((path for place in PLACES if (path := Path(place).expanduser()).is_file()), None)


def find(given: Path | None) -> Path:
    """The file to use; ends the command where there is none."""
    path = find_or_none(given)
    if path is not None:
        return path
    fail(f"no configuration: give --config FILE, or put one at {', '.join(PLACES)}. `trioproxy demo` needs none.")


def read(path: Path, *, host: str | None = None, port: int | None = None) -> Snapshot:
    """The snapshot of a file; ends the command where it can't be used."""
    try:
        return build(load(path), catalogue(), os.environ, host=host, port=port)
    except ConfigInvalid as invalid:
        report(invalid)


def look(path: Path, *, silent: bool = False) -> Snapshot:
    """The snapshot of a file for a command that serves nobody: variables may be missing that only who serves has set. They are told of unless
    ``silent``; ends the command where something else is wrong."""
    try:
        return build(load(path), catalogue(), os.environ)
    except ConfigInvalid as invalid:
        try:
            snapshot = build(load(path), catalogue(), os.environ, forgiving=True)
        except ConfigInvalid:
            report(invalid)
        for problem in () if silent else invalid.problems:
            click.echo(f"warning: {problem}", err=True)
        return snapshot


def read_text(text: str, name: str, *, host: str | None = None, port: int | None = None) -> Snapshot:
    """The snapshot of a text that a command made itself."""
    try:
        return build(load(text, name=name), catalogue(), os.environ, host=host, port=port)
    except ConfigInvalid as invalid:
        report(invalid)


def report(invalid: ConfigInvalid) -> NoReturn:
    """Print every problem and end the command with exit code 1."""
    for problem in invalid.problems:
        click.echo(str(problem), err=True)
    fail(f"{counted(len(invalid.problems), 'problem')} in the configuration")


def no_such_provider(name: str, snapshot: Snapshot) -> NoReturn:
    """End the command: no entry of the configuration goes by ``name``."""
    known = sorted({credential.group for credential in snapshot.credentials})
    exist = f"there are {', '.join(known)}" if known else "the configuration has none"
    fail(f"no provider goes by the name {name!r} ({exist})")


def discovering(snapshot: Snapshot) -> list[str]:
    """The labels of those who know their models only themselves, which no file tells."""
    return [each.label for each in snapshot.credentials if each.discovers and each.enabled and not each.discovered]
