"""A tool call while it grows.

Refuses to know: in which of the provider's events something is said of it (``reader.py``).
"""

from __future__ import annotations

from trioproxy.neutral.events import Delta, Event, PartFinished, ToolArgsDelta, ToolCallStarted
from trioproxy.neutral.extras import packed
from trioproxy.neutral.parts import ToolKind
from trioproxy.protocols.openai_responses.open_item import Index, Kind, Told, string
from trioproxy.protocols.openai_responses.vocabulary import NAME
from trioproxy.wire.jsoncodec import Object, dumps

__all__ = ["CALLS", "CallItem"]

CALLS: dict[str, tuple[ToolKind, str]] = {
    "function_call": (ToolKind.FUNCTION, "arguments"),
    "custom_tool_call": (ToolKind.CUSTOM, "input"),
}
"""Item types that are tool calls, with the member that holds the argument text."""


class CallItem:
    """A tool call. It starts when its name is known, or with its first argument text, because a stalled call has to be noticed either way;
    ``nameless`` tells that it began without a name and was given none since: such an answer can't end well."""

    def __init__(self, index: Index, kind: str, item_id: str) -> None:
        self.type = kind
        self.item_id = item_id
        self.over = False
        self._index = index
        self._kind, self._member = CALLS[kind]
        self._at: int | None = None
        self._told = Told()
        self._item: Object = {}
        self.nameless = False

    @property
    def call_id(self) -> str:
        """The id a result has to name; the item's own where the provider gave none."""
        return string(self._item, "call_id") or self.item_id

    def known(self, item: Object) -> None:
        """What the announcement says. Arguments in it are not passed on yet: they may come again as deltas."""
        self._item = item

    def start(self) -> list[Event]:
        """The call opens."""
        if self._at is not None or self.over:
            return []
        self._at = self._index()
        self.nameless = self.nameless or not string(self._item, "name")
        fixed = {"id", "type", "status", "call_id", "name", "namespace", self._member}
        own = {name: value for name, value in self._item.items() if name not in fixed and value is not None}
        return [
            ToolCallStarted(
                index=self._at,
                call_id=self.call_id or f"call_{self._at}",
                name=string(self._item, "name"),
                kind=self._kind,
                namespace=string(self._item, "namespace") or None,
                item_id=self.item_id or None,
                extras=packed(NAME, own, spelling={"item": {"id": self.item_id} if self.item_id else {}}),
            )
        ]

    def delta(self, text: str) -> list[Event]:
        """More argument text."""
        events = self.start()
        if text and not self.over:
            assert self._at is not None
            events.append(ToolArgsDelta(index=self._at, text=self._told.piece(text)))
        return events

    def more(self, kind: Kind, number: int, text: str) -> Delta | None:
        """See :class:`OpenItem`. Who is told an answer is told nothing of a call without a name: it is no growth."""
        if kind is not ToolArgsDelta or self.over or self._at is None or self.nameless:
            return None
        return ToolArgsDelta(index=self._at, text=text)

    def grew(self, delta: Delta, size: int) -> None:
        """See :class:`OpenItem`."""
        self._told.passed += size

    def arguments(self, text: str) -> list[Event]:
        """The whole argument text, and with it the end of the call."""
        return [*self.delta(text[self._told.passed :]), *self.end()]

    def whole(self, item: Object) -> list[Event]:
        """See :class:`OpenItem`."""
        unnamed = self._at is not None and not string(self._item, "name") and string(item, "name")
        events: list[Event] = []
        if unnamed:
            # Arguments came before the call was named. The nameless part ends, and the call follows whole.
            events = self.end()
            self._at, self._told, self.over, self.nameless = None, Told(), False, False
        if self._at is None:
            self._item = {**self._item, **item}
        return events + self.arguments(self._whole_text(item))

    def _whole_text(self, item: Object) -> str:
        """The argument text of an item. Some servers give the object itself, which says nothing where its text was passed on."""
        given = item.get(self._member)
        if isinstance(given, dict) and not self._told.passed:
            return dumps(given).decode()
        return string(item, self._member)

    def end(self) -> list[Event]:
        """See :class:`OpenItem`."""
        if self.over:
            return []
        events = self.start()
        if not self._told.passed:
            events += self.delta(self._whole_text(self._item))
        self.over = True
        assert self._at is not None
        return [*events, PartFinished(index=self._at)]
