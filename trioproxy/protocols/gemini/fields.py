"""One JSON object of a client, read field by field so that nothing in it can vanish.

Knows: Google's two spellings of a field name (``camelCase`` in JSON, ``snake_case`` in the protocol buffers; clients send both) and the
JSON forms of its scalar types (https://protobuf.dev/programming-guides/json/: a number may come as a string, null is absent). Refuses to
know: what any field means.
"""

from __future__ import annotations

import re
from typing import Any

from trioproxy.protocols.members import MemberReader, refusal
from trioproxy.wire.jsoncodec import JSON, Object

__all__ = ["Fields", "camel", "refusal"]

_SNAKE = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)+")
_INTEGER = re.compile(r"-?\d{1,18}")
_NUMBER = re.compile(r"-?\d{1,18}(?:\.\d{1,18})?")


def camel(name: str) -> str:
    """A field name in camelCase; names that are not snake_case stay as they are."""
    if "_" not in name or not _SNAKE.fullmatch(name):
        return name
    head, *rest = name.split("_")
    return head + "".join(word[:1].upper() + word[1:] for word in rest)


class Fields(MemberReader):
    """The fields of one object; :meth:`rest` is what nobody asked for. Where a name is spelled both ways the camelCase one holds."""

    def __init__(self, value: JSON, path: str) -> None:
        super().__init__(value, path)
        given, self._left = self._left, {}
        for name, each in given.items():
            spelled = camel(name)
            if each is None or (spelled != name and spelled in given):
                continue
            self._left[spelled] = each

    def __contains__(self, name: str) -> bool:
        return name in self._left

    def number(self, name: str) -> float | None:
        """A number, also where it comes as a string."""
        value = self.take(name)
        if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
            return value
        if isinstance(value, str) and _NUMBER.fullmatch(value):
            return float(value)
        raise refusal(self.at(name), "a number")

    def integer(self, name: str) -> int | None:
        """A whole number, also where it comes as a string or with a zero fraction."""
        value = self.take(name)
        match value:
            case None:
                return None
            case bool():
                pass
            case int():
                return value
            case float() if value.is_integer():
                return int(value)
            case str() if _INTEGER.fullmatch(value):
                return int(value)
            case _:
                pass
        raise refusal(self.at(name), "a whole number")

    def fields(self, name: str) -> Fields | None:
        """An object, to be read in turn."""
        value = self.take(name)
        return None if value is None else Fields(value, self.at(name))

    def list(self, name: str) -> list[Any] | None:
        """A list; a lone object counts as a list of one, as some clients send it."""
        value = self.take(name)
        if isinstance(value, dict):
            return [value]
        if value is not None and not isinstance(value, list):
            raise refusal(self.at(name), "a list")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of strings, empty where absent."""
        values = self.list(name) or []
        if not all(isinstance(each, str) for each in values):
            raise refusal(self.at(name), "a list of strings")
        return tuple(values)

    def rest(self) -> Object:
        """What was not taken."""
        return self._left
