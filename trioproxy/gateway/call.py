"""Two open WebSockets and what passes between them.

Each direction is one task that takes a message and hands it over, so a slow reader slows its writer and nothing queues. What one side says of
its end, the other hears; where it could not say anything, it hears why.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from math import inf

import attrs
import trio

from trioproxy.config.model import Settings
from trioproxy.errors import ErrorKind, Failure, Fault
from trioproxy.ledger.entry import Entry
from trioproxy.neutral.usage import Usage
from trioproxy.websocket.link import (
    BROKEN,
    GOING_AWAY,
    INTERNAL_ERROR,
    NO_STATUS,
    NORMAL,
    RESTARTING,
    Link,
    LinkClosed,
    Said,
)
from trioproxy.wire.jsoncodec import JSONError, loads_object

__all__ = ["LAST_WORDS_TIME", "Call"]

LAST_WORDS_TIME = 2.0


@attrs.define(eq=False)
class Call:
    """Two open links, and what passes between them."""

    near: Link
    far: Link
    settings: Settings
    total: float
    entry: Entry
    _spoke: float = attrs.field(factory=trio.current_time, init=False)
    _late: str | None = attrs.field(default=None, init=False)
    _usage: Usage = attrs.field(factory=lambda: Usage(), init=False)

    async def run(self) -> None:
        """Carry messages until either side ends, then end the other in kind."""
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._direction, self.near, self.far, nursery)
                nursery.start_soon(self._direction, self.far, self.near, nursery)
                nursery.start_soon(self._watch, nursery)
        finally:
            with trio.CancelScope(shield=True, deadline=trio.current_time() + 2 * LAST_WORDS_TIME):
                await self._end()

    async def _direction(self, source: Link, sink: Link, nursery: trio.Nursery) -> None:
        """Hand over messages. The end of ``source`` ends both; that of ``sink`` is left to who reads it, so that its last words arrive."""
        outgoing = sink is self.near
        while True:
            try:
                message = await source.receive()
            except LinkClosed:
                nursery.cancel_scope.cancel(reason="one side ended")
                return
            self._spoke = trio.current_time()
            if outgoing:
                self._see(message)
            try:
                with trio.move_on_after(self.settings.deadlines.client_send if outgoing else inf) as patience:
                    await sink.send(message)
            except LinkClosed:
                return
            if patience.cancelled_caught:
                self._late = "the client took no byte for too long"
                nursery.cancel_scope.cancel(reason=self._late)
                return

    def _see(self, message: Said) -> None:
        """Count what the provider says and what it says of usage."""
        self.entry.sent(len(message))
        if not isinstance(message, str) or '"response.done"' not in message:
            return
        with suppress(JSONError, KeyError, TypeError, AttributeError):
            said = loads_object(message)["response"]["usage"]
            cached = (said.get("input_token_details") or {}).get("cached_tokens") or 0
            self._usage = Usage(
                input=(self._usage.input or 0) + said["input_tokens"],
                output=(self._usage.output or 0) + said["output_tokens"],
                cache_read=(self._usage.cache_read or 0) + cached,
            )
            self.entry.used(self._usage)

    async def _watch(self, nursery: trio.Nursery) -> None:
        """Keep the deadlines, and ping both sides while nothing is said."""
        began = trio.current_time()
        beat = self.settings.keepalive or inf
        while True:
            now = trio.current_time()
            idle_at, total_at = self._spoke + self.settings.websocket_idle, began + self.total
            if now >= min(idle_at, total_at):
                self._late = (
                    f"nothing was said for {self.settings.websocket_idle:g} s"
                    if now >= idle_at
                    else f"it had lasted {self.total:g} s, which is the deadline for the whole"
                )
                nursery.cancel_scope.cancel(reason=self._late)
                return
            for link in (self.near, self.far):
                if now - max(link.last_sent, link.last_heard) >= beat:
                    with suppress(LinkClosed):
                        await link.ping()
            await trio.sleep_until(min(idle_at, total_at, now + beat))

    async def _end(self) -> None:
        """Tell each side how it ended, and the account."""
        near, far = self.near.closed, self.far.closed
        code, reason, farewell = RESTARTING, "the server is shutting down", "the proxy is shutting down"
        if self._late is not None:
            code, reason, farewell = GOING_AWAY, self._late, self._late
            self.entry.failed(Failure(kind=ErrorKind.TIMEOUT, message=self._late, fault=Fault.PROXY))
        elif far is not None and far.by_peer:
            code, reason = _sendable(far.code), far.reason
            self.entry.complete()
        elif near is not None and near.by_peer:
            farewell = near.reason
            self.entry.complete()
            await self.far.close(_sendable(near.code), near.reason, patience=LAST_WORDS_TIME)
        elif near is not None:
            farewell = "the client is gone"
            if near.code == BROKEN:
                self.entry.client_gone()
            else:
                self.entry.failed(Failure(kind=ErrorKind.INVALID_REQUEST, message=f"the client's socket: {near}"))
        elif far is not None:
            code, reason = INTERNAL_ERROR, f"the provider's socket broke ({far})"
            self.entry.failed(Failure(kind=ErrorKind.TRUNCATED, message=reason, fault=Fault.UPSTREAM))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(self.near.close, code, reason, patience=LAST_WORDS_TIME))
            nursery.start_soon(partial(self.far.close, GOING_AWAY, farewell, patience=LAST_WORDS_TIME))


def _sendable(code: int) -> int:
    """A code that may stand in a close frame (RFC 6455 section 7.4.1)."""
    return NORMAL if code in (NO_STATUS, BROKEN) else code
