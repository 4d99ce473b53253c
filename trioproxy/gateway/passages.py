"""The passing lane: the provider's bytes go on unchanged and are only observed.

An observer that fails is given up, with one log line, and the bytes never notice. What the observer does decide is how a bad end is told: by the
protocol's own error, behind a blank line where an event was torn (:meth:`~trioproxy.gateway.carriers.Carrier.failing`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TypeAlias

from trioproxy.errors import Failure
from trioproxy.gateway.metering import UsageDropper
from trioproxy.gateway.sources import Source, UsageSource, WholeSource, encode_error, malformed
from trioproxy.gateway.stream_source import StreamSource
from trioproxy.neutral.events import Event, Failed, Finished, Foreign, PartStarted, ToolCallStarted
from trioproxy.neutral.loss import Loss
from trioproxy.protocols.base import Framing, Metering, Protocol
from trioproxy.wire import sse
from trioproxy.wire.frames import Frame
from trioproxy.wire.jsonarray import JSONArrayDecoder
from trioproxy.wire.jsoncodec import JSONError, Object, dumps, loads_object
from trioproxy.wire.machine import Chain, Machine, ProtocolViolation

__all__ = ["AnswerEditor", "EditAnswer", "StreamPassage", "WholePassage"]

EditAnswer: TypeAlias = Callable[[Object], Object | None]
"""A named rule for answers: the document as it should be, None where it is already."""

_log = logging.getLogger("trioproxy.gateway")

MOST_OBSERVED = 8 * 1024 * 1024
"""A whole body that only passes is kept up to this many bytes, to read its usage from."""


_CONTENT = frozenset({PartStarted, ToolCallStarted, Foreign, Finished, Failed})
"""Behind one of these an answer is an answer, or none."""


class StreamPassage:
    """A stream of the client's own protocol: its bytes unchanged, its events observed.

    ``filters`` are what named rules put in the way of the bytes; the observer sees what the client gets, and beside it what ``dropper`` takes
    out: the usage that the client did not ask for.
    """

    streams = True
    complete = False  # what goes by unchanged is never ended by us

    def __init__(
        self,
        protocol: Protocol,
        framing: Framing,
        *,
        max_event: int,
        filters: Sequence[Machine[bytes, bytes]] = (),
        dropper: UsageDropper | None = None,
    ) -> None:
        self._protocol = protocol
        self._framing = framing
        self._source = StreamSource(protocol, framing, max_event=max_event, wordless=True)
        self._filters = Chain(*filters) if filters else None
        self._dropper = dropper
        self._violated = False
        self.failure: Failure | None = None
        self.lost = False
        self.losses: list[Loss] = []
        self.done = False
        """See :class:`Carrier`. A provider's own error is followed to the end of its stream; bytes that are broken are not."""
        self._understood = False
        self._spoken = False
        self.behind = b""
        """See :class:`Carrier`."""

    @property
    def framing(self) -> Framing:
        """How the frames lie on the wire."""
        return self._framing

    @property
    def at_border(self) -> bool:
        """See :class:`Carrier`."""
        return not (self.lost or self._violated or self._source.torn) and self._source.decoder.at_boundary

    @property
    def ready(self) -> bool:
        """See :class:`Carrier`: the first frame is whole, or what came so far is no part of one."""
        return self._understood or self.lost or self._source.decoder.at_boundary

    @property
    def over(self) -> bool:
        """See :class:`Carrier`."""
        return self._source.seen.complete or self._source.seen.failed

    def feed(self, data: bytes) -> tuple[bytes, list[Event]]:
        """See :class:`Carrier`."""
        if self._filters is not None:
            try:
                data = b"".join(self._filters.feed(data))
            except ProtocolViolation as violation:
                self._break(violation)
                return b"", []
        events = self.catch_up() if self.behind else []
        if self._spoken:
            self.behind = data
        else:
            events += self._until_content(data)
        return data if self._dropper is None else self._dropper.feed(data), events

    def catch_up(self) -> list[Event]:
        """See :class:`Carrier`."""
        unseen, self.behind = self.behind, b""
        silent = self._source.silent
        if not unseen:
            return []
        if silent is not None and silent(unseen) is not None:
            return [*self._source.timed]
        return self._observe(self._source.feed, unseen)

    def close(self) -> tuple[bytes, list[Event]]:
        """See :class:`Carrier`."""
        rest = b"".join(self._filters.close()) if self._filters is not None else b""
        events = self.catch_up()
        events += self._observe(self._source.feed, rest) if rest else []
        if self._dropper is not None:
            rest = self._dropper.feed(rest) + self._dropper.close()
        return rest, events + self._observe(lambda _: self._source.close(), b"")

    def failing(self, failure: Failure) -> bytes | None:
        """See :class:`Carrier`."""
        if self.lost:
            return None  # nobody knows whether the stream's own end went by
        decoder, at_border = self._source.decoder, self.at_border
        if isinstance(decoder, JSONArrayDecoder):
            if not at_border:
                return None  # nothing can stand behind half an element
            return encode_error(self._protocol, self._framing, failure, self._source.seen, opening=decoder.opening)
        # A blank line makes of half an event one of its own, whose data no client can read: nobody takes it for a whole one.
        error = encode_error(self._protocol, self._framing, failure, self._source.seen)
        return error if at_border else b"\n\n" + error

    def _until_content(self, data: bytes) -> list[Event]:
        """Observe frame by frame until one has content: before that, nothing may be sent, because another candidate may have to answer."""
        at, events = 0, list[Event]()
        while at < len(data) and not self._spoken:
            end = data.find(b"\n\n", at) + 2
            if end < 2 or self._framing is not Framing.SSE:
                end = len(data)
            found = self._observe(self._source.feed, data[at:end])
            self._spoken = any(type(event) in _CONTENT for event in found)
            events += found
            at = end
        self.behind = data[at:]
        return events

    def _observe(self, look: Callable[[bytes], list[Event]], data: bytes) -> list[Event]:
        if self.lost or self._violated:
            return []
        try:
            events = look(data)
        except ProtocolViolation as violation:
            self._break(violation)
            return []
        except Exception:
            self.lost = True
            _log.exception("a stream's observer failed: its usage is unknown, its bytes go on")
            return []
        if events:
            self._understood = True
            last = events[-1]
            if isinstance(last, Failed) and self.failure is None:
                self.failure = last.failure
                self.done = not self.over
        return events

    def _break(self, violation: ProtocolViolation) -> None:
        self._violated = True
        self.failure = self.failure or malformed(violation)
        self.done = not self.over


