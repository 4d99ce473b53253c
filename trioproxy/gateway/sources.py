"""From a provider's bytes to events: streams frame by frame, whole bodies at their end. Pure machines.

Refuses to know: where the events go, and what a client is to be sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol as TypingProtocol
from typing import assert_never

from trioproxy.errors import ErrorKind, Failure, Fault
from trioproxy.gateway.stream_source import Look, StreamSource
from trioproxy.neutral.events import Event, Growth, UsageReported
from trioproxy.protocols.base import Framing, Metering, Protocol, StreamSeen
from trioproxy.wire import sse
from trioproxy.wire.jsoncodec import JSONError, loads, loads_object, undecoded_members
from trioproxy.wire.machine import ProtocolViolation

__all__ = [
    "AnySource",
    "RefinedSource",
    "Refiner",
    "Source",
    "UsageSource",
    "WholeSource",
    "encode_error",
    "malformed",
]

_FIELDS = frozenset(b":deir")
"""What a line of a stream of events begins with: a comment, ``data``, ``event``, ``id``, ``retry``."""


class Source(TypingProtocol):
    """A machine from a provider's bytes to events."""

    @property
    def complete(self) -> bool:
        """Whether the provider said that the answer is whole, and only the end of its transfer is owed."""
        ...

    def feed(self, data: bytes) -> list[Event]:
        """Events that these bytes complete.

        Raises:
            ProtocolViolation: the bytes are not what they should be, or more than may be kept.
        """
        ...

    def pour(self, data: bytes) -> Sequence[Event | Growth]:
        """The same as :meth:`feed`, with deltas put together where that is cheaper than telling them one by one."""
        ...

    @property
    def settled(self) -> Source:
        """Who takes all that is still to come, where that is known: itself, unless it only waited to find out."""
        ...

    @property
    def steady(self) -> Look | None:
        """The look that tells of one delta more like the last; None where it is not clear that this would be all there is to tell. What was
        told by it is not poured."""
        ...

    def close(self) -> list[Event]:
        """Events owed at the clean end of the body."""
        ...


class Refiner(TypingProtocol):
    """A machine from events to events."""

    def feed_all(self, events: Iterable[Event]) -> list[Event]:
        """The events that are told of these."""
        ...


class RefinedSource:
    """The events of another source as a machine leaves them: cut at stop sequences that the provider does not know, or taken out of a box."""

    steady: Look | None = None

    def __init__(self, source: Source, refiner: Refiner) -> None:
        self._source = source
        self._refiner = refiner

    @property
    def complete(self) -> bool:
        """See :class:`Source`."""
        return self._source.complete

    def feed(self, data: bytes) -> list[Event]:
        """See :class:`Source`."""
        return self._refiner.feed_all(self._source.feed(data))

    def pour(self, data: bytes) -> list[Event]:
        """See :meth:`Source.pour`."""
        return self.feed(data)

    @property
    def settled(self) -> Source:
        """See :meth:`Source.settled`."""
        return self

    def close(self) -> list[Event]:
        """See :class:`Source`."""
        return self._refiner.feed_all(self._source.close())


