"""Byte streams to clients, and what has arrived on them.

Knows: how bytes get in and out of a socket at the least cost, and how a stream is given on to another protocol. Refuses to know: HTTP.

``trio.SocketStream`` tries ``recv`` first, which fails on every paced chunk, and passes through the scheduler after every success: six
system calls a chunk. :class:`LeanStream` waits first and then receives, sends first and waits only where the kernel's buffer is full: four.
A sender that never has to wait would never let others run, so every 64th send passes through the scheduler.
"""

from __future__ import annotations

import select
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn, Protocol

import attrs
import trio

__all__ = [
    "SENDS_BETWEEN_CHECKPOINTS",
    "AdaptedStream",
    "ClientStream",
    "Inbox",
    "LeanStream",
    "ReplayedStream",
    "client_stream",
]

_RECEIVE_BYTES = 64 * 1024
SENDS_BETWEEN_CHECKPOINTS = 64

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class ClientStream(Protocol):
    """What a connection loop needs of a stream. Broken and closed streams raise as :class:`trio.abc.Stream` says."""

    @property
    def torn(self) -> bool:
        """Whether a send broke off in the midst of its bytes: what follows would not be understood."""
        ...

    async def send_all(self, data: bytes) -> None:
        """Hand all of ``data`` to the kernel."""
        ...

    def offer(self, data: bytes) -> int:
        """Hand over as much of ``data`` as the kernel takes at once; how many bytes. 0 also where that can't be done without waiting. What is
        left is for :meth:`send_rest`."""
        ...

    @property
    def push(self) -> Callable[[bytes], int]:
        """As :meth:`offer`, but as ``socket.send`` does it, with ``BlockingIOError`` and ``OSError``, and without a pause now and then: for who
        passes through the scheduler between two of them. It is good until the stream is closed."""
        ...

    def tear(self) -> None:
        """What :attr:`push` sent broke off."""
        ...

    async def send_rest(self, data: bytes, sent: int) -> None:
        """Hand over what is behind the ``sent`` bytes of ``data`` that :meth:`offer` did."""
        ...

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """What has arrived; ``b""`` at the peer's end. A cancelled call loses nothing."""
        ...

    async def wait_hangup(self) -> None:
        """Return when the peer is gone, whatever bytes of its still wait to be received. Where the platform can't tell, never."""
        ...

    async def send_eof(self) -> None:
        """No more will be sent; the peer may still send. Where the transport can't say so, nothing."""
        ...

    async def aclose(self) -> None:
        """Close. Never waits for the peer."""
        ...

    async def reset(self) -> None:
        """Close so that the peer sees a broken connection and what it has not received is dropped, where the transport can say so."""
        ...


@attrs.define(eq=False)
class LeanStream(trio.abc.HalfCloseableStream):
    """A stream over a connected, non-blocking stdlib socket, which it owns from then on."""

    socket: socket.socket
    torn: bool = attrs.field(default=False, init=False)
    push: Callable[[bytes], int] = attrs.field(init=False)
    """See :attr:`ClientStream.push`."""
    _sends: int = attrs.field(default=0, init=False)
    _sending: bool = attrs.field(default=False, init=False)
    _closed: bool = attrs.field(default=False, init=False)
    _hangup_watch: select.epoll | None = attrs.field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self.push = self.socket.send

    def tear(self) -> None:
        """See :meth:`ClientStream.tear`."""
        self.torn = True

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """See :meth:`trio.abc.SendStream.send_all`. A cancellation before the first byte leaves the stream as it was."""
        sent = self.offer(data)
        if sent < len(data):
            await self.send_rest(data, sent)

    def offer(self, data: bytes | bytearray | memoryview) -> int:
        """See :meth:`ClientStream.offer`. Every 64th time nothing is taken, so that others may run."""
        if self._sending:
            raise trio.BusyResourceError("another task is sending on this stream")
        if self._closed:
            self._check_open()
        self._sends += 1
        if self._sends % SENDS_BETWEEN_CHECKPOINTS == 0:
            return 0
        try:
            return self.socket.send(data)
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError as exc:
            raise self._torn(exc) from exc

    async def send_rest(self, data: bytes | bytearray | memoryview, sent: int) -> None:
        """See :meth:`ClientStream.send_rest`."""
        self._sending = True
        try:
            with memoryview(data) as view:
                while sent < len(view):
                    self.torn = sent > 0
                    await trio.lowlevel.wait_writable(self.socket)
                    try:
                        sent += self.socket.send(view[sent:])
                    except (BlockingIOError, InterruptedError):  # woken for nothing
                        continue
                    except OSError as exc:
                        raise self._torn(exc) from exc
            self.torn = False
        finally:
            self._sending = False

    async def wait_send_all_might_not_block(self) -> None:
        """See :meth:`trio.abc.SendStream.wait_send_all_might_not_block`."""
        self._check_open()
        await trio.lowlevel.wait_writable(self.socket)

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """See :meth:`trio.abc.ReceiveStream.receive_some`."""
        while True:
            self._check_open()
            await trio.lowlevel.wait_readable(self.socket)
            try:
                return self.socket.recv(max_bytes or _RECEIVE_BYTES)
            except (BlockingIOError, InterruptedError):  # woken for nothing
                continue
            except OSError as exc:
                raise trio.BrokenResourceError(f"the connection broke: {exc.strerror}") from exc

    async def wait_hangup(self) -> None:
        """See :meth:`ClientStream.wait_hangup`. Only epoll tells of a hang-up behind unread bytes; elsewhere this waits for ever."""
        self._check_open()
        if not hasattr(select, "epoll"):
            await trio.sleep_forever()
        # A private epoll set that wakes for nothing but the hang-up is itself a descriptor that trio can wait for.
        with select.epoll(1) as watch:
            watch.register(self.socket.fileno(), select.EPOLLRDHUP)
            self._hangup_watch = watch
            try:
                await trio.lowlevel.wait_readable(watch.fileno())
            finally:
                self._hangup_watch = None

    async def send_eof(self) -> None:
        """See :meth:`trio.abc.HalfCloseableStream.send_eof`."""
        self._check_open()
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError as exc:
            raise trio.BrokenResourceError(f"the connection broke: {exc.strerror}") from exc
        await trio.lowlevel.checkpoint()

    def close(self) -> None:
        """Close at once. Idempotent; wakes a task that waits on the stream."""
        if not self._closed:
            self._closed = True
            self.push = _closed_here
            if self._hangup_watch is not None:
                trio.lowlevel.notify_closing(self._hangup_watch.fileno())
            trio.lowlevel.notify_closing(self.socket)
            self.socket.close()

    async def aclose(self) -> None:
        """See :meth:`trio.abc.AsyncResource.aclose`."""
        self.close()
        await trio.lowlevel.checkpoint()

    async def reset(self) -> None:
        """See :meth:`ClientStream.reset`: a TCP RST."""
        if not self._closed:
            with suppress(OSError):  # the peer was faster (macOS says EINVAL)
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        await self.aclose()

    def _check_open(self) -> None:
        if self._closed:
            raise trio.ClosedResourceError("this stream was closed")

    def _torn(self, exc: OSError) -> trio.BrokenResourceError:
        self.torn = True
        return trio.BrokenResourceError(f"the connection broke: {exc.strerror}")


