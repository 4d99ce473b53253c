"""``trioproxy replay``: a proxy whose one provider is a folder of recordings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from trioproxy.cli.printing import counted
from trioproxy.cli.serving import address_options, configure_logs, log_options, serve_app

if TYPE_CHECKING:
    from trioproxy.app import App

__all__ = ["command"]

_SHOWN = 4


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
@click.option("--once", is_flag=True, help="Each recording answers once.")
@click.option(
    "--ignore",
    multiple=True,
    metavar="PATH",
    help="A field that is not compared, such as metadata.session; several times.",
)
@click.option("--fault", help="What goes wrong with every answer: stall@5, reset@byte=1000, status=503, drip=3, ...")
@click.option("--allow-anonymous", is_flag=True, help="Listen on other addresses than the loopback: anyone may ask.")
@log_options
def command(
    folder: Path,
    host: str | None,
    port: int | None,
    speed: float,
    match: str,
    once: bool,
    ignore: tuple[str, ...],
    fault: str | None,
    allow_anonymous: bool,
    log_level: str | None,
    log_format: str | None,
) -> None:
    """Serve the recordings in FOLDER to clients that ask with the paths and models they were recorded with; any key is taken.

    A single request may ask for a fault of its own with the header `x-trioproxy-fault`.

    \b
    Example:  trioproxy replay recordings --speed 0 --port 8317
    """
    from trioproxy.cli.replaying import replaying_app
    from trioproxy.config.model import Replay

    replay = Replay(
        folder=str(folder.resolve()), speed=speed, match=match, once=once, ignore=ignore, faults=fault or ""
    )
    app = replaying_app(replay, host=host, port=port, anonymous=allow_anonymous)
    configure_logs(app.cell.current.settings, log_level, log_format)
    click.echo(_told(app, folder, speed, match), err=True)
    serve_app(app)


def _told(app: App, folder: Path, speed: float, match: str) -> str:
    """What will be served, in a line."""
    [credential] = app.cell.current.credentials
    models = [entry.name for entry in credential.models]
    count = sum(1 for _ in folder.rglob("*.json"))
    if not count:
        return f"warning: there are no recordings in {folder}: every request will be missed"
    pace = {0.0: "at once", 1.0: "at the recorded pace"}.get(speed, f"{speed:g} times as fast as recorded")
    shown = ", ".join(models[:_SHOWN]) + (f" and {len(models) - _SHOWN} more" if len(models) > _SHOWN else "")
    of = f" of {shown}" if models else ""
    return f"{counted(count, 'recording')}{of}; {pace}, matched by {match}, any key"
