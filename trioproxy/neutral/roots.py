"""The schema of a tool's arguments with a plain object at its root.

JSON Schema lets a root be anything. Anthropic and OpenAI take an object there, without a combinator; their error texts are "input_schema does
not support oneOf, allOf, or anyOf at the top level" and "schema must have type 'object' and not have 'oneOf'/'anyOf'/'allOf'/'enum'/'not' at
the top level".
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import attrs

from trioproxy.neutral.references import referenced
from trioproxy.wire.jsoncodec import JSON, Object

__all__ = ["rooted"]

_COMBINATORS = ("anyOf", "oneOf", "allOf")
_FLATTENED = frozenset({"properties", "required", *_COMBINATORS})
# In few bytes brackets can stand for any depth.
_DEPTH = 64


def rooted(schema: Mapping[str, Any] | None, *, refused: Collection[str] = ()) -> tuple[Object, bool]:
    """A tool's schema with an object at its root, and whether what can't stand there was merged or left out.

    A reference is followed. The properties of all of a combinator's branches are offered; required is what every branch requires (any branch,
    where all of them hold together). ``refused`` are further keywords that can't stand at this root.
    """
    document: Object = dict(schema or {})
    named = referenced(document, document.get("$ref"))
    # What stands beside a reference goes before what it names.
    told = {**(named or {}), **document}
    left_out = [name for name in refused if name in told]
    flattening = _Flattening(document)
    flat = flattening.of(document, 0)
    root = {name: value for name, value in told.items() if name not in _FLATTENED and name not in left_out}
    if named is not None:
        root.pop("$ref", None)
    root["type"] = "object"
    root["properties"] = flat.properties
    if flat.required:
        root["required"] = flat.required
    return root, flattening.merged or bool(left_out)


@attrs.frozen
class _Flat:
    properties: Object = attrs.field(factory=dict)
    required: list[str] = attrs.field(factory=list)


class _Flattening:
    """The properties of a schema and of all that it is put together of."""

    def __init__(self, document: Object) -> None:
        self._document = document
        # What a reference names is looked at once: references can stand for any size, and for themselves.
        self._known: dict[str, _Flat] = {}
        self.merged = False

    def of(self, schema: Mapping[str, Any], depth: int) -> _Flat:
        flat = _Flat(dict(_members(schema.get("properties"))), _names(schema.get("required")))
        if depth < _DEPTH:
            reference = schema.get("$ref")
            if isinstance(reference, str):
                self._add(flat, "allOf", [self._behind(reference, depth)])
            for name in _COMBINATORS:
                options = schema.get(name)
                if isinstance(options, list):
                    self.merged = True
                    self._add(flat, name, [self.of(each, depth + 1) for each in options if _is_object(each)])
        return flat

    def _behind(self, reference: str, depth: int) -> _Flat:
        found = self._known.get(reference)
        if found is None:
            self._known[reference] = found = _Flat()
            self._known[reference] = found = self.of(referenced(self._document, reference) or {}, depth + 1)
        return found

    @staticmethod
    def _add(flat: _Flat, name: str, branches: list[_Flat]) -> None:
        for branch in branches:
            for key, value in branch.properties.items():
                flat.properties.setdefault(key, value)
        wanted = [set(branch.required) for branch in branches]
        if wanted:
            common = set.union(*wanted) if name == "allOf" else set.intersection(*wanted)
            flat.required.extend(sorted(common - set(flat.required)))


def _is_object(schema: JSON) -> bool:
    """Whether arguments can be meant: of `null`, beside an object, there is nothing to say."""
    return isinstance(schema, Mapping) and schema.get("type", "object") in ("object", None, ["object", "null"])


def _members(value: JSON) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _names(value: JSON) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []
