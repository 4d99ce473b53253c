"""Reasoning while it grows: sections of a summary, full text, encrypted content, or none of them.

Refuses to know: in which of the provider's events something is said of it (``reader.py``). What is sealed is carried and never opened here.
"""

from __future__ import annotations

from trioproxy.neutral.events import (
    Delta,
    Event,
    Foreign,
    PartFinished,
    PartKind,
    PartSigned,
    PartStarted,
    ReasoningDelta,
)
from trioproxy.neutral.extras import packed
from trioproxy.protocols.openai_responses.open_item import Index, Kind, Told, objects, string
from trioproxy.protocols.openai_responses.signatures import UNSIGNED, unseal
from trioproxy.protocols.openai_responses.vocabulary import NAME
from trioproxy.wire.jsoncodec import Object

__all__ = ["ReasoningItem"]


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
        self._sealed = string(item, "encrypted_content")
        """What it was announced with: only where its end brings none is that the token to keep."""
        self._told: dict[tuple[str, int], Told] = {}

    def delta(self, member: str, number: int, text: str) -> list[Event]:
        """More text of section ``number`` of ``member`` (``summary`` or ``content``)."""
        if self.over or not text:
            return []
        at, events = self._start()
        self._section(member, number).piece(text)
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
        self._section("summary", delta.summary).passed += size

    def text(self, member: str, number: int, text: str) -> list[Event]:
        """The whole text of a section."""
        return self.delta(member, number, text[self._section(member, number).passed :])

    def whole(self, item: Object) -> list[Event]:
        """See :class:`OpenItem`."""
        self._item = item
        events: list[Event] = []
        for member in ("summary", "content"):
            for number, part in enumerate(objects(item, member)):
                events += self.text(member, number, string(part, "text"))
        sealed = string(item, "encrypted_content") or self._sealed
        sealed = sealed if sealed != UNSIGNED else ""
        opened = unseal(sealed, item_id=string(item, "id") or self.item_id or None)
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

    def _section(self, member: str, number: int) -> Told:
        return self._told.setdefault((member, number), Told())

    def _start(self) -> tuple[int, list[Event]]:
        if self._at is not None:
            return self._at, []
        self._at = self._index()
        known = {"id", "type", "status", "summary", "content", "encrypted_content"}
        own = {name: value for name, value in self._item.items() if name not in known and value is not None}
        extras = packed(NAME, own, spelling={"item": {"id": self.item_id} if self.item_id else {}})
        started = PartStarted(index=self._at, kind=PartKind.REASONING, item_id=self.item_id or None, extras=extras)
        return self._at, [started]
