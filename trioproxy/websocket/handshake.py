"""How a WebSocket begins (RFC 6455 section 4), on either side. HTTP is judged before it gets here (``server/head.py``) or by wsproto."""

from __future__ import annotations

import base64
import binascii

import attrs
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, Event, RejectConnection, RejectData, Request
from wsproto.extensions import Extension
from wsproto.utilities import ProtocolError

from trioproxy.websocket.deflate import BoundedDeflate
from trioproxy.websocket.link import Bytes, Link

__all__ = ["Headers", "NotAccepted", "accept", "connect", "flaw"]

Headers = tuple[tuple[bytes, bytes], ...]
"""Names lower-case, in order, repeats kept."""

_VERSION = b"13"
_KEY_BYTES = 16
_MOST_REFUSAL = 1024 * 1024

# What the handshake sets itself (RFC 6455 section 4.1).
_OWN = frozenset(
    {
        b"host",
        b"connection",
        b"upgrade",
        b"content-length",
        b"transfer-encoding",
        b"sec-websocket-key",
        b"sec-websocket-version",
        b"sec-websocket-extensions",
        b"sec-websocket-protocol",
    }
)


@attrs.frozen(kw_only=True)
class Refusal:
    """A server's answer that is not 101."""

    status: int
    headers: Headers
    body: bytes


class NotAccepted(Exception):
    """The other side did not switch to WebSocket. ``answer`` is what it said, None where that was no HTTP or no valid handshake."""

    def __init__(self, message: str, answer: Refusal | None = None) -> None:
        super().__init__(message)
        self.answer = answer


def flaw(headers: Headers) -> str | None:
    """What is wrong with a request to upgrade, in words for who sent it; None where nothing is (RFC 6455 section 4.2.1)."""
    said = dict(headers)
    if said.get(b"sec-websocket-version") != _VERSION:
        return "Sec-WebSocket-Version must be 13"
    if sum(name == b"sec-websocket-key" for name, _ in headers) != 1:
        return "there must be one Sec-WebSocket-Key"
    try:
        key = base64.b64decode(said[b"sec-websocket-key"], validate=True)
    except binascii.Error:
        key = b""
    return None if len(key) == _KEY_BYTES else "Sec-WebSocket-Key must be 16 bytes in base64"


async def accept(stream: Bytes, *, limit: int, subprotocol: str | None = None, headers: Headers = ()) -> Link:
    """Answer the request to upgrade that ``stream`` begins with, which :func:`flaw` found none in, and open the link.

    Raises:
        NotAccepted: it can't be answered after all; the stream is still the caller's to close.
        OSError, trio.BrokenResourceError, trio.ClosedResourceError: the client is gone.
    """
    wire = WSConnection(ConnectionType.SERVER)
    try:
        while True:
            data = await stream.receive_some()
            if not data:
                raise NotAccepted("the client left in the midst of the handshake")
            wire.receive_data(data)
            if any(isinstance(event, Request) for event in wire.events()):
                break
        extensions: list[Extension] = [BoundedDeflate(limit)]
        answer = AcceptConnection(subprotocol=subprotocol, extensions=extensions, extra_headers=list(headers))
        await stream.send_all(wire.send(answer))
    except ProtocolError as exc:
        raise NotAccepted(str(exc)) from None
    return Link(stream, wire, limit, subprotocol=subprotocol)


async def connect(
    stream: Bytes,
    *,
    host: str,
    target: str,
    limit: int,
    headers: Headers = (),
    subprotocols: tuple[str, ...] = (),
) -> Link:
    """Ask for a WebSocket on a fresh ``stream``.

    Raises:
        NotAccepted: the server answered something else, or nothing; the stream is still the caller's to close.
        OSError, trio.BrokenResourceError, trio.ClosedResourceError: the connection broke.
    """
    wire = WSConnection(ConnectionType.CLIENT)
    own = [(name, value) for name, value in headers if name not in _OWN]
    try:
        await stream.send_all(
            wire.send(Request(host=host, target=target, subprotocols=list(subprotocols), extra_headers=own))
        )
        return await _answered(stream, wire, limit)
    except (ProtocolError, UnicodeError) as exc:
        raise NotAccepted(f"its answer is no WebSocket handshake: {exc}") from None


async def _answered(stream: Bytes, wire: WSConnection, limit: int) -> Link:
    refusal = _Refusing()
    while True:
        data = await stream.receive_some()
        if data:
            wire.receive_data(data)
        for event in wire.events():  # those behind the handshake are the link's to take
            if isinstance(event, AcceptConnection):
                return Link(stream, wire, limit, subprotocol=event.subprotocol)
            refusal.take(event)
        if not data and not refusal.status:
            raise NotAccepted("it closed the connection without an answer")
        if refusal.status and (refusal.whole or not data):
            raise NotAccepted(f"it answered {refusal.status}", refusal.told())


@attrs.define(eq=False)
class _Refusing:
    """A :class:`Refusal` as its pieces come; ``status`` is 0 before its head did. ``whole`` says that no more of it is wanted."""

    status: int = 0
    whole: bool = False
    _headers: Headers = ()
    _body: bytes = b""

    def take(self, event: Event) -> None:
        """Take the next piece."""
        match event:
            case RejectConnection():
                self.status = event.status_code
                self._headers = tuple((bytes(name).lower(), bytes(value)) for name, value in event.headers)
                self.whole = not event.has_body
            case RejectData():
                self._body += event.data
                self.whole = event.body_finished or len(self._body) > _MOST_REFUSAL
            case _:
                pass

    def told(self) -> Refusal:
        """What came of it."""
        return Refusal(status=self.status, headers=self._headers, body=self._body[:_MOST_REFUSAL])
