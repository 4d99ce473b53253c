"""How tools are renamed or reshaped for a target, and how answers get the client's own names back.

Targets limit tool names (length, alphabet) and have no custom tools or namespaces. :class:`ToolNames` makes legal, unique, stable names;
the :class:`ToolNaming` it yields lets :class:`NameRestorer` undo it on the event stream.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from trioproxy.immutable import immutable
from trioproxy.neutral.events import Event, PartFinished, ToolArgsDelta, ToolCallStarted
from trioproxy.neutral.parts import ToolKind
from trioproxy.neutral.retyping import retyped
from trioproxy.wire.jsoncodec import JSONError, loads_object

__all__ = ["NameRestorer", "ToolNames", "ToolNaming"]


@immutable(kw_only=True)
class ToolNaming:
    """``originals`` maps the upstream's name to (client's name, namespace) where they differ. ``custom`` holds the upstream names of
    custom tools that were declared as functions with one string argument ``input``. ``typed`` maps an upstream name to the client's schema where
    the target was told of values as strings that are none."""

    originals: Mapping[str, tuple[str, str | None]] = attrs.field(factory=dict)
    custom: frozenset[str] = frozenset()
    typed: Mapping[str, Mapping[str, Any]] = attrs.field(factory=dict)

    def __bool__(self) -> bool:
        return bool(self.originals or self.custom or self.typed)


class ToolNames:
    """Legal names for a target: ``allowed`` is the class of characters to keep, ``limit`` the length in characters.

    Deterministic: the same tools give the same names in every turn of a conversation. An overlong name keeps its tail after a hash of the
    whole, because the tail is what tells ``mcp__server__tool`` names apart.
    """

    def __init__(self, *, limit: int, allowed: str = r"[a-zA-Z0-9_-]", first: str | None = None) -> None:
        self._limit = limit
        self._illegal = re.compile(f"[^{allowed[1:-1]}]")
        self._first = re.compile(first) if first else None
        self._by_client: dict[tuple[str, str | None], str] = {}
        self._by_upstream: dict[str, tuple[str, str | None]] = {}
        self._custom: set[str] = set()
        self._typed: dict[str, Mapping[str, Any]] = {}

    def retype(self, upstream: str, schema: Mapping[str, Any]) -> None:
        """Note that the arguments of this declared tool come back as strings where ``schema`` has values of other types."""
        self._typed[upstream] = schema

    def declare(self, name: str, *, namespace: str | None = None, custom: bool = False) -> str:
        """The upstream's name for a declared tool; the same answer for the same arguments."""
        known = self._by_client.get((name, namespace))
        if known is None:
            known = self._invent(name, namespace)
            self._by_client[name, namespace] = known
            self._by_upstream[known] = (name, namespace)
        if custom:
            self._custom.add(known)
        return known

    def of(self, name: str, *, namespace: str | None = None) -> str:
        """The upstream's name for a tool that history or a choice mentions (declared or not)."""
        known = self._by_client.get((name, namespace))
        if known is None and namespace is None:
            known = next((up for (own, _), up in self._by_client.items() if own == name), None)
        return known if known is not None else self.declare(name, namespace=namespace)

    def naming(self) -> ToolNaming:
        """What must be undone on the answer."""
        changed = {up: own for up, own in self._by_upstream.items() if own != (up, None)}
        return ToolNaming(originals=changed, custom=frozenset(self._custom), typed=dict(self._typed))

    def _invent(self, name: str, namespace: str | None) -> str:
        whole = _qualified(name, namespace)
        legal = self._illegal.sub("_", whole) or "_"
        if self._first is not None and not self._first.match(legal):
            legal = f"_{legal}"
        candidate = legal
        if len(legal) > self._limit:
            digest = hashlib.sha256(whole.encode()).hexdigest()[:8]
            candidate = f"t{digest}_{legal[-(self._limit - 10) :]}"
        serial = 1
        while candidate in self._by_upstream:
            digest = hashlib.sha256(f"{whole}#{serial}".encode()).hexdigest()[:8]
            candidate = f"t{digest}_{legal[-(self._limit - 10) :]}"
            serial += 1
        return candidate


def _qualified(name: str, namespace: str | None) -> str:
    """The name with its namespace in front, once: Codex's namespaces end in the separator, and a tool's own name may begin so."""
    if namespace is None or name.startswith(f"{namespace}__"):
        return name
    return f"{namespace}{name}" if namespace.endswith("__") else f"{namespace}__{name}"


