"""The Upstream seam: one request out, one answer back, pulled piece by piece.

A pull method and not an async generator, so that no cancel scope ever crosses a yield. Rules every implementation keeps (they are the
contract suite ``tests/contracts/test_upstream.py``):

* ``open`` returns when the answer's head is there; it raises ``UpstreamFault`` (UNREACHABLE) when it can't be had.
* ``receive_some`` returns what is there, ``b""`` once at the honest end, and raises ``UpstreamFault`` (TRUNCATED) when the transfer broke.
* ``aclose`` is safe at any time, from any state, and after cancellation; afterwards nothing of the exchange is left open.
* Cancelling any of these leaks no socket and no slot.

A deadline ends an exchange by a cancel scope around it, which costs a small answer a twentieth of its time. An upstream whose every wait can be
ended by closing what it waits for needs none: it says so by ``CUTTABLE``, and tells its :class:`Progress` how (``cut_by``), and where it waits
for something else (``waiting``). What was cut raises :class:`trio.ClosedResourceError`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

import attrs

from trioproxy.immutable import immutable

__all__ = ["Headers", "Heedless", "Progress", "SocketTurn", "Tap", "Upstream", "UpstreamRequest", "UpstreamResponse"]

Headers = tuple[tuple[bytes, bytes], ...]
"""Names lower-case, in order, repeats kept."""


@attrs.frozen(kw_only=True)
class SocketTurn:
    """Where a request stands on the socket it came over. ``sockets`` are those to providers that live as long
    (``upstream/sockets.py``); ``previous`` is the response that it follows there, whose conversation is the first ``known`` items of its
    input."""

    sockets: object
    previous: str | None = None
    known: int = 0


@immutable(kw_only=True)
class UpstreamRequest:
    """One HTTP request. ``url`` is absolute; ``proxy_url`` an outbound proxy (http, https, socks5), None for none.

    ``credential_id``, ``protocol`` and ``model`` are for recordings and logs; they don't go on the wire. ``turn`` is set where the client
    asked over a socket.
    """

    method: str
    url: str
    headers: Headers
    body: bytes
    proxy_url: str | None = None
    max_connections: int = 1000
    keep_alive_connections: int = 32
    credential_id: str = ""
    protocol: str = ""
    model: str = ""
    stream: bool = False
    fault: str | None = None
    turn: SocketTurn | None = None


class Progress(Protocol):
    """Told by an upstream how far an exchange got, synchronously, so that a deadline can move without a task."""

    def request_sent(self) -> None:
        """The connection stands and the request's head is going out: the connect phase is over."""
        ...

    def cut_by(self, cut: Callable[[], None]) -> None:
        """From now on ``cut`` ends whatever the exchange waits for, until its answer is whole; then it does nothing."""
        ...

    def waiting(self) -> AbstractContextManager[object]:
        """What runs inside waits for something that ``cut_by`` was not told of, and is cancelled instead."""
        ...


class Heedless:
    """The :class:`Progress` of somebody who keeps no deadline, or has a cancel scope around all of it."""

    def request_sent(self) -> None:
        """See :meth:`Progress.request_sent`."""

    def cut_by(self, cut: Callable[[], None]) -> None:
        """See :meth:`Progress.cut_by`."""

    def waiting(self) -> AbstractContextManager[object]:
        """See :meth:`Progress.waiting`."""
        return nullcontext()


class Tap(Protocol):
    """A body to be waited for and taken in two steps, instead of :meth:`UpstreamResponse.receive_some`.

    Whoever waits is woken through every coroutine between the scheduler and itself, and each costs every piece a little; here there is none.
    """

    @property
    def ready(self) -> Callable[[], Awaitable[None]]:
        """What it gives is to be awaited before each :meth:`take`: something may have come. It always passes through the scheduler. Cancelling
        it loses nothing. It raises :class:`trio.ClosedResourceError` where the body was closed on this side."""
        ...

    def take(self) -> bytes | None:
        """What has come, without waiting: None where it is nothing as yet, ``b""`` at the honest end.

        Raises:
            UpstreamFault: TRUNCATED, the transfer broke before its end.
        """
        ...


class UpstreamResponse(Protocol):
    """An answer whose head is here."""

    @property
    def status(self) -> int:
        """The HTTP status."""
        ...

    @property
    def headers(self) -> Headers:
        """The answer's headers."""
        ...

    @property
    def whole(self) -> bool:
        """Whether it is known that nothing comes behind what was received: then :meth:`receive_some` gives ``b""``. Where an upstream can't
        tell before it is asked, False."""
        ...

    @property
    def tap(self) -> Tap | None:
        """What is still to come of the body, for who carries it in small pieces; None where there is only :meth:`receive_some`."""
        ...

    async def receive_some(self) -> bytes:
        """The next bytes of the body; ``b""`` at its honest end.

        Raises:
            UpstreamFault: TRUNCATED, the transfer broke before its end.
        """
        ...

    async def aclose(self) -> None:
        """Give the connection back where it is reusable, close it otherwise. Idempotent."""
        ...


class Upstream(Protocol):
    """A way to reach providers."""

    async def open(self, request: UpstreamRequest, progress: Progress) -> UpstreamResponse:
        """Send the request and wait for the head.

        Raises:
            UpstreamFault: UNREACHABLE, no connection or no head could be had.
        """
        ...
