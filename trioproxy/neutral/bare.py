"""Answers that are one word of several, for clients that want the word alone.

Google's ``text/x.enum`` asks for a word out of a list, as plain text; every other vendor answers by a schema in JSON, where the same word stands
in quotes. Source: ai.google.dev, "Structured output", enum values. Refuses to know: which targets answer in JSON.
"""

from __future__ import annotations

from collections.abc import Iterable

from trioproxy.neutral.events import Event, Failed, PartFinished, TextDelta
from trioproxy.wire.jsoncodec import JSONError, loads

__all__ = ["Barer"]


class Barer:
    """A machine from events to events: takes each text that is a JSON string out of its quotes. A word is short: it is told when it is whole.
    What is no string is told as it came."""

    def __init__(self) -> None:
        self._held: dict[int, list[str]] = {}

    def feed(self, item: Event) -> list[Event]:
        """The events that are left of this one, behind the word that it ends."""
        match item:
            case TextDelta(index=index, text=text):
                self._held.setdefault(index, []).append(text)
                return []
            case PartFinished(index=index) if index in self._held:
                return [*_told(index, _word("".join(self._held.pop(index)))), item]
            case Failed():
                owed = [told for index, held in self._held.items() for told in _told(index, "".join(held))]
                return [*owed, item]
            case _:
                return [item]

    def feed_all(self, events: Iterable[Event]) -> list[Event]:
        """Shorthand for feeding many."""
        return [out for event in events for out in self.feed(event)]


def _told(index: int, text: str) -> list[Event]:
    return [TextDelta(index=index, text=text)] if text else []


def _word(text: str) -> str:
    try:
        said = loads(text.encode())
    except JSONError:
        return text
    return said if isinstance(said, str) else text