class AnswerEditor:
    """A machine from bytes to bytes that lets a named rule change the events of a stream. What no rule changes keeps its meaning but not its
    spelling: comments go, line ends become LF."""

    def __init__(self, edit: EditAnswer, *, max_event: int) -> None:
        self._edit = edit
        self._decoder = sse.SSEDecoder(max_event=max_event)

    def feed(self, item: bytes) -> list[bytes]:
        """The events that end in ``item``."""
        return self._edited(self._decoder.feed(item))

    def close(self) -> list[bytes]:
        """An event that the end of the stream left without its blank line."""
        return self._edited(self._decoder.close())

    def _edited(self, frames: list[Frame]) -> list[bytes]:
        return [sse.encode([self._frame(frame)]) for frame in frames]

    def _frame(self, frame: Frame) -> Frame:
        data = edited_body(self._edit, frame.data)
        return Frame(data, frame.event) if data is not None else frame


def edited_body(edit: EditAnswer, body: bytes) -> bytes | None:
    """``body`` as the rule wants it, None where it stays as it is (because it is no JSON object, among others)."""
    try:
        changed = edit(loads_object(body))
    except JSONError:
        return None
    return dumps(changed) if changed is not None else None


class WholePassage:
    """A body that is no stream: its bytes unchanged, read at its end where ``observed``, or only for its usage where there is ``metering``. With
    ``edit`` it is held back whole, and with ``hold`` too, as long as it can be observed."""

    streams = False
    behind = b""
    at_border = False
    complete = False
    done = False

    def __init__(
        self,
        protocol: Protocol,
        *,
        observed: bool,
        edit: EditAnswer | None = None,
        hold: bool = False,
        metering: Metering | None = None,
    ) -> None:
        self._source: Source | None = None
        if observed:
            self._source = WholeSource(protocol, limit=MOST_OBSERVED, wordless=True)
        elif metering is not None:
            self._source = UsageSource(metering, limit=MOST_OBSERVED)
        self._edit = edit
        self._hold = hold or edit is not None
        self._held = bytearray()
        self.failure: Failure | None = None
        self.over = False
        self.losses: list[Loss] = []

    @property
    def ready(self) -> bool:
        """See :class:`Carrier`."""
        return not self._hold or self.over

    @property
    def edited(self) -> bool:
        """Whether the length that the provider declared may not be the length of what is sent."""
        return self._edit is not None

    @property
    def lost(self) -> bool:
        """See :class:`Carrier`."""
        return self._source is None

    def feed(self, data: bytes) -> tuple[bytes, list[Event]]:
        """See :class:`Carrier`."""
        if self._source is not None:
            try:
                self._source.feed(data)
            except ProtocolViolation:
                self._source = None
                self._hold = self._edit is not None
        if self._hold:
            self._held += data
            return b"", []
        if self._held:
            data = bytes(self._held) + data
            self._held.clear()
        return data, []

    def catch_up(self) -> list[Event]:
        """See :class:`Carrier`: a whole body is looked at when it is whole."""
        return []

    def close(self) -> tuple[bytes, list[Event]]:
        """See :class:`Carrier`."""
        self.over = True
        body = bytes(self._held)
        if self._edit is not None:
            changed = edited_body(self._edit, body)
            body = body if changed is None else changed
        return body, self._observed()

    def _observed(self) -> list[Event]:
        if self._source is None:
            return []
        try:
            events = self._source.close()
        except ProtocolViolation:
            self._source = None
            return []
        except Exception:
            self._source = None
            _log.exception("the observer of an answer failed: its usage is unknown, its bytes went on")
            return []
        if events and isinstance(events[-1], Failed):
            self.failure = events[-1].failure
        return events

    def failing(self, failure: Failure) -> bytes | None:
        """See :class:`Carrier`."""
        return None
