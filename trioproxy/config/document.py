"""A configuration file as a tree that knows its lines: YAML (1.1, the safe part) and TOML become the same nodes.

Knows: syntax. Refuses to know: what any key means; a scalar stays the text that stood in the file, because only the table of keys knows
whether ``off`` is a word or a switch.

Bounded: the tree is built from a flat stream of events, so depth costs no stack; an alias shares its node, so a file of nested aliases
stays small here (the reader of the tree counts what it visits).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import attrs
import yaml

from trioproxy.config.problems import ConfigInvalid, Problem

__all__ = ["Config", "Mapping", "Member", "Node", "Scalar", "Sequence", "parse_toml", "parse_yaml"]

_DEEPEST = 40
_LARGEST = 16 * 1024 * 1024
_MOST_INHERITED = 100_000
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})


@attrs.frozen(repr=False)
class Scalar:
    """Text as it stood, quotes taken off. ``plain`` says that it had none. May be a secret: it has no repr."""

    text: str
    plain: bool
    line: int

    @property
    def is_null(self) -> bool:
        """Whether nothing was written."""
        return self.plain and self.text in _NULLS


@attrs.define(repr=False, eq=False)
class Sequence:
    """A list."""

    line: int
    items: list[Node] = attrs.Factory(list)


@attrs.frozen(repr=False)
class Member:
    """One key of a mapping."""

    key: str
    line: int
    value: Node


@attrs.define(repr=False, eq=False)
class Mapping:
    """A mapping; keys in the order of the file."""

    line: int
    members: dict[str, Member] = attrs.Factory(dict)


Node: TypeAlias = Scalar | Sequence | Mapping


@attrs.frozen(kw_only=True, repr=False)
class Config:
    """A configuration that was parsed and not yet judged. ``name`` is what messages call it; ``folder`` is where relative paths begin, None
    for a text that is no file."""

    name: str
    document: Node
    folder: Path | None = None


def parse_yaml(text: str, name: str) -> Node:
    """The tree of a YAML text; an empty one is an empty mapping.

    Raises:
        ConfigInvalid: it is not YAML, holds a key twice, more than one document, or is larger or deeper than any configuration.
    """
    _check_size(text, name)
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    builder = _Builder(name)
    try:
        for event in yaml.parse(text, Loader=loader):
            builder.feed(event)
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        line = mark.line + 1 if mark is not None else 0
        raise _refused(name, line, f"not YAML: {exc.problem or exc.context}{_hint(text, line)}") from None
    except yaml.YAMLError as exc:
        raise _refused(name, 0, f"not YAML: {' '.join(str(exc).split())}") from None
    if builder.problems:
        raise ConfigInvalid(tuple(builder.problems))
    return builder.root if builder.root is not None else Mapping(line=1)


def parse_toml(text: str, name: str) -> Node:
    """The tree of a TOML text. Lines are those of the keys, found by looking for them; inside inline values, those of the whole value.

    Raises:
        ConfigInvalid: it is not TOML, or is larger or deeper than any configuration.
    """
    import tomllib  # most files are YAML

    _check_size(text, name)
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        at = re.search(r"line (\d+)", str(exc))
        raise _refused(name, int(at[1]) if at else 0, f"not TOML: {exc}") from None
    except RecursionError:
        raise _refused(name, 0, "not TOML: nested too deeply") from None
    return _TomlTree(name, _toml_lines(text)).node(document, "", 1)


class _Builder:
    """YAML events to nodes."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.root: Node | None = None
        self.problems: list[Problem] = []
        self._open: list[tuple[Sequence | Mapping, str | None]] = []
        self._keys: list[tuple[str, int] | None] = []
        self._written: list[dict[str, int]] = []
        self._inherited = 0
        self._anchors: dict[str, Node] = {}
        self._documents = 0

    def feed(self, event: Any) -> None:
        line = event.start_mark.line + 1 if event.start_mark is not None else 0
        match event:
            case yaml.DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    raise _refused(self.name, line, "a configuration is one YAML document; this file holds more")
            case yaml.ScalarEvent():
                self._put(Scalar(event.value, event.implicit[0], line), event.anchor)
            case yaml.AliasEvent():
                self._put(self._aliased(event.anchor or "", line), None)
            case yaml.MappingStartEvent():
                self._enter(Mapping(line=line), event.anchor)
            case yaml.SequenceStartEvent():
                self._enter(Sequence(line=line), event.anchor)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                node, anchor = self._open.pop()
                self._keys.pop()
                self._written.pop()
                self._put(node, anchor)

    def _enter(self, node: Sequence | Mapping, anchor: str | None) -> None:
        if len(self._open) >= _DEEPEST:
            raise _refused(self.name, node.line, f"nested deeper than {_DEEPEST} levels")
        self._open.append((node, anchor))
        self._keys.append(None)
        self._written.append({})

    def _aliased(self, anchor: str, line: int) -> Node:
        node = self._anchors.get(anchor)
        if node is None:
            raise _refused(self.name, line, f"*{anchor} refers to nothing that is complete before it")
        return node

    def _put(self, node: Node, anchor: str | None) -> None:
        if anchor is not None:
            self._anchors[anchor] = node
        if not self._open:
            self.root = node
            return
        parent, _ = self._open[-1]
        if isinstance(parent, Sequence):
            parent.items.append(node)
            return
        key = self._keys[-1]
        if key is None:
            self._keys[-1] = self._key(node)
        else:
            self._keys[-1] = None
            self._member(parent, Member(key[0], key[1], node))

    def _key(self, node: Node) -> tuple[str, int]:
        if not isinstance(node, Scalar):
            raise _refused(self.name, node.line, "a key is a word, not a list or a mapping")
        return node.text, node.line

    def _member(self, parent: Mapping, member: Member) -> None:
        if member.key == "<<":
            self._inherit(parent, member)
            return
        written = self._written[-1]
        if member.key in written:
            message = f"the key {member.key!r} is given twice here, first in line {written[member.key]}"
            self.problems.append(Problem(file=self.name, line=member.line, path=member.key, message=message))
        written[member.key] = member.line
        parent.members[member.key] = member

    def _inherit(self, parent: Mapping, merge: Member) -> None:
        for source in _merged(merge.value):
            self._inherited += len(source.members)
            if self._inherited > _MOST_INHERITED:
                raise _refused(self.name, merge.line, f"more than {_MOST_INHERITED} keys are merged with <<")
            for inherited in source.members.values():
                parent.members.setdefault(inherited.key, inherited)


