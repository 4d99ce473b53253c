"""The stream vocabulary: an answer as past-tense events. Their legal order is ``grammar.py``.

Parts are numbered from 0 in order of appearance (``index``); several may be open at once (interleaved tool calls). A part's
deltas lie between its start and its PartFinished. Exactly one Finished or Failed ends a stream, and nothing follows it.

Deltas are most of an answer: they are structs, which are made four times as fast as attrs classes. Many of one part may travel as one
:class:`Growth`, for those who know it.
"""

from __future__ import annotations

import enum
from typing import Any, TypeAlias

import attrs
import msgspec

from trioproxy.errors import Failure
from trioproxy.neutral.parts import NO_EXTRAS, Citation, Extras, Media, Search, Signature, ToolKind
from trioproxy.neutral.usage import Usage

__all__ = [
    "CitationAdded",
    "Delta",
    "Event",
    "Failed",
    "FinishReason",
    "Finished",
    "Foreign",
    "Growth",
    "PartFinished",
    "PartKind",
    "PartSigned",
    "PartStarted",
    "ReasoningDelta",
    "RefusalDelta",
    "ResponseStarted",
    "TextDelta",
    "ToolArgsDelta",
    "ToolCallStarted",
    "UsageReported",
]


class PartKind(enum.Enum):
    """What an open part is. Tool calls start with :class:`ToolCallStarted` instead."""

    TEXT = "text"
    REASONING = "reasoning"
    REFUSAL = "refusal"


class FinishReason(enum.Enum):
    """Why the model stopped."""

    STOP = "stop"
    STOP_SEQUENCE = "stop_sequence"
    LENGTH = "length"
    TOOL_CALLS = "tool_calls"
    CONTENT_FILTER = "content_filter"
    REFUSAL = "refusal"
    PAUSE = "pause"
    CONTEXT_LENGTH = "context_length"


@attrs.frozen(kw_only=True)
class ResponseStarted:
    """The answer begins. ``id`` and ``model`` as the provider gave them ("" where it did not); ``created`` in Unix seconds. ``usage`` are
    counts that came with the beginning (or their tier alone), for a protocol that tells them there; a :class:`UsageReported` tells them too."""

    id: str
    model: str
    created: int | None = None
    usage: Usage | None = attrs.field(default=None, eq=False, repr=False)


@attrs.frozen(kw_only=True)
class PartStarted:
    """A text, reasoning or refusal part opens. ``item_id`` is the provider's id for it, where it has one."""

    index: int
    kind: PartKind
    item_id: str | None = None
    extras: Extras = NO_EXTRAS


class TextDelta(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """More text of a TEXT part."""

    index: int
    text: str


class ReasoningDelta(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """More of a REASONING part. ``summary`` is the number of the summary section the text belongs to, None for full text."""

    index: int
    text: str
    summary: int | None = None


class RefusalDelta(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """More of a REFUSAL part."""

    index: int
    text: str


@attrs.frozen(kw_only=True)
class PartSigned:
    """The provider signed an open part (or hid its text in the signature). Legal on any open part, before it finishes.

    Where a provider sends a signature in pieces, the reader joins them.
    """

    index: int
    signature: Signature


@attrs.frozen(kw_only=True)
class CitationAdded:
    """The open TEXT part names a source."""

    index: int
    citation: Citation


@attrs.frozen(kw_only=True)
class ToolCallStarted:
    """A tool call opens. ``call_id`` is what a tool result must name (readers invent one where the provider has none)."""

    index: int
    call_id: str
    name: str
    kind: ToolKind = ToolKind.FUNCTION
    namespace: str | None = None
    item_id: str | None = None
    extras: Extras = NO_EXTRAS


class ToolArgsDelta(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """More argument text of a tool call."""

    index: int
    text: str


class Growth(msgspec.Struct, frozen=True, gc=False):
    """Several deltas of one part in one, none of them empty: so many ``texts`` of one ``kind``. A ReasoningDelta has no section here.

    No event: :meth:`deltas` are the events that it stands for, and the grammar knows those alone.
    """

    index: int
    texts: list[str]
    kind: type[TextDelta] | type[ReasoningDelta] | type[ToolArgsDelta] = TextDelta

    def deltas(self) -> list[Event]:
        """What it stands for."""
        return [self.kind(index=self.index, text=text) for text in self.texts]


@attrs.frozen(kw_only=True)
class PartFinished:
    """The part is whole."""

    index: int


@attrs.frozen(kw_only=True)
class Foreign:
    """Something only ``protocol`` has a word for (a server tool's item, a grounding record), whole, in its place in the order.

    It takes an index of its own and needs no PartFinished. The writer of the same protocol restores it, any other tells what is ``shown``
    (an image that the model made, a search of the web) where it has a word for that, and records a Loss where it has none.
    """

    index: int
    protocol: str
    kind: str
    payload: Any
    shown: Media | Search | None = None


@attrs.frozen(kw_only=True)
class UsageReported:
    """Token counts so far; reports are cumulative, and a later one replaces what it knows (:meth:`Usage.updated`)."""

    usage: Usage


@attrs.frozen(kw_only=True)
class Finished:
    """The provider said the answer is whole. ``raw`` is its own word for the reason."""

    reason: FinishReason
    stop_sequence: str | None = None
    raw: str | None = None


@attrs.frozen(kw_only=True)
class Failed:
    """The stream ended badly; what was sent before stands, nothing follows."""

    failure: Failure


Delta: TypeAlias = TextDelta | ReasoningDelta | ToolArgsDelta
"""What an answer is mostly made of."""

Event: TypeAlias = (
    ResponseStarted
    | PartStarted
    | TextDelta
    | ReasoningDelta
    | RefusalDelta
    | PartSigned
    | CitationAdded
    | ToolCallStarted
    | ToolArgsDelta
    | PartFinished
    | Foreign
    | UsageReported
    | Finished
    | Failed
)
