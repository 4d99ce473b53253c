"""``trioproxy version``."""

from __future__ import annotations

import platform

import click

from trioproxy import __version__
from trioproxy.cli.printing import print_json

__all__ = ["command"]


@click.command("version", short_help="Print the version.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print an object with the versions of Python and the libraries as well."
)
def command(as_json: bool) -> None:
    """Print the version.

    \b
    Example:  trioproxy version --json
    """
    if not as_json:
        click.echo(f"trioproxy {__version__}")
        return
    from importlib.metadata import version

    libraries = {name: version(name) for name in ("trio", "h11", "httpcore2", "attrs", "msgspec")}
    print_json({"trioproxy": __version__, "python": platform.python_version(), **libraries})
