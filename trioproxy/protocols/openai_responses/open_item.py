"""An output item while it grows, to whoever has several kinds of them; and what all kinds need.

Everything a provider says about an item comes up to three times: in deltas, in the ``done`` event of a part, in the ``done`` event of the
item, and once more in the final response. A :class:`Told` remembers how many characters were passed on (never the text), so that whatever
arrives is passed on at once, what an earlier step left out is made good by a later one, and nothing is said twice.

Refuses to know: any kind of item.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

import attrs

from trioproxy.neutral.events import Delta, Event, ReasoningDelta, TextDelta, ToolArgsDelta
from trioproxy.wire.jsoncodec import Object

__all__ = ["Index", "Kind", "OpenItem", "Told", "objects", "string"]

Index = Callable[[], int]
"""Hands out the next part index."""

Kind: TypeAlias = type[TextDelta] | type[ReasoningDelta] | type[ToolArgsDelta]
"""What makes a part grow."""


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


@attrs.define(eq=False)
class Told:
    """A text that comes in pieces, and again whole. ``passed`` are the characters that were passed on."""

    passed: int = 0

    def piece(self, text: str) -> str:
        """One piece more, to be passed on."""
        self.passed += len(text)
        return text

    def rest(self, whole: str) -> str:
        """What the whole text says beyond its pieces, to be passed on."""
        return self.piece(whole[self.passed :])


def string(item: Object, name: str) -> str:
    """A member that should be a string, "" where it is none."""
    value = item.get(name)
    return value if isinstance(value, str) else ""


def objects(item: Object, name: str) -> list[Object]:
    """The objects in a member that should be a list of them."""
    parts = item.get(name)
    return [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []
