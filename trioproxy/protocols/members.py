"""A client's JSON object read member by member: each handed out once, with its type checked, so that nothing in it can vanish.

Knows: which JSON types there are (a boolean is no number), and where in the request an object stands. Refuses to know: what any member means,
what of it is left over for whom, and how a protocol words a refusal; each protocol's ``fields.py`` says that.
"""

from __future__ import annotations

from typing import Any

from trioproxy.errors import ClientFault, ErrorKind
from trioproxy.wire.jsoncodec import JSON, Object

__all__ = ["MemberReader", "refusal"]


def refusal(path: str, wanted: str) -> ClientFault:
    """The error for a member that is not what it has to be; ``wanted`` completes "must be ..."."""
    return ClientFault(ErrorKind.INVALID_REQUEST, f"`{path}` must be {wanted}.", param=path)


class MemberReader:
    """The members of one object. ``path`` is its place (``messages[2]``), "" for the request itself.

    Every method that takes a member gives None where it is absent or null, and raises ``ClientFault`` (INVALID_REQUEST, ``param`` the path
    of the member) where its type is wrong.
    """

    def __init__(self, value: JSON, path: str = "") -> None:
        if not isinstance(value, dict):
            raise self.refuse(path, "an object")
        self.path = path
        self._left: Object = dict(value)

    @staticmethod
    def refuse(path: str, wanted: str) -> ClientFault:
        """The refusal of a member, as this protocol words it; ``wanted`` completes "must be ..."."""
        return refusal(path, wanted)

    def at(self, name: str) -> str:
        """The path of a member."""
        return f"{self.path}.{name}" if self.path else name

    def take(self, name: str) -> Any:
        """A member of any type."""
        return self._left.pop(name, None)

    def text(self, name: str) -> str | None:
        """A string."""
        value: str | None = self._typed(name, str, "a string")
        return value

    def flag(self, name: str) -> bool | None:
        """A boolean."""
        value: bool | None = self._typed(name, bool, "true or false")
        return value

    def object(self, name: str) -> Object | None:
        """An object as it is."""
        value: Object | None = self._typed(name, dict, "an object")
        return value

    def integer(self, name: str) -> int | None:
        """A whole number."""
        value = self.take(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
            raise self.refuse(self.at(name), "a whole number")
        return value

    def number(self, name: str) -> float | None:
        """A number, an int where it was written as one."""
        value = self.take(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise self.refuse(self.at(name), "a number")
        return value

    def need(self, name: str) -> str:
        """A string that has to be there."""
        value = self.text(name)
        if value is None:
            raise self.refuse(self.at(name), "a string")
        return value

    def _typed(self, name: str, kind: type, wanted: str) -> Any:
        value = self.take(name)
        if value is not None and not isinstance(value, kind):
            raise self.refuse(self.at(name), wanted)
        return value
