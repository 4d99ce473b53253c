"""From a provider's stream to events: its bytes are taken apart into frames, and most frames are told by less than reading them. Pure.

Refuses to know: where the events go, and what a client is to be sent.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias, assert_never

import msgspec

from trioproxy.neutral.events import Delta, Event, Growth, ReasoningDelta, TextDelta, ToolArgsDelta
from trioproxy.protocols.base import Framing, Protocol, Reader, StreamSeen
from trioproxy.wire import sse
from trioproxy.wire.frames import Frame
from trioproxy.wire.jsonarray import JSONArrayDecoder
from trioproxy.wire.moulds import Mould, moulded, widened

__all__ = ["Look", "StreamSource"]


def _decoder(framing: Framing, max_event: int) -> sse.SSEDecoder | JSONArrayDecoder:
    match framing:
        case Framing.SSE:
            return sse.SSEDecoder(max_event=max_event)
        case Framing.JSON_ARRAY:
            return JSONArrayDecoder(max_element=max_event)
        case _:
            assert_never(framing)


_MOST_MISSES = 64
"""So many frames in a row that can't be skimmed, and it is tried with one in so many only: this part of the answer has something that nobody
expects."""

_MOST_MOULDS = 16
"""So many moulds in a row into which nothing was cast, and no more are made: this provider's frames differ in more than their words."""

_TRIAL = 'Between two quotes, "these"\n'
"""A text that no frame has by chance."""


Look: TypeAlias = Callable[[bytes], str | None]
"""From all the bytes of a read to the text of the one delta that they are; None where they are anything else."""


class StreamSource:
    """The events of a stream, and what its reader remembers of it: a :class:`~trioproxy.gateway.sources.Source`.

    ``wordless`` is for who wants to know how a stream goes and not what it says: text that only continues an open part may be left out.
    After ``close``: ``torn`` says that the bytes ended within an event.

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
        self.silent: Look | None = None
        """Says of all the bytes of a read, by another answer than None, that they are one delta more whose words nobody wants to know of."""
        self.timed: list[Event] = []
        """What is to be told of such a delta all the same: of arguments, that there were some."""
        self.steady: Look | None = None
        """See ``Source.steady``."""
        self._recast = False
        """Whether bytes were cast in the mould without being taken apart."""
        self.torn = False

    @property
    def seen(self) -> StreamSeen:
        """See :class:`~trioproxy.protocols.base.StreamSeen`."""
        return self._reader.seen

    @property
    def complete(self) -> bool:
        """See ``Source.complete``."""
        return self.seen.complete

    def feed(self, data: bytes) -> list[Event]:
        """See ``Source.feed``."""
        events: list[Event] = []
        for told in self.pour(data):
            if isinstance(told, Growth):
                events += told.deltas()
            else:
                events.append(told)
        return events

    def pour(self, data: bytes) -> list[Event | Growth]:
        """See ``Source.pour``."""
        mould = self._ready
        told: list[Event | Growth] = []
        if mould is not None and (text := mould.text(data)) is not None:
            self._moulds = _MOST_MOULDS
            model = self._model
            forgets = type(model) in self._forgets
            if not self._recast:
                self._settle(mould.text if forgets else self._remembering, model)
            if not forgets:
                self._reader.grew(model, [text], mould.number)
            self._grown(model, [text], told)
            return told
        self.silent = self.steady = None
        self._recast = False
        decoder = self.decoder
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

    def _settle(self, look: Look, model: Delta) -> None:
        """What was cast in a mould twice is cast in it again, most likely: then the next bytes need not come by here."""
        self._recast = True
        if self._wordless:
            self.silent = look
            self.timed = [model] if isinstance(model, ToolArgsDelta) else []
        elif not isinstance(model, ReasoningDelta) or model.summary is None:
            self.steady = look

    def _remembering(self, data: bytes) -> str | None:
        """The look of a reader that counts."""
        mould = self._ready
        text = mould.text(data) if mould is not None else None
        if mould is not None and text is not None:
            self._reader.grew(self._model, [text], mould.number)
        return text

    @property
    def settled(self) -> StreamSource:
        """See ``Source.settled``."""
        return self

    def close(self) -> list[Event]:
        """See ``Source.close``."""
        self.torn = not self.decoder.at_boundary
        events: list[Event] = []
        for frame in self.decoder.close():
            events += self._reader.feed(frame)
        return events + self._reader.close()

    def _read(self, frame: Frame, block: bytes | None, told: list[Event | Growth]) -> None:
        """Tell what a frame says. ``block`` are its bytes, None where they can be no model for others."""
        delta = self._reader.skim(frame) if self._skims > 0 else None
        if delta is None:
            self._skims = self._skims - 1 if self._skims > -_MOST_MISSES else 1
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
            if mould is not None and trial is not None and self._reader.look(trial) == expected:
                mould.limit = self._max_event
                return mould
        return None
