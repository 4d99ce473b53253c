"""A request's body on its way in: read from the connection, decoded, bounded, and within time.

Knows: how long a client may take and how much it may send. Refuses to know: what the body says.
"""

from __future__ import annotations

from collections.abc import Callable

import trio

from trioproxy.errors import ClientFault, ErrorKind
from trioproxy.gateway.exchange import RequestHead
from trioproxy.server.body import BodyReader
from trioproxy.server.limits import ServerLimits
from trioproxy.server.streams import Inbox
from trioproxy.wire.encoding import ContentDecoder, DecodedTooLarge, UnknownCoding, parse_codings

__all__ = ["BodyGatherer", "is_encoded", "pour"]

_ENCODING = b"content-encoding"


class BodyGatherer:
    """Collects a body of at most ``limit`` bytes, decoded; coded, it may not be larger either.

    Raises:
        ClientFault: UNSUPPORTED_ENCODING; TOO_LARGE where the declared length says so already.
    """

    def __init__(self, head: RequestHead, body: BodyReader, limit: int) -> None:
        try:
            codings = parse_codings(value for name, value in head.headers if name == _ENCODING)
        except UnknownCoding as exc:
            raise ClientFault(ErrorKind.UNSUPPORTED_ENCODING, str(exc)) from None
        self._limit = limit
        self._received = body.left or 0
        self._check_limit()
        self._received = 0
        self._decoder = ContentDecoder(codings, limit)
        self._parts: list[bytes] = []

    def add(self, data: bytes) -> None:
        """Take the next bytes.

        Raises:
            ClientFault: TOO_LARGE.
            ProtocolViolation: they are not what the content encoding says.
        """
        self._received += len(data)
        self._check_limit()
        try:
            self._parts += self._decoder.feed(data)
        except DecodedTooLarge:
            raise self._too_large() from None

    def whole(self) -> bytes:
        """The body, all of which was added.

        Raises:
            ProtocolViolation: it is not all that its encoding announced.
        """
        self._parts += self._decoder.close()
        return b"".join(self._parts)

    def _check_limit(self) -> None:
        if self._received > self._limit:
            raise self._too_large()

    def _too_large(self) -> ClientFault:
        return ClientFault(ErrorKind.TOO_LARGE, f"the request body is larger than {self._limit} bytes")


def is_encoded(head: RequestHead) -> bool:
    """Whether the body has to be decoded, or so its head says."""
    return head.header(_ENCODING) is not None


async def pour(body: BodyReader, inbox: Inbox, limits: ServerLimits, into: Callable[[bytes], None]) -> None:
    """Read a body to its end.

    Raises:
        ClientFault: CLIENT_TIMEOUT, CLIENT_GONE.
        ProtocolViolation: its framing is not legal.
        Exception: what ``into`` raises.
    """
    taken, done = _pour_some(body, inbox, into)
    if done:  # as nearly always: it came with the head, and no clock is needed
        return
    began = trio.current_time()
    with trio.CancelScope() as patience:
        while not done:
            patience.deadline = limits.body_stall_seconds + min(trio.current_time(), began + taken / limits.body_rate)
            if not await inbox.receive():
                raise ClientFault(ErrorKind.CLIENT_GONE, "the client left before its request was whole")
            size, done = _pour_some(body, inbox, into)
            taken += size
        return
    raise ClientFault(ErrorKind.CLIENT_TIMEOUT, "the request body came too slowly, or not at all")


def _pour_some(body: BodyReader, inbox: Inbox, into: Callable[[bytes], None]) -> tuple[int, bool]:
    """How many bytes were poured, and whether the body is whole."""
    data = body.take(inbox.pending)
    if data:
        into(data)
    return len(data), body.done
