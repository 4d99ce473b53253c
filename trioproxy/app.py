"""The house put together, and its life: the only file that knows every room.

Lifetimes. The ledger's writer outlives everything, so that whatever ends is written down. Within its nursery the outer one holds what outlives a
request: who looks at the clock for all of them, the reload watcher, the sweeper of idle connections, who looks at providers and asks for their
models, the one who hears signals. The server runs in an inner one and ends first: on SIGTERM or SIGINT nothing new is accepted, running
exchanges have ``drain`` seconds to end by themselves, then a few more to end honestly. A second signal ends the process at once.
"""

from __future__ import annotations

import logging
import os
import secrets
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import attrs
import trio

from trioproxy.config.model import Credential, Recording, Replay, Secret, Snapshot
from trioproxy.config.reload import Reloader
from trioproxy.config.snapshot import SnapshotCell
from trioproxy.contact import Contact, leave, withdraw
from trioproxy.credentials.health import Health
from trioproxy.gateway.budgets import Budgets, local_time
from trioproxy.gateway.control import House, PoolState
from trioproxy.gateway.discovery import Discovery
from trioproxy.gateway.exchange import Exchange
from trioproxy.gateway.failover import Failover
from trioproxy.gateway.handler import Gateway
from trioproxy.gateway.household import answer, keep_page, publish, resume, spread
from trioproxy.gateway.inquiry import Inquiry
from trioproxy.gateway.limits import holder_keys
from trioproxy.gateway.lookout import Lookout
from trioproxy.gateway.siblings import Place
from trioproxy.gateway.turnstile import Turnstile
from trioproxy.ledger.entry import Ledger, Sink
from trioproxy.ledger.lines import write_line
from trioproxy.ledger.metrics import Metrics
from trioproxy.ledger.prices import Prices
from trioproxy.ledger.writer import Books
from trioproxy.logs import gathered
from trioproxy.protocols.openai_responses.conversations import Conversations
from trioproxy.protocols.table import protocols
from trioproxy.server.connections import Drain
from trioproxy.server.limits import ServerLimits
from trioproxy.server.listen import Serving, serve
from trioproxy.server.upgrade import Upgrades
from trioproxy.tokens import random_hex
from trioproxy.upstream.base import Upstream
from trioproxy.upstream.http import HttpUpstream

if TYPE_CHECKING:
    from trioproxy.gateway.recording import Recorder

__all__ = ["App", "announce", "base_urls", "run"]

_log = logging.getLogger("trioproxy.app")

SWEEP_SECONDS = 60.0
LOG_PAUSE = 0.005
"""Seconds for which a line of the log may wait for others."""


