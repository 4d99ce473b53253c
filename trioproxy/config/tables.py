"""Blocks of keys: the rows a table of keys is made of, and how a block of a file is read by one.

Knows: keys, aliases, blocks in lists and under free names, blocks that may have one of several forms. Refuses to know: which keys there
are (``schema.py``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import attrs

from trioproxy.config.document import Mapping as MappingNode
from trioproxy.config.document import Node, Scalar
from trioproxy.config.document import Sequence as SequenceNode
from trioproxy.config.kinds import Kind
from trioproxy.config.problems import Place, Report
from trioproxy.config.reading import UNSET, Reading, members

__all__ = ["Block", "Forms", "Hidden", "Key", "Many", "Named", "Section", "blocks_in", "spelled"]


@attrs.frozen
class Key:
    """One row of the table of keys.

    ``default`` is a word for the reference page. ``aliases`` are other spellings (``_`` for ``-`` is always one). ``served`` false says
    that the key is known and does nothing yet: it is warned of once.
    """

    name: str
    kind: Kind
    doc: str
    default: str | None = attrs.field(default=None, kw_only=True)
    example: str | None = attrs.field(default=None, kw_only=True)
    aliases: tuple[str, ...] = attrs.field(default=(), kw_only=True)
    served: bool = attrs.field(default=True, kw_only=True)


@attrs.frozen(repr=False)
class Section:
    """A block that was read: values by canonical key, each with its place. ``form`` is the block's, where it may have one of several."""

    place: Place
    values: Mapping[str, Any]
    places: Mapping[str, Place]
    form: str = ""

    def get(self, key: str, default: Any = None) -> Any:
        """The value of ``key``, ``default`` where it was not given."""
        return self.values.get(key, default)

    def __contains__(self, key: str) -> bool:
        return key in self.values

    def at(self, key: str) -> Place:
        """Where ``key`` stands; the block's own place where it was not given."""
        return self.places.get(key, self.place)


@attrs.frozen(kw_only=True)
class Block:
    """A mapping whose keys are all known. ``shorthand`` is the key that a lone word stands for, ``form`` a name for this way to write it."""

    title: str
    keys: tuple[Key, ...]
    shorthand: str | None = None
    form: str = ""
    word = "block"

    def read(self, node: Node, place: Place, reading: Reading) -> Any:
        """See ``Kind.read``."""
        if self.shorthand is not None and isinstance(node, Scalar) and not node.is_null:
            key = next(key for key in self.keys if key.name == self.shorthand)
            value = key.kind.read(node, place, reading)
            return Section(place, {} if value is UNSET else {key.name: value}, {key.name: place})
        known = self._spellings()
        values: dict[str, Any] = {}
        places: dict[str, Place] = {}
        for member in members(node, place, reading):
            spot = place.key(member.key, member.line)
            row = known.get(spelled(member.key))
            if row is None:
                reading.report.problem(spot, "unknown key", word=spelled(member.key), known=tuple(known))
                continue
            if row.name in places:
                reading.report.problem(spot, f"means the same as {places[row.name].path}, which is given as well")
                continue
            places[row.name] = spot
            if not row.served:
                reading.report.warning(spot, f"is known, but not served yet and does nothing: {row.doc}")
            value = row.kind.read(member.value, spot, reading)
            if value is not UNSET:
                values[row.name] = value
        return Section(place, values, places, self.form)

    @property
    def anchor(self) -> str:
        """The title as a word that can be linked to."""
        return re.sub(r"[^a-z0-9]+", "-", self.title.lower()).strip("-")

    def schema(self) -> dict[str, Any]:
        """See ``Kind.schema``."""
        return {"$ref": f"#/$defs/{self.anchor}"}

    def definition(self) -> dict[str, Any]:
        """The JSON Schema that :meth:`schema` refers to."""
        properties: dict[str, Any] = {}
        for key in self.keys:
            described = key.kind.schema() | {"description": key.doc}
            for name in dict.fromkeys((key.name, key.name.replace("-", "_"), *key.aliases)):
                properties[name] = described
        whole: dict[str, Any] = {"type": ["object", "null"], "properties": properties, "additionalProperties": False}
        return whole if self.shorthand is None else {"anyOf": [whole, {"type": ["string", "number"]}]}

    def _spellings(self) -> dict[str, Key]:
        return {spelled(name): key for key in self.keys for name in (key.name, *key.aliases)}


