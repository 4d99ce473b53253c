"""Google's own ``Schema`` (a subset of OpenAPI 3.0) read as JSON Schema.

``parameters`` and ``responseSchema`` are of this dialect: upper-case type names, ``nullable``, whole numbers as strings, snake_case
spellings, an order of properties (https://ai.google.dev/api/caching#Schema). Clients put plain JSON Schema there as well, which passes
unchanged, and gemini-cli puts this dialect into ``responseJsonSchema``. Only schema positions are read as schemas: a property may have any
name, and defaults, enums and examples are data.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from trioproxy.protocols.gemini.fields import camel
from trioproxy.wire.jsoncodec import Object

__all__ = ["DEPTH", "json_schema_of"]

DEPTH = 64
"""How deep schemas are read."""

_DROPPED = frozenset({"nullable", "propertyOrdering"})
_NO_TYPE = "TYPE_UNSPECIFIED"
# Null is a value there; any other keyword that is null is not there at all.
_MAY_BE_NULL = frozenset({"default", "const", "example"})
# As Vertex AI has them; its references begin at `defs`.
_RENAMED = {"defs": "$defs", "ref": "$ref"}
_VERTEX_REFERENCE = "#/defs/"
_COUNTS = frozenset({"minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"})
_MAPS = frozenset({"properties", "$defs", "definitions", "patternProperties"})
_LISTS = frozenset({"anyOf", "oneOf", "allOf", "prefixItems"})
_SINGLES = frozenset({"items", "additionalProperties", "not"})
_BOUNDS = frozenset({"minimum", "maximum"})
_INTEGER = re.compile(r"\d{1,18}")
_NUMBER = re.compile(r"-?\d{1,18}(\.\d{1,18})?")


def json_schema_of(schema: Mapping[str, Any], *, depth: int = 0) -> Object:
    """The same schema as JSON Schema; what lies deeper than :data:`DEPTH` stays as it is."""
    fields = {
        _RENAMED.get(name, camel(name)): value
        for name, value in schema.items()
        if value is not None or name in _MAY_BE_NULL
    }
    order = fields.get("propertyOrdering")
    read: Object = {}
    for name, value in fields.items():
        if name in _DROPPED or value == _NO_TYPE or (name == "format" and value == "enum"):
            continue
        read[name] = _keyword(name, value, depth + 1) if depth < DEPTH else value
    if isinstance(order, list) and isinstance(read.get("properties"), dict):
        first = [name for name in order if isinstance(name, str) and name in read["properties"]]
        read["properties"] = {name: read["properties"][name] for name in dict.fromkeys([*first, *read["properties"]])}
    return _with_null(read) if fields.get("nullable") is True else read


def _with_null(schema: Object) -> Object:
    """The schema, or null: what OpenAPI's ``nullable`` says whatever stands beside it."""
    if isinstance(schema.get("type"), str):
        enum = schema.get("enum")
        listed = {"enum": [*enum, None]} if isinstance(enum, list) and None not in enum else {}
        return {**schema, "type": [schema["type"], "null"], **listed}
    if isinstance(schema.get("anyOf"), list):
        return {**schema, "anyOf": [*schema["anyOf"], {"type": "null"}]}
    return {"anyOf": [schema, {"type": "null"}]} if "$ref" in schema else schema


def _keyword(name: str, value: Any, depth: int) -> Any:
    if name == "$ref" and isinstance(value, str) and value.startswith(_VERTEX_REFERENCE):
        return f"#/$defs/{value.removeprefix(_VERTEX_REFERENCE)}"
    if name == "type":
        return [_type(each) for each in value] if isinstance(value, list) else _type(value)
    if name in _COUNTS and isinstance(value, str) and _INTEGER.fullmatch(value):
        return int(value)
    if name in _BOUNDS and isinstance(value, str) and (found := _NUMBER.fullmatch(value)):
        return float(value) if found[1] else int(value)
    if name in _MAPS and isinstance(value, dict):
        return {key: _schema(each, depth) for key, each in value.items()}
    if name in _LISTS and isinstance(value, list):
        return [_schema(each, depth) for each in value]
    return _schema(value, depth) if name in _SINGLES else value


def _schema(value: Any, depth: int) -> Any:
    return json_schema_of(value, depth=depth) if isinstance(value, dict) else value


def _type(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value
