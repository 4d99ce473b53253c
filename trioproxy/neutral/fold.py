"""Whole answers are folded streams: events to an :class:`Answer` and back.

So a JSON answer can serve a streaming client and the reverse, without code in any protocol.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

import attrs

from trioproxy.errors import Failure
from trioproxy.neutral.events import (
    CitationAdded,
    Event,
    Failed,
    Finished,
    FinishReason,
    Foreign,
    PartFinished,
    PartKind,
    PartSigned,
    PartStarted,
    ReasoningDelta,
    RefusalDelta,
    ResponseStarted,
    TextDelta,
    ToolArgsDelta,
    ToolCallStarted,
    UsageReported,
)
from trioproxy.neutral.parts import Citation, Opaque, Reasoning, Refusal, Signature, Text, ToolCall
from trioproxy.neutral.response import Answer, AnswerPart
from trioproxy.neutral.usage import Usage

__all__ = ["Folder", "fold", "unfold"]


@attrs.define(eq=False)
class _Open:
    """A part while it grows."""

    start: PartStarted | ToolCallStarted
    text: list[str] = attrs.field(factory=list)
    summary: dict[int, list[str]] = attrs.field(factory=dict)
    citations: list[Citation] = attrs.field(factory=list)
    signature: Signature | None = None

    def whole(self) -> AnswerPart:
        text = "".join(self.text)
        match self.start:
            case ToolCallStarted() as call:
                return ToolCall(
                    call_id=call.call_id,
                    name=call.name,
                    arguments=text,
                    kind=call.kind,
                    namespace=call.namespace,
                    signature=self.signature,
                    extras=call.extras,
                )
            case PartStarted(kind=PartKind.TEXT, extras=extras):
                return Text(text=text, citations=tuple(self.citations), signature=self.signature, extras=extras)
            case PartStarted(kind=PartKind.REFUSAL, extras=extras):
                return Refusal(text=text, extras=extras)
            case start:
                summary = tuple("".join(self.summary[number]) for number in sorted(self.summary))
                return Reasoning(text=text, summary=summary, signature=self.signature, extras=start.extras)


class Folder:
    """Takes events one by one; :meth:`answer` is what they come to so far. A part that never finished is kept as far as it got."""

    def __init__(self) -> None:
        self._started: ResponseStarted | None = None
        self._parts: dict[int, _Open | Opaque] = {}
        self._usage: Usage | None = None
        self._finished: Finished | None = None
        self._failure: Failure | None = None

    @property
    def over(self) -> bool:
        """Whether the stream had its one Finished or Failed."""
        return self._finished is not None or self._failure is not None

    def feed(self, event: Event) -> None:
        """Take the next event (in legal order)."""
        match event:
            case ResponseStarted():
                self._started = event
            case PartStarted(index=index) | ToolCallStarted(index=index):
                self._parts[index] = _Open(event)
            case (
                TextDelta(index=index, text=text)
                | RefusalDelta(index=index, text=text)
                | ToolArgsDelta(index=index, text=text)
            ):
                self._open(index).text.append(text)
            case ReasoningDelta(index=index, text=text, summary=None):
                self._open(index).text.append(text)
            case ReasoningDelta(index=index, text=text, summary=int() as number):
                self._open(index).summary.setdefault(number, []).append(text)
            case PartSigned(index=index, signature=signature):
                self._open(index).signature = signature
            case CitationAdded(index=index, citation=citation):
                self._open(index).citations.append(citation)
            case PartFinished():
                pass
            case Foreign(index=index, protocol=protocol, kind=kind, payload=payload, shown=shown):
                self._parts[index] = Opaque(protocol=protocol, kind=kind, payload=payload, shown=shown)
            case UsageReported(usage=usage):
                self._usage = usage if self._usage is None else self._usage.updated(usage)
            case Finished():
                self._finished = event
            case Failed(failure=failure):
                self._failure = failure
            case _:
                raise AssertionError(event)

    def answer(self) -> Answer:
        """The answer so far."""
        started = self._started or ResponseStarted(id="", model="")
        parts = tuple(
            part if isinstance(part, Opaque) else part.whole() for _, part in sorted(self._parts.items(), key=_index)
        )
        return Answer(
            id=started.id,
            model=started.model,
            created=started.created,
            parts=parts,
            usage=self._usage,
            finish=self._finished.reason if self._finished else None,
            stop_sequence=self._finished.stop_sequence if self._finished else None,
            finish_raw=self._finished.raw if self._finished else None,
            failure=self._failure,
        )

    def _open(self, index: int) -> _Open:
        part = self._parts[index]
        assert isinstance(part, _Open)
        return part


def _index(item: tuple[int, object]) -> int:
    return item[0]


def fold(events: Iterable[Event]) -> Answer:
    """The answer that a legal stream of events comes to."""
    folder = Folder()
    for event in events:
        folder.feed(event)
    return folder.answer()


def unfold(answer: Answer) -> list[Event]:
    """The shortest legal stream that folds to this answer."""
    events: list[Event] = [ResponseStarted(id=answer.id, model=answer.model, created=answer.created)]
    for index, part in enumerate(answer.parts):
        events += _unfold_part(index, part)
    if answer.usage is not None:
        events.append(UsageReported(usage=answer.usage))
    if answer.failure is not None:
        events.append(Failed(failure=answer.failure))
    else:
        reason = answer.finish or FinishReason.STOP
        events.append(Finished(reason=reason, stop_sequence=answer.stop_sequence, raw=answer.finish_raw))
    return events


def _unfold_part(index: int, part: AnswerPart) -> list[Event]:
    match part:
        case Text():
            return [
                PartStarted(index=index, kind=PartKind.TEXT, extras=part.extras),
                *([TextDelta(index=index, text=part.text)] if part.text else []),
                *(CitationAdded(index=index, citation=citation) for citation in part.citations),
                *_signed(index, part.signature),
                PartFinished(index=index),
            ]
        case Reasoning():
            return [
                PartStarted(index=index, kind=PartKind.REASONING, extras=part.extras),
                *([ReasoningDelta(index=index, text=part.text)] if part.text else []),
                *(ReasoningDelta(index=index, text=text, summary=n) for n, text in enumerate(part.summary)),
                *_signed(index, part.signature),
                PartFinished(index=index),
            ]
        case Refusal():
            return [
                PartStarted(index=index, kind=PartKind.REFUSAL, extras=part.extras),
                *([RefusalDelta(index=index, text=part.text)] if part.text else []),
                PartFinished(index=index),
            ]
        case ToolCall():
            return [
                ToolCallStarted(
                    index=index,
                    call_id=part.call_id,
                    name=part.name,
                    kind=part.kind,
                    namespace=part.namespace,
                    extras=part.extras,
                ),
                *([ToolArgsDelta(index=index, text=part.arguments)] if part.arguments else []),
                *_signed(index, part.signature),
                PartFinished(index=index),
            ]
        case Opaque():
            return [
                Foreign(index=index, protocol=part.protocol, kind=part.kind, payload=part.payload, shown=part.shown)
            ]
        case _:
            assert_never(part)


def _signed(index: int, signature: Signature | None) -> list[Event]:
    return [PartSigned(index=index, signature=signature)] if signature is not None else []
