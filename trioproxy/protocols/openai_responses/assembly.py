"""Output items while they grow, and the neutral events that each step is worth.

Everything a provider says about an item comes up to three times: in deltas, in the ``done`` event of a part, in the ``done`` event of the
item, and once more in the final response. Each class here remembers how many characters it passed on (never the text), so that whatever
arrives is passed on at once, what an earlier step left out is made good by a later one, and nothing is said twice.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

import attrs

from trioproxy.neutral.events import (
    CitationAdded,
    Delta,
    Event,
    Foreign,
    PartFinished,
    PartKind,
    PartSigned,
    PartStarted,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ToolArgsDelta,
    ToolCallStarted,
)
from trioproxy.neutral.extras import packed
from trioproxy.neutral.parts import Extras, ToolKind
from trioproxy.protocols.openai_responses.annotations import read_annotation
from trioproxy.protocols.openai_responses.shown import read_shown
from trioproxy.protocols.openai_responses.signatures import unseal
from trioproxy.protocols.openai_responses.vocabulary import CONTENT, NAME
from trioproxy.wire.jsoncodec import JSON, Object, dumps

__all__ = ["CALLS", "CallItem", "ForeignItem", "MessageItem", "OpenItem", "ReasoningItem", "begin", "type_of"]

Index = Callable[[], int]
"""Hands out the next part index."""

Kind: TypeAlias = type[TextDelta] | type[ReasoningDelta] | type[ToolArgsDelta]
"""What makes a part grow."""

CALLS: dict[str, tuple[ToolKind, str]] = {
    "function_call": (ToolKind.FUNCTION, "arguments"),
    "custom_tool_call": (ToolKind.CUSTOM, "input"),
}
"""Item types that are tool calls, with the member that holds the argument text."""

_KINDS = {
    "output_text": PartKind.TEXT,
    "text": PartKind.TEXT,
    "input_text": PartKind.TEXT,
    "refusal": PartKind.REFUSAL,
}


class OpenItem(Protocol):
    """An item that a provider announced, or that a delta tells of. ``type`` is its item type, ``item_id`` its id ("" where unknown), ``over``
    whether nothing more is to be said of it."""

    type: str
    item_id: str
    over: bool

    def more(self, kind: Kind, number: int, text: str) -> Delta | None:
        """What more text of its part ``number`` (of a section, in reasoning) is, where the part is open and of this kind; None where it is not.
        The text is not counted."""
        ...

    def grew(self, delta: Delta, size: int) -> None:
        """So many characters of what :meth:`more` gave were passed on."""
        ...

    def whole(self, item: Object) -> list[Event]:
        """What the whole item says beyond what was passed on, and its end."""
        ...

    def end(self) -> list[Event]:
        """Its end, when nobody says any more."""
        ...


def begin(item: Object, index: Index) -> OpenItem:
    """The state for an item that was announced."""
    kind, item_id = type_of(item), _string(item, "id")
    if kind == "message":
        return MessageItem(index, item_id, item)
    if kind == "reasoning":
        return ReasoningItem(index, item_id, item)
    if kind in CALLS:
        call = CallItem(index, kind, item_id)
        call.known(item)
        return call
    return ForeignItem(index, kind, item)


def type_of(item: Object) -> str:
    """The type of an item, "" where it has none."""
    return _string(item, "type")


def _string(item: Object, name: str) -> str:
    value = item.get(name)
    return value if isinstance(value, str) else ""


def _texts(item: Object, name: str) -> list[Object]:
    parts = item.get(name)
    return [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []


@attrs.define(eq=False)
class _Content:
    """One content part of a message. ``index`` is its number among the parts of the answer."""

    index: int
    kind: PartKind
    passed: int = 0
    citations: int = 0
    over: bool = False


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
        kind = _KINDS.get(_string(part, "type"))
        return self._part(number, kind)[1] if kind is not None else []

    def delta(self, number: int, kind: PartKind, text: str) -> list[Event]:
        """More text of a part, announced or not."""
        part, events = self._part(number, kind)
        if text and not part.over:
            part.passed += len(text)
            events.append(_said(part, text))
        return events

    def more(self, kind: Kind, number: int, text: str) -> Delta | None:
        """See :class:`OpenItem`."""
        part = self._parts.get(number)
        if kind is not TextDelta or part is None or part.over or part.kind is not PartKind.TEXT:
            return None
        return TextDelta(index=part.index, text=text)

    def grew(self, delta: Delta, size: int) -> None:
        """See :class:`OpenItem`."""
        part = next(part for part in self._parts.values() if part.index == delta.index)
        part.passed += size

    def text(self, number: int, kind: PartKind, text: str) -> list[Event]:
        """The whole text of a part."""
        part, events = self._part(number, kind)
        rest = text[part.passed :]
        return events + (self.delta(number, part.kind, rest) if rest else [])

    def cited(self, number: int, annotation: JSON) -> list[Event]:
        """One annotation more."""
        part, events = self._part(number, PartKind.TEXT)
        if isinstance(annotation, dict) and not part.over and part.kind is PartKind.TEXT:
            part.citations += 1
            events.append(CitationAdded(index=part.index, citation=read_annotation(annotation)))
        return events

    def part(self, number: int, part: Object) -> list[Event]:
        """A content part, whole."""
        spelled = _string(part, "type")
        kind = _KINDS.get(spelled)
        if kind is None:
            return self._unknown(number, spelled, part)
        events = self.text(number, kind, _string(part, "refusal" if kind is PartKind.REFUSAL else "text"))
        for annotation in _texts(part, "annotations")[self._parts[number].citations :]:
            events += self.cited(number, annotation)
        return events + self._finish(self._parts[number])

    def whole(self, item: Object) -> list[Event]:
        """See :class:`OpenItem`."""
        events: list[Event] = []
        for number, part in enumerate(_texts(item, "content")):
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


def _said(part: _Content, text: str) -> Event:
    if part.kind is PartKind.REFUSAL:
        return RefusalDelta(index=part.index, text=text)
    return TextDelta(index=part.index, text=text)


class ReasoningItem:
    """Reasoning: sections of a summary, full text, encrypted content, or none of them.

    It starts with its first text: most items of OpenAI's have none. One that ends with neither text nor encrypted content means something
    to its own provider alone, as the id of what is stored there, and is passed on as it is.
    """

    type = "reasoning"

    def __init__(self, index: Index, item_id: str, item: Object) -> None:
        self.item_id = item_id
        self.over = False
        self._index = index
        self._at: int | None = None
        self._item = item
        self._passed: dict[tuple[str, int], int] = {}

    def delta(self, member: str, number: int, text: str) -> list[Event]:
        """More text of section ``number`` of ``member`` (``summary`` or ``content``)."""
        if self.over or not text:
            return []
        at, events = self._start()
        key = (member, number)
        self._passed[key] = self._passed.get(key, 0) + len(text)
        return [*events, ReasoningDelta(index=at, text=text, summary=number if member == "summary" else None)]

    def more(self, kind: Kind, number: int, text: str) -> Delta | None:
        """See :class:`OpenItem`. Of the summary alone."""
        if kind is not ReasoningDelta or self.over or self._at is None:
            return None
        return ReasoningDelta(index=self._at, text=text, summary=number)

    def grew(self, delta: Delta, size: int) -> None:
        """See :class:`OpenItem`."""
        assert isinstance(delta, ReasoningDelta)
        assert delta.summary is not None
        key = ("summary", delta.summary)
        self._passed[key] = self._passed.get(key, 0) + size

    def text(self, member: str, number: int, text: str) -> list[Event]:
        """The whole text of a section."""
        return self.delta(member, number, text[self._passed.get((member, number), 0) :])

    def whole(self, item: Object) -> list[Event]:
        """See :class:`OpenItem`."""
        self._item = item
        events: list[Event] = []
        for member in ("summary", "content"):
            for number, part in enumerate(_texts(item, member)):
                events += self.text(member, number, _string(part, "text"))
        sealed = _string(item, "encrypted_content")
        opened = unseal(sealed, item_id=_string(item, "id") or self.item_id or None)
        # A signature that stands on a call, from a proxy like this one: the call is over, and only the client can bring them together again.
        if sealed and not self.over and opened.call_id is None:
            at, started = self._start()
            events += [*started, PartSigned(index=at, signature=opened.signature)]
        return events + self.end()

    def end(self) -> list[Event]:
        """See :class:`OpenItem`."""
        if self.over:
            return []
        self.over = True
        if self._at is not None:
            return [PartFinished(index=self._at)]
        return [Foreign(index=self._index(), protocol=NAME, kind="reasoning", payload=self._item)]

    def _start(self) -> tuple[int, list[Event]]:
        if self._at is not None:
            return self._at, []
        self._at = self._index()
        known = {"id", "type", "status", "summary", "content", "encrypted_content"}
        own = {name: value for name, value in self._item.items() if name not in known and value is not None}
        extras = packed(NAME, own, spelling={"item": {"id": self.item_id} if self.item_id else {}})
        started = PartStarted(index=self._at, kind=PartKind.REASONING, item_id=self.item_id or None, extras=extras)
        return self._at, [started]


class CallItem:
    """A tool call. It starts when its name is known, or with its first argument text, because a stalled call has to be noticed either way;
    ``nameless`` tells that it began without a name, and so that the answer can't end well."""

    def __init__(self, index: Index, kind: str, item_id: str) -> None:
        self.type = kind
        self.item_id = item_id
        self.over = False
        self._index = index
        self._kind, self._member = CALLS[kind]
        self._at: int | None = None
        self._passed = 0
        self._item: Object = {}
        self.nameless = False

    @property
    def call_id(self) -> str:
        """The id a result has to name; the item's own where the provider gave none."""
        return _string(self._item, "call_id") or self.item_id

    def known(self, item: Object) -> None:
        """What the announcement says. Arguments in it are not passed on yet: they may come again as deltas."""
        self._item = item

    def start(self) -> list[Event]:
        """The call opens."""
        if self._at is not None or self.over:
            return []
        self._at = self._index()
        self.nameless = self.nameless or not _string(self._item, "name")
        fixed = {"id", "type", "status", "call_id", "name", "namespace", self._member}
        own = {name: value for name, value in self._item.items() if name not in fixed and value is not None}
        return [
            ToolCallStarted(
                index=self._at,
                call_id=self.call_id or f"call_{self._at}",
                name=_string(self._item, "name"),
                kind=self._kind,
                namespace=_string(self._item, "namespace") or None,
                item_id=self.item_id or None,
                extras=packed(NAME, own, spelling={"item": {"id": self.item_id} if self.item_id else {}}),
            )
        ]

    def delta(self, text: str) -> list[Event]:
        """More argument text."""
        events = self.start()
        if text and not self.over:
            assert self._at is not None
            self._passed += len(text)
            events.append(ToolArgsDelta(index=self._at, text=text))
        return events

    def more(self, kind: Kind, number: int, text: str) -> Delta | None:
        """See :class:`OpenItem`."""
        if kind is not ToolArgsDelta or self.over or self._at is None:
            return None
        return ToolArgsDelta(index=self._at, text=text)

    def grew(self, delta: Delta, size: int) -> None:
        """See :class:`OpenItem`."""
        self._passed += size

    def arguments(self, text: str) -> list[Event]:
        """The whole argument text, and with it the end of the call."""
        return [*self.delta(text[self._passed :]), *self.end()]

    def whole(self, item: Object) -> list[Event]:
        """See :class:`OpenItem`."""
        unnamed = self._at is not None and not _string(self._item, "name") and _string(item, "name")
        events: list[Event] = []
        if unnamed:
            # Arguments came before the call was announced. The nameless part ends, and the call follows whole.
            events = self.end()
            self._at, self._passed, self.over = None, 0, False
        if self._at is None:
            self._item = {**self._item, **item}
        return events + self.arguments(self._whole_text(item))

    def _whole_text(self, item: Object) -> str:
        """The argument text of an item. Some servers give the object itself, which says nothing where its text was passed on."""
        given = item.get(self._member)
        if isinstance(given, dict) and not self._passed:
            return dumps(given).decode()
        return _string(item, self._member)

    def end(self) -> list[Event]:
        """See :class:`OpenItem`."""
        if self.over:
            return []
        events = self.start()
        if not self._passed:
            events += self.delta(self._whole_text(self._item))
        self.over = True
        assert self._at is not None
        return [*events, PartFinished(index=self._at)]


class ForeignItem:
    """An item the hub has no word for: nothing is said of it before it is whole."""

    def __init__(self, index: Index, kind: str, item: Object) -> None:
        self.type = kind
        self.item_id = _string(item, "id")
        self.over = False
        self._index = index
        self._item: dict[str, Any] = item

    def more(self, kind: Kind, number: int, text: str) -> None:
        """See :class:`OpenItem`. Never."""

    def grew(self, delta: Delta, size: int) -> None:
        """See :class:`OpenItem`. Never."""

    def whole(self, item: Object) -> list[Event]:
        """See :class:`OpenItem`."""
        self._item = item
        return self.end()

    def end(self) -> list[Event]:
        """See :class:`OpenItem`."""
        if self.over:
            return []
        self.over = True
        shown = read_shown(self._item)
        return [Foreign(index=self._index(), protocol=NAME, kind=self.type, payload=self._item, shown=shown)]
