"""What becomes of an answer's bytes on their way to the client: the :class:`Carrier`, and which one an answer gets.

Two lanes, each for streams and for whole bodies; what an answer is, is said by its own head and not by what was asked for. An answer of the
client's own protocol in a form that it did not ask for is written anew: who asked for a stream reads nothing in one body, and the reverse.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol as TypingProtocol
from typing import assert_never

from trioproxy.config.model import Settings
from trioproxy.errors import Failure
from trioproxy.gateway.counts import CountTranslation
from trioproxy.gateway.metering import UsageDropper
from trioproxy.gateway.passages import AnswerEditor, EditAnswer, StreamPassage, WholePassage
from trioproxy.gateway.sources import AnySource, RefinedSource, Source
from trioproxy.gateway.stages import Admitted, Lane, Prepared
from trioproxy.gateway.translations import StreamTranslation, WholeTranslation
from trioproxy.neutral.bare import Barer
from trioproxy.neutral.boxing import Unboxer
from trioproxy.neutral.events import Event
from trioproxy.neutral.loss import Loss
from trioproxy.neutral.stopping import StopCutter
from trioproxy.protocols.base import Framing, Operation, WriteContext
from trioproxy.providers.dialects import ERRORS_IN_200
from trioproxy.providers.quirks import QUIRKS, answered
from trioproxy.upstream.base import Headers
from trioproxy.wire.headers import header
from trioproxy.wire.machine import Machine
from trioproxy.wire.sse import CommentStripper

__all__ = ["Carrier", "carrier_for", "framing_of", "is_encoded"]


# Whose answers are no conversation and tell their usage all the same.
_METERED = frozenset(
    {Operation.COMPACT, Operation.COMPLETIONS, Operation.EMBEDDINGS, Operation.IMAGES, Operation.AUDIO}
)


class Carrier(TypingProtocol):
    """A body under way to the client.

    ``feed`` takes bytes of the provider, ``close`` its clean end; both return the bytes for the client and the events that were understood.
    """

    @property
    def streams(self) -> bool:
        """Whether the client gets frames, between which something of our own may stand."""
        ...

    @property
    def at_border(self) -> bool:
        """Whether what was returned so far ends between two frames."""
        ...

    @property
    def ready(self) -> bool:
        """Whether enough is known of the answer to begin sending it."""
        ...

    @property
    def failure(self) -> Failure | None:
        """What is wrong with the answer by its own account, or by what its bytes are."""
        ...

    @property
    def complete(self) -> bool:
        """Whether the provider said that its answer is whole, so that :meth:`close` ends it well although its transfer broke or hangs."""
        ...

    @property
    def over(self) -> bool:
        """Whether the client was told the end, good or bad: nothing may be added."""
        ...

    @property
    def done(self) -> bool:
        """Whether there is no point in reading on."""
        ...

    @property
    def lost(self) -> bool:
        """Whether the observer was given up: usage is unknown."""
        ...

    @property
    def losses(self) -> list[Loss]:
        """What could not be said in the client's protocol."""
        ...

    def feed(self, data: bytes) -> tuple[bytes, list[Event]]:
        """Take the next bytes of the provider."""
        ...

    @property
    def behind(self) -> bytes:
        """What there is to catch up with."""
        ...

    def catch_up(self) -> list[Event]:
        """What was understood of bytes that :meth:`feed` gave back before they were looked at: a client need not wait for that. To be called
        when they were handed on, whatever came of it."""
        ...

    def close(self) -> tuple[bytes, list[Event]]:
        """The provider's body ended without a fault of the transport."""
        ...

    def failing(self, failure: Failure) -> bytes | None:
        """The bytes that tell the client of ``failure`` here, None where nothing can: the transfer is to be broken off."""
        ...


def framing_of(headers: Headers, *, stream: bool, expected: Framing) -> Framing | None:
    """How the frames of an answer with this head lie on the wire, None where it is no stream.

    A server that was asked for a ``stream`` and does not name its type is taken to send what was ``expected``.
    """
    media = (header(headers, b"content-type") or b"").split(b";")[0].strip().lower()
    if media == b"text/event-stream":
        return Framing.SSE
    if not stream or media == b"text/html":
        return None
    if media == b"application/json":
        return Framing.JSON_ARRAY if expected is Framing.JSON_ARRAY else None
    return expected


