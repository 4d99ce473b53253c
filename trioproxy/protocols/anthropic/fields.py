"""Read a client's JSON object member by member.

Knows: which members were taken and where in the request the object stands, so that every refusal names its field and every member that
nobody took is still there to be carried. A member that is null is taken for absent. Refuses to know: what any member means.
"""

from __future__ import annotations

from trioproxy.errors import ClientFault, ErrorKind
from trioproxy.wire.jsoncodec import JSON, Object

__all__ = ["Fields", "invalid"]


def invalid(path: str, problem: str) -> ClientFault:
    """The refusal of one field of a request. ``problem`` completes the sentence that begins with the field's name."""
    return ClientFault(ErrorKind.INVALID_REQUEST, f"`{path}` {problem}", param=path)


class Fields:
    """One object of a request. ``path`` is its place (``messages[2]``), empty for the request itself.

    Every method that takes a member raises :class:`~trioproxy.errors.ClientFault` (INVALID_REQUEST, ``param`` set) where its type is wrong.
    """

    def __init__(self, value: JSON, path: str) -> None:
        self.path = path
        if not isinstance(value, dict):
            raise invalid(path, "must be a JSON object")
        self._left: Object = dict(value)

    def at(self, name: str) -> str:
        """The path of a member."""
        return f"{self.path}.{name}" if self.path else name

    def take(self, name: str) -> JSON:
        """A member of any type, None where it is absent."""
        return self._left.pop(name, None)

    def text(self, name: str) -> str | None:
        """A string."""
        value = self.take(name)
        if value is not None and not isinstance(value, str):
            raise invalid(self.at(name), "must be a string")
        return value

    def required_text(self, name: str) -> str:
        """A string that has to be there."""
        value = self.text(name)
        if value is None:
            raise invalid(self.at(name), "is required and must be a string")
        return value

    def flag(self, name: str) -> bool | None:
        """A boolean."""
        value = self.take(name)
        if value is not None and not isinstance(value, bool):
            raise invalid(self.at(name), "must be true or false")
        return value

    def integer(self, name: str) -> int | None:
        """A whole number."""
        value = self.take(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
            raise invalid(self.at(name), "must be an integer")
        return value

    def number(self, name: str) -> float | None:
        """A number."""
        value = self.take(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise invalid(self.at(name), "must be a number")
        return value

    def inner(self, name: str) -> Fields | None:
        """An object."""
        value = self.take(name)
        return None if value is None else Fields(value, self.at(name))

    def items(self, name: str) -> list[tuple[str, JSON]] | None:
        """The elements of an array, each with its path."""
        value = self.take(name)
        if value is None:
            return None
        if not isinstance(value, list):
            raise invalid(self.at(name), "must be an array")
        return [(f"{self.at(name)}[{number}]", each) for number, each in enumerate(value)]

    def texts(self, name: str) -> tuple[str, ...]:
        """An array of strings; empty where it is absent."""
        found = self.items(name) or []
        for path, each in found:
            if not isinstance(each, str):
                raise invalid(path, "must be a string")
        return tuple(each for _, each in found)

    def rest(self) -> Object:
        """The members that nobody took; a new dict."""
        return dict(self._left)
