"""``trioproxy replay``: a proxy whose one provider is a folder of recordings."""

from __future__ import annotations

from pathlib import Path

import click

from trioproxy.cli.configuration import read_text
from trioproxy.cli.serving import address_options, configure_logs, log_options, serve_app

__all__ = ["command", "replaying"]


@click.command("replay", short_help="Serve a folder of recorded exchanges.")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@address_options
@click.option(
    "--speed",
    type=click.FloatRange(min=0),
    default=1.0,
    show_default=True,
    help="1 as recorded, N times faster, 0 at once.",
)
@click.option(
    "--match",
    type=click.Choice(["strict", "shape", "sequence", "any"]),
    default="shape",
    show_default=True,
    help="How alike a request must be to the recorded one.",
)
@click.option("--fault", help="What goes wrong with every answer, for example stall@5 or cut@80%.")
@log_options
def command(
    folder: Path,
    host: str | None,
    port: int | None,
    speed: float,
    match: str,
    fault: str | None,
    log_level: str | None,
    log_format: str | None,
) -> None:
    """Serve the recordings in FOLDER to clients that ask with the paths and models they were recorded with; any key is taken.

    A single request may ask for a fault of its own with the header `x-trioproxy-fault`.

    \b
    Example:  trioproxy replay recordings --speed 0 --port 8317
    """
    from trioproxy.app import App
    from trioproxy.cli.configuration import fail
    from trioproxy.errors import ProxyError

    snapshot = read_text(replaying(folder, speed, match), "trioproxy replay", host=host, port=port)
    configure_logs(snapshot.settings, log_level, log_format)
    app = App.of(snapshot)
    app.fault = fault
    try:
        app.open_folders()
    except ProxyError as error:
        fail(error.failure.message)
    serve_app(app)


def replaying(folder: Path, speed: float, match: str) -> str:
    """The configuration whose one provider is ``folder``."""
    from trioproxy.wire.jsoncodec import dumps

    provider = {"type": "replay", "folder": str(folder.resolve()), "speed": speed, "match": match}
    return dumps({"providers": {"replay": provider}}).decode()
