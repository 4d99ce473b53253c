"""What a configuration key may hold, and how its text is read.

Knows: words, switches, numbers, times, plain lists, and what a kind looks like in a JSON Schema. Refuses to know: how a tree is gone through
(``reading.py``), blocks of keys (``tables.py``) and which keys there are (``schema.py``). A reader never raises: what is wrong is noted in the
report and the key stays unset.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import inf, isfinite
from typing import Any, Protocol

import attrs

from trioproxy.config.document import Node, Scalar
from trioproxy.config.document import Sequence as SequenceNode
from trioproxy.config.model import Secret
from trioproxy.config.problems import Place
from trioproxy.config.reading import UNSET, Reading, members

__all__ = [
    "Anything",
    "Choice",
    "Flag",
    "Kind",
    "Number",
    "Seconds",
    "Text",
    "TextLists",
    "TextMap",
    "Texts",
    "Whole",
]

_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})
_OFF = frozenset({"off", "false", "no", "none", "never"})
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", re.ASCII)
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


class Kind(Protocol):
    """What a key may hold."""

    @property
    def word(self) -> str:
        """The kind in a word or two, for the reference page."""
        ...

    def read(self, node: Node, place: Place, reading: Reading) -> Any:
        """The value, or :data:`UNSET`."""
        ...

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the value."""
        ...


def _or_variable(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "string", "pattern": r"\$\{"}]}


@attrs.frozen(kw_only=True)
class Text:
    """A word or a line. A number or a switch is taken as it is spelled. ``lenient`` for templates that use ``${name}`` themselves."""

    secret: bool = False
    lenient: bool = False
    empty: bool = True

    @property
    def word(self) -> str:
        """See ``Kind.word``."""
        return "secret" if self.secret else "text"

    def read(self, node: Node, place: Place, reading: Reading) -> Any:
        """See ``Kind.read``."""
        text = reading.text(node, place, lenient=self.lenient)
        if text is None:
            return UNSET
        if not self.empty and not text.strip():
            reading.report.problem(place, "is empty")
            return UNSET
        return Secret(text.strip()) if self.secret else text.strip()

    def schema(self) -> dict[str, Any]:
        """See ``Kind.schema``."""
        return {"type": ["string", "number"]}


@attrs.frozen(kw_only=True)
class Choice:
    """One of some words; ``words`` maps each (lower-case; ``-`` and ``_`` are one) to the value it stands for."""

    words: Mapping[str, Any]

    @property
    def word(self) -> str:
        """See ``Kind.word``."""
        return " \\| ".join(f"`{word}`" for word in self.words)

    def read(self, node: Node, place: Place, reading: Reading) -> Any:
        """See ``Kind.read``."""
        text = reading.text(node, place)
        if text is None:
            return UNSET
        wanted = text.strip().lower()
        value = next((value for word, value in self.words.items() if _same(word, wanted)), UNSET)
        if value is UNSET:
            known = tuple(self.words)
            reading.report.problem(place, f"{text!r} is not one of {', '.join(known)}", word=wanted, known=known)
        return value

    def schema(self) -> dict[str, Any]:
        """See ``Kind.schema``."""
        return {"enum": list(self.words)}


@attrs.frozen
class Flag:
    """A switch."""

    word = "true \\| false"

    def read(self, node: Node, place: Place, reading: Reading) -> Any:
        """See ``Kind.read``."""
        text = reading.text(node, place)
        if text is None:
            return UNSET
        wanted = text.strip().lower()
        if wanted in _TRUE or wanted in _FALSE:
            return wanted in _TRUE
        reading.report.problem(place, f"expected true or false, got {text!r}")
        return UNSET

    def schema(self) -> dict[str, Any]:
        """See ``Kind.schema``."""
        return _or_variable({"type": "boolean"})


@attrs.frozen(kw_only=True)
class Whole:
    """A whole number in a range."""

    low: int | None = 0
    high: int | None = None
    word = "whole number"

    def read(self, node: Node, place: Place, reading: Reading) -> Any:
        """See ``Kind.read``."""
        text = reading.text(node, place)
        if text is None:
            return UNSET
        digits = text.strip().replace("_", "")
        if not re.fullmatch(r"[+-]?[0-9]{1,18}", digits):
            reading.report.problem(place, f"expected a whole number, got {text!r}")
            return UNSET
        number = int(digits)
        if (self.low is not None and number < self.low) or (self.high is not None and number > self.high):
            reading.report.problem(place, f"{number} is out of range{_range(self.low, self.high)}")
            return UNSET
        return number

    def schema(self) -> dict[str, Any]:
        """See ``Kind.schema``."""
        bounds = {"minimum": self.low, "maximum": self.high}
        return _or_variable({"type": "integer"} | {name: bound for name, bound in bounds.items() if bound is not None})


