"""Arguments that arrive as JSON paths with values, written as JSON text while they come.

With ``streamFunctionCallArguments`` Vertex AI sends a call's arguments as ``partialArgs``: ``{"jsonPath": "$.items[0].name", "stringValue":
"Ap", "willContinue": true}`` and so on, in the order of the text they stand for; a string is continued by more values for its path
(google.genai.types.PartialArg; paths are RFC 9535). The text written is one JSON object whose members appear in that order. Refuses to
know: what a call is.
"""

from __future__ import annotations

import re

import attrs

from trioproxy.wire.jsoncodec import Object, dumps
from trioproxy.wire.machine import ProtocolViolation

__all__ = ["PartialArguments", "parse_path"]

_STEP = re.compile(r"""\.([^.\[\]'"]+)|\[(\d{1,9})\]|\['((?:[^'\\]|\\.)*)'\]|\["((?:[^"\\]|\\.)*)"\]""")
_ESCAPE = re.compile(r"\\(.)")

# The last two are how others spell a number.
_VALUES = ("stringValue", "numberValue", "boolValue", "nullValue", "intValue", "doubleValue")

_Path = tuple[str | int, ...]


def parse_path(path: str) -> _Path:
    """The steps of a singular path (``$.a[0]['b c']``).

    Raises:
        ProtocolViolation: it is no such path, or has no steps.
    """
    steps: list[str | int] = []
    at = 1
    while path.startswith("$") and at < len(path):
        step = _STEP.match(path, at)
        if step is None:
            break
        plain, number, single, double = step.groups()
        quoted = single if single is not None else double
        steps.append(int(number) if number else plain if plain is not None else _ESCAPE.sub(r"\1", quoted))
        at = step.end()
    if not steps or at != len(path):
        raise ProtocolViolation("a streamed argument's jsonPath is no path to one value")
    return tuple(steps)


@attrs.define(eq=False)
class _Container:
    """An open object or array: the step it stands at, the members it has."""

    array: bool
    names: set[str | int] = attrs.field(factory=set)
    at: str | int | None = None


class PartialArguments:
    """Takes ``partialArgs`` entries and returns the JSON text each one adds.

    Memory is bounded by the depth of the arguments and the number of names in the containers that are open.
    """

    def __init__(self) -> None:
        self._open: list[_Container] = []
        self._string: _Path | None = None
        self._last: _Path | None = None

    def feed(self, entry: Object) -> str:
        """The text that ``entry`` adds.

        Raises:
            ProtocolViolation: the entry goes back to what was closed, or is no entry at all.
        """
        path = entry.get("jsonPath")
        if not isinstance(path, str):
            raise ProtocolViolation("a streamed argument has no jsonPath")
        steps = parse_path(path)
        named = next((name for name in _VALUES if name in entry), None)
        if named is None:
            return ""
        value = None if named == "nullValue" else entry[named]
        goes_on = entry.get("willContinue") is True
        if self._string == steps and isinstance(value, str):
            return self._continued(value, goes_on)
        if self._last == steps and value in ("", None):
            return ""
        text = self._reach(steps)
        self._last = steps
        if isinstance(value, str) and goes_on:
            self._string = steps
            return text + dumps(value)[:-1].decode()
        return text + dumps(value).decode()

    def close(self) -> str:
        """The text that makes the whole a JSON object, ``{}`` where there were no entries."""
        if not self._open:
            return "{}"
        text = self._unquoted()
        while self._open:
            text += "]" if self._open.pop().array else "}"
        return text

    def _continued(self, value: str, goes_on: bool) -> str:
        text = dumps(value)[1:-1].decode()
        return text if goes_on else text + self._unquoted()

    def _unquoted(self) -> str:
        if self._string is None:
            return ""
        self._string = None
        return '"'

    def _reach(self, steps: _Path) -> str:
        """The text between what is written and the value at ``steps``."""
        text = self._unquoted()
        if not self._open:
            self._open.append(_Container(array=False))
            text += "{"
        shared = 0
        while shared < len(self._open) - 1 and shared < len(steps) - 1 and self._open[shared].at == steps[shared]:
            shared += 1
        while len(self._open) > shared + 1:
            text += "]" if self._open.pop().array else "}"
        for depth in range(shared, len(steps)):
            text += self._member(self._open[-1], steps[depth])
            if depth + 1 < len(steps):
                array = isinstance(steps[depth + 1], int)
                self._open.append(_Container(array=array))
                text += "[" if array else "{"
        return text

    @staticmethod
    def _member(container: _Container, step: str | int) -> str:
        if container.array is not isinstance(step, int):
            raise ProtocolViolation("a streamed argument's jsonPath takes an object for an array")
        if step in container.names or (container.array and step != len(container.names)):
            raise ProtocolViolation("streamed arguments do not come in the order of their text")
        comma = "," if container.names else ""
        container.names.add(step)
        container.at = step
        return comma if container.array else f"{comma}{dumps(step).decode()}:"
