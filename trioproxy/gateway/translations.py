"""The translating lane: bytes are read into events and written anew in the client's protocol.

Streams and whole bodies cross freely: the source yields events either way, and either a writer takes them one by one or they are folded into
one body.
"""

from __future__ import annotations

from trioproxy.errors import Failure
from trioproxy.gateway.sources import Source, malformed
from trioproxy.neutral.events import Event, Failed, Finished
from trioproxy.neutral.fold import Folder
from trioproxy.neutral.loss import Loss
from trioproxy.neutral.naming import NameRestorer, ToolNaming
from trioproxy.protocols.base import Emulation, Framing, Protocol, WriteContext
from trioproxy.wire import sse
from trioproxy.wire.jsonarray import JSONArrayEncoder
from trioproxy.wire.jsoncodec import dumps
from trioproxy.wire.machine import ProtocolViolation

__all__ = ["StreamTranslation", "WholeTranslation"]


_LAST = frozenset({Finished, Failed})


class _Translation:
    """What both translations share: a source of events whose violations are failures, and tool names as the client knows them."""

    def __init__(self, source: Source, naming: ToolNaming) -> None:
        self._source = source
        self._restorer = NameRestorer(naming) if naming else None
        self.failure: Failure | None = None
        self.finished = False
        self.lost = False

    @property
    def complete(self) -> bool:
        """See :class:`Carrier`."""
        return self._source.complete and not self.finished

    def _events(self, data: bytes | None) -> list[Event]:
        """The events of these bytes (None: of the end), each stream ending in one Finished or Failed."""
        try:
            events = self._source.close() if data is None else self._source.feed(data)
        except ProtocolViolation as violation:
            events = [Failed(failure=malformed(violation))]
        if self._restorer is not None:
            events = self._restorer.feed_all(events)
        for at, event in enumerate(events):
            if type(event) in _LAST:
                self.finished = True
                self.failure = event.failure if isinstance(event, Failed) else None
                return events[: at + 1]
        return events


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
        super().__init__(source, naming)
        self._writer = words.stream_writer(context)
        self._array = JSONArrayEncoder() if framing is Framing.JSON_ARRAY else None
        self._begun = False

    @property
    def ready(self) -> bool:
        """See :class:`Carrier`."""
        return self._begun or self.finished

    @property
    def over(self) -> bool:
        """See :class:`Carrier`."""
        return self.finished

    @property
    def done(self) -> bool:
        """See :class:`Carrier`."""
        return self.finished

    @property
    def losses(self) -> list[Loss]:
        """See :class:`Carrier`."""
        return self._writer.losses

    def feed(self, data: bytes) -> tuple[bytes, list[Event]]:
        """See :class:`Carrier`."""
        if self.finished:
            return b"", []
        events = self._events(data)
        return self._written(events), events

    def close(self) -> tuple[bytes, list[Event]]:
        """See :class:`Carrier`."""
        if self.finished:
            return b"", []
        events = self._events(None)
        return self._written(events), events

    def failing(self, failure: Failure) -> bytes | None:
        """See :class:`Carrier`."""
        self.finished = True
        return self._written([Failed(failure=failure)])

    def _written(self, events: list[Event]) -> bytes:
        frames = [frame for event in events for frame in self._writer.feed(event)]
        if self.finished:
            frames += self._writer.close()
        self._begun = self._begun or bool(frames)
        if self._array is None:
            return sse.encode(frames)
        return self._array.encode(frames) + (self._array.close() if self.finished else b"")


class WholeTranslation(_Translation):
    """Any answer as one whole body of the client's protocol. Nothing is sent before all of it is known."""

    streams = False
    at_border = False

    def __init__(self, source: Source, naming: ToolNaming, words: Protocol | Emulation, context: WriteContext) -> None:
        super().__init__(source, naming)
        self._words = words
        self._context = context
        self._folder = Folder()
        self.losses: list[Loss] = []
        self.over = False

    @property
    def ready(self) -> bool:
        """See :class:`Carrier`."""
        return self.over or self.failure is not None

    @property
    def done(self) -> bool:
        """See :class:`Carrier`."""
        return self.finished

    def feed(self, data: bytes) -> tuple[bytes, list[Event]]:
        """See :class:`Carrier`."""
        return self._taken([] if self.finished else self._events(data))

    def close(self) -> tuple[bytes, list[Event]]:
        """See :class:`Carrier`."""
        return self._taken([] if self.finished else self._events(None))

    def failing(self, failure: Failure) -> bytes | None:
        """See :class:`Carrier`."""
        return None

    def _taken(self, events: list[Event]) -> tuple[bytes, list[Event]]:
        for event in events:
            self._folder.feed(event)
        if not self.finished or self.over or self.failure is not None:
            return b"", events
        self.over = True
        written = self._words.write_body(self._folder.answer(), self._context)
        self.losses.extend(written.losses)
        return dumps(written.body), events
