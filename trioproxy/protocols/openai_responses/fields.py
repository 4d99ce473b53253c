"""One JSON object of a client, read member by member so that nothing in it can vanish.

Knows: what becomes of members nobody asked for: they are the node's extras. Members that are there
but say nothing (null, an empty list, object or string, a default) are noted as spelling, so that this protocol's own writer gives the same
body back.
Refuses to know: what any member means.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from trioproxy.neutral.extras import own, packed, spelling
from trioproxy.neutral.parts import Extras
from trioproxy.protocols.members import MemberReader, refusal
from trioproxy.protocols.openai_responses.vocabulary import NAME
from trioproxy.wire.jsoncodec import JSON, Object

__all__ = ["Fields", "noted", "refusal", "restore"]

_BLANK = "blank"


class Fields(MemberReader):
    """The members of one object; :meth:`extras` is what nobody took."""

    def __init__(self, value: JSON, path: str) -> None:
        super().__init__(value, path)
        self._blank: Object = {}

    def __contains__(self, name: str) -> bool:
        return self._left.get(name) is not None

    def take(self, name: str) -> Any:
        """The member as it is."""
        if name not in self._left:
            return None
        value = self._left.pop(name)
        if _says_nothing(value):
            self._blank[name] = value
        return value

    def peek(self, name: str) -> Any:
        """The member as it is, without taking it."""
        return self._left.get(name)

    def list(self, name: str) -> list[Any]:
        """A list, empty where absent."""
        value = self.take(name)
        if value is None:
            return []
        if not isinstance(value, list):
            raise refusal(self.at(name), "a list")
        return value

    def unsay(self, defaults: Mapping[str, JSON]) -> None:
        """Forget members that are spelled out and have the value they have when they are left out: they say nothing."""
        for name, value in defaults.items():
            if name in self._left and self._left[name] == value and type(self._left[name]) is type(value):
                self._blank[name] = self._left.pop(name)

    def spelled(self, name: str) -> Any:
        """A member that the hub has a word of its own for: other protocols hear that word, and this protocol's writer puts the member back."""
        value = self.take(name)
        if value is not None:
            self._blank[name] = value
        return value

    def keep(self, name: str, value: JSON) -> None:
        """Put a member back, as what is left of it after its own members were taken."""
        if value:
            self._left[name] = value

    def rest(self) -> Object:
        """The members nobody took that say something."""
        return {name: value for name, value in self._left.items() if not _says_nothing(value)}

    def blank(self) -> Object:
        """The members that are there and say nothing, taken or not."""
        return {**self._blank, **{name: value for name, value in self._left.items() if _says_nothing(value)}}

    def extras(self, *, essential: Iterable[str] = (), notes: Mapping[str, Any] | None = None) -> Extras:
        """The rest and the blanks as the extras of a node; ``notes`` join the spelling."""
        blank = self.blank()
        marks = {**(notes or {}), **({_BLANK: blank} if blank else {})}
        return packed(NAME, self.rest(), essential=essential, spelling=marks)


def noted(extras: Extras, fields: Mapping[str, Any] | None = None, **notes: Any) -> Extras:
    """``extras`` of this protocol with more fields, and more notes on spelling."""
    return packed(NAME, {**own(extras, NAME), **(fields or {})}, spelling={**spelling(extras, NAME), **notes})


def _says_nothing(value: JSON) -> bool:
    return value is None or (isinstance(value, str | list | dict) and not value)


def restore(document: Object, extras: Extras) -> Object:
    """``document`` with the members its node's extras hold for this protocol, and the blanks where nothing else stands in their place."""
    document.update(own(extras, NAME))
    for name, value in spelling(extras, NAME).get(_BLANK, {}).items():
        document.setdefault(name, value)
    return document
