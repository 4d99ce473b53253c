"""``trioproxy record``: serve as ``serve`` does, and keep what the providers answer."""

from __future__ import annotations

from pathlib import Path

import click

from trioproxy.cli.configuration import config_option, find, report
from trioproxy.cli.serving import address_options, configure_logs, log_options, serve_app

__all__ = ["command"]


@click.command("record", short_help="Serve, and keep each exchange as a file.")
@click.option(
    "--into", type=click.Path(path_type=Path, file_okay=False), required=True, help="The folder the files go to."
)
@config_option
@address_options
@log_options
def command(
    into: Path, config: Path | None, host: str | None, port: int | None, log_level: str | None, log_format: str | None
) -> None:
    """Serve as `serve` does, and write each exchange with a provider to a file of its own: request, head, and every chunk with its time.

    Keys and cookies are taken out before anything is written. `trioproxy replay` serves the files.

    \b
    Example:  trioproxy record --into recordings --config config.yaml
    """
    import os

    from trioproxy.app import App
    from trioproxy.config.problems import ConfigInvalid
    from trioproxy.config.reload import Reloader
    from trioproxy.config.snapshot import SnapshotCell
    from trioproxy.config.statefolder import state_folder
    from trioproxy.providers.catalog import catalogue
    from trioproxy.upstream.base import Upstream
    from trioproxy.upstream.record import RecordingUpstream

    cell = SnapshotCell()
    reloader = Reloader(cell, find(config), catalogue(), lambda: os.environ, host=host, port=port)
    try:
        snapshot = reloader.start()
    except ConfigInvalid as invalid:
        report(invalid)
    configure_logs(snapshot.settings, log_level, log_format)
    recorders: dict[int, Upstream] = {}

    def keys() -> list[str]:
        current = cell.current
        held = [client.key for client in current.clients]
        held += (credential.key for credential in current.credentials if credential.key is not None)
        return [key.reveal() for key in held]

    def over(upstream: Upstream) -> Upstream:
        return recorders.setdefault(id(upstream), RecordingUpstream(upstream, into, keys))

    app = App(cell, folder=state_folder(snapshot.settings, os.environ))
    app.over = over
    serve_app(app, reloader=reloader)
