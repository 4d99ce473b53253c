"""JSON Schema made fit for ``responseJsonSchema``, the form of an answer.

This place takes more of JSON Schema than function declarations do: references, unions and closed objects stay, because an answer that is
checked against the client's schema must be able to take any of its branches. Google names what is taken
(https://ai.google.dev/api/generate-content#FIELDS.response_json_schema); the rest becomes words of the description, or goes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trioproxy.neutral.references import referenced
from trioproxy.wire.jsoncodec import Object, dumps

__all__ = ["clean_response"]

_PLAIN = frozenset(
    {
        "type",
        "format",
        "title",
        "description",
        "minItems",
        "maxItems",
        "minimum",
        "maximum",
        "required",
        "propertyOrdering",
        "$id",
        "$anchor",
    }
)
_SAID = (
    "minLength",
    "maxLength",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "pattern",
    "uniqueItems",
    "multipleOf",
    "default",
    "examples",
)
_MAPS = {"properties": "properties", "$defs": "$defs", "definitions": "$defs"}
_LISTS = {"anyOf": "anyOf", "oneOf": "anyOf", "prefixItems": "prefixItems"}
_BESIDE_REFERENCES = frozenset({"title", "description", "default", "$defs", "definitions"})
# Beyond these a schema is cut: in few bytes references can stand for any size, and brackets for any depth.
_DEPTH = 64
_BRANCHES = 2000


def clean_response(schema: Mapping[str, Any]) -> Object:
    """The schema of an answer for ``responseJsonSchema``."""
    return _Cleaner(schema).schema(schema, 0)


class _Cleaner:
    """One schema on its way."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._merged_branches = 0

    def schema(self, schema: Any, depth: int) -> Object:
        # "true" stands for any value, and so does the empty schema.
        if not isinstance(schema, Mapping) or depth > _DEPTH:
            return {}
        while "allOf" in schema:
            schema = self._merged(schema)
        if isinstance(schema.get("$ref"), str):
            # Beside a reference only other $-keywords are allowed.
            kept = {name: schema[name] for name in ("$id", "$anchor") if name in schema}
            reference = schema["$ref"].replace("#/definitions/", "#/$defs/")
            return {"$ref": reference, **kept, **self._maps(schema, depth, ("definitions", "$defs"))}
        cleaned: Object = {name: value for name, value in schema.items() if name in _PLAIN}
        cleaned |= self._maps(schema, depth, tuple(_MAPS))
        for name, target in _LISTS.items():
            if isinstance(schema.get(name), list):
                cleaned[target] = [self.schema(each, depth + 1) for each in schema[name]]
        for name in ("items", "additionalProperties"):
            if isinstance(schema.get(name), Mapping):
                cleaned[name] = self.schema(schema[name], depth + 1)
            elif isinstance(schema.get(name), bool):
                cleaned[name] = schema[name] if name == "additionalProperties" else {}
        return _worded(cleaned | _values(schema), schema)

    def _maps(self, schema: Mapping[str, Any], depth: int, names: tuple[str, ...]) -> Object:
        found: Object = {}
        for name in names:
            members = schema.get(name)
            if isinstance(members, Mapping):
                cleaned = {key: self.schema(each, depth + 1) for key, each in members.items()}
                found[_MAPS[name]] = {**found.get(_MAPS[name], {}), **cleaned}
        return found

    def _merged(self, schema: Mapping[str, Any]) -> Object:
        """``schema`` with the keywords of its ``allOf`` branches. A lone reference stays one; of several, what they name is merged."""
        merged: Object = {name: value for name, value in schema.items() if name != "allOf"}
        given = schema["allOf"]
        branches = [each for each in (given if isinstance(given, list) else []) if isinstance(each, Mapping)]
        if len(branches) == 1 and not merged.keys() - _BESIDE_REFERENCES:
            return {**branches[0], **merged}
        nested: list[Any] = []
        for branch in branches:
            named = self._named(branch)
            nested += named["allOf"] if isinstance(named.get("allOf"), list) else []
            for name, value in named.items():
                if name == "properties" and isinstance(value, Mapping) and isinstance(merged.get(name), Mapping):
                    merged[name] = {**value, **merged[name]}
                elif name == "required" and isinstance(value, list) and isinstance(merged.get(name), list):
                    merged[name] = [*merged[name], *(each for each in value if each not in merged[name])]
                elif name != "allOf":
                    merged.setdefault(name, value)
        self._merged_branches += len(branches)
        return {**merged, "allOf": nested} if nested and self._merged_branches < _BRANCHES else merged

    def _named(self, branch: Mapping[str, Any]) -> Mapping[str, Any]:
        """What a branch refers to, where it is no more than a reference into the same document."""
        reference = branch.get("$ref")
        if not isinstance(reference, str) or not reference.startswith("#/"):
            return branch
        named = referenced(self._document, reference) or branch
        return {name: value for name, value in named.items() if name != "$ref"}


def _values(schema: Mapping[str, Any]) -> Object:
    """``enum`` as Google takes it: strings and numbers. A constant of another type is told by its type alone."""
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    usable = [
        value
        for value in (values if isinstance(values, list) else [])
        if isinstance(value, str | int | float) and not isinstance(value, bool)
    ]
    return {"enum": usable} if usable else {}


def _worded(cleaned: Object, schema: Mapping[str, Any]) -> Object:
    """``cleaned`` with the constraints that Google does not check in its description."""
    words = [f"({name}: {_word(schema[name])})" for name in _SAID if name in schema]
    if not words:
        return cleaned
    description = cleaned.get("description")
    said = " ".join([*([description] if isinstance(description, str) else []), *words])
    return {**cleaned, "description": said}


def _word(value: Any) -> str:
    return value if isinstance(value, str) else dumps(value).decode()
