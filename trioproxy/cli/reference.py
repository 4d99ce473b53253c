"""The page ``docs/cli.md``: what every command says of itself, from the commands."""

from __future__ import annotations

import click

from trioproxy.cli import COMMANDS, cli

__all__ = ["reference"]

_WIDTH = 100


def reference() -> str:
    """The page, whole."""
    # With the program's own settings: a command keeps the help option that it was first asked for.
    settings = {**cli.context_settings, "max_content_width": _WIDTH, "terminal_width": _WIDTH}
    context = click.Context(cli, info_name="trioproxy", **settings)
    out = [
        "# Commands",
        "",
        "Exit codes: 0 it worked; 1 it did not, and the message says why; 2 the command line itself is wrong.",
        "",
    ]
    for name in COMMANDS:
        command = cli.get_command(context, name)
        assert command is not None
        with click.Context(
            command, info_name=name, parent=context, max_content_width=_WIDTH, terminal_width=_WIDTH
        ) as inner:
            text = command.get_help(inner)
        out += [f"## trioproxy {name}", "", "```", *(line.rstrip() for line in text.splitlines()), "```", ""]
    return "\n".join(out)
