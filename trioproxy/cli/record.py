"""``trioproxy record``: serve as ``serve`` does, and keep what the providers answer."""

from __future__ import annotations

import re
from pathlib import Path

import attrs
import click

from trioproxy.cli.configuration import config_option, fail, no_such_provider
from trioproxy.cli.serving import address_options, log_options, serve_app, start_by

__all__ = ["command"]


@click.command("record", short_help="Serve, and keep each exchange as a file.")
@click.option(
    "--into",
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder the files go to.  [default: the configuration's record.into]",
)
@click.option(
    "--provider",
    "providers",
    multiple=True,
    metavar="NAME",
    help="Record what this provider answers, and no other; may be given several times.",
)
@click.option("--redact", multiple=True, metavar="REGEX", help="Take out what fits, on top of keys; several times.")
@config_option
@address_options
@log_options
def command(
    into: Path | None,
    providers: tuple[str, ...],
    redact: tuple[str, ...],
    config: Path | None,
    host: str | None,
    port: int | None,
    log_level: str | None,
    log_format: str | None,
) -> None:
    """Serve as `serve` does, and write each exchange to a file of its own: the client's request, and every piece of the answer with its time.

    Keys and cookies are taken out before anything is written. `trioproxy replay` serves the files to the same clients.

    \b
    Example:  trioproxy record --into recordings --config config.yaml
    """
    from trioproxy.config.model import Recording

    app, reloader = start_by(config, host, port, log_level, log_format)
    snapshot = app.cell.current
    configured = snapshot.settings.recording
    if into is None and configured is None:
        fail("give --into FOLDER, or record: FOLDER in the configuration")
    recording = configured or Recording(into=str(into))
    for name in providers:
        if all(credential.group.lower() != name.lower() for credential in snapshot.credentials):
            no_such_provider(name, snapshot)
    for pattern in redact:
        _check(pattern)
    app.recording = attrs.evolve(
        recording,
        into=str(into) if into is not None else recording.into,
        providers=providers or recording.providers,
        redact=(*recording.redact, *redact),
    )
    folder = app.recording.into
    click.echo(f"recording into {folder}; Ctrl-C ends it, then: trioproxy replay {folder}", err=True)
    serve_app(app, reloader=reloader)


def _check(pattern: str) -> None:
    try:
        re.compile(pattern)
    except re.error as error:
        fail(f"--redact {pattern!r} is no regular expression: {error}")