class _Whole:
    """A body's pieces, up to ``limit`` bytes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._pieces: list[bytes] = []
        self._size = 0

    def add(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > self._limit:
            self._pieces.clear()
            raise ProtocolViolation(f"the body is longer than {self._limit} bytes")
        self._pieces.append(data)

    def taken(self) -> bytes:
        body = b"".join(self._pieces)
        self._pieces.clear()
        return body


class WholeSource:
    """The events of a whole JSON body, all at its end. ``wordless`` is as in :class:`StreamSource`."""

    complete = False
    steady: Look | None = None

    def __init__(self, protocol: Protocol, *, limit: int, wordless: bool = False) -> None:
        self._protocol = protocol
        self._wordless = wordless
        self._body = _Whole(limit)

    def feed(self, data: bytes) -> list[Event]:
        """See :meth:`Source.feed`."""
        self._body.add(data)
        return []

    def pour(self, data: bytes) -> list[Event]:
        """See :meth:`Source.pour`."""
        return self.feed(data)

    @property
    def settled(self) -> Source:
        """See :meth:`Source.settled`."""
        return self

    def close(self) -> list[Event]:
        """See :meth:`Source.close`."""
        body = self._body.taken()
        told = self._protocol.glance(body) if self._wordless else None
        if told is not None:
            return told
        try:
            return self._protocol.read_body(loads_object(body))
        except JSONError as exc:
            raise ProtocolViolation(f"its body: {exc}" if body.strip() else "its body is empty") from None


class UsageSource:
    """The usage of a whole JSON body that is no answer (embeddings, images), at its end. Nothing else of it is read: its numbers may be many."""

    complete = False
    steady: Look | None = None

    def __init__(self, metering: Metering, *, limit: int) -> None:
        self._metering = metering
        self._body = _Whole(limit)

    def feed(self, data: bytes) -> list[Event]:
        """See :meth:`Source.feed`."""
        self._body.add(data)
        return []

    def pour(self, data: bytes) -> list[Event]:
        """See :meth:`Source.pour`."""
        return self.feed(data)

    @property
    def settled(self) -> Source:
        """See :meth:`Source.settled`."""
        return self

    def close(self) -> list[Event]:
        """See :meth:`Source.close`."""
        body, member = self._body.taken(), self._metering.member
        if f'"{member}"'.encode() not in body:
            return []
        try:
            counts = loads(undecoded_members(body).get(member, b"null"))
        except JSONError:
            return []
        usage = self._metering.read(counts) if isinstance(counts, dict) else None
        return [UsageReported(usage=usage)] if usage is not None else []


class AnySource:
    """The events of a body that is what its first byte says: an object, a list or a stream of events, whatever its head says. ``framing``
    is what the head says, None for a whole body.

    Providers (and what stands before them) name their errors streams, and their streams JSON.
    """

    steady: Look | None = None

    def __init__(self, protocol: Protocol, framing: Framing | None, *, max_event: int, limit: int) -> None:
        self._protocol = protocol
        self._framing = framing
        self._max_event = max_event
        self._limit = limit
        self._source: Source | None = None

    @property
    def complete(self) -> bool:
        """See :class:`Source`."""
        return self._source is not None and self._source.complete

    def feed(self, data: bytes) -> list[Event]:
        """See :meth:`Source.feed`."""
        source, data = self._begun(data)
        return source.feed(data) if source is not None else []

    @property
    def settled(self) -> Source:
        """See :meth:`Source.settled`."""
        return self._source or self

    def pour(self, data: bytes) -> Sequence[Event | Growth]:
        """See :meth:`Source.pour`."""
        source, data = self._begun(data)
        return source.pour(data) if source is not None else []

    def close(self) -> list[Event]:
        """See :meth:`Source.close`."""
        source = self._source or self._by_head(self._framing)
        return source.close()

    def _begun(self, data: bytes) -> tuple[Source | None, bytes]:
        """The source, once it is known, and what of ``data`` is for it."""
        if self._source is None:
            # White space before a body means nothing, in JSON or in events: some providers send it while they think.
            data = data.lstrip()
            if data:
                self._source = self._made(data[0])
        return self._source, data

    def _made(self, first: int) -> Source:
        if first == ord("{"):
            return self._by_head(None)
        if first == ord("["):
            return self._by_head(Framing.JSON_ARRAY)
        if first in _FIELDS:
            return self._by_head(Framing.SSE)
        return self._by_head(self._framing)

    def _by_head(self, framing: Framing | None) -> Source:
        if framing is None:
            return WholeSource(self._protocol, limit=self._limit)
        return StreamSource(self._protocol, framing, max_event=self._max_event)


def malformed(violation: ProtocolViolation) -> Failure:
    """The failure that broken bytes are."""
    return Failure(
        kind=ErrorKind.MALFORMED, message=f"the provider's answer is broken: {violation}", fault=Fault.UPSTREAM
    )


def encode_error(
    protocol: Protocol, framing: Framing, failure: Failure, seen: StreamSeen, *, opening: bytes = b"["
) -> bytes:
    """The native error of a stream whose head was sent. ``opening`` is what must stand before an element of a JSON array."""
    frames = protocol.error_frames(failure, seen)
    match framing:
        case Framing.SSE:
            return sse.encode(frames)
        case Framing.JSON_ARRAY:
            return opening + b",".join(frame.data for frame in frames) + b"]"
        case _:
            assert_never(framing)
