"""The translating lane: bytes are read into events and written anew in the client's protocol.

Streams and whole bodies cross freely: the source yields events either way, and either a writer takes them one by one or they are folded into
one body.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias, TypeVar

from trioproxy.errors import Failure
from trioproxy.gateway.sources import Source, malformed
from trioproxy.gateway.stream_source import Look
from trioproxy.neutral.events import Event, Failed, Finished, Growth, TextDelta, ToolArgsDelta
from trioproxy.neutral.fold import Folder
from trioproxy.neutral.loss import Loss
from trioproxy.neutral.naming import NameRestorer, ToolNaming
from trioproxy.neutral.taken_ids import TakenIds
from trioproxy.neutral.unnamed import Unnamed
from trioproxy.protocols.base import Emulation, Framing, Press, Protocol, WriteContext
from trioproxy.wire import sse
from trioproxy.wire.frames import Frame, Row
from trioproxy.wire.jsonarray import JSONArrayEncoder
from trioproxy.wire.jsoncodec import dumps
from trioproxy.wire.machine import ProtocolViolation

__all__ = ["StreamTranslation", "WholeTranslation"]


_LAST = frozenset({Finished, Failed})

_Told: TypeAlias = Event | Growth
_Any = TypeVar("_Any", bound=_Told)


class _Translation:
    """What both translations share: a source of events whose violations are failures, tool names as the client knows them, and ids of calls that
    it can tell from earlier ones."""

    behind = b""

    def __init__(self, source: Source, naming: ToolNaming, context: WriteContext) -> None:
        self._source = source
        self._restorer = NameRestorer(naming) if naming else None
        self._known = TakenIds(context.conversation)
        self._unnamed = Unnamed()
        self.failure: Failure | None = None
        self.finished = False
        self.done = False
        """See :class:`Carrier`: the same."""
        self.lost = False

    def catch_up(self) -> list[Event]:
        """See :class:`Carrier`: what was not read can't be said."""
        return []

    @property
    def complete(self) -> bool:
        """See :class:`Carrier`."""
        return self._source.complete and not self.finished

    def _events(self, data: bytes | None) -> Sequence[Event]:
        """The events of these bytes (None: of the end), each stream ending in one Finished or Failed."""
        events: Sequence[Event]
        try:
            events = self._source.close() if data is None else self._source.feed(data)
        except ProtocolViolation as violation:
            events = [Failed(failure=malformed(violation))]
        if self._restorer is not None:
            events = self._restorer.feed_all(events)
        return self._ended(self._known.told_apart(events))

    def _ended(self, told: Sequence[_Any]) -> Sequence[_Any]:
        """What is told, up to its end."""
        for at, each in enumerate(told):
            if type(each) in _LAST:
                self.finished = self.done = True
                self.failure = each.failure if isinstance(each, Failed) else None
                return told[: at + 1]
        return told