def is_json(headers: Headers) -> bool:
    """Whether a body is JSON by its head."""
    return (header(headers, b"content-type") or b"").split(b";")[0].strip().lower() == b"application/json"


def is_encoded(headers: Headers) -> bool:
    """Whether a provider compressed its answer although it was asked not to: then nobody here can read it."""
    return (header(headers, b"content-encoding") or b"identity").strip().lower() != b"identity"


def carrier_for(
    admitted: Admitted, prepared: Prepared, headers: Headers, settings: Settings, context: Callable[[], WriteContext]
) -> Carrier:
    """The carrier of an answer with this head. ``context`` is for those that write."""
    asked = admitted.asked
    # Only in its own protocol does a client get another framing than the one we ask for ourselves.
    expected = asked.framing if prepared.lane is Lane.PASS else Framing.SSE
    framing = framing_of(headers, stream=asked.stream, expected=expected)
    match prepared.lane:
        case Lane.PASS if is_encoded(headers):
            return WholePassage(prepared.outbound, observed=False)
        case Lane.PASS if _otherwise(admitted, prepared, headers, framing):
            return _translation(admitted, prepared, framing, settings, context())
        case Lane.PASS if framing is not None:
            filters = _filters(prepared, framing, settings)
            dropper = UsageDropper() if prepared.metered and framing is Framing.SSE else None
            return StreamPassage(
                prepared.outbound, framing, max_event=settings.max_event, filters=filters, dropper=dropper
            )
        case Lane.PASS:
            observed = asked.operation is Operation.GENERATE
            # Who asked for a stream reads nothing in one body, an error least of all: that has to be told by a status.
            hold = observed and (asked.stream or ERRORS_IN_200 in prepared.candidate.quirks)
            metering = prepared.outbound.metering if asked.operation in _METERED and is_json(headers) else None
            return WholePassage(
                prepared.outbound, observed=observed, edit=_edit(prepared), hold=hold, metering=metering
            )
        case Lane.TRANSLATE if prepared.operation is Operation.COUNT_TOKENS:
            return CountTranslation(prepared.outbound, admitted.protocol, limit=settings.max_body)
        case Lane.TRANSLATE:
            return _translation(admitted, prepared, framing, settings, context())
        case _:
            assert_never(prepared.lane)


def _otherwise(admitted: Admitted, prepared: Prepared, headers: Headers, framing: Framing | None) -> bool:
    """Whether an answer in the client's own protocol is not in the form that was asked for: one body for a stream, or a stream for one body
    or a list. A recording is told as it was made."""
    asked = admitted.asked
    if asked.operation is not Operation.GENERATE or prepared.candidate.credential.replay is not None:
        return False
    if framing is None:
        return asked.stream and is_json(headers)
    return not asked.stream or framing is not asked.framing


def _translation(
    admitted: Admitted, prepared: Prepared, framing: Framing | None, settings: Settings, context: WriteContext
) -> Carrier:
    asked = admitted.asked
    source: Source = AnySource(prepared.outbound, framing, max_event=settings.max_event, limit=settings.max_body)
    if prepared.boxed:
        source = RefinedSource(source, Unboxer())
    if prepared.bare:
        source = RefinedSource(source, Barer())
    if prepared.stops:
        source = RefinedSource(source, StopCutter(prepared.stops))
    words = prepared.emulation or admitted.protocol
    if asked.stream:
        return StreamTranslation(source, prepared.naming, words, asked.framing, context)
    return WholeTranslation(source, prepared.naming, words, context)


def _edit(prepared: Prepared) -> EditAnswer | None:
    """The named rules for answers of this candidate, None where there are none."""
    names = prepared.candidate.quirks
    if not any((quirk := QUIRKS.get(name)) is not None and quirk.answer is not None for name in names):
        return None
    return partial(answered, names, prepared.outbound.name)


def _filters(prepared: Prepared, framing: Framing, settings: Settings) -> list[Machine[bytes, bytes]]:
    """What stands in the way of a passing stream's bytes. Clients that bear no keep-alive bear no comment of a provider either."""
    if framing is not Framing.SSE:
        return []
    filters: list[Machine[bytes, bytes]] = [CommentStripper()] if prepared.outbound.keepalive is None else []
    edit = _edit(prepared)
    if edit is not None:
        filters.append(AnswerEditor(edit, max_event=settings.max_event))
    return filters
