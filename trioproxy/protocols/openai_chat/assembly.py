"""The parts of one answer while it arrives: which of them is open, and what has to end before another begins.

A chat message has one text, one reasoning and one refusal, but they come in turns. At most one of the three is open here at a time; what resumes
after something else is a new part. Tool calls are open beside each other, until their arguments are whole.
"""

from __future__ import annotations

from typing import assert_never

from trioproxy.neutral.events import (
    CitationAdded,
    Event,
    Foreign,
    PartFinished,
    PartKind,
    PartSigned,
    PartStarted,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
)
from trioproxy.neutral.parts import Citation, Media, Signature
from trioproxy.protocols.openai_chat.calls import CallAssembly
from trioproxy.protocols.openai_chat.endpoints import NAME
from trioproxy.wire.jsoncodec import JSON

__all__ = ["AnswerAssembly"]


class AnswerAssembly:
    """Numbers parts, opens and ends them. Every method returns the events it causes. ``open`` is the text, reasoning or refusal that is open."""

    def __init__(self) -> None:
        self.calls = CallAssembly(self._claim)
        self._parts = 0
        self.open: tuple[PartKind, int] | None = None
        self._grown: set[PartKind] = set()

    @property
    def empty(self) -> bool:
        """Whether no part has begun."""
        return self._parts == 0

    def has(self, kind: PartKind) -> bool:
        """Whether a part of this kind has begun."""
        return kind in self._grown

    def grow(self, kind: PartKind, text: str) -> list[Event]:
        """More text of the part of this kind."""
        events, index = self._opened(kind)
        match kind:
            case PartKind.TEXT:
                return [*events, TextDelta(index=index, text=text)]
            case PartKind.REASONING:
                return [*events, ReasoningDelta(index=index, text=text)]
            case PartKind.REFUSAL:
                return [*events, RefusalDelta(index=index, text=text)]
            case _:
                assert_never(kind)

    def sign(self, signature: Signature) -> list[Event]:
        """The signature of the reasoning so far, which it ends: a signature is the last thing a block of thought has."""
        events, index = self._opened(PartKind.REASONING)
        return [*events, PartSigned(index=index, signature=signature), *self._end_open()]

    def sign_message(self, signature: Signature, *, called: bool) -> list[Event]:
        """The signature of a whole message (Gemini). It stands on the newest call where the message (or delta) has any (``called``), else
        on the text, else on a thought without words."""
        call = self.calls.latest
        if called and call is not None:
            return [PartSigned(index=call, signature=signature)]
        if self.open is not None and self.open[0] is PartKind.TEXT:
            return [PartSigned(index=self.open[1], signature=signature)]
        return self.sign(signature)

    def cite(self, citations: list[Citation]) -> list[Event]:
        """Sources of the text, of a new one without words where none is open any more."""
        if not citations:
            return []
        events, index = self._opened(PartKind.TEXT)
        return [*events, *(CitationAdded(index=index, citation=citation) for citation in citations)]

    def carry(self, kind: str, payload: JSON, *, shown: Media | None = None) -> list[Event]:
        """Something only this protocol has a word for, in its place; ``shown`` is the image in it."""
        self._parts += 1
        return [Foreign(index=self._parts - 1, protocol=NAME, kind=kind, payload=payload, shown=shown)]

    def finish(self) -> list[Event]:
        """End all parts.

        Raises:
            ProtocolViolation: a tool call never got a name.
        """
        calls = self.calls.finish()
        return [*self._end_open(), *calls]

    def _opened(self, kind: PartKind) -> tuple[list[Event], int]:
        if self.open is not None and self.open[0] is kind:
            return [], self.open[1]
        events, index = self._claim()
        self.open = (kind, index)
        self._grown.add(kind)
        return [*events, PartStarted(index=index, kind=kind)], index

    def _claim(self) -> tuple[list[Event], int]:
        """The end of what a new part follows, and the new part's index."""
        events = [*self._end_open(), *self.calls.finish_whole()]
        self._parts += 1
        return events, self._parts - 1

    def _end_open(self) -> list[Event]:
        if self.open is None:
            return []
        index = self.open[1]
        self.open = None
        return [PartFinished(index=index)]
