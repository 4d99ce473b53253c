"""``trioproxy serve``: the proxy itself."""

from __future__ import annotations

from pathlib import Path

import click

from trioproxy.cli.configuration import config_option
from trioproxy.cli.serving import address_options, log_options, serve_app, start_by

__all__ = ["command"]


@click.command("serve", short_help="Serve clients.")
@config_option
@address_options
@click.option(
    "--workers",
    type=click.IntRange(1, 256),
    default=1,
    show_default=True,
    help="Processes that share the port (Linux).",
)
@log_options
def command(
    config: Path | None, host: str | None, port: int | None, workers: int, log_level: str | None, log_format: str | None
) -> None:
    """Serve clients until a signal says to stop.

    A saved configuration is loaded at once; a bad one is reported and the old one stays. SIGTERM and Ctrl-C stop accepting and let running
    streams end; a second signal ends at once.

    \b
    Example:  trioproxy serve --config config.yaml --port 8317
    """
    app, reloader = start_by(config, host, port, log_level, log_format)
    serve_app(app, reloader=reloader, workers=workers)
