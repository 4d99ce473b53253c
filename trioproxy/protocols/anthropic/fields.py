"""Read a client's JSON object member by member.

Knows: how this protocol words a refusal, and that every member that nobody took is still there to be carried. A member that is null is taken
for absent. Refuses to know: what any member means.
"""

from __future__ import annotations

from trioproxy.errors import ClientFault, ErrorKind
from trioproxy.protocols.members import MemberReader
from trioproxy.wire.jsoncodec import JSON, Object

__all__ = ["Fields", "invalid"]


def invalid(path: str, problem: str) -> ClientFault:
    """The refusal of one field of a request. ``problem`` completes the sentence that begins with the field's name."""
    return ClientFault(ErrorKind.INVALID_REQUEST, f"`{path}` {problem}", param=path)


class Fields(MemberReader):
    """One object of a request."""

    @staticmethod
    def refuse(path: str, wanted: str) -> ClientFault:
        """See :meth:`MemberReader.refuse`."""
        return invalid(path, f"must be {wanted}")

    def need(self, name: str) -> str:
        """See :meth:`MemberReader.need`."""
        value = self.text(name)
        if value is None:
            raise invalid(self.at(name), "is required and must be a string")
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