def _merged(node: Node) -> Iterator[Mapping]:
    for source in node.items if isinstance(node, Sequence) else [node]:
        if isinstance(source, Mapping):
            yield source


def _hint(text: str, line: int) -> str:
    """What is behind most syntax errors that people who know YAML don't see at once."""
    near = text.splitlines()[max(line - 2, 0) : line]
    if any("${" in one and ("[" in one or one.count("{") > one.count("${")) for one in near):
        return "; inside [ ] and { } a ${VARIABLE} needs quotes around it"
    if any("\t" in one for one in near):
        return "; YAML takes no tabs for indentation"
    return ""


def _check_size(text: str, name: str) -> None:
    if len(text) > _LARGEST:
        raise _refused(name, 0, f"larger than {_LARGEST // 1024 // 1024} MiB: this is no configuration")


def _refused(name: str, line: int, message: str) -> ConfigInvalid:
    return ConfigInvalid((Problem(file=name, line=line, path="", message=message),))


_HEADER = re.compile(r"^\s*(\[\[?)\s*(.+?)\s*\]\]?\s*(?:#.*)?$")
_ASSIGNMENT = re.compile(r"""^\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")
_PART = re.compile(r"""[\w-]+|"[^"]*"|'[^']*'""")


def _toml_lines(text: str) -> dict[str, int]:
    """The line of each table and key, by path. The text has parsed already, so that looking line by line is enough for messages."""
    lines: dict[str, int] = {}
    counts: dict[str, int] = {}
    table = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            table = ""
            parts = _PART.findall(header[2])
            for at, part in enumerate(parts):
                table = _joined(table, part.strip("\"'"))
                if at == len(parts) - 1 and header[1] == "[[":
                    counts[table] = counts.get(table, -1) + 1
                if table in counts:
                    table = f"{table}[{counts[table]}]"
            lines[table] = number
        elif assignment := _ASSIGNMENT.match(line):
            path = table
            for part in _PART.findall(assignment[1]):
                path = _joined(path, part.strip("\"'"))
                lines.setdefault(path, number)
    return lines


def _joined(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


@attrs.frozen
class _TomlTree:
    """TOML values to nodes."""

    name: str
    lines: dict[str, int]

    def node(self, value: Any, path: str, line: int, depth: int = 0) -> Node:
        line = self.lines.get(path, line)
        if depth > _DEEPEST:
            raise _refused(self.name, line, f"nested deeper than {_DEEPEST} levels")
        if isinstance(value, dict):
            mapping = Mapping(line=line)
            for key, member in value.items():
                inner = _joined(path, key)
                node = self.node(member, inner, line, depth + 1)
                mapping.members[key] = Member(key, self.lines.get(inner, node.line), node)
            return mapping
        if isinstance(value, list):
            items = [self.node(item, f"{path}[{at}]", line, depth + 1) for at, item in enumerate(value)]
            return Sequence(line=line, items=items)
        if isinstance(value, bool):
            return Scalar("true" if value else "false", True, line)
        return Scalar(str(value), not isinstance(value, str), line)