@attrs.define(eq=False)
class App:
    """The rooms of one process, connected. Nothing runs until :func:`run`."""

    cell: SnapshotCell
    sinks: tuple[Sink, ...] = (write_line,)
    folder: Path | None = None
    """Where the ledger is kept; None keeps none."""
    http: HttpUpstream = attrs.field(factory=HttpUpstream)
    health: Health = attrs.field(factory=Health)
    turnstile: Turnstile = attrs.field(factory=lambda: Turnstile(local_time))
    over: Callable[[Upstream], Upstream] | None = None
    """Put over every upstream, where something has to see all of its traffic."""
    token: Secret = attrs.field(factory=lambda: Secret(secrets.token_urlsafe(32)), init=False)
    """What lets this user's own commands in (``gateway/warden.py``)."""
    prices: Prices = attrs.field(init=False)
    metrics: Metrics = attrs.field(factory=Metrics, init=False)
    books: Books | None = attrs.field(default=None, init=False)
    recording: Recording | None = None
    """What is recorded, whatever the configuration says."""
    _recorders: dict[Recording, Recorder] = attrs.field(factory=dict, init=False)
    _folders: dict[Replay, Upstream] = attrs.field(factory=dict, init=False)
    budgets: Budgets = attrs.field(init=False)
    lookout: Lookout = attrs.field(init=False)
    discovery: Discovery = attrs.field(init=False)
    gateway: Gateway = attrs.field(init=False)
    upgrades: Upgrades = attrs.field(init=False)
    sockets: Upstream | None = attrs.field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self.prices = Prices(lambda: self.cell.current.prices)
        sinks = (*self.sinks, self.metrics.note)
        if self.folder is not None:
            self.books = Books(
                folder=self.folder,
                settings=lambda: self.cell.current.settings,
                prices=self.prices,
                wall=time.time,
            )
            sinks += (self.books.keep,)
        self.budgets = Budgets(
            current=lambda: self.cell.current,
            turnstile=self.turnstile,
            prices=self.prices,
            folder=self.folder,
        )
        sinks += (self.budgets.charge,)
        ledger = Ledger(clock=trio.current_time, wall=time.time, token=random_hex(8), sinks=sinks)
        failover = Failover(
            reach=self.reach,
            wall=time.time,
            token=random_hex(16),
            health=self.health,
            turnstile=self.turnstile,
        )
        inquiry = Inquiry(reach=self.reach, wall=time.time, token=random_hex(16))
        self.lookout = Lookout(cell=self.cell, inquiry=inquiry, health=self.health)
        self.discovery = Discovery(cell=self.cell, inquiry=inquiry)
        house = House(
            now=trio.current_time,
            cell=self.cell,
            health=self.health,
            ledger=ledger,
            metrics=self.metrics,
            pools=self._pools,
            books=self.books,
            outlook=failover.outlook,
            token=self.token,
            turnstile=self.turnstile,
            bindings=failover.bindings,
        )
        conversations = Conversations(limit=0, owner_limit=0, seconds=0)  # bounded by whoever keeps something
        self.gateway = Gateway(
            current=lambda: self.cell.current,
            failover=failover,
            ledger=ledger,
            house=house,
            conversations=conversations,
        )
        self.upgrades = Upgrades(
            gateway=self.gateway,
            handler=self.handle,
            current=lambda: self.cell.current,
            token=random_hex(16),
            http=self.http,
            conversations=conversations,
        )

    @classmethod
    def of(cls, snapshot: Snapshot) -> App:
        """An app that serves ``snapshot``."""
        return cls(SnapshotCell(snapshot))

    def open_folders(self) -> None:
        """Read every folder of recordings that the configuration names, so that a bad one is found before a client asks.

        Raises:
            ProxyFault: MISCONFIGURED, a folder or a file in it can't be used.
        """
        for credential in self.cell.current.credentials:
            if credential.replay is not None:
                self._folder(credential.replay)

    def reach(self, credential: Credential) -> Upstream:
        """By which upstream this credential is asked."""
        upstream: Upstream = self._sockets() if credential.websockets else self.http
        if credential.replay is not None:
            upstream = self._folder(credential.replay)
        recorder = self._recorder()
        if recorder is not None:
            upstream = recorder.over(upstream, credential.group)
        return self.over(upstream) if self.over is not None else upstream

    def _pools(self) -> dict[str, PoolState]:
        return {name: (each.idle, each.active, each.waiting) for name, each in self.http.statistics().items()}

    async def handle(self, exchange: Exchange) -> None:
        """Serve one exchange, and record it where that is wanted."""
        recorder = self._recorder()
        if recorder is None:
            return await self.gateway.handle(exchange)
        await recorder.handle(exchange, self.gateway.handle)
        return None

    def _sockets(self) -> Upstream:
        if self.sockets is None:
            from trioproxy.upstream.sockets import SocketUpstream  # with wsproto, which most processes never need

            self.sockets = SocketUpstream(self.http)
        return self.sockets

    def leave_contact(self, addresses: Addresses) -> Contact | None:
        """Say in the state folder how this user's commands reach this process; None where there is no such folder."""
        if self.folder is None:
            return None
        host, port = addresses[0]
        near = "127.0.0.1" if host in ("0.0.0.0", "::") else host
        contact = Contact(url=base_urls([(near, port)])[0], port=port, pid=os.getpid(), secret=self.token)
        try:
            leave(self.folder, contact)
        except OSError:
            return None  # the ledger's writer has said that nothing can be written there
        return contact

    def known_secrets(self) -> list[str]:
        """The keys of clients, of providers and of managers that are in force now."""
        current = self.cell.current
        held = [self.token, *(client.key for client in current.clients)]
        if current.settings.management_secret is not None:
            held.append(current.settings.management_secret)
        held += (credential.key for credential in current.credentials if credential.key is not None)
        return [key.reveal() for key in held]

    def _folder(self, replay: Replay) -> Upstream:
        from trioproxy.upstream.replay import ReplayUpstream  # most processes never replay

        if replay not in self._folders:
            self._folders[replay] = ReplayUpstream(
                replay.folder,
                replay.speed,
                replay.match,
                repeat=not replay.once,
                fault=replay.faults,
                ignore=replay.ignore,
            )
        return self._folders[replay]

    def _recorder(self) -> Recorder | None:
        wanted = self.recording or self.cell.current.settings.recording
        if wanted is None:
            return None
        if wanted not in self._recorders:
            from trioproxy.gateway.recording import Recorder  # most processes never record
            from trioproxy.upstream.archive import Archive
            from trioproxy.upstream.redact import Redactor

            redactor = Redactor.ruled(wanted.redact, wanted.redact_fields)
            archive = Archive(Path(wanted.into), self.known_secrets, redactor)
            self._recorders[wanted] = Recorder(archive, frozenset(name.lower() for name in wanted.providers))
        return self._recorders[wanted]


