"""One WebSocket: messages in, messages out, an end with a code.

Knows: how frames become messages, that pings are answered whoever reads, that frames never mix, and how large a message may be. Refuses to
know: what is said, and when enough has been said. wsproto judges every frame; nothing here second-guesses it.

One task reads. Any task may send: a lock keeps frames whole. A send that was cancelled in the midst of its bytes leaves a link that can only
be broken off.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Protocol, TypeAlias

import attrs
import trio
from wsproto import WSConnection
from wsproto.connection import ConnectionState
from wsproto.events import BytesMessage, CloseConnection, Event, Ping, TextMessage
from wsproto.utilities import LocalProtocolError

__all__ = [
    "BROKEN",
    "GOING_AWAY",
    "INTERNAL_ERROR",
    "NORMAL",
    "NO_STATUS",
    "RESTARTING",
    "TOO_BIG",
    "TRY_LATER",
    "Bytes",
    "Link",
    "LinkClosed",
    "Said",
]

# RFC 6455 section 7.4.1 and the registry behind it.
NORMAL = 1000
GOING_AWAY = 1001
NO_STATUS = 1005
BROKEN = 1006
"""Never sent: the connection ended without a close frame."""
TOO_BIG = 1009
INTERNAL_ERROR = 1011
RESTARTING = 1012
TRY_LATER = 1013

_PIECE = 64 * 1024
"""Of arrived bytes, looked at in one go: what they inflate to is bounded before the next piece."""
_MOST_DISCARDED = 16 * 1024 * 1024
_LONGEST_REASON = 123  # what fits a control frame beside the code

Said: TypeAlias = str | bytes
"""A whole message: text or binary."""


class Bytes(Protocol):
    """The stream under a link."""

    async def send_all(self, data: bytes) -> None:
        """Hand all of ``data`` to the kernel. Raises ``OSError``, ``trio.BrokenResourceError`` or ``trio.ClosedResourceError``."""
        ...

    async def receive_some(self) -> bytes:
        """What has arrived, ``b""`` at the peer's end. Raises as ``send_all`` does."""
        ...

    async def send_eof(self) -> None:
        """No more will be sent. Where the transport can't say so, nothing. Raises as ``send_all`` does."""
        ...

    async def aclose(self) -> None:
        """Close. Never waits for the peer."""
        ...


class LinkClosed(Exception):
    """The WebSocket is over. ``code`` is the peer's close code, ours where we refused what it sent, 1006 where the connection broke.
    ``by_peer`` says that it was the peer who closed it, in form."""

    def __init__(self, code: int, reason: str = "", *, by_peer: bool = False) -> None:
        super().__init__(f"{code} {reason}".strip())
        self.code = code
        self.reason = reason
        self.by_peer = by_peer

    def copy(self) -> LinkClosed:
        """The same, to be raised: what a link keeps would keep the frames of whoever it was raised to."""
        return LinkClosed(self.code, self.reason, by_peer=self.by_peer)


