"""From a provider's bytes to events: streams frame by frame, whole bodies at their end. Pure machines.

Refuses to know: where the events go, and what a client is to be sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol as TypingProtocol
from typing import assert_never

import msgspec

from trioproxy.errors import ErrorKind, Failure, Fault
from trioproxy.neutral.events import Delta, Event, Growth, ReasoningDelta, TextDelta, ToolArgsDelta, UsageReported
from trioproxy.neutral.stopping import StopCutter
from trioproxy.protocols.base import Framing, Metering, Protocol, Reader, StreamSeen
from trioproxy.wire import sse
from trioproxy.wire.frames import Frame
from trioproxy.wire.jsonarray import JSONArrayDecoder
from trioproxy.wire.jsoncodec import JSONError, loads, loads_object, undecoded_members
from trioproxy.wire.machine import ProtocolViolation
from trioproxy.wire.moulds import Mould, moulded, widened

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

    def pour(self, data: bytes) -> Sequence[Event | Growth]:
        """The same as :meth:`feed`, with deltas put together where that is cheaper than telling them one by one."""
        ...

    @property
    def settled(self) -> Source:
        """Who takes all that is still to come, where that is known: itself, unless it only waited to find out."""
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

    def pour(self, data: bytes) -> list[Event]:
        """See :meth:`Source.pour`."""
        return self.feed(data)

    @property
    def settled(self) -> Source:
        """See :meth:`Source.settled`."""
        return self

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

_MOST_MOULDS = 16
"""So many moulds in a row into which nothing was cast, and no more are made: this provider's frames differ in more than their words."""

_TRIAL = 'Between two quotes, "these"\n'
"""A text that no frame has by chance."""


class StreamSource:
    """The events of a stream, and what its reader remembers of it.

    ``wordless`` is for who wants to know how a stream goes and not what it says: text that only continues an open part may be left out.
    After ``close``: ``torn`` says that the bytes ended within an event, ``unterminated`` that nothing but its blank line was missing.

    Text that goes on is told by the first of three looks that is sure of it: the bytes around it are those of the frame before
    (:class:`~trioproxy.wire.moulds.Mould`), all members of its frame are known to say nothing (:meth:`~trioproxy.protocols.base.Reader.skim`),
    it is read.
    """

    def __init__(self, protocol: Protocol, framing: Framing, *, max_event: int, wordless: bool = False) -> None:
        self.decoder = _decoder(framing, max_event)
        self._reader: Reader = protocol.stream_reader()
        self._forgets = self._reader.forgets
        self._wordless = wordless
        self._max_event = max_event
        self._skims = _MOST_MISSES
        self._moulds = _MOST_MOULDS
        self._mould: Mould | None = None
        self._model: Delta = TextDelta(index=0, text="")
        """What is cast in the mould, but for its text."""
        self._ready: Mould | None = None
        """The mould, where the next bytes begin where a frame may begin."""
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
        events: list[Event] = []
        for told in self.pour(data):
            if isinstance(told, Growth):
                events += told.deltas()
            else:
                events.append(told)
        return events

    def goes_on(self, data: bytes) -> bool:
        """Whether these bytes are one more frame of the text that is under way, and say nothing else: then they were taken."""
        mould, model = self._ready, self._model
        text = mould.text(data) if mould is not None and type(model) is not ToolArgsDelta else None
        if mould is None or text is None or len(data) > self._max_event:
            return False
        self._moulds = _MOST_MOULDS
        if type(model) not in self._forgets:
            self._reader.grew(model, [text], mould.number)
        return True

    def pour(self, data: bytes) -> list[Event | Growth]:
        """See :meth:`Source.pour`."""
        mould = self._ready
        if mould is not None and (text := mould.text(data)) is not None and len(data) <= self._max_event:
            self._moulds = _MOST_MOULDS
            model = self._model
            kind = type(model)
            if kind not in self._forgets:
                self._reader.grew(model, [text], mould.number)
            if kind is TextDelta:
                return [] if self._wordless else [Growth(model.index, [text])]
            told: list[Event | Growth] = []
            self._grown(model, [text], told)
            return told
        decoder, told = self.decoder, []
        if isinstance(decoder, JSONArrayDecoder):
            for element in decoder.feed(data):
                self._read(element, None, told)
            return told
        blocks = decoder.blocks(data)
        at = 0
        while at < len(blocks):
            if self._mould is not None and (texts := self._mould.texts(blocks, at)):
                at += len(texts)
                self._moulds = _MOST_MOULDS
                if type(self._model) not in self._forgets:
                    self._reader.grew(self._model, texts, self._mould.number)
                self._grown(self._model, texts, told)
                continue
            frame = sse.frame_of(blocks[at])
            if frame is not None:
                self._read(frame, blocks[at], told)
            at += 1
        self._ready = self._mould if decoder.empty else None
        return told

    @property
    def settled(self) -> Source:
        """See :meth:`Source.settled`."""
        return self

    def close(self) -> list[Event]:
        """See :meth:`Source.close`."""
        self.torn = not self.decoder.at_boundary
        frames = self.decoder.close()
        self.unterminated = self.torn and bool(frames)
        events: list[Event] = []
        for frame in frames:
            events += self._reader.feed(frame)
        return events + self._reader.close()

    def _read(self, frame: Frame, block: bytes | None, told: list[Event | Growth]) -> None:
        """Tell what a frame says. ``block`` are its bytes, None where they can be no model for others."""
        delta = self._reader.skim(frame) if self._skims else None
        if delta is None:
            self._skims -= self._skims > 0
            self._mould = None  # the part may be over
            told += self._reader.feed(frame)
            return
        self._skims = _MOST_MISSES
        self._mould = self._learnt(block, delta) if block is not None and self._moulds else None
        self._model = delta
        self._grown(delta, [delta.text], told)

    def _grown(self, model: Delta, texts: list[str], told: list[Event | Growth]) -> None:
        """Tell of more deltas like this one. Without words arguments are told all the same: they are timed."""
        kind = type(model)
        if self._wordless and kind is not ToolArgsDelta:
            return
        if isinstance(model, ReasoningDelta) and model.summary is not None:
            told += [ReasoningDelta(index=model.index, text=text, summary=model.summary) for text in texts]
            return
        last = told[-1] if told else None
        if type(last) is Growth and last.index == model.index and last.kind is kind:
            last.texts.extend(texts)
        else:
            told.append(Growth(model.index, texts, kind))

    def _learnt(self, block: bytes, delta: Delta) -> Mould | None:
        """A mould for blocks like this one, if another text in it is read as that other text; None where there is none.

        What one more frame shows to be padding is left open.
        """
        fresh = moulded(block, delta.text, self._reader.counter) if delta.text != _TRIAL else None
        if fresh is None:
            return None
        self._moulds -= 1
        expected = msgspec.structs.replace(delta, text=_TRIAL)
        wider = widened(self._mould, fresh) if self._mould is not None else None
        for mould in (wider, fresh):
            trial = sse.frame_of(mould.filled(_TRIAL)) if mould is not None else None
            if trial is not None and self._reader.look(trial) == expected:
                return mould
        return None


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
