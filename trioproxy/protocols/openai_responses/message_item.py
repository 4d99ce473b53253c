"""A message while it grows: several content parts, each with its text, its citations and its end.

Refuses to know: in which of the provider's events something is said of it (``reader.py``).
"""

from __future__ import annotations

import attrs

from trioproxy.neutral.events import (
    CitationAdded,
    Delta,
    Event,
    Foreign,
    PartFinished,
    PartKind,
    PartStarted,
    RefusalDelta,
    TextDelta,
)
from trioproxy.neutral.extras import packed
from trioproxy.neutral.parts import Extras
from trioproxy.protocols.openai_responses.annotations import read_annotation
from trioproxy.protocols.openai_responses.open_item import Index, Kind, Told, objects, string
from trioproxy.protocols.openai_responses.vocabulary import CONTENT, NAME
from trioproxy.wire.jsoncodec import JSON, Object

__all__ = ["MessageItem"]

_KINDS = {
    "output_text": PartKind.TEXT,
    "text": PartKind.TEXT,
    "input_text": PartKind.TEXT,
    "refusal": PartKind.REFUSAL,
}


@attrs.define(eq=False)
class _Content:
    """One content part of a message. ``index`` is its number among the parts of the answer."""

    index: int
    kind: PartKind
    told: Told = attrs.field(factory=Told)
    citations: int = 0
    over: bool = False

    def said(self, text: str) -> list[Event]:
        """More of its text, which was counted."""
        if not text:
            return []
        if self.kind is PartKind.REFUSAL:
            return [RefusalDelta(index=self.index, text=text)]
        return [TextDelta(index=self.index, text=text)]


class MessageItem:
    """A message: several content parts, each a part of its own to the hub. All of them carry the message's id and own members."""

    type = "message"

    def __init__(self, index: Index, item_id: str, item: Object) -> None:
        self.item_id = item_id
        self.over = False
        self._index = index
        own = {k: v for k, v in item.items() if k not in {"id", "type", "status", "role", "content"} and v is not None}
        members = {"role": "assistant", **({"id": item_id} if item_id else {})}
        # The same note a message of a request has, so that one writer restores both.
        note = {"item": members, "blank": {}, "fields": tuple(own), "typed": True, "string": False}
        self._extras: Extras = packed(NAME, own, spelling={"message": note})
        self._parts: dict[int, _Content] = {}

    @property
    def refused(self) -> bool:
        """Whether one of its parts is a refusal."""
        return any(part.kind is PartKind.REFUSAL for part in self._parts.values())

    def announced(self, number: int, part: Object) -> list[Event]:
        """A content part opens."""
        kind = _KINDS.get(string(part, "type"))
        return self._part(number, kind)[1] if kind is not None else []

    def delta(self, number: int, kind: PartKind, text: str) -> list[Event]:
        """More text of a part, announced or not."""
        part, events = self._part(number, kind)
        return events if part.over else events + part.said(part.told.piece(text))

    def more(self, kind: Kind, number: int, text: str) -> Delta | None:
        """See :class:`OpenItem`."""
        part = self._parts.get(number)
        if kind is not TextDelta or part is None or part.over or part.kind is not PartKind.TEXT:
            return None
        return TextDelta(index=part.index, text=text)

    def grew(self, delta: Delta, size: int) -> None:
        """See :class:`OpenItem`."""
        part = next(part for part in self._parts.values() if part.index == delta.index)
        part.told.passed += size

    def text(self, number: int, kind: PartKind, text: str) -> list[Event]:
        """The whole text of a part."""
        part, events = self._part(number, kind)
        return events if part.over else events + part.said(part.told.rest(text))

    def cited(self, number: int, annotation: JSON) -> list[Event]:
        """One annotation more."""
        part, events = self._part(number, PartKind.TEXT)
        if isinstance(annotation, dict) and not part.over and part.kind is PartKind.TEXT:
            part.citations += 1
            events.append(CitationAdded(index=part.index, citation=read_annotation(annotation)))
        return events

    def part(self, number: int, part: Object) -> list[Event]:
        """A content part, whole."""
        spelled = string(part, "type")
        kind = _KINDS.get(spelled)
        if kind is None:
            return self._unknown(number, spelled, part)
        events = self.text(number, kind, string(part, "refusal" if kind is PartKind.REFUSAL else "text"))
        for annotation in objects(part, "annotations")[self._parts[number].citations :]:
            events += self.cited(number, annotation)
        return events + self._finish(self._parts[number])

    def whole(self, item: Object) -> list[Event]:
        """See :class:`OpenItem`."""
        content = item.get("content")
        # A string is how requests may say it; gateways that echo one as an answer say it so, too.
        parts = [{"type": "output_text", "text": content}] if isinstance(content, str) else objects(item, "content")
        events: list[Event] = []
        for number, part in enumerate(parts):
            events += self.part(number, part)
        return events + self.end()

    def end(self) -> list[Event]:
        """See :class:`OpenItem`."""
        self.over = True
        return [event for part in self._parts.values() for event in self._finish(part)]

    def _part(self, number: int, kind: PartKind) -> tuple[_Content, list[Event]]:
        known = self._parts.get(number)
        if known is not None:
            return known, []
        if self.over:
            # A part that comes behind the end of its message: nothing more is said of that.
            return self._parts.setdefault(number, _Content(-1, kind, over=True)), []
        known = self._parts[number] = _Content(self._index(), kind)
        return known, [PartStarted(index=known.index, kind=kind, item_id=self.item_id or None, extras=self._extras)]

    def _unknown(self, number: int, spelled: str, part: Object) -> list[Event]:
        """A part of a kind the hub has no word for. Before it is whole there is nothing to say of it."""
        if number in self._parts:
            return []
        content = self._parts[number] = _Content(self._index(), PartKind.TEXT, over=True)
        return [Foreign(index=content.index, protocol=NAME, kind=CONTENT + spelled, payload=part)]

    @staticmethod
    def _finish(part: _Content) -> list[Event]:
        if part.over:
            return []
        part.over = True
        return [PartFinished(index=part.index)]
