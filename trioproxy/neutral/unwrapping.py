"""The free text of a custom tool out of the JSON arguments that stand for it at a target without custom tools.

Such a tool is declared as a function with one string, ``input``. Knows: how a JSON string is written, in pieces cut anywhere, and by which other
names models call the argument. Refuses to know: which tools are declared so (``naming.py``).
"""

from __future__ import annotations

import enum
import re

from trioproxy.wire.jsoncodec import JSONError, loads_object

__all__ = ["InputUnwrapper"]

_ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
# The argument is declared as ``input``; models that know the tool by heart give it the name they learnt.
_INPUT_NAMES = ("input", "patch", "code", "script", "text", "content")
_INPUT_OPENING = re.compile(rf'\s*\{{\s*"(?:{"|".join(_INPUT_NAMES)})"\s*:\s*"')


class _State(enum.Enum):
    OPENING = enum.auto()
    """Before the string's first character."""
    STRING = enum.auto()
    """In the string."""
    AFTER = enum.auto()
    """Behind it: nothing more is said."""
    OBJECT = enum.auto()
    """In an object of another shape, which is looked at when it is whole."""
    RAW = enum.auto()
    """In text that is no object."""


class InputUnwrapper:
    """Takes the JSON text of ``{"input": "..."}`` in any pieces and yields the string's own text as it comes (RFC 8259 section 7).

    A JSON object of another shape waits for its end, where the string is looked for among its members (:func:`_input_among`). Text of any other
    shape is passed on unchanged, so that nothing a model said is lost.
    """

    def __init__(self) -> None:
        self._state = _State.OPENING
        self._held = ""
        self._pieces: list[str] = []

    def feed(self, text: str) -> str:
        """The part of the string that this piece completes."""
        if self._state is _State.RAW:
            return text
        if self._state is _State.AFTER:
            return ""
        if self._state is _State.OBJECT:
            self._pieces.append(text)
            return ""
        self._held += text
        if self._state is _State.OPENING:
            opening = _INPUT_OPENING.match(self._held)
            if opening is None:
                return self._give_up() if self._hopeless() else ""
            self._held = self._held[opening.end() :]
            self._state = _State.STRING
        return self._string()

    def close(self) -> str:
        """What was held back and never became a string."""
        held, self._held = self._held, ""
        if self._state is _State.OBJECT:
            return _input_among("".join(self._pieces))
        return _input_among(held) if self._state is _State.OPENING else ""

    def _hopeless(self) -> bool:
        compact = re.sub(r"\s", "", self._held)
        return not any(f'{{"{name}":"'.startswith(compact) for name in _INPUT_NAMES)

    def _give_up(self) -> str:
        held, self._held = self._held, ""
        if held.lstrip().startswith("{"):
            self._state, self._pieces = _State.OBJECT, [held]
            return ""
        self._state = _State.RAW
        return held

    def _string(self) -> str:
        out: list[str] = []
        text, at = self._held, 0
        while at < len(text):
            char = text[at]
            if char == '"':
                self._state, self._held = _State.AFTER, ""
                return "".join(out)
            if char != "\\":
                out.append(char)
                at += 1
                continue
            step = self._escape(text, at, out)
            if step == 0:
                break
            at += step
        self._held = text[at:]
        return "".join(out)

    @staticmethod
    def _escape(text: str, at: int, out: list[str]) -> int:
        """Decode the escape at ``at``; its length, 0 where it is not all there yet. What is no escape stands for itself."""
        if len(text) < at + 2:
            return 0
        kind = text[at + 1]
        if kind != "u":
            out.append(_ESCAPES.get(kind, kind))
            return 2
        if len(text) < at + 6 and _HEX.fullmatch(text, at + 2):
            return 0
        code = _unit(text, at)
        if code is None:
            out.append("\\u")
            return 2
        if not 0xD800 <= code < 0xDC00:
            out.append(chr(code) if not 0xDC00 <= code < 0xE000 else "\ufffd")
            return 6
        if len(text) < at + 12 and _LOW_BEGUN.fullmatch(text, at + 6):
            # A high surrogate waits for its other half; anything else after it means there is none.
            return 0
        low = _unit(text, at + 6)
        if low is not None and 0xDC00 <= low < 0xE000:
            out.append(chr(0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)))
            return 12
        out.append("\ufffd")
        return 6


_HEX = re.compile("[0-9a-fA-F]{0,3}")
_LOW_BEGUN = re.compile(r"(?:\\(?:u[0-9a-fA-F]{0,3})?)?")
_UNIT = re.compile(r"\\u([0-9a-fA-F]{4})")


def _unit(text: str, at: int) -> int | None:
    r"""The code unit of the escape ``\uXXXX`` at ``at``, None where there is none."""
    found = _UNIT.match(text, at)
    return int(found[1], 16) if found is not None else None


def _input_among(text: str) -> str:
    """The free text in arguments of an unforeseen shape: an empty object says nothing, one string among other members is meant, and so is what
    stands behind the tool's name in a ``command``, as older shells of Codex had it. All else is the text as it is."""
    try:
        found = loads_object(text)
    except JSONError:
        return text
    match found.get("command"):
        case [str(), str() as said]:
            return said
        case _:
            named = (value for name in _INPUT_NAMES if isinstance(value := found.get(name), str))
            return next(named, text if found else "")
