"""Neutral events as a Gemini client's stream: each frame is one ``GenerateContentResponse``, unnamed.

Knows: what a chunk is made of, and that text goes out as it comes while a function call goes out whole, in the order in which the calls
began (no client reads ``partialArgs`` unless it asked for them). The last chunk has the finishReason, the usage and the sources; a failure
is one ``{"error": ...}`` object, which Google's SDKs raise, and nothing follows it. No comment is ever written: two clients die of one.
"""

from __future__ import annotations

from typing import assert_never

import attrs

from trioproxy.neutral.events import (
    CitationAdded,
    Event,
    Failed,
    Finished,
    FinishReason,
    Foreign,
    Growth,
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
from trioproxy.neutral.extras import foreign, own
from trioproxy.neutral.loss import Loss
from trioproxy.neutral.parts import Citation, Search, Signature, ToolCall
from trioproxy.neutral.usage import Usage
from trioproxy.protocols.base import Press, WriteContext
from trioproxy.protocols.gemini.answer_writing import (
    LIMITS,
    NO_TEXT,
    RAW,
    blocks,
    call_part,
    cut_off,
    ending,
    foreign_loss,
    identity,
    lost_call,
    prose_part,
    shown_part,
)
from trioproxy.protocols.gemini.endpoints import NAME
from trioproxy.protocols.gemini.errors import render_error
from trioproxy.protocols.gemini.grounding import BESIDE_PARTS, Placed, RememberedText, grounding_of, unquoted
from trioproxy.protocols.gemini.reader import CANDIDATE, RESPONSE, USAGE
from trioproxy.wire.frames import Frame, Row
from trioproxy.wire.jsoncodec import Object, dumps

__all__ = ["GeminiWriter"]

_BEFORE_PART = b'{"candidates":[{"content":{"parts":['
_MORE = _BEFORE_PART + b'{"text":'

_SECTION = "\n\n"
"""What stands between two sections of a summary, which Google's thoughts have no borders for."""


@attrs.define(eq=False)
class _Prose:
    """An open text, reasoning or refusal part."""

    thought: bool
    fields: Object = attrs.field(factory=dict)
    text: RememberedText = attrs.field(factory=RememberedText)
    before: int = 0
    section: int | None = None
    spoken: bool = False


@attrs.define(eq=False)
class _Call:
    """A call whose arguments are being gathered."""

    start: ToolCallStarted
    arguments: list[str] = attrs.field(factory=list)
    signature: Signature | None = None
    finished: bool = False

    @property
    def whole(self) -> ToolCall:
        """The call, as far as it got."""
        return ToolCall(
            call_id=self.start.call_id,
            name=self.start.name,
            arguments="".join(self.arguments),
            kind=self.start.kind,
            namespace=self.start.namespace,
            signature=self.signature,
            extras=self.start.extras,
        )


class GeminiWriter:
    """A machine from events to frames. See :class:`~trioproxy.protocols.base.Writer`."""

    def __init__(self, context: WriteContext) -> None:
        self.losses: list[Loss] = []
        self._context = context
        self._identity: Object = identity(ResponseStarted(id="", model=""), context)
        self._tail = b""
        self._prose: dict[int, _Prose] = {}
        self._calls: dict[int, _Call] = {}
        self._cited: list[tuple[_Prose, Citation]] = []
        self._queries: list[str] = []
        self._grounded = False
        self._spoken = 0
        self._usage: Usage | None = None
        self._unnamed: Object = {}
        self._blocked = False
        self._over = False

    def feed(self, item: Event) -> list[Frame]:
        """The frames an event completes."""
        if self._over:
            return []
        match item:
            case ResponseStarted():
                self._identity = identity(item, self._context)
                return []
            case PartStarted(index=index, kind=kind, extras=extras):
                self.losses += foreign(extras, NAME, path=f"parts[{index}]")[0]
                thought = kind is PartKind.REASONING
                self._prose[index] = _Prose(thought=thought, fields=own(extras, NAME), before=self._spoken)
                return []
            case TextDelta(index=index, text=text) | RefusalDelta(index=index, text=text):
                return self._say(self._prose[index], text)
            case ReasoningDelta(index=index):
                return self._say(self._prose[index], self._sectioned(self._prose[index], item))
            case PartSigned(index=index, signature=signature):
                return self._sign(index, signature)
            case CitationAdded(index=index, citation=citation):
                self._cited.append((self._prose[index], citation))
                return []
            case ToolCallStarted(index=index):
                self._calls[index] = _Call(item)
                return []
            case ToolArgsDelta(index=index, text=text):
                self._calls[index].arguments.append(text)
                return []
            case PartFinished(index=index):
                return self._part_finished(index)
            case Foreign():
                return self._foreign(item)
            case UsageReported(usage=usage):
                self._usage = usage if self._usage is None else self._usage.updated(usage)
                return []
            case Finished():
                return self._finish(item)
            case Failed(failure=failure):
                self._over = True
                return [Frame(dumps(render_error(failure)))]
            case _:
                assert_never(item)

    def more(self, growth: Growth) -> Row | None:
        """See :meth:`~trioproxy.protocols.base.Writer.more`."""
        closing = self._closing(growth)
        if closing is None:
            return None
        self._told(self._prose[growth.index], "".join(growth.texts))
        return Row([b"%b%b%b" % (_MORE, dumps(text), closing) for text in growth.texts])

    def press(self, growth: Growth) -> Press | None:
        """See :meth:`~trioproxy.protocols.base.Writer.press`."""
        closing = self._closing(growth)
        if closing is None:
            return None
        prose = self._prose[growth.index]

        def press(text: str) -> bytes:
            self._told(prose, text)
            return b"%b%b%b" % (_MORE, dumps(text), closing)

        return press

    def _closing(self, growth: Growth) -> bytes | None:
        """What stands behind the text where nothing but text is to be said of this part."""
        if self._over or growth.kind is ToolArgsDelta:
            return None
        prose = self._prose[growth.index]
        if not prose.spoken or prose.section is not None:
            return None
        return (b',"thought":true}' if prose.thought else b"}") + self._behind()

    def close(self) -> list[Frame]:
        """Nothing is owed."""
        return []

    def _say(self, prose: _Prose, text: str) -> list[Frame]:
        if not text:
            return []
        prose.spoken = True
        self._told(prose, text)
        return [self._prose_frame(prose, text)]

    def _told(self, prose: _Prose, text: str) -> None:
        """Remember what sources may be found in."""
        if not prose.thought:
            prose.text.add(text)
            self._spoken += len(text.encode())

    @staticmethod
    def _sectioned(prose: _Prose, delta: ReasoningDelta) -> str:
        new_section = prose.spoken and delta.summary != prose.section
        prose.section = delta.summary
        return _SECTION + delta.text if new_section else delta.text

    def _sign(self, index: int, signature: Signature) -> list[Frame]:
        if index in self._calls:
            self._calls[index].signature = signature
            return []
        return [self._prose_frame(self._prose[index], "", signature)]

    def _prose_frame(self, prose: _Prose, text: str, signature: Signature | None = None) -> Frame:
        fields, prose.fields = prose.fields, {}
        return self._part(prose_part(text, thought=prose.thought, signature=signature, fields=fields))

    def _part_finished(self, index: int) -> list[Frame]:
        prose = self._prose.pop(index, None)
        if prose is not None:
            return [self._prose_frame(prose, "")] if prose.fields else []
        self._calls[index].finished = True
        return self._call_whole()

    def _call_whole(self) -> list[Frame]:
        """The calls that are whole and have no unfinished one before them. What is cut off waits for the answer's end, which tells why."""
        frames: list[Frame] = []
        while self._calls:
            index = min(self._calls)
            call = self._calls[index]
            if not call.finished:
                break
            whole = call.whole
            part, losses = call_part(whole, f"parts[{index}]")
            if RAW in part["functionCall"]["args"] and cut_off(whole):
                break
            del self._calls[index]
            self.losses += losses
            frames.append(self._part(part))
        return frames

    def _calls_left(self, reason: FinishReason) -> list[Frame]:
        frames: list[Frame] = []
        for index in sorted(self._calls):
            whole = self._calls.pop(index).whole
            if reason in LIMITS and cut_off(whole):
                self.losses.append(lost_call(f"parts[{index}]"))
            else:
                part, losses = call_part(whole, f"parts[{index}]")
                self.losses += losses
                frames.append(self._part(part))
        return frames

    def _foreign(self, item: Foreign) -> list[Frame]:
        if item.protocol != NAME and (part := shown_part(item.shown)) is not None:
            return [self._part(part)]
        if item.protocol != NAME and isinstance(item.shown, Search):
            self._queries.append(item.shown.query)
            return []
        loss = foreign_loss(item.protocol, item.kind, item.payload, f"parts[{item.index}]")
        if loss is not None:
            self.losses.append(loss)
            return []
        if item.kind == USAGE:
            self._unnamed = {**self._unnamed, **item.payload}
            return []
        if item.kind == RESPONSE:
            self._blocked = self._blocked or blocks(item.payload)
            return [self._chunk(item.payload)]
        if item.kind == CANDIDATE:
            self._grounded = self._grounded or bool(BESIDE_PARTS & item.payload.keys())
            return [self._chunk({"candidates": [{"index": 0, **item.payload}]})]
        return [self._part(item.payload)]

    def _finish(self, finished: Finished) -> list[Frame]:
        self._over = True
        calls = self._calls_left(finished.reason)
        candidate: Object = {"content": {"parts": [NO_TEXT], "role": "model"}}
        if not self._grounded:
            placed = [
                Placed(citation=citation, text=prose.text.whole, before=prose.before) for prose, citation in self._cited
            ]
            self.losses += unquoted(placed)
            grounding = grounding_of(placed, self._queries)
            candidate |= {"groundingMetadata": grounding} if grounding is not None else {}
        body, losses = ending(finished, self._usage, self._unnamed, candidate, blocked=self._blocked)
        self.losses += losses
        return [*calls, self._chunk(body)]

    def _part(self, part: Object) -> Frame:
        return Frame(_BEFORE_PART + dumps(part) + self._behind())

    def _behind(self) -> bytes:
        """What stands behind the one part of a chunk. It is the same in all of them."""
        if not self._tail:
            self._tail = b'],"role":"model"},"index":0}],' + dumps(self._identity)[1:]
        return self._tail

    def _chunk(self, fields: Object) -> Frame:
        return Frame(dumps({**fields, **self._identity}))