class StreamTranslation(_Translation):
    """Any answer as a stream of the client's protocol: each event as soon as the bytes that cause it are there."""

    streams = True
    at_border = True

    def __init__(
        self,
        source: Source,
        naming: ToolNaming,
        words: Protocol | Emulation,
        framing: Framing,
        context: WriteContext,
    ) -> None:
        super().__init__(source, naming, context)
        self._writer = words.stream_writer(context)
        self._array = JSONArrayEncoder() if framing is Framing.JSON_ARRAY else None
        self._begun = False
        self._steady: Look | None = None
        """What reads the next delta, if it is like the last one; then ``_press`` writes it, and ``_around`` frames it."""
        self._press: Press = dumps
        self._around = b"%b"
        self._timed: list[Event] = []
        """What is told of it beside: arguments are timed."""

    @property
    def ready(self) -> bool:
        """See :class:`Carrier`."""
        return self._begun or self.finished

    @property
    def over(self) -> bool:
        """See :class:`Carrier`."""
        return self.finished

    @property
    def losses(self) -> list[Loss]:
        """See :class:`Carrier`."""
        return self._writer.losses

    def feed(self, data: bytes) -> tuple[bytes, list[Event]]:
        """See :class:`Carrier`."""
        steady = self._steady
        if steady is not None:
            text = steady(data)
            if text is not None:
                return self._around % self._press(text), [*self._timed]
            self._steady = None
        if self.finished:
            return b"", []
        told: Sequence[_Told]
        try:
            told = self._source.pour(data)
        except ProtocolViolation as violation:
            told = [Failed(failure=malformed(violation))]
        if self._restorer is not None:
            told = self._restored(told, self._restorer)
        if len(told) == 1 and isinstance(growth := told[0], Growth) and self._goes_alone(growth):
            # As nearly always: one frame more of the text that is under way.
            row = self._writer.more(growth)
            if row is not None:
                self._begun = True
                timed = _heard(told) if growth.kind is ToolArgsDelta else []
                self._expect(growth, row, timed)
                return sse.encode_row(row), timed
        self._source = self._source.settled
        told = self._ended(self._known.told_apart(told))
        return self._written(told), _heard(told)

    def _goes_alone(self, growth: Growth) -> bool:
        """Whether growth that comes alone is written alone, and is for the client at all."""
        return self._array is None and not self._unnamed.hides(growth)

    def _expect(self, growth: Growth, row: Row, timed: list[Event]) -> None:
        """If the source knows how the next delta would be read, be ready to write it: between two of a kind nothing is to be decided."""
        steady = self._source.steady
        press = self._writer.press(growth) if steady is not None else None
        if press is not None:
            self._steady, self._press, self._around, self._timed = steady, press, sse.around(row.event), timed

    def close(self) -> tuple[bytes, list[Event]]:
        """See :class:`Carrier`."""
        if self.finished:
            return b"", []
        self._steady = None
        events = list(self._events(None))
        return self._written(events), events

    def failing(self, failure: Failure) -> bytes | None:
        """See :class:`Carrier`."""
        self.finished = self.done = True
        self._steady = None
        return self._written([Failed(failure=failure)])

    @staticmethod
    def _restored(told: Sequence[_Told], restorer: NameRestorer) -> list[_Told]:
        restored: list[_Told] = []
        for each in told:
            if not isinstance(each, Growth):
                restored += restorer.feed(each)
            elif restorer.unwraps(each.index):
                restored += restorer.feed_all(each.deltas())
            else:
                restored.append(each)
        return restored

    def _written(self, told: Sequence[_Told]) -> bytes:
        writer = self._writer
        pieces: list[bytes] = []
        frames: list[Frame] = []
        for each in told:
            if self._unnamed.hides(each):
                continue
            if not isinstance(each, Growth):
                if type(each) is not TextDelta or not each.text:
                    frames += writer.feed(each)
                    continue
                each = Growth(each.index, [each.text])
            row = writer.more(each)
            if row is None:
                frames += [frame for delta in each.deltas() for frame in writer.feed(delta)]
            elif self._array is not None:
                frames += row.frames()
            else:
                if frames:
                    pieces.append(sse.encode(frames))
                    frames = []
                pieces.append(sse.encode_row(row))
        if self.finished:
            frames += writer.close()
        self._begun = self._begun or bool(frames or pieces)
        if self._array is not None:
            return self._array.encode(frames) + (self._array.close() if self.finished else b"")
        if frames:
            pieces.append(sse.encode(frames))
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _heard(told: Sequence[_Told]) -> list[Event]:
    """The events that were told, but for words: of arguments it is told that there were some, as they are timed."""
    heard: list[Event] = []
    for each in told:
        if not isinstance(each, Growth):
            heard.append(each)
        elif each.kind is ToolArgsDelta:
            heard.append(ToolArgsDelta(index=each.index, text=each.texts[-1]))
    return heard


class WholeTranslation(_Translation):
    """Any answer as one whole body of the client's protocol. Nothing is sent before all of it is known."""

    streams = False
    at_border = False

    def __init__(self, source: Source, naming: ToolNaming, words: Protocol | Emulation, context: WriteContext) -> None:
        super().__init__(source, naming, context)
        self._words = words
        self._context = context
        self._folder = Folder()
        self.losses: list[Loss] = []
        self.over = False

    @property
    def ready(self) -> bool:
        """See :class:`Carrier`."""
        return self.over or self.failure is not None

    def feed(self, data: bytes) -> tuple[bytes, list[Event]]:
        """See :class:`Carrier`."""
        return self._taken([] if self.finished else self._events(data))

    def close(self) -> tuple[bytes, list[Event]]:
        """See :class:`Carrier`."""
        return self._taken([] if self.finished else self._events(None))

    def failing(self, failure: Failure) -> bytes | None:
        """See :class:`Carrier`."""
        return None

    def _taken(self, events: Sequence[Event]) -> tuple[bytes, list[Event]]:
        for event in events:
            if not self._unnamed.hides(event):
                self._folder.feed(event)
        if not self.finished or self.over or self.failure is not None:
            return b"", [*events]
        self.over = True
        written = self._words.write_body(self._folder.answer(), self._context)
        self.losses.extend(written.losses)
        return dumps(written.body), [*events]
