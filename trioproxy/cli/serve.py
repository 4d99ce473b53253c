"""``trioproxy serve``: the proxy itself."""

from __future__ import annotations

from pathlib import Path

import click

from trioproxy.cli.configuration import config_option, fail, find, report
from trioproxy.cli.serving import address_options, configure_logs, log_options, serve_app

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
    import os

    from trioproxy.app import App
    from trioproxy.config.problems import ConfigInvalid
    from trioproxy.config.reload import Reloader
    from trioproxy.config.snapshot import SnapshotCell
    from trioproxy.config.statefolder import state_folder
    from trioproxy.errors import ProxyError
    from trioproxy.providers.catalog import catalogue

    cell = SnapshotCell()
    reloader = Reloader(cell, find(config), catalogue(), lambda: os.environ, host=host, port=port)
    try:
        snapshot = reloader.start()
    except ConfigInvalid as invalid:
        report(invalid)
    configure_logs(snapshot.settings, log_level, log_format)
    app = App(cell, folder=state_folder(snapshot.settings, os.environ))
    try:
        app.open_folders()
    except ProxyError as error:
        fail(error.failure.message)
    serve_app(app, reloader=reloader, workers=workers)