@attrs.frozen(kw_only=True)
class Many:
    """A list of blocks; one block alone is a list of one."""

    block: Block

    @property
    def word(self) -> str:
        """See ``Kind.word``."""
        return "list of blocks"

    def read(self, node: Node, place: Place, reading: Reading) -> Any:
        """See ``Kind.read``."""
        if isinstance(node, Scalar) and node.is_null:
            return ()
        if not isinstance(node, SequenceNode):
            return (self.block.read(node, place, reading),)
        return tuple(self.block.read(item, spot, reading) for item, spot in reading.items(node, place))

    def schema(self) -> dict[str, Any]:
        """See ``Kind.schema``."""
        item = self.block.schema()
        return {"anyOf": [{"type": "array", "items": item}, item, {"type": "null"}]}


@attrs.frozen(kw_only=True)
class Named:
    """A mapping of free names to blocks."""

    block: Block | Forms

    @property
    def word(self) -> str:
        """See ``Kind.word``."""
        return "mapping of blocks"

    def read(self, node: Node, place: Place, reading: Reading) -> Any:
        """See ``Kind.read``."""
        return {
            member.key: self.block.read(member.value, place.key(member.key, member.line), reading)
            for member in members(node, place, reading)
        }

    def schema(self) -> dict[str, Any]:
        """See ``Kind.schema``."""
        return {"type": ["object", "null"], "additionalProperties": self.block.schema()}


@attrs.frozen(kw_only=True)
class Forms:
    """A mapping that may have one of several forms; ``choose`` tells the form by the keys (spelled with ``-``)."""

    blocks: tuple[Block, ...]
    choose: Callable[[frozenset[str]], Block]
    word = "block"

    def read(self, node: Node, place: Place, reading: Reading) -> Any:
        """See ``Kind.read``."""
        keys = frozenset(spelled(key) for key in node.members) if isinstance(node, MappingNode) else frozenset()
        return self.choose(keys).read(node, place, reading)

    def schema(self) -> dict[str, Any]:
        """See ``Kind.schema``."""
        return {"anyOf": [block.schema() for block in self.blocks]}


@attrs.frozen(kw_only=True)
class Hidden:
    """A kind whose inner keys are known too, but of a block that does nothing yet: read without a warning for each of them."""

    kind: Kind

    @property
    def word(self) -> str:
        """See ``Kind.word``."""
        return self.kind.word

    def read(self, node: Node, place: Place, reading: Reading) -> Any:
        """See ``Kind.read``."""
        quiet = attrs.evolve(reading, report=Report(problems=reading.report.problems))
        value = self.kind.read(node, place, quiet)
        reading.visited = quiet.visited
        return value

    def schema(self) -> dict[str, Any]:
        """See ``Kind.schema``."""
        return self.kind.schema()


def blocks_in(kind: Kind) -> Iterator[Block]:
    """Every block that a value of ``kind`` may hold, at any depth, each as often as it is found."""
    match kind:
        case Block():
            yield kind
            for key in kind.keys:
                yield from blocks_in(key.kind)
        case Many():
            yield from blocks_in(kind.block)
        case Named():
            yield from blocks_in(kind.block)
        case Forms():
            for block in kind.blocks:
                yield from blocks_in(block)
        case Hidden():
            yield from blocks_in(kind.kind)


def spelled(key: str) -> str:
    """A key as the table spells it: lower-case, ``-`` for ``_``."""
    return key.strip().lower().replace("_", "-")
