"""Read a client's JSON object member by member, so that nothing in it vanishes.

Every member is taken by name, with its type checked; what nobody took is left over for ``extras``. A member that is null says nothing, but it is
remembered, because the same protocol gives it back. Faults name the path of the member (``messages[2].content[0].image_url``).
"""

from __future__ import annotations

from typing import Any

from trioproxy.errors import ClientFault, ErrorKind
from trioproxy.wire.jsoncodec import JSON, Object

__all__ = ["Fields", "fault"]


def fault(path: str, problem: str) -> ClientFault:
    """A request that can't be understood; ``problem`` continues a sentence that begins with the member's path."""
    return ClientFault(ErrorKind.INVALID_REQUEST, f"`{path}` {problem}.", param=path)


class Fields:
    """The members of one object. ``path`` is where it stands, "" for the body itself."""

    def __init__(self, value: JSON, path: str = "") -> None:
        if not isinstance(value, dict):
            raise fault(path, "must be an object")
        self.path = path
        self.names = tuple(value)
        self.nulls: list[str] = []
        self._left: Object = value.copy()

    def at(self, name: str) -> str:
        """The path of a member."""
        return f"{self.path}.{name}" if self.path else name

    def take(self, name: str) -> JSON:
        """A member of any type, None where it is absent or null."""
        value = self._left.pop(name, self)
        if value is None:
            self.nulls.append(name)
        return None if value is self else value

    def rest(self) -> Object:
        """The members that nobody took and that are not null."""
        self.nulls += (name for name, value in self._left.items() if value is None)
        left = {name: value for name, value in self._left.items() if value is not None}
        self._left = {}
        return left

    def text(self, name: str) -> str | None:
        """A string."""
        value: str | None = self._typed(name, str, "a string")
        return value

    def name(self, name: str) -> str:
        """A string that must be there and not be empty."""
        value = self.text(name)
        if not value:
            raise fault(self.at(name), "must be a string that is not empty")
        return value

    def flag(self, name: str) -> bool | None:
        """A boolean."""
        value: bool | None = self._typed(name, bool, "true or false")
        return value

    def integer(self, name: str) -> int | None:
        """A whole number."""
        value = self.number(name)
        if value is not None and value != int(value):
            raise fault(self.at(name), "must be a whole number")
        return None if value is None else int(value)

    def number(self, name: str) -> float | None:
        """A number, an int where it was written as one."""
        value = self.take(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise fault(self.at(name), "must be a number")
        number: float | None = value
        return number

    def object(self, name: str) -> Object | None:
        """An object."""
        value: Object | None = self._typed(name, dict, "an object")
        return value

    def array(self, name: str) -> list[JSON] | None:
        """An array."""
        value: list[JSON] | None = self._typed(name, list, "an array")
        return value

    def _typed(self, name: str, wanted: type, said: str) -> Any:
        value = self.take(name)
        if value is not None and not isinstance(value, wanted):
            raise fault(self.at(name), f"must be {said}")
        return value
