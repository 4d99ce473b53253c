"""The command line: one table of commands, each in its own file, imported when it is used.

Exit codes: 0 it worked; 1 it did not, and the message says why; 2 the command line itself is wrong.
"""

from __future__ import annotations

import gc
import importlib
from typing import cast

import click

from trioproxy import __version__
from trioproxy.config.nearest import suggestion

__all__ = ["COMMANDS", "SERVING", "cli", "main"]

COMMANDS: dict[str, str] = {
    "serve": "Serve clients.",
    "demo": "Serve built-in recordings: no key, no network.",
    "check": "Validate a configuration and print what it comes to.",
    "explain": "Say why a model goes where it goes.",
    "models": "List the models that clients may ask for.",
    "accounts": "List credentials; take one out, put it back, clear its cooldown.",
    "usage": "Say what was asked and what it cost.",
    "record": "Serve, and keep each exchange as a file.",
    "replay": "Serve a folder of recorded exchanges.",
    "fixtures": "Import, lint, show and redact recordings.",
    "bench": "Measure the proxy on this machine.",
    "version": "Print the version.",
}
"""Name and one line of help. The command ``x`` is ``command`` in ``trioproxy/cli/x.py``."""

SERVING = frozenset({"serve", "demo", "record", "replay"})
"""Those that end in ``serving.serve_app``."""


class LazyCommands(click.Group):
    """A group that knows its commands from the table and imports one when it is run or asked for help."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """See :meth:`click.Group.list_commands`."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """See :meth:`click.Group.get_command`."""
        if cmd_name not in COMMANDS:
            return None
        found = importlib.import_module(f"trioproxy.cli.{cmd_name}").command
        if cmd_name not in SERVING:
            gc.enable()
        return cast("click.Command", found)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """See :meth:`click.Group.resolve_command`; a word that is no command is told with the nearest one."""
        word = args[0]
        if word not in COMMANDS and not word.startswith("-") and (near := suggestion(word, COMMANDS)) is not None:
            ctx.fail(f"No such command '{word}'. Did you mean '{near}'?")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """See :meth:`click.Group.format_commands`. Written from the table, so that help imports nothing."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyCommands, context_settings={"help_option_names": ["-h", "--help"]}, no_args_is_help=True)
@click.version_option(__version__, prog_name="trioproxy")
def cli() -> None:
    """A local proxy between coding agents and model providers.

    \b
    Try it:      trioproxy demo --once
    Use it:      trioproxy check config.yaml && trioproxy serve --config config.yaml
    Completion:  eval "$(_TRIOPROXY_COMPLETE=bash_source trioproxy)"   (zsh_source, fish_source)
    """


def main() -> None:
    """Run the ``trioproxy`` command."""
    # What is imported stays: looking for garbage in it again and again takes an eighth of a start. Whoever serves looks once, when it listens.
    gc.disable()
    cli(prog_name="trioproxy")
