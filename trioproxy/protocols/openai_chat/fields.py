"""Read a client's JSON object member by member, so that nothing in it vanishes.

What nobody took is left over for ``extras``. A member that is null says nothing, but it is remembered, because the same protocol gives it back.
Refuses to know: what any member means.
"""

from __future__ import annotations

from trioproxy.errors import ClientFault, ErrorKind
from trioproxy.protocols.members import MemberReader
from trioproxy.wire.jsoncodec import JSON, Object

__all__ = ["Fields", "fault"]


def fault(path: str, problem: str) -> ClientFault:
    """A request that can't be understood; ``problem`` continues a sentence that begins with the member's path."""
    return ClientFault(ErrorKind.INVALID_REQUEST, f"`{path}` {problem}.", param=path)


class Fields(MemberReader):
    """The members of one object. ``names`` are all it has, ``nulls`` those of them that were found to be null."""

    def __init__(self, value: JSON, path: str = "") -> None:
        super().__init__(value, path)
        self.names = tuple(self._left)
        self.nulls: list[str] = []

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

    def name(self, name: str) -> str:
        """A string that must be there and not be empty."""
        value = self.text(name)
        if not value:
            raise fault(self.at(name), "must be a string that is not empty")
        return value

    def integer(self, name: str) -> int | None:
        """A whole number."""
        value = self.number(name)
        if value is not None and value != int(value):
            raise fault(self.at(name), "must be a whole number")
        return None if value is None else int(value)

    def array(self, name: str) -> list[JSON] | None:
        """An array."""
        value: list[JSON] | None = self._typed(name, list, "an array")
        return value
