"""``trioproxy replay``: a proxy whose one provider is a folder of recordings."""

from __future__ import annotations

from pathlib import Path

import click

from trioproxy.cli.serving import address_options, configure_logs, log_options, serve_app

__all__ = ["command"]


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
    app = replaying_app(replay, host=host, port=port)
    configure_logs(app.cell.current.settings, log_level, log_format)
    serve_app(app)