def _closed_here(data: bytes) -> NoReturn:
    raise trio.ClosedResourceError("this stream was closed")


@attrs.define(eq=False)
class AdaptedStream:
    """Any trio stream as a :class:`ClientStream`: TLS, or the memory streams of a test. It can't see a hang-up behind unread bytes, and
    how far a broken send got is not known, so every one of those tears it."""

    stream: trio.abc.Stream
    torn: bool = attrs.field(default=False, init=False)

    async def send_all(self, data: bytes) -> None:
        """See :meth:`ClientStream.send_all`."""
        try:
            await self.stream.send_all(data)
        except BaseException:
            self.torn = True
            raise

    def offer(self, data: bytes) -> int:
        """See :meth:`ClientStream.offer`: whatever is sent here may wait."""
        return 0

    def push(self, data: bytes) -> int:
        """See :attr:`ClientStream.push`: whatever is sent here may wait."""
        return 0

    def tear(self) -> None:
        """See :meth:`ClientStream.tear`."""
        self.torn = True

    async def send_rest(self, data: bytes, sent: int) -> None:
        """See :meth:`ClientStream.send_rest`."""
        await self.send_all(data[sent:])

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """See :meth:`ClientStream.receive_some`."""
        return bytes(await self.stream.receive_some(max_bytes))

    async def wait_hangup(self) -> None:
        """See :meth:`ClientStream.wait_hangup`."""
        await trio.sleep_forever()

    async def send_eof(self) -> None:
        """See :meth:`ClientStream.send_eof`."""
        if isinstance(self.stream, trio.abc.HalfCloseableStream):
            await self.stream.send_eof()

    async def aclose(self) -> None:
        """See :meth:`ClientStream.aclose`: no goodbye is waited for."""
        await trio.aclose_forcefully(self.stream)

    async def reset(self) -> None:
        """See :meth:`ClientStream.reset`."""
        await self.aclose()


def client_stream(stream: trio.abc.Stream) -> ClientStream:
    """``stream`` itself where it is lean, else adapted."""
    return stream if isinstance(stream, LeanStream) else AdaptedStream(stream)


@attrs.define(eq=False)
class Inbox:
    """What a client has sent and nobody has consumed: ``pending`` bytes, and whether the client has ``ended``, which a break counts as."""

    stream: ClientStream
    pending: bytearray = attrs.field(factory=bytearray, init=False)
    ended: bool = attrs.field(default=False, init=False)

    async def receive(self) -> bool:
        """Wait for more. False at the client's end. A cancelled call loses nothing."""
        if self.ended:
            return False
        try:
            data = await self.stream.receive_some()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            data = b""
        self.pending += data
        self.ended = not data
        return bool(data)


@attrs.define(eq=False)
class ReplayedStream(trio.abc.HalfCloseableStream):
    """A stream that first gives again what was already received on it: a connection handed to another protocol."""

    _replayed: bytes
    _stream: trio.abc.Stream

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """See :meth:`trio.abc.SendStream.send_all`."""
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        """See :meth:`trio.abc.SendStream.wait_send_all_might_not_block`."""
        await self._stream.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """See :meth:`trio.abc.ReceiveStream.receive_some`."""
        if not self._replayed:
            return bytes(await self._stream.receive_some(max_bytes))
        await trio.lowlevel.checkpoint()
        size = len(self._replayed) if max_bytes is None else max_bytes
        given, self._replayed = self._replayed[:size], self._replayed[size:]
        return given

    async def send_eof(self) -> None:
        """See :meth:`trio.abc.HalfCloseableStream.send_eof`. Where the transport can't say so, nothing."""
        if isinstance(self._stream, trio.abc.HalfCloseableStream):
            await self._stream.send_eof()

    async def aclose(self) -> None:
        """See :meth:`trio.abc.AsyncResource.aclose`."""
        await self._stream.aclose()