Addresses: TypeAlias = Sequence[tuple[str, int]]
"""Host and port of each listening socket."""


def base_urls(addresses: Addresses) -> list[str]:
    """Where clients find this process, one URL an address."""
    return [f"http://{f'[{host}]' if ':' in host else host}:{port}" for host, port in addresses]


def announce(addresses: Addresses) -> None:
    """Say on standard error where this process listens: one line an address, for people and for scripts."""
    for url in base_urls(addresses):
        sys.stderr.write(f"listening on {url}\n")
    sys.stderr.flush()


async def run(
    app: App,
    *,
    listeners: list[socket.socket],
    reloader: Reloader | None = None,
    ready: Callable[[], None] = lambda: None,
    place: Place | None = None,
    task_status: trio.TaskStatus[Serving] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve on ``listeners`` (which are closed at the end) until a signal says to stop. ``ready`` is called once signals are heeded and
    clients are served. ``place`` is this process's among several, of which another leaves word in the state folder."""
    settings = app.cell.current.settings
    house = app.gateway.house
    house.place = place
    if place is not None and place.again and reloader is not None:
        await reloader.reload()  # it began with what the first of all processes had read
    await resume(house)
    await app.budgets.recall()
    protocols()  # all of them now, so that no client waits for an import
    # Asked for the time a dozen times a request, trio looks up its clock each time.
    app.gateway.ledger.clock = app.http.clock = trio.lowlevel.current_clock().current_time
    drain = Drain()
    contact: Contact | None = None
    try:
        async with trio.open_nursery() as last:
            if app.books is not None:
                last.start_soon(app.books.run)
            letting_out = gathered(partial(app.gateway.keeper.call_within, LOG_PAUSE))
            with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as received, letting_out:
                async with trio.open_nursery() as outer:
                    outer.start_soon(_heed, received, app, drain, outer.cancel_scope)
                    outer.start_soon(_sweep, app)
                    outer.start_soon(app.gateway.keeper.run)
                    outer.start_soon(app.lookout.run)
                    outer.start_soon(app.discovery.run)
                    if place is not None:
                        outer.start_soon(place.siblings.serve, partial(answer, house))
                        outer.start_soon(spread, house)
                        outer.start_soon(keep_page, house)
                        outer.start_soon(_outlive, place, app, drain)
                    if reloader is not None:
                        outer.start_soon(reloader.watch)
                        outer.start_soon(reloader.watch_signals)
                    async with trio.open_nursery() as inner:
                        serving: Serving = await inner.start(
                            partial(
                                serve,
                                app.upgrades.handle,
                                limits=ServerLimits(head=settings.max_head),
                                drain=drain,
                                listeners=listeners,
                            )
                        )
                        if place is None:
                            contact = app.leave_contact(serving.addresses)
                        ready()
                        task_status.started(serving)
                    outer.cancel_scope.cancel(reason="the server has ended")
            last.cancel_scope.cancel(reason="everything that settles accounts has ended")
    finally:
        publish(house)
        app.http.close()
        if app.folder is not None and contact is not None:
            withdraw(app.folder, contact)


async def _heed(received: AsyncIterator[int], app: App, drain: Drain, everything: trio.CancelScope) -> None:
    async for number in received:
        if drain.begun:
            _log.warning("a second %s: ending at once", signal.Signals(number).name)
            everything.cancel(reason="a second signal")
            return
        _end(app, drain, signal.Signals(number).name)


async def _outlive(place: Place, app: App, drain: Drain) -> None:
    """Nobody would reload or end this process after the one that started it."""
    await place.siblings.wait_orphaned()
    if not drain.begun:
        _end(app, drain, "the process that started this one is gone")


def _end(app: App, drain: Drain, why: str) -> None:
    grace = app.cell.current.settings.drain
    _log.info("%s: ending; running requests have %g s", why, grace)
    drain.begin(grace)


async def _sweep(app: App) -> None:
    while True:
        await trio.sleep(SWEEP_SECONDS)
        app.http.close_expired()
        app.upgrades.conversations.expire(trio.current_time())
        app.health.keep({credential.id for credential in app.cell.current.credentials})
        app.turnstile.meters.keep(holder_keys(app.cell.current))
        await app.budgets.recall()
