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
from trioproxy.neutral.unwrapping import InputUnwrapper

__all__ = ["SAME_NAMES", "NameRestorer", "ToolNames", "ToolNaming"]


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


SAME_NAMES = ToolNaming()
"""Every tool has the name that the client gave it."""


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
