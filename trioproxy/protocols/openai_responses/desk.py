"""Which of the open items an event speaks of.

Providers differ in what they name an item by. OpenAI gives ``output_index`` and ``item_id``; GitHub Copilot gives every event a new id and
only the index holds (recorded 2026); gateways that translate have been seen to number two items alike, and only the id holds; some leave
one or both out. So an event's item is the one its index names, unless its id is known to be another's of the same index.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from trioproxy.neutral.events import Event
from trioproxy.protocols.openai_responses.assembly import begin, type_of
from trioproxy.protocols.openai_responses.call_item import CallItem
from trioproxy.protocols.openai_responses.message_item import MessageItem
from trioproxy.protocols.openai_responses.open_item import OpenItem
from trioproxy.wire.jsoncodec import JSON, Object

__all__ = ["Desk"]


class Desk:
    """All items of one answer."""

    def __init__(self) -> None:
        self._parts = 0
        self._all: list[OpenItem] = []
        self._by_index: dict[int, OpenItem] = {}
        self._by_id: dict[str, OpenItem] = {}

    def index(self) -> int:
        """The next part's number."""
        self._parts += 1
        return self._parts - 1

    @property
    def called(self) -> bool:
        """Whether the model called a tool of the client's."""
        return any(isinstance(item, CallItem) for item in self._all)

    @property
    def refused(self) -> bool:
        """Whether a message holds a refusal."""
        return any(isinstance(item, MessageItem) and item.refused for item in self._all)

    @property
    def nameless(self) -> bool:
        """Whether a call began that nobody had named."""
        return any(isinstance(item, CallItem) and item.nameless for item in self._all)

    def announce(self, item: Object, output_index: JSON) -> tuple[OpenItem, list[Event]]:
        """An item the provider opens, under its index and id."""
        opened = begin(item, self.index)
        self._all.append(opened)
        if isinstance(output_index, int):
            self._by_index[output_index] = opened
        if opened.item_id:
            self._by_id[opened.item_id] = opened
        if not isinstance(opened, CallItem):
            return opened, []
        return opened, opened.start() if item.get("name") else []

    def find(self, output_index: JSON, item_id: JSON) -> OpenItem | None:
        """The item that is meant, None where no item was announced under these names."""
        indexed = self._by_index.get(output_index) if isinstance(output_index, int) else None
        named = self._by_id.get(item_id) if isinstance(item_id, str) else None
        if indexed is None or named is None or indexed.item_id == item_id:
            return indexed or named
        # Both are known and they differ: an id that moved under another index, or two items under one index.
        return named

    def latest(self, kind: str) -> OpenItem | None:
        """The newest item of this type that is not over."""
        return next((item for item in reversed(self._all) if item.type == kind and not item.over), None)

    def finish(self, item: Object, place: int) -> list[Event]:
        """A whole item, as the end of an announced one or by itself."""
        known = self._match(item, place) or self.latest(type_of(item))
        return self._whole(item, place, known)

    def settle(self, output: Iterable[JSON]) -> list[Event]:
        """The output of the final response: what of it was not passed on, and the end of every item."""
        events: list[Event] = []
        named_before = list(self._all)
        counts: Counter[str] = Counter()
        for place, item in enumerate(output):
            if not isinstance(item, dict):
                continue
            kind = type_of(item)
            alike = [known for known in named_before if known.type == kind]
            # Where neither name nor place tell, items of a type come in the order they came before.
            nth = alike[counts[kind]] if counts[kind] < len(alike) else None
            counts[kind] += 1
            events += self._whole(item, place, self._match(item, place) or nth)
        return events + self.end()

    def _whole(self, item: Object, place: int, known: OpenItem | None) -> list[Event]:
        if known is not None:
            return known.whole(item)
        opened, events = self.announce(item, place)
        return [*events, *opened.whole(item)]

    def _match(self, item: Object, place: int) -> OpenItem | None:
        """The item that a whole one is the end of: by id, by call id, or by its place in the output."""
        kind = type_of(item)
        named = self._by_id.get(str(item.get("id")))
        if named is not None and named.type == kind:
            return named
        call_id = item.get("call_id")
        for known in self._all:
            if isinstance(known, CallItem) and call_id and known.call_id == call_id:
                return known
        indexed = self._by_index.get(place)
        return indexed if indexed is not None and indexed.type == kind else None

    def end(self) -> list[Event]:
        """The end of every item that is still open."""
        return [event for item in self._all if not item.over for event in item.end()]
