"""Tell, while JSON text arrives in pieces, whether one whole value is there (RFC 8259).

Some streams never say where a tool call's arguments end; that the text so far is one whole object does. This file knows brackets and strings,
and no more: text that is not JSON may pass for a whole value when its brackets match.
"""

from __future__ import annotations

import re

__all__ = ["CompletenessScanner"]

_STRUCTURE = re.compile(r'["{}\[\]]')
_IN_STRING = re.compile(r'["\\]')


class CompletenessScanner:
    """Takes text in any pieces; remembers depth, not text.

    An object, an array or a string is whole at its closing mark. A bare number or literal never is: more digits may follow. Once more text
    than white space follows a whole value, nothing is whole any more.
    """

    def __init__(self) -> None:
        self._depth = 0
        self._in_string = False
        self._escaped = False
        self._whole = False
        self._broken = False

    @property
    def whole(self) -> bool:
        """Whether the text so far is one whole value, with white space around it at most."""
        return self._whole and not self._broken

    def feed(self, text: str) -> bool:
        """Take the next piece; the new value of :attr:`whole`."""
        at = 0
        while at < len(text) and not self._broken:
            at = self._string(text, at) if self._in_string else self._plain(text, at)
        return self.whole

    def _string(self, text: str, at: int) -> int:
        if self._escaped:
            self._escaped = False
            return at + 1
        found = _IN_STRING.search(text, at)
        if found is None:
            return len(text)
        if found.group() == "\\":
            self._escaped = True
        else:
            self._in_string = False
            self._whole = self._depth == 0
        return found.end()

    def _plain(self, text: str, at: int) -> int:
        found = _STRUCTURE.search(text, at)
        end = found.start() if found else len(text)
        if self._depth == 0 and text[at:end].strip(" \t\r\n"):
            self._broken = True
        if found is None:
            return end
        if self._whole:
            self._broken = True
        match found.group():
            case '"':
                self._in_string = True
            case "{" | "[":
                self._depth += 1
            case _:
                self._depth -= 1
                self._whole = self._depth == 0
                self._broken = self._broken or self._depth < 0
        return found.end()