@attrs.define(eq=False)
class Link:
    """An open WebSocket over ``stream``, which it owns. Made by ``handshake.py``."""

    stream: Bytes
    _wire: WSConnection
    limit: int
    _arrived: bytearray = attrs.field(factory=bytearray)
    subprotocol: str | None = None
    last_sent: float = attrs.field(factory=trio.current_time, init=False)
    last_heard: float = attrs.field(factory=trio.current_time, init=False)
    _events: Iterator[Event] = attrs.field(factory=lambda: iter(()), init=False)
    _parts: list[Said] = attrs.field(factory=list, init=False)
    _size: int = attrs.field(default=0, init=False)
    _sending: trio.Lock = attrs.field(factory=trio.Lock, init=False)
    _torn: bool = attrs.field(default=False, init=False)
    _closed: LinkClosed | None = attrs.field(default=None, init=False)

    @property
    def closed(self) -> LinkClosed | None:
        """How it ended, None while it is open."""
        return self._closed

    async def receive(self) -> Said:
        """The next message. Pings are answered on the way. A cancelled call loses nothing, or breaks the link off where it was answering.

        Raises:
            LinkClosed: there is none: the peer closed, broke the protocol or the bounds (it was told so), or is gone.
        """
        while True:
            message = await self._next()
            if message is not None:
                return message

    async def send(self, message: Said) -> None:
        """Send one message; returns when its bytes are with the kernel.

        Raises:
            LinkClosed: the link is over.
        """
        await self._send(TextMessage(data=message) if isinstance(message, str) else BytesMessage(data=message))

    async def ping(self) -> None:
        """Send a ping. Its answer is heard by whoever reads.

        Raises:
            LinkClosed: the link is over.
        """
        await self._send(Ping())

    async def close(self, code: int = NORMAL, reason: str = "", *, patience: float = 2.0) -> None:
        """Close in form: tell the peer, hear it out for ``patience`` seconds at most, close the connection. No task may be reading."""
        try:
            with trio.move_on_after(patience):
                if self._closed is None:
                    await self._say_goodbye(code, reason)
                    await self._hear_out()
                elif not self._closed.by_peer and self._closed.code != BROKEN:
                    await self._linger()
        except (LinkClosed, OSError, trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # it was faster, or is gone
        finally:
            self._closed = self._closed or LinkClosed(code, reason)
            await self.break_off()

    async def break_off(self) -> None:
        """Close the connection as it is."""
        self._closed = self._closed or LinkClosed(BROKEN)
        with trio.CancelScope(shield=True):
            await self.stream.aclose()

    # Reading.

    async def _next(self) -> Said | None:
        """One step: a message where one became whole."""
        event = self._event()
        match event:
            case None:
                await self._receive()
            case TextMessage() | BytesMessage():
                return await self._gather(event)
            case Ping():
                await self._send(event.response())
            case CloseConnection():
                await self._answer_close(event)
            case _:
                pass  # a pong has been heard
        return None

    def _event(self) -> Event | None:
        if self._closed is not None:
            raise self._closed.copy()
        return next(self._events, None)

    async def _receive(self) -> None:
        if self._arrived:
            data = bytes(self._arrived[:_PIECE])
            del self._arrived[:_PIECE]
            await trio.lowlevel.checkpoint_if_cancelled()
        else:
            try:
                data = await self.stream.receive_some()
            except (OSError, trio.BrokenResourceError, trio.ClosedResourceError):
                data = b""
            if not data:
                raise self._over(LinkClosed(BROKEN))
            self.last_heard = trio.current_time()
            if len(data) > _PIECE:
                self._arrived += data[_PIECE:]
                data = data[:_PIECE]
        self._wire.receive_data(data)
        self._events = self._wire.events()

    async def _gather(self, event: TextMessage | BytesMessage) -> Said | None:
        self._parts.append(event.data if isinstance(event.data, str) else bytes(event.data))
        self._size += len(event.data)
        if self._size > self.limit:
            await self._refuse(TOO_BIG, f"a message may have {self.limit} bytes here")
        if not event.message_finished:
            return None
        parts, self._parts, self._size = self._parts, [], 0
        if len(parts) == 1:
            return parts[0]
        return "".join(parts) if isinstance(event, TextMessage) else b"".join(parts)  # type: ignore[arg-type]

    async def _answer_close(self, event: CloseConnection) -> None:
        if self._wire.state is ConnectionState.OPEN:  # not the peer's: wsproto's judgement of what it sent
            await self._refuse(int(event.code), event.reason or "")
        closed = LinkClosed(int(event.code), event.reason or "", by_peer=True)
        if self._wire.state is ConnectionState.REMOTE_CLOSING:
            with suppress(LinkClosed):
                await self._send(event.response())
        raise self._over(closed)

    async def _refuse(self, code: int, reason: str) -> None:
        """Tell the peer what is wrong with what it sent, and be over."""
        self._arrived.clear()
        with suppress(LinkClosed):
            await self._say_goodbye(code, reason)
        raise self._over(LinkClosed(code, reason))

    def _over(self, closed: LinkClosed) -> LinkClosed:
        if self._closed is None:
            self._closed = closed
        return self._closed.copy()

    # Sending.

    async def _send(self, event: Event) -> None:
        try:
            self._sending.acquire_nowait()  # as nearly always, and without a turn of the scheduler
        except trio.WouldBlock:
            await self._sending.acquire()
        try:
            if self._closed is not None:
                raise self._closed.copy()
            if self._torn:
                raise self._over(LinkClosed(BROKEN))
            try:
                data = self._wire.send(event)
            except LocalProtocolError:  # closing, by whichever side
                raise LinkClosed(BROKEN) from None
            self._torn = True
            try:
                await self.stream.send_all(data)
            except (OSError, trio.BrokenResourceError, trio.ClosedResourceError):
                raise self._over(LinkClosed(BROKEN)) from None
            self._torn = False
            self.last_sent = trio.current_time()
        finally:
            self._sending.release()

    async def _say_goodbye(self, code: int, reason: str) -> None:
        text = reason.encode("utf-8")[:_LONGEST_REASON].decode("utf-8", "ignore")
        await self._send(CloseConnection(code=code, reason=text))

    async def _linger(self) -> None:
        """Let the peer read why it was refused: closed with bytes unread, TCP would take our close frame away (RFC 9112 section 9.6)."""
        await self.stream.send_eof()
        passed = 0
        while passed < _MOST_DISCARDED and (data := await self.stream.receive_some()):
            passed += len(data)

    async def _hear_out(self) -> None:
        """Read until the peer has closed too."""
        left = _MOST_DISCARDED
        while left > 0:
            event = self._event()
            if isinstance(event, CloseConnection):
                return
            if event is None:
                await self._receive()
                left -= _PIECE