@attrs.frozen(kw_only=True)
class Number:
    """A number that is not negative."""

    word = "number"

    def read(self, node: Node, place: Place, reading: Reading) -> Any:
        """See ``Kind.read``."""
        text = reading.text(node, place)
        if text is None:
            return UNSET
        number = _number(text)
        if number is None or number < 0:
            reading.report.problem(place, f"expected a number of at least 0, got {text!r}")
            return UNSET
        return number

    def schema(self) -> dict[str, Any]:
        """See ``Kind.schema``."""
        return _or_variable({"type": "number", "minimum": 0})


@attrs.frozen(kw_only=True)
class Seconds:
    """A time: seconds with fractions, or ``500ms``, ``30s``, ``5m``, ``1h30m``; ``off`` is ``inf``. ``zero_is_off`` for keys where 0 has
    always meant that; elsewhere a time of 0 is refused, because nobody means it."""

    zero_is_off: bool = False
    zero: bool = False
    word = "seconds \\| `off`"

    def read(self, node: Node, place: Place, reading: Reading) -> Any:
        """See ``Kind.read``."""
        text = reading.text(node, place)
        if text is None:
            return UNSET
        wanted = text.strip().lower()
        if wanted in _OFF:
            return inf
        seconds = _seconds(wanted)
        if seconds is None or seconds < 0:
            if self.zero_is_off and seconds is not None:
                return inf
            reading.report.problem(place, f"expected seconds (as 2.5, 30s, 5m) or off, got {text!r}")
            return UNSET
        if seconds == 0 and not self.zero:
            if self.zero_is_off:
                return inf
            reading.report.problem(place, "a time of 0 would end everything at once; write off to switch it off")
            return UNSET
        return seconds

    def schema(self) -> dict[str, Any]:
        """See ``Kind.schema``."""
        return {"anyOf": [{"type": "number"}, {"const": False}, {"type": "string"}]}


@attrs.frozen
class Texts:
    """A list of words; one word alone is a list of one."""

    word = "list of text"

    def read(self, node: Node, place: Place, reading: Reading) -> Any:
        """See ``Kind.read``."""
        if isinstance(node, Scalar) and node.is_null:
            return ()
        items = reading.items(node, place) if isinstance(node, SequenceNode) else [(node, place)]
        texts = [reading.text(item, spot) for item, spot in items]
        return tuple(text.strip() for text in texts if text is not None and text.strip())

    def schema(self) -> dict[str, Any]:
        """See ``Kind.schema``."""
        return {"anyOf": [{"type": "array", "items": {"type": ["string", "number"]}}, {"type": "string"}]}


@attrs.frozen
class TextMap:
    """A mapping of names to words."""

    word = "mapping of text"

    def read(self, node: Node, place: Place, reading: Reading) -> Any:
        """See ``Kind.read``."""
        values: dict[str, str] = {}
        for member in members(node, place, reading):
            text = reading.text(member.value, place.key(member.key, member.line))
            if text is not None:
                values[member.key] = text
        return values

    def schema(self) -> dict[str, Any]:
        """See ``Kind.schema``."""
        return {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean"]}}


@attrs.frozen
class TextLists:
    """A mapping of names to lists of words."""

    word = "mapping of lists"

    def read(self, node: Node, place: Place, reading: Reading) -> Any:
        """See ``Kind.read``."""
        lists = Texts()
        return {
            member.key: lists.read(member.value, place.key(member.key, member.line), reading)
            for member in members(node, place, reading)
        }

    def schema(self) -> dict[str, Any]:
        """See ``Kind.schema``."""
        return {"type": "object", "additionalProperties": Texts().schema()}


@attrs.frozen(kw_only=True)
class Anything:
    """A value that is accepted and not looked into."""

    word = "anything"

    def read(self, node: Node, place: Place, reading: Reading) -> Any:
        """See ``Kind.read``."""
        return None

    def schema(self) -> dict[str, Any]:
        """See ``Kind.schema``."""
        return {}


def _same(word: str, other: str) -> bool:
    return word.replace("-", "_") == other.replace("-", "_")


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if isfinite(number) else None


def _seconds(text: str) -> float | None:
    number = _number(text)
    if number is not None:
        return number
    parts = _DURATION.findall(text)
    if not parts or "".join(value + unit for value, unit in parts) != text:
        return None
    return sum(float(value) * _UNITS[unit] for value, unit in parts)


def _range(low: int | None, high: int | None) -> str:
    if low is not None and high is not None:
        return f" ({low} to {high})"
    return f" (at least {low})" if low is not None else f" (at most {high})"
