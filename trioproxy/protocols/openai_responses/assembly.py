"""Which kind of item is growing: the state for one that was announced, and the items that the hub has no word for."""

from __future__ import annotations

from typing import Any

from trioproxy.neutral.events import Delta, Event, Foreign
from trioproxy.protocols.openai_responses.call_item import CALLS, CallItem
from trioproxy.protocols.openai_responses.message_item import MessageItem
from trioproxy.protocols.openai_responses.open_item import Index, Kind, OpenItem, string
from trioproxy.protocols.openai_responses.reasoning_item import ReasoningItem
from trioproxy.protocols.openai_responses.shown import read_shown
from trioproxy.protocols.openai_responses.vocabulary import NAME
from trioproxy.wire.jsoncodec import Object

__all__ = ["ForeignItem", "begin", "type_of"]


def begin(item: Object, index: Index) -> OpenItem:
    """The state for an item that was announced."""
    kind, item_id = type_of(item), string(item, "id")
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
    return string(item, "type")


class ForeignItem:
    """An item the hub has no word for: nothing is said of it before it is whole."""

    def __init__(self, index: Index, kind: str, item: Object) -> None:
        self.type = kind
        self.item_id = string(item, "id")
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
