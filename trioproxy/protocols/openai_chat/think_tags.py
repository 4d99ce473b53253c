"""``<think>`` tags: reasoning that a server leaves in the text of an answer.

Local servers and a few vendors (MiniMax, unless asked to split) put the thoughts in front of the answer, between ``<think>`` and
``</think>``; Gemini's compatible endpoint calls the tag ``<thought>``. Nothing in an answer says that they do, so every text that begins with
the tag is taken for that; a tag anywhere else is text.
"""

from __future__ import annotations

from trioproxy.neutral.events import PartKind

__all__ = ["ThinkTags"]

_TAGS = {"<think>": "</think>", "<thought>": "</thought>"}


class ThinkTags:
    """Takes the text of an answer in any pieces and tells what is thought and what is said.

    Only a tag at the very beginning counts. The white space around the tags belongs to neither.
    """

    def __init__(self) -> None:
        self._kind: PartKind | None = None
        self._held = ""
        self._trimming = True
        self._closing = ""

    @property
    def settled(self) -> bool:
        """Whether no more tags are looked for: all that comes is said."""
        return self._kind is PartKind.TEXT and not self._trimming

    @property
    def silent(self) -> bool:
        """Whether nothing is held back, and more of anything but text would change nothing here."""
        return self._kind is not None and not self._held

    def feed(self, text: str) -> list[tuple[PartKind, str]]:
        """Pieces that are certain, in order, none of them empty."""
        if self.settled:
            return [(PartKind.TEXT, text)] if text else []
        self._held += text
        pieces: list[tuple[PartKind, str]] = []
        if self._kind is None:
            start = self._held.lstrip()
            if any(len(start) < len(tag) and tag.startswith(start) for tag in _TAGS):
                return pieces
            tag = next((tag for tag in _TAGS if start.startswith(tag)), "")
            self._closing = _TAGS.get(tag, "")
            self._kind = PartKind.REASONING if tag else PartKind.TEXT
            self._trimming = bool(tag)
            self._held = start.removeprefix(tag) if tag else self._held
        if self._kind is PartKind.REASONING:
            thought, found, rest = self._held.partition(self._closing)
            kept = 0 if found else _overlap(thought, self._closing)
            self._emit(pieces, thought[: len(thought) - kept])
            self._held = thought[len(thought) - kept :]
            if not found:
                return pieces
            self._kind, self._held, self._trimming = PartKind.TEXT, rest, True
        self._emit(pieces, self._held)
        self._held = ""
        return pieces

    def close(self) -> list[tuple[PartKind, str]]:
        """What was held back because a tag might have begun there."""
        pieces: list[tuple[PartKind, str]] = []
        if self._kind is None:
            self._kind, self._trimming = PartKind.TEXT, False
        self._emit(pieces, self._held)
        self._held = ""
        return pieces

    def _emit(self, pieces: list[tuple[PartKind, str]], text: str) -> None:
        if self._trimming:
            text = text.lstrip()
        if text:
            assert self._kind is not None
            self._trimming = False
            pieces.append((self._kind, text))


def _overlap(text: str, tag: str) -> int:
    """How many characters at the end of ``text`` may be the beginning of the tag."""
    return next((size for size in range(min(len(text), len(tag) - 1), 0, -1) if tag.startswith(text[-size:])), 0)
