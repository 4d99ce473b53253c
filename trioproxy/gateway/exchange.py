"""The Exchange seam: one request and its answer, whatever carried them here (h11, ASGI, a WebSocket turn, a test).

Rules (the contract suite is ``tests/contracts/test_exchange.py``): ``start`` once, before any ``send``; before it an error is a status, after
it an in-band event or ``abort``. One task at a time may be in ``send``. ``wait_disconnected`` may run beside it, only after the body was
received. ``finish`` and ``abort`` end the exchange; the first of them wins, and a ``send`` that comes later raises CLIENT_GONE.

A handler that is cancelled from outside (by no scope of its own, and not by what ``on_disconnect`` gave it) is told that the server is shutting
down: while shielded it has a few seconds to end its answer honestly, then the connection closes. One that has started nothing need do nothing:
the server answers 503.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeAlias

import attrs

from trioproxy.upstream.base import SocketTurn

__all__ = ["Exchange", "Handler", "RequestHead"]


@attrs.frozen(kw_only=True)
class RequestHead:
    """A request's head. ``target`` is as sent (path and query); header names are lower-case, in order; ``peer`` is ``host:port``;
    ``version`` is ``1.0``, ``1.1`` or ``2``; ``turn`` is set for a request that came over a socket; ``follows`` names the response that it goes
    on from, where what came before is in its body."""

    method: str
    target: str
    headers: tuple[tuple[bytes, bytes], ...]
    peer: str = ""
    scheme: str = "http"
    version: str = "1.1"
    turn: SocketTurn | None = None
    follows: str | None = None
    memo: dict[str, Any] = attrs.field(factory=dict, init=False, eq=False, repr=False)
    """What was worked out of this head. It holds for every head that differs from it in nothing but the length of the body."""
    _first: dict[bytes, bytes] = attrs.field(init=False, eq=False, repr=False)

    @_first.default
    def _firsts(self) -> dict[bytes, bytes]:
        return dict(reversed(self.headers))

    def with_length(self, length: bytes) -> RequestHead:
        """The same head before a body of this many bytes."""
        headers = tuple((name, length if name == b"content-length" else value) for name, value in self.headers)
        head = attrs.evolve(self, headers=headers)
        object.__setattr__(head, "memo", self.memo)
        return head

    @property
    def path(self) -> str:
        """The target's path, percent-encoded as sent."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        """The target's raw query, "" without one."""
        return self.target.partition("?")[2]

    def header(self, name: bytes) -> bytes | None:
        """The first value of a header (lower-case name), None where absent."""
        return self._first.get(name)


class Exchange(Protocol):
    """One request and its answer."""

    @property
    def head(self) -> RequestHead:
        """The request's head."""
        ...

    @property
    def started(self) -> bool:
        """Whether the answer's head went out: the commit point, after which no other candidate may be tried."""
        ...

    async def receive_body(self, limit: int) -> bytes:
        """The whole request body, content encoding removed. At most ``limit`` bytes, decoded.

        Raises:
            ClientFault: TOO_LARGE, UNSUPPORTED_ENCODING, INVALID_REQUEST (bad framing or encoding), CLIENT_TIMEOUT, CLIENT_GONE.
        """
        ...

    async def start(self, status: int, headers: tuple[tuple[bytes, bytes], ...], *, flush: bool = True) -> None:
        """Send the answer's head. Framing headers (content-length, transfer-encoding, connection, date) are this seam's own business;
        a ``content-length`` given here is used as the framing. With ``flush`` off the head may wait for the next ``send`` or ``finish``
        and share its write: for callers who have the first bytes at hand.

        Raises:
            ClientFault: CLIENT_GONE.
            ProxyFault: INTERNAL, the status or a header can't be sent; nothing was, and another ``start`` may follow.
        """
        ...

    async def send(self, data: bytes) -> None:
        """Send body bytes; returns when they are with the kernel. Raises ``ClientFault`` (CLIENT_GONE) when nobody is there.

        Cancelled in the midst of its bytes, it leaves an answer that can only be aborted: later calls raise CLIENT_GONE too.
        """
        ...

    def offer(self, data: bytes) -> Awaitable[None] | None:
        """:meth:`send`, where the kernel takes everything at once: None then. Otherwise the rest of it, to be awaited before anything else is
        done with this exchange."""
        ...

    async def finish(self, data: bytes = b"") -> None:
        """The answer is whole, with ``data`` behind what was sent: its last bytes and its end share one write. Raises ``ClientFault``
        (CLIENT_GONE), and ``ProxyFault`` (INTERNAL) when it is shorter or longer than its declared length; it was aborted then."""
        ...

    def offer_last(self, data: bytes) -> Awaitable[None] | None:
        """:meth:`finish`, as :meth:`offer` is :meth:`send`."""
        ...

    async def abort(self) -> None:
        """End so that the client sees a broken transfer, never a whole one. Never waits for the client."""
        ...

    def on_disconnect(self, left: Callable[[], None]) -> Callable[[], None] | None:
        """Have ``left`` called, once, when the client goes (EOF counts); at once where it has gone. Nothing is called after the handler's end.
        The result cancels the handler, as its client's leaving would have to. None where this carrier can't tell without a task: then
        ``wait_disconnected`` is for one, and the handler for a scope of its own."""
        ...

    async def wait_disconnected(self) -> None:
        """Return when the client has gone (EOF counts). Call after ``receive_body``."""
        ...


Handler: TypeAlias = Callable[[Exchange], Awaitable[None]]
