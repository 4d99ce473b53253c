"""What every command that serves has in common: options, logs, and the run itself."""

from __future__ import annotations

import errno
import gc
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from trioproxy.cli.configuration import fail, find, report
from trioproxy.cli.descriptors import raise_limit
from trioproxy.config.load import ConfigInvalid
from trioproxy.config.model import Settings
from trioproxy.providers.catalog import catalogue

if TYPE_CHECKING:
    import socket

    from trioproxy.app import App
    from trioproxy.config.reload import Reloader

__all__ = ["address_options", "cannot_listen", "configure_logs", "log_options", "serve_app", "start_by"]

_Command = TypeVar("_Command", bound=Callable[..., Any])


def address_options(command: _Command) -> _Command:
    """``--host`` and ``--port``; both win over the configuration."""
    command = click.option("--port", type=click.IntRange(0, 65535), help="The port; 0 lets the system choose.")(command)
    return click.option("--host", help="The address to listen on.")(command)


def log_options(command: _Command) -> _Command:
    """``--log-level`` and ``--log-format``; both win over the configuration."""
    levels = click.Choice(["debug", "info", "warning", "error"])
    command = click.option("--log-level", type=levels, help="How much the log says.")(command)
    return click.option("--log-format", type=click.Choice(["human", "json"]), help="How a line looks.")(command)


_ADVICE: dict[int, str] = {
    errno.EADDRINUSE: "another process has this port; take another one (--port, or port: in the configuration)",
    errno.EACCES: "this port is not for every user; take one from 1024 on (--port, or port: in the configuration)",
    errno.EADDRNOTAVAIL: "this machine has no such address; 127.0.0.1 is for itself alone, 0.0.0.0 is all it has",
}


def cannot_listen(error: OSError) -> NoReturn:
    """End the command: there is no listening where it is to listen, and this may help."""
    advice = _ADVICE.get(error.errno) if error.errno is not None else None
    fail(f"{error.strerror or error}{f'; {advice}' if advice else ''}")


def configure_logs(settings: Settings, level: str | None, form: str | None) -> None:
    """Set the log up as the options say, else as the configuration does."""
    from trioproxy.logs import configure

    configure(level=level or settings.log_level, as_json=settings.log_json if form is None else form == "json")


def start_by(
    config: Path | None, host: str | None, port: int | None, log_level: str | None, log_format: str | None
) -> tuple[App, Reloader]:
    """An app by the configuration at ``config``, or by the one that is found, and what keeps it up to date; logs are set up as it says. Ends the
    command where it can't be used."""
    import os

    from trioproxy.app import App
    from trioproxy.config.reload import Reloader
    from trioproxy.config.snapshot import SnapshotCell
    from trioproxy.config.statefolder import state_folder
    from trioproxy.errors import ProxyError

    cell = SnapshotCell()
    reloader = Reloader(cell, find(config), catalogue(), lambda: os.environ, host=host, port=port)
    try:
        settings = reloader.start().settings
    except ConfigInvalid as invalid:
        report(invalid)
    configure_logs(settings, log_level, log_format)
    app = App(cell, folder=state_folder(settings, os.environ))
    try:
        app.open_folders()
    except ProxyError as error:
        fail(error.failure.message)
    return app, reloader


def serve_app(
    app: App,
    *,
    reloader: Reloader | None = None,
    workers: int = 1,
    after: Callable[[str], None] | None = None,
) -> None:
    """Run ``app`` until a signal says to stop. ``after`` is told the base URL once it listens."""
    import trio

    from trioproxy.app import announce, base_urls, run
    from trioproxy.protocols.table import protocols

    raise_limit()
    snapshot = app.cell.current
    for warning in snapshot.warnings:
        click.echo(f"warning: {warning}", err=True)
    try:
        shared = _listening(snapshot.settings, workers)
    except OSError as error:
        cannot_listen(error)
    addresses = [listener.getsockname()[:2] for listener in shared[0]]

    def ready() -> None:
        announce(addresses)
        _settle()
        if after is not None:
            after(base_urls(addresses)[0])

    protocols()
    if workers > 1:
        raise SystemExit(_serve_in_workers(app, reloader, shared, addresses))
    trio.run(partial(run, app, reloader=reloader, listeners=shared[0], ready=ready))


def _listening(settings: Settings, workers: int) -> list[list[socket.socket]]:
    """The listeners of each worker, all on the same port.

    Raises:
        OSError: it can't be listened there.
    """
    import trio

    from trioproxy.server.listen import bind

    host, port = settings.host, settings.port
    if workers > 1 and port:
        # Another house that shares its port would take this one in without a word, and they would serve by two configurations.
        _let_go([trio.run(partial(bind, host, port))])
    shared = [trio.run(partial(bind, host, port, reuse_port=workers > 1))]
    chosen = shared[0][0].getsockname()[1]
    shared += (trio.run(partial(bind, host, chosen, reuse_port=True)) for _ in range(workers - 1))
    return shared


def _let_go(of: Iterable[list[socket.socket]]) -> None:
    for listeners in of:
        for listener in listeners:
            listener.close()


def _serve_in_workers(
    app: App, reloader: Reloader | None, shared: list[list[socket.socket]], addresses: Sequence[tuple[str, int]]
) -> int:
    """Run one worker for each set of listeners; the exit code."""
    import trio

    from trioproxy.app import announce, run
    from trioproxy.cli.workers import run_workers
    from trioproxy.contact import withdraw
    from trioproxy.gateway.siblings import Place
    from trioproxy.ledger.board import Board
    from trioproxy.server.mailboxes import Mailboxes

    # Once for all, while their memory is one: the list of prices takes 15 MiB, and what is collected later is no longer shared.
    if app.books is not None and app.cell.current.settings.ledger:
        app.prices.load()
    _settle()
    workers = len(shared)
    boxes, board = Mailboxes.of(workers), Board.of(workers)

    def work(number: int, again: bool) -> None:
        _let_go((*shared[:number], *shared[number + 1 :]))
        place = Place(number=number, count=workers, siblings=boxes.settle(number), board=board, again=again)
        trio.run(partial(run, app, reloader=reloader, listeners=shared[number], place=place))

    contact = app.leave_contact(addresses)
    try:
        return run_workers(workers, work, partial(announce, addresses), partial(_let_go, shared))
    finally:
        if app.folder is not None and contact is not None:
            withdraw(app.folder, contact)


def _settle() -> None:
    """Collect what the start left behind, once. What stands then stays: looked at again by every full collection, it would hold all streams up
    for some 20 ms each time.

    An exchange makes a thousand objects, and hardly a cycle among them: to look for cycles with each one costs it three per cent.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    gc.enable()
