"""JSON Schema made fit for Gemini's function declarations.

What a keyword says is kept where Google takes it, turned into words of the description where it does not, and removed where it says nothing
to a model. Only schema positions are touched: a property that is *named* like a keyword stays, and defaults, enums and examples are data.
The rules, in the order they apply to a schema: ``$ref`` in-line, ``allOf`` merged, ``anyOf``/``oneOf`` narrowed to one branch, type lists
to one type, ``const`` and ``enum`` to strings, constraints to words, the rest by :data:`KEPT`.

Agents send the same tools with each request, so results are kept by the hash of the schema's bytes (:data:`CACHED` of them). Refuses to
know: tools.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import attrs

from trioproxy.neutral.references import referenced
from trioproxy.neutral.retyping import word
from trioproxy.wire.jsoncodec import Object, dumps

__all__ = ["CACHED", "KEPT", "Cleaned", "clean", "cleaned"]

KEPT = ("type", "description", "enum", "minimum", "maximum", "multipleOf", "propertyOrdering")
"""The keywords that may be left, beside ``properties``, ``items`` and ``required``."""

CACHED = 512
"""How many cleaned schemas are kept."""

_SAID = (
    "minLength",
    "maxLength",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "pattern",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
    "format",
    "default",
    "examples",
)
_RANK = {"object": 2, "array": 1}
# Beyond these a schema is cut: in few bytes references can stand for any size, and brackets for any depth.
_DEPTH = 48
_NODES = 20_000


@attrs.frozen
class Cleaned:
    """A schema made fit. ``retyped`` says that values which are no strings are told as such. It is shared: it must not be changed."""

    schema: Object
    retyped: bool


_cache: OrderedDict[tuple[bytes, bool], Cleaned] = OrderedDict()


def clean(schema: Mapping[str, Any], *, strict: bool = False) -> Object:
    """The schema of :func:`cleaned` alone."""
    return cleaned(schema, strict=strict).schema


def cleaned(schema: Mapping[str, Any], *, strict: bool = False) -> Cleaned:
    """The schema of a function's parameters for ``parametersJsonSchema``.

    ``strict`` keeps ``additionalProperties: false`` and spells the root's type ``OBJECT``, with its properties explicit: the form in which
    Google's models hold to a schema.
    """
    raw = dumps(schema)
    key = (hashlib.blake2b(raw, digest_size=16).digest(), strict)
    made = _cache.get(key)
    if made is None:
        cleaner = _Cleaner(schema, strict)
        made = _cache[key] = Cleaned(cleaner.root(), cleaner.retyped)
        while len(_cache) > CACHED:
            _cache.popitem(last=False)
    else:
        _cache.move_to_end(key)
    return made


class _Cleaner:
    """One schema on its way."""

    def __init__(self, schema: Mapping[str, Any], strict: bool) -> None:
        self._document = schema
        self._strict = strict
        self.retyped = False
        self._nodes = 0
        self._depth = 0

    def root(self) -> Object:
        cleaned = self._schema(self._document, ())
        if cleaned.get("type") != "object":
            cleaned = {
                "type": "object",
                **({"description": cleaned["description"]} if "description" in cleaned else {}),
            }
        cleaned.setdefault("properties", {})
        if self._strict:
            cleaned |= {"type": "OBJECT", "additionalProperties": False}
        return cleaned

    def _schema(self, schema: Any, path: tuple[str, ...]) -> Object:
        """One schema cleaned; ``path`` holds the references that led here."""
        if not isinstance(schema, Mapping):
            return {}
        self._depth += 1
        try:
            return self._node(*self._flat(dict(schema), path))
        finally:
            self._depth -= 1

    def _node(self, flat: Object, path: tuple[str, ...]) -> Object:
        words: list[str] = []
        type_, nullable = _one_type(flat)
        cleaned: Object = {name: flat[name] for name in KEPT if name in flat}
        cleaned.pop("type", None)
        if type_ is not None:
            cleaned["type"] = type_
        if not isinstance(cleaned.get("description", ""), str):
            del cleaned["description"]
        if "enum" in flat or "const" in flat:
            self._enum(cleaned, flat)
        if nullable or flat.get(_NULLABLE):
            words.append("(nullable)")
        others = [each for each in _types(flat) if each not in (type_, "null")]
        words += [f"(or: {', '.join(others)})"] if others else []
        words += [f"({name}: {word(flat[name])})" for name in _SAID if name in flat]
        words += flat.get(_OTHERS, [])
        self._members(cleaned, flat, path)
        if words:
            cleaned["description"] = " ".join(
                [*([cleaned["description"]] if cleaned.get("description") else []), *words]
            )
        return {name: cleaned[name] for name in sorted(cleaned, key=_order)}

    def _members(self, cleaned: Object, flat: Object, path: tuple[str, ...]) -> None:
        # What a schema says of members its type has none of is removed: Google answers 400 to it ("only allowed for OBJECT type").
        properties, kind = flat.get("properties"), cleaned.get("type")
        if kind == "object":
            properties = properties if isinstance(properties, Mapping) else {}
            cleaned["properties"] = {name: self._schema(each, path) for name, each in properties.items()}
            required = flat.get("required")
            named = [
                name
                for name in (required if isinstance(required, list) else [])
                if isinstance(name, str)
                and name in cleaned["properties"]
                and not self._optional(properties[name], path)
            ]
            if named:
                cleaned["required"] = named
            if self._strict and flat.get("additionalProperties") is False:
                cleaned["additionalProperties"] = False
        elif kind == "array":
            tuple_ = flat.get("prefixItems")
            items = flat.get("items", tuple_[0] if isinstance(tuple_, list) and tuple_ else None)
            cleaned["items"] = self._schema(items, path) or {"type": "string"}

    def _optional(self, schema: Any, path: tuple[str, ...]) -> bool:
        """Whether a property may be null, and so need not be there."""
        if not isinstance(schema, Mapping):
            return False
        flat, _ = self._flat(dict(schema), path)
        return _one_type(flat)[1] or bool(flat.get(_NULLABLE))

    def _flat(self, schema: Object, path: tuple[str, ...]) -> tuple[Object, tuple[str, ...]]:
        """``schema`` without references and combinations."""
        self._nodes += 1
        if self._nodes > _NODES or self._depth > _DEPTH:
            return {"type": "object"}, path
        while isinstance(reference := schema.get("$ref"), str):
            target = referenced(self._document, reference)
            rest = {name: value for name, value in schema.items() if name != "$ref"}
            if target is None or reference in path:
                return {**rest, "type": "object", "description": f"See: {reference.rpartition('/')[2]}"}, path
            path = (*path, reference)
            schema = {**target, **rest}
        branches = schema.pop("allOf", None)
        for branch in branches if isinstance(branches, list) else []:
            other, path = self._branch(branch, path)
            schema = _merged(schema, other)
        for name in ("anyOf", "oneOf"):
            branches = schema.pop(name, None)
            if isinstance(branches, list) and branches:
                schema, path = self._narrowed(schema, branches, path)
        return schema, path

    def _branch(self, branch: Any, path: tuple[str, ...]) -> tuple[Object, tuple[str, ...]]:
        """One branch of a combination, flat itself."""
        self._depth += 1
        try:
            return self._flat(dict(branch) if isinstance(branch, Mapping) else {}, path)
        finally:
            self._depth -= 1

    def _narrowed(self, schema: Object, branches: list[Any], path: tuple[str, ...]) -> tuple[Object, tuple[str, ...]]:
        """``schema`` with the best of its branches: object before array before the rest, never null."""
        flat = [self._branch(branch, path) for branch in branches]
        # Branches that only say what else must hold ("one of these is required") are no choice between types.
        flat = [each for each in flat if not each[0] or not _ADJECTIVES.issuperset(each[0])]
        real = [(branch, way) for branch, way in flat if not _is_null(branch)]
        if len(real) < len(flat):
            schema = {**schema, _NULLABLE: True}
        if not real:
            return schema, path
        if all("enum" in branch or "const" in branch for branch, _ in real):
            return _merged(schema, {"enum": [value for branch, _ in real for value in _values(branch)]}), path
        best, way = max(real, key=lambda each: _RANK.get(str(_one_type(each[0])[0]), 0))
        others = [str(_one_type(branch)[0] or "any") for branch, _ in real if branch is not best]
        if others:
            note = f"(or: {', '.join(dict.fromkeys(others))})"
            schema = {**schema, _OTHERS: [*schema.get(_OTHERS, []), note]}
        return _merged(schema, best), way

    def _enum(self, cleaned: Object, flat: Object) -> None:
        # An empty string is a value that Google takes no enum with ("cannot be empty").
        values = [value for value in _values(flat) if value is not None and value != ""]
        cleaned.pop("enum", None)
        if values:
            self.retyped = self.retyped or not all(isinstance(value, str) for value in values)
            cleaned |= {"type": "string", "enum": list(dict.fromkeys(map(word, values)))}


# Names no schema has: what narrowing found out, on its way to the description.
_NULLABLE = "\0nullable"
_OTHERS = "\0others"
_ADJECTIVES = frozenset(
    {"required", "not", "description", "title", "dependentRequired", "minProperties", "maxProperties"}
)
_ORDER = ("type", "description", "enum", "properties", "required", "items")


def _order(name: str) -> int:
    return _ORDER.index(name) if name in _ORDER else len(_ORDER)


def _merged(schema: Object, other: Object) -> Object:
    """Both at once: the members of both, the requirements of both, and for the rest what ``schema`` says."""
    merged = {**other, **schema}
    if isinstance(schema.get("properties"), Mapping) and isinstance(other.get("properties"), Mapping):
        merged["properties"] = {**schema["properties"], **other["properties"], **schema["properties"]}
    if isinstance(schema.get("required"), list) and isinstance(other.get("required"), list):
        merged["required"] = [*dict.fromkeys(map(str, [*schema["required"], *other["required"]]))]
    if _OTHERS in schema and _OTHERS in other:
        merged[_OTHERS] = [*schema[_OTHERS], *other[_OTHERS]]
    return merged


def _values(schema: Object) -> list[Any]:
    """The values that ``const`` or ``enum`` allow."""
    if "const" in schema:
        return [schema["const"]]
    values = schema.get("enum")
    return values if isinstance(values, list) else []


def _types(schema: Object) -> list[str]:
    named = schema.get("type")
    several = named if isinstance(named, list) else [named]
    return list(dict.fromkeys(each.lower() for each in several if isinstance(each, str)))


def _one_type(schema: Object) -> tuple[str | None, bool]:
    """The type (the first that is not null), and whether null was among them."""
    types = _types(schema)
    real = [each for each in types if each != "null"]
    guess = "object" if "properties" in schema else "array" if {"items", "prefixItems"} & schema.keys() else None
    return (real[0] if real else guess), "null" in types


def _is_null(schema: Object) -> bool:
    return _one_type(schema) == (None, True) or (_values(schema) == [None] and "properties" not in schema)