class NameRestorer:
    """A machine from events to events that gives tool calls the client's names, custom tools their free text back, and arguments their types:
    those are told whole, at the call's end."""

    def __init__(self, naming: ToolNaming) -> None:
        self._naming = naming
        self._retyping: dict[int, tuple[Mapping[str, Any], list[str]]] = {}
        self._unwrapping: dict[int, InputUnwrapper] = {}

    def feed(self, item: Event) -> list[Event]:
        """Events for the client's writer."""
        match item:
            case ToolCallStarted(index=index, name=upstream):
                name, namespace = self._naming.originals.get(upstream, (upstream, item.namespace))
                custom = upstream in self._naming.custom
                if custom:
                    self._unwrapping[index] = InputUnwrapper()
                elif upstream in self._naming.typed:
                    self._retyping[index] = (self._naming.typed[upstream], [])
                kind = ToolKind.CUSTOM if custom else item.kind
                return [attrs.evolve(item, name=name, namespace=namespace, kind=kind)]
            case ToolArgsDelta(index=index) if index in self._unwrapping:
                text = self._unwrapping[index].feed(item.text)
                return [ToolArgsDelta(index=index, text=text)] if text else []
            case PartFinished(index=index) if index in self._unwrapping:
                text = self._unwrapping.pop(index).close()
                rest: list[Event] = [ToolArgsDelta(index=index, text=text)] if text else []
                return [*rest, item]
            case ToolArgsDelta(index=index) if index in self._retyping:
                self._retyping[index][1].append(item.text)
                return []
            case PartFinished(index=index) if index in self._retyping:
                schema, pieces = self._retyping.pop(index)
                whole = "".join(pieces)
                return [*([ToolArgsDelta(index=index, text=retyped(whole, schema))] if whole else []), item]
            case _:
                return [item]

    def unwraps(self, index: int) -> bool:
        """Whether the arguments of this call are not passed on as they are."""
        return index in self._unwrapping or index in self._retyping

    def close(self) -> list[Event]:
        """Nothing is owed."""
        return []

    def feed_all(self, events: Iterable[Event]) -> list[Event]:
        """Shorthand for feeding many."""
        return [out for event in events for out in self.feed(event)]


_ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
# The argument is declared as ``input``; models that know the tool by heart give it the name they learnt.
_INPUT_NAMES = ("input", "patch", "code", "script", "text", "content")
_INPUT_OPENING = re.compile(rf'\s*\{{\s*"(?:{"|".join(_INPUT_NAMES)})"\s*:\s*"')


class InputUnwrapper:
    """Takes the JSON text of ``{"input": "..."}`` in any pieces and yields the string's own text as it comes (RFC 8259 section 7).

    A JSON object of another shape waits for its end, where the string is looked for among its members (:func:`_input_among`). Text of any other
    shape is passed on unchanged, so that nothing a model said is lost.
    """

    _OPENING, _STRING, _AFTER, _RAW, _OBJECT = range(5)

    def __init__(self) -> None:
        self._state = self._OPENING
        self._held = ""
        self._pieces: list[str] = []

    def feed(self, text: str) -> str:
        """The part of the string that this piece completes."""
        if self._state == self._RAW:
            return text
        if self._state == self._AFTER:
            return ""
        if self._state == self._OBJECT:
            self._pieces.append(text)
            return ""
        self._held += text
        if self._state == self._OPENING:
            opening = _INPUT_OPENING.match(self._held)
            if opening is None:
                return self._give_up() if self._hopeless() else ""
            self._held = self._held[opening.end() :]
            self._state = self._STRING
        return self._string()

    def close(self) -> str:
        """What was held back and never became a string."""
        held, self._held = self._held, ""
        if self._state == self._OBJECT:
            return _input_among("".join(self._pieces))
        return _input_among(held) if self._state == self._OPENING else ""

    def _hopeless(self) -> bool:
        compact = re.sub(r"\s", "", self._held)
        return not any(f'{{"{name}":"'.startswith(compact) for name in _INPUT_NAMES)

    def _give_up(self) -> str:
        held, self._held = self._held, ""
        if held.lstrip().startswith("{"):
            self._state, self._pieces = self._OBJECT, [held]
            return ""
        self._state = self._RAW
        return held

    def _string(self) -> str:
        out: list[str] = []
        text, at = self._held, 0
        while at < len(text):
            char = text[at]
            if char == '"':
                self._state, self._held = self._AFTER, ""
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
