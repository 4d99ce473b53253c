"""The passing lane: the provider's bytes go on unchanged and are only observed.

An observer that fails is given up, with one log line, and the bytes never notice. What the observer does decide is how a bad end is told: at an
event border by the protocol's own error, within an event not at all (:meth:`~trioproxy.gateway.carriers.Carrier.failing`).
"""

from __future__ import annotations

import logging

from trioproxy.errors import Failure
from trioproxy.gateway.sources import StreamSource, WholeSource, encode_error, malformed
from trioproxy.neutral.events import Event, Failed
from trioproxy.neutral.loss import Loss
from trioproxy.protocols.base import Framing, Protocol
from trioproxy.wire import sse
from trioproxy.wire.jsonarray import JSONArrayDecoder
from trioproxy.wire.machine import ProtocolViolation

__all__ = ["StreamPassage", "WholePassage"]

_log = logging.getLogger("trioproxy.gateway")

MOST_OBSERVED = 8 * 1024 * 1024
"""A whole body that only passes is kept up to this many bytes, to read its usage from."""


class StreamPassage:
    """A stream of the client's own protocol: its bytes unchanged, its events observed.

    ``stripped`` takes comments out, for clients that bear none.
    """

    streams = True

    def __init__(self, protocol: Protocol, framing: Framing, *, max_event: int, stripped: bool = False) -> None:
        self._protocol = protocol
        self._framing = framing
        self._source = StreamSource(protocol, framing, max_event=max_event)
        self._stripper = sse.CommentStripper() if stripped and framing is Framing.SSE else None
        self._violated = False
        self.failure: Failure | None = None
        self.lost = False
        self.losses: list[Loss] = []
        self._frames = False

    @property
    def at_border(self) -> bool:
        """See :class:`Carrier`."""
        return not self.lost and not self._violated and self._source.decoder.at_boundary

    @property
    def ready(self) -> bool:
        """See :class:`Carrier`: the first frame is whole, or what came so far is no part of one."""
        return self._frames or self.lost or self._source.decoder.at_boundary

    @property
    def over(self) -> bool:
        """See :class:`Carrier`."""
        return self._source.seen.complete or self._source.seen.failed

    @property
    def done(self) -> bool:
        """See :class:`Carrier`. A provider's own error is followed to the end of its stream; bytes that are broken are not."""
        return self.failure is not None and not self.over

    def feed(self, data: bytes) -> tuple[bytes, list[Event]]:
        """See :class:`Carrier`."""
        events: list[Event] = []
        if not self.lost:
            try:
                events = self._source.feed(data)
            except ProtocolViolation as violation:
                self._violated = True
                self.failure = self.failure or malformed(violation)
            except Exception:
                self._give_up()
        self._note(events)
        if self._stripper is not None:
            data = b"".join(self._stripper.feed(data))
        return data, events

    def close(self) -> tuple[bytes, list[Event]]:
        """See :class:`Carrier`."""
        events: list[Event] = []
        if not self.lost:
            try:
                events = self._source.close()
            except Exception:
                self._give_up()
        self._note(events)
        return b"".join(self._stripper.close()) if self._stripper is not None else b"", events

    def failing(self, failure: Failure) -> bytes | None:
        """See :class:`Carrier`."""
        if not self.at_border:
            return None
        decoder = self._source.decoder
        opening = decoder.opening if isinstance(decoder, JSONArrayDecoder) else b""
        held = b"".join(self._stripper.close()) if self._stripper is not None else b""
        return held + encode_error(self._protocol, self._framing, failure, self._source.seen, opening=opening)

    def _note(self, events: list[Event]) -> None:
        if events:
            self._frames = True
            last = events[-1]
            if isinstance(last, Failed) and self.failure is None:
                self.failure = last.failure

    def _give_up(self) -> None:
        self.lost = True
        _log.exception("a stream's observer failed: its usage is unknown, its bytes go on")


class WholePassage:
    """A body that is no stream: its bytes unchanged, read at its end where ``observed``."""

    streams = False
    at_border = False
    ready = True
    done = False

    def __init__(self, protocol: Protocol, *, observed: bool) -> None:
        self._source: WholeSource | None = WholeSource(protocol, limit=MOST_OBSERVED) if observed else None
        self.failure: Failure | None = None
        self.over = False
        self.losses: list[Loss] = []

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
        return data, []

    def close(self) -> tuple[bytes, list[Event]]:
        """See :class:`Carrier`."""
        self.over = True
        if self._source is None:
            return b"", []
        try:
            events = self._source.close()
        except ProtocolViolation:
            self._source = None
            return b"", []
        except Exception:
            self._source = None
            _log.exception("the observer of an answer failed: its usage is unknown, its bytes went on")
            return b"", []
        if events and isinstance(events[-1], Failed):
            self.failure = events[-1].failure
        return b"", events

    def failing(self, failure: Failure) -> bytes | None:
        """See :class:`Carrier`."""
        return None
