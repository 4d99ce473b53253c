"""JSON Schema made fit for ``responseJsonSchema``, the form of an answer.

This place takes more of JSON Schema than function declarations do: references, unions and closed objects stay, because an answer that is
checked against the client's schema must be able to take any of its branches. Google names what is taken
(https://ai.google.dev/api/generate-content#FIELDS.response_json_schema); the rest becomes words of the description, or goes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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
_DEPTH = 64


def clean_response(schema: Mapping[str, Any], depth: int = 0) -> Object:
    """The schema of an answer for ``responseJsonSchema``."""
    if depth > _DEPTH:
        return {}
    if isinstance(schema.get("$ref"), str):
        # Beside a reference only other $-keywords are allowed.
        kept = {name: schema[name] for name in ("$id", "$anchor") if name in schema}
        reference = schema["$ref"].replace("#/definitions/", "#/$defs/")
        return {"$ref": reference, **kept, **_maps(schema, depth, ("$defs", "definitions"))}
    while "allOf" in schema:
        schema = _merged(schema)
    cleaned: Object = {name: value for name, value in schema.items() if name in _PLAIN}
    cleaned |= _maps(schema, depth, tuple(_MAPS))
    for name, target in _LISTS.items():
        if isinstance(schema.get(name), list):
            cleaned[target] = [_schema(each, depth + 1) for each in schema[name]]
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), Mapping):
            cleaned[name] = clean_response(schema[name], depth + 1)
        elif isinstance(schema.get(name), bool):
            cleaned[name] = schema[name]
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    if isinstance(values, list):
        # Google takes strings and numbers; a constant of another type is told by its type alone.
        usable = [value for value in values if isinstance(value, str | int | float) and not isinstance(value, bool)]
        cleaned |= {"enum": usable} if usable else {}
    words = [f"({name}: {_word(schema[name])})" for name in _SAID if name in schema]
    if words:
        description = cleaned.get("description")
        cleaned["description"] = " ".join([*([description] if isinstance(description, str) else []), *words])
    return cleaned


def _maps(schema: Mapping[str, Any], depth: int, names: tuple[str, ...]) -> Object:
    found: Object = {}
    for name in names:
        members = schema.get(name)
        if isinstance(members, Mapping):
            found[_MAPS[name]] = {key: _schema(each, depth + 1) for key, each in members.items()}
    return found


def _schema(value: Any, depth: int) -> Object:
    # "true" stands for any value, and so does the empty schema.
    return clean_response(value, depth) if isinstance(value, Mapping) else {}


def _merged(schema: Mapping[str, Any]) -> Object:
    """``schema`` with the keywords of its ``allOf`` branches. A lone reference stays one; more can't be merged without following them."""
    merged: Object = {name: value for name, value in schema.items() if name != "allOf"}
    branches = schema["allOf"]
    for branch in branches if isinstance(branches, list) else []:
        if not isinstance(branch, Mapping):
            continue
        for name, value in branch.items():
            if name == "properties" and isinstance(value, Mapping) and isinstance(merged.get(name), Mapping):
                merged[name] = {**value, **merged[name]}
            elif name == "required" and isinstance(value, list) and isinstance(merged.get(name), list):
                merged[name] = [*merged[name], *(each for each in value if each not in merged[name])]
            else:
                merged.setdefault(name, value)
    if isinstance(merged.get("$ref"), str) and "properties" in merged:
        # What the reference names would be lost or win over the rest; the rest is what can be said here.
        del merged["$ref"]
    return merged


def _word(value: Any) -> str:
    return value if isinstance(value, str) else dumps(value).decode()
