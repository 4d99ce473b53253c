"""From a provider's bytes to events: streams frame by frame, whole bodies at their end. Pure machines.

Refuses to know: where the events go, and what a client is to be sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Protocol as TypingProtocol
from typing import assert_never

from trioproxy.errors import ErrorKind, Failure, Fault
from trioproxy.gateway.bursts import LEAST, alike
from trioproxy.neutral.events import Event, UsageReported
from trioproxy.neutral.stopping import StopCutter
from trioproxy.protocols.base import Framing, Metering, Protocol, Reader, StreamSeen
from trioproxy.wire import sse
from trioproxy.wire.frames import Frame
from trioproxy.wire.jsonarray import JSONArrayDecoder
from trioproxy.wire.jsoncodec import JSONError, loads, loads_object, undecoded_members
from trioproxy.wire.machine import ProtocolViolation

__all__ = [
    "AnySource",
    "CutSource",
    "Source",
    "StreamSource",
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

    def close(self) -> list[Event]:
        """Events owed at the clean end of the body."""
        ...


class CutSource:
    """The events of another source, cut at stop sequences that the provider does not know."""

    def __init__(self, source: Source, sequences: Iterable[str]) -> None:
        self._source = source
        self._cutter = StopCutter(sequences)

    @property
    def complete(self) -> bool:
        """See :class:`Source`."""
        return self._source.complete

    def feed(self, data: bytes) -> list[Event]:
        """See :class:`Source`."""
        return self._cutter.feed_all(self._source.feed(data))

    def close(self) -> list[Event]:
        """See :class:`Source`."""
        return self._cutter.feed_all(self._source.close())


def _decoder(framing: Framing, max_event: int) -> sse.SSEDecoder | JSONArrayDecoder:
    match framing:
        case Framing.SSE:
            return sse.SSEDecoder(max_event=max_event)
        case Framing.JSON_ARRAY:
            return JSONArrayDecoder(max_element=max_event)
        case _:
            assert_never(framing)


_MOST_MISSES = 64
"""So many frames in a row that can't be skimmed, and it is tried no more: this provider's have something that nobody expects."""


class StreamSource:
    """The events of a stream, and what its reader remembers of it.

    ``wordless`` is for who wants to know how a stream goes and not what it says: text that only continues an open part may be left out.
    After ``close``: ``torn`` says that the bytes ended within an event, ``unterminated`` that nothing but its blank line was missing.
    """

    def __init__(self, protocol: Protocol, framing: Framing, *, max_event: int, wordless: bool = False) -> None:
        self.decoder = _decoder(framing, max_event)
        self._reader: Reader = protocol.stream_reader()
        self._skims = _MOST_MISSES if wordless else 0
        self._max_event = max_event
        self._alike: re.Pattern[bytes] | None = None
        self.torn = False
        self.unterminated = False

    @property
    def seen(self) -> StreamSeen:
        """See :class:`~trioproxy.protocols.base.StreamSeen`."""
        return self._reader.seen

    @property
    def complete(self) -> bool:
        """See :class:`Source`."""
        return self.seen.complete

    def feed(self, data: bytes) -> list[Event]:
        """See :meth:`Source.feed`."""
        if self._alike is not None:
            return self._sweep(data)
        return self._read(self.decoder.feed(data))

    def close(self) -> list[Event]:
        """See :meth:`Source.close`."""
        self.torn = not self.decoder.at_boundary
        frames = self.decoder.close()
        self.unterminated = self.torn and bool(frames)
        return self._read(frames) + self._reader.close()

    def _read(self, frames: list[Frame]) -> list[Event]:
        events: list[Event] = []
        for frame in frames:
            if self._skims:
                text = self._reader.skim(frame)
                if text is not None:
                    self._skims = _MOST_MISSES
                    if self._alike is None and len(frames) >= LEAST and self._reader.forgetful:
                        self._alike = alike(frame, text)
                    continue
                self._skims -= 1
                self._alike = None  # the part may be over
            events += self._reader.feed(frame)
        return events

    def _sweep(self, data: bytes) -> list[Event]:
        """The events of bytes whose frames are mostly like one another: those that are not are read one by one."""
        at, decoder = 0, self.decoder
        events: list[Event] = []
        if not isinstance(decoder, sse.SSEDecoder) or len(data) > self._max_event:
            return self._read(decoder.feed(data))
        if not decoder.at_boundary:  # the rest of a frame that the read before cut in two
            at = data.find(b"\n\n") + 2
            if at < 2:
                return self._read(decoder.feed(data))
            events += self._read(decoder.feed(data[:at]))
        whole = decoder.stands_before(data)
        while whole and self._alike is not None:
            run = self._alike.match(data, at)
            at = run.end() if run is not None else at
            end = data.find(b"\n\n", at)
            if end < 0:
                break
            events += self._read(decoder.feed(data[at : end + 2]))
            at = end + 2
        return events + self._read(decoder.feed(data[at:])) if at < len(data) else events


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
    """The events of a whole JSON body, all at its end."""

    complete = False

    def __init__(self, protocol: Protocol, *, limit: int) -> None:
        self._protocol = protocol
        self._body = _Whole(limit)

    def feed(self, data: bytes) -> list[Event]:
        """See :meth:`Source.feed`."""
        self._body.add(data)
        return []

    def close(self) -> list[Event]:
        """See :meth:`Source.close`."""
        try:
            return self._protocol.read_body(loads_object(self._body.taken()))
        except JSONError as exc:
            raise ProtocolViolation(f"the body of the answer: {exc}") from None


class UsageSource:
    """The usage of a whole JSON body that is no answer (embeddings, images), at its end. Nothing else of it is read: its numbers may be many."""

    complete = False

    def __init__(self, metering: Metering, *, limit: int) -> None:
        self._metering = metering
        self._body = _Whole(limit)

    def feed(self, data: bytes) -> list[Event]:
        """See :meth:`Source.feed`."""
        self._body.add(data)
        return []

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
        if self._source is None:
            # White space before a body means nothing, in JSON or in events: some providers send it while they think.
            data = data.lstrip()
            if not data:
                return []
            self._source = self._made(data[0])
        return self._source.feed(data)

    def close(self) -> list[Event]:
        """See :meth:`Source.close`."""
        source = self._source or self._by_head(self._framing)
        return source.close()

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
