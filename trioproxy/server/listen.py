"""Where clients come in: sockets bound, connections accepted, and the order of a shutdown.

Knows: addresses, ``accept`` and its failures, the drain. Refuses to know: HTTP.
"""

from __future__ import annotations

import errno
import logging
import os
import socket
from collections.abc import Sequence
from contextlib import suppress

import attrs
import trio

from trioproxy.gateway.exchange import Handler
from trioproxy.server.connections import Connections, Drain
from trioproxy.server.h11_loop import serve_connection
from trioproxy.server.limits import ServerLimits
from trioproxy.server.streams import LeanStream

__all__ = ["Serving", "bind", "serve"]

logger = logging.getLogger("trioproxy.server")

_BACKLOG = 2048
_PORT_ATTEMPTS = 8
_BACKOFF_SECONDS = 0.1

# The trouble of a client that is gone: Linux gives accept() whatever went wrong on the connection before (accept(2), section "Error handling").
_CLIENT_TROUBLE = frozenset(
    getattr(errno, name)
    for name in (
        "ECONNABORTED",
        "ECONNRESET",
        "EHOSTDOWN",
        "EHOSTUNREACH",
        "ENETDOWN",
        "ENETUNREACH",
        "ENONET",
        "ENOPROTOOPT",
        "EOPNOTSUPP",
        "EPERM",
        "EPROTO",
        "ETIMEDOUT",
    )
    if hasattr(errno, name)
)

# This machine has no such address, or no such family: only bad where it has none of them.
_ABSENT = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})


@attrs.frozen(kw_only=True)
class Serving:
    """A server at work. ``addresses`` are host and port of each socket, the port as the system chose it where 0 was asked for."""

    addresses: tuple[tuple[str, int], ...]
    connections: Connections

    @property
    def port(self) -> int:
        """The port, the same for all addresses."""
        return self.addresses[0][1]


async def bind(host: str, port: int, *, reuse_port: bool = False, backlog: int = _BACKLOG) -> list[socket.socket]:
    """Listening, non-blocking sockets on every address of ``host``; "" is all of this machine's, over IPv4 and IPv6.

    ``port`` 0 lets the system choose, the same port for every address. ``reuse_port`` shares the port among processes.

    Raises:
        OSError: it can't be listened there. The message says where and why.
    """
    if not host:
        dual = socket.has_dualstack_ipv6()
        return [_listener(socket.AF_INET6 if dual else socket.AF_INET, "", port, reuse_port, backlog, dual=dual)]
    try:
        found = await trio.socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror as exc:
        raise OSError(exc.errno, f"can't listen on {host}: {exc.strerror}") from None
    addresses = list(dict.fromkeys((family, str(address[0])) for family, _, _, _, address in found))
    for _ in range(_PORT_ATTEMPTS):
        try:
            return _bind_all(addresses, port, reuse_port, backlog)
        except OSError as exc:
            # The port that the system chose for the first address may be taken on the second.
            if port or exc.errno != errno.EADDRINUSE:
                raise
    raise OSError(errno.EADDRINUSE, f"can't listen on {host}: no port is free on all of its addresses")


def _bind_all(
    addresses: Sequence[tuple[socket.AddressFamily, str]], port: int, reuse_port: bool, backlog: int
) -> list[socket.socket]:
    listeners: list[socket.socket] = []
    absent: OSError | None = None
    try:
        for family, host in addresses:
            try:
                listener = _listener(family, host, port, reuse_port, backlog, dual=False)
            except OSError as exc:
                if exc.errno not in _ABSENT:
                    raise
                absent = exc
            else:
                listeners.append(listener)
                port = listener.getsockname()[1]
        if absent is not None and not listeners:
            raise absent
    except BaseException:
        for listener in listeners:
            listener.close()
        raise
    return listeners


def _listener(
    family: socket.AddressFamily, host: str, port: int, reuse_port: bool, backlog: int, *, dual: bool
) -> socket.socket:
    try:
        listener = socket.create_server(
            (host, port), family=family, backlog=backlog, reuse_port=reuse_port, dualstack_ipv6=dual
        )
    except OSError as exc:
        # Its own words repeat the address (create_server).
        why = os.strerror(exc.errno) if exc.errno is not None else str(exc)
        raise OSError(exc.errno, f"can't listen on {_address(host or '*', port)}: {why}") from None
    listener.setblocking(False)
    return listener


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


async def serve(
    handler: Handler,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    limits: ServerLimits | None = None,
    drain: Drain | None = None,
    reuse_port: bool = False,
    listeners: list[socket.socket] | None = None,
    task_status: trio.TaskStatus[Serving] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve until ``drain`` begins and has come to its end, or until cancelled, which closes everything at once.

    ``listeners`` made by :func:`bind` are used (and closed) instead of ``host`` and ``port``.

    Raises:
        OSError: see :func:`bind`.
    """
    if listeners is None:
        listeners = await bind(host, port, reuse_port=reuse_port)
    drain = drain if drain is not None else Drain()
    connections = Connections(limits if limits is not None else ServerLimits(), drain)
    addresses = tuple((name[0], name[1]) for name in (listener.getsockname() for listener in listeners))
    try:
        async with trio.open_nursery() as attending:
            await attending.start(connections.attend)
            async with trio.open_nursery() as serving:
                async with trio.open_nursery() as accepting:
                    for listener in listeners:
                        accepting.start_soon(_accept, listener, handler, connections, serving)
                    task_status.started(Serving(addresses=addresses, connections=connections))
                    await drain.wait_begun()
                    accepting.cancel_scope.cancel(reason="the server is shutting down")
                _close(listeners)
                await _drain_connections(drain, connections)
            attending.cancel_scope.cancel(reason="the server has ended")
    finally:
        _close(listeners)


async def _drain_connections(drain: Drain, connections: Connections) -> None:
    connections.close_idle()
    await drain.wait_while_patient(connections)
    running = connections.statistics().active
    if running:
        logger.warning("shutting down: %d requests are cut short", running)
    connections.cancel_active()
    with trio.move_on_after(connections.limits.farewell_seconds):
        await connections.wait_none()
    await connections.close_all()


def _close(listeners: list[socket.socket]) -> None:
    for listener in listeners:
        if listener.fileno() != -1:
            trio.lowlevel.notify_closing(listener)
            listener.close()


async def _accept(listener: socket.socket, handler: Handler, connections: Connections, nursery: trio.Nursery) -> None:
    while True:
        await trio.lowlevel.wait_readable(listener)
        await connections.wait_room()
        try:
            accepted, address = listener.accept()
        except BlockingIOError:  # another process was faster, or the client left the queue
            continue
        except OSError as exc:
            if exc.errno not in _CLIENT_TROUBLE:
                # Out of descriptors or memory, most likely: accepting again at once would only spin.
                logger.warning("can't accept connections: %s; trying again", exc.strerror)
                connections.evict_idle()
                await trio.sleep(_BACKOFF_SECONDS)
            continue
        accepted.setblocking(False)
        with suppress(OSError):  # the client is gone already (macOS says EINVAL)
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        peer = _address(address[0].removeprefix("::ffff:"), address[1])  # IPv4 over a dual-stack socket
        nursery.start_soon(_serve_accepted, accepted, peer, handler, connections)


async def _serve_accepted(accepted: socket.socket, peer: str, handler: Handler, connections: Connections) -> None:
    await serve_connection(LeanStream(accepted), handler, connections=connections, peer=peer)
