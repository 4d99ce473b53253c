"""What is wrong with a document by a JSON Schema (draft 2020-12), every place at once. Pure.

Knows: the keywords that the schema of fixtures uses, and how each is said to a person. Refuses to know: fixtures, and files. A keyword
outside :data:`KEYWORDS` is not checked; a test holds the shipped schema to them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import attrs

from trioproxy.config.nearest import suggestion
from trioproxy.upstream.lines import Path
from trioproxy.wire.jsoncodec import JSON, Object, dumps

__all__ = ["KEYWORDS", "Breach", "breaches"]


@attrs.frozen
class Breach:
    """One place where a document breaks its schema. ``suggestion`` is the word that was probably meant."""

    path: Path
    message: str
    suggestion: str | None = None


def breaches(document: JSON, schema: Object) -> list[Breach]:
    """Every breach, in the order of the document."""
    return list(_checked(document, schema, (), schema))


def _checked(value: JSON, schema: Object, path: Path, root: Object) -> Iterator[Breach]:
    if "$ref" in schema:
        target: JSON = root
        for step in schema["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        yield from _checked(value, target, path, root)
    for found in (check(value, schema, path) for keyword, check in _CHECKS.items() if keyword in schema):
        for breach in found:
            yield breach
            if breach.path == path and "type" in schema and not _is_type(value, schema["type"]):
                return  # of another type altogether: nothing more to say
    for step, item, inner in _within(value, schema):
        yield from _checked(item, inner, (*path, step), root)


def _within(value: JSON, schema: Object) -> Iterator[tuple[str | int, JSON, Object]]:
    """What is in ``value`` and has a schema of its own: under which name or number, and which."""
    if isinstance(value, dict):
        known = schema.get("properties", {})
        yield from ((name, item, known[name]) for name, item in value.items() if name in known)
    if isinstance(value, list):
        first, others = schema.get("prefixItems", ()), schema.get("items")
        for number, item in enumerate(value):
            inner = first[number] if number < len(first) else others
            if inner is not None:
                yield number, item, inner


_TYPES: Mapping[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
}
_WORDS = {
    "object": "an object",
    "array": "a list",
    "string": "a string",
    "number": "a number",
    "integer": "a whole number",
}


def _is_type(value: JSON, wanted: str | list[str]) -> bool:
    if isinstance(value, bool):
        return False
    names = [wanted] if isinstance(wanted, str) else wanted
    return any(isinstance(value, _TYPES[name]) for name in names) or (
        "integer" in names and isinstance(value, float) and value.is_integer()
    )


def _type(value: JSON, schema: Object, path: Path) -> Iterator[Breach]:
    wanted = schema["type"]
    if not _is_type(value, wanted):
        words = " or ".join(_WORDS[name] for name in ([wanted] if isinstance(wanted, str) else wanted))
        yield Breach(path, f"must be {words}")


def _required(value: JSON, schema: Object, path: Path) -> Iterator[Breach]:
    for name in schema["required"] if isinstance(value, dict) else ():
        if name not in value:
            yield Breach(path, f"lacks {name!r}")


def _no_others(value: JSON, schema: Object, path: Path) -> Iterator[Breach]:
    known = tuple(schema.get("properties", {}))
    for name in value if isinstance(value, dict) else ():
        if name not in known:
            near = suggestion(name, known)
            yield Breach((*path, name), f"is not known here; known are {', '.join(known)}", near)


def _const(value: JSON, schema: Object, path: Path) -> Iterator[Breach]:
    if not _equal(value, schema["const"]):
        yield Breach(path, f"must be {dumps(schema['const']).decode()}")


def _enum(value: JSON, schema: Object, path: Path) -> Iterator[Breach]:
    words = schema["enum"]
    if not any(_equal(value, word) for word in words):
        near = suggestion(value, words) if isinstance(value, str) else None
        yield Breach(path, f"must be one of {', '.join(words)}", near)


def _equal(value: JSON, wanted: Any) -> bool:
    return value == wanted and isinstance(value, bool) is isinstance(wanted, bool)


def _bound(keyword: str, broken: Callable[[Any, Any], bool], kind: type | tuple[type, ...], words: str) -> _Check:
    def check(value: JSON, schema: Object, path: Path) -> Iterator[Breach]:
        limit = schema[keyword]
        if isinstance(value, kind) and not isinstance(value, bool) and broken(value, limit):
            yield Breach(path, words.format(limit))

    return check


def _one_of(value: JSON, schema: Object, path: Path) -> Iterator[Breach]:
    """Of several members, exactly one."""
    names = [name for choice in schema["oneOf"] for name in choice["required"]]
    held = [name for name in names if isinstance(value, dict) and name in value]
    if isinstance(value, dict) and len(held) != 1:
        wrong = f"holds {' and '.join(held)}" if held else "holds none"
        yield Breach(path, f"{wrong}, of {', '.join(names)} there must be one")


def _dependent(value: JSON, schema: Object, path: Path) -> Iterator[Breach]:
    for name, needed in schema["dependentRequired"].items() if isinstance(value, dict) else ():
        for each in needed:
            if name in value and each not in value:
                yield Breach((*path, name), f"needs {each!r} beside it")


_Check = Callable[[JSON, Object, Path], Iterator[Breach]]
_NUMBER = (int, float)

_CHECKS: Mapping[str, _Check] = {
    "type": _type,
    "const": _const,
    "enum": _enum,
    "required": _required,
    "additionalProperties": _no_others,
    "minimum": _bound("minimum", lambda value, limit: value < limit, _NUMBER, "must be {} or more"),
    "maximum": _bound("maximum", lambda value, limit: value > limit, _NUMBER, "must be {} or less"),
    "minLength": _bound("minLength", lambda value, limit: len(value) < limit, str, "must have {} characters or more"),
    "minItems": _bound("minItems", lambda value, limit: len(value) < limit, list, "must have {} items or more"),
    "maxItems": _bound("maxItems", lambda value, limit: len(value) > limit, list, "must have {} items or fewer"),
    "oneOf": _one_of,
    "dependentRequired": _dependent,
}

KEYWORDS = frozenset({*_CHECKS, "$ref", "properties", "items", "prefixItems"}) | {
    "$schema",
    "$defs",
    "title",
    "description",
    "default",
    "contentEncoding",
}
"""What is checked, and what needs no check."""
