"""JSON Schemas of other protocols' clients in the shape Anthropic can hold answers to.

A tool's ``input_schema`` may say anything below its root (:mod:`trioproxy.neutral.roots`). A schema that answers are held to
(``output_config.format``, a strict tool) knows objects without further properties and no numeric or length limits; those go into the
description, where the model can still read them. Source: platform.claude.com, "Structured outputs", and ``anthropic.lib._parse._transform``
of SDK 2.11. Schemas of this API's own clients are never touched.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trioproxy.wire.jsoncodec import JSON, Object, dumps

__all__ = ["bounded", "is_bounded"]

_FORMATS = frozenset(
    {"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"},
)

# Keywords a bounded schema may have as they are. What is in neither table goes into the description.
_KEPT = frozenset({"type", "description", "title", "enum", "const", "default", "required", "$ref", "pattern"})
_DEPTH = 64


def is_bounded(schema: Mapping[str, Any]) -> bool:
    """Whether answers can be held to this schema as it stands."""
    return bounded(schema) == schema


def bounded(schema: Mapping[str, Any]) -> Object:
    """The schema in the subset that answers can be held to."""
    return _bounded(schema, _DEPTH)


def _bounded(schema: JSON, depth: int) -> Object:
    if not isinstance(schema, Mapping) or depth == 0:
        return {}
    if "$ref" in schema:
        kept: Object = {"$ref": schema["$ref"]}
        return {**kept, **_definitions(schema, depth)}
    out: Object = _definitions(schema, depth)
    told: Object = {}
    for name, value in schema.items():
        if name in ("$defs", "definitions"):
            continue
        if not _place(out, name, value, depth):
            told[name] = value
    if out.get("type") == "object":
        out.setdefault("properties", {})
        out["additionalProperties"] = False
        told.pop("additionalProperties", None)
    if told:
        limits = ", ".join(f"{name}: {_shown(value)}" for name, value in told.items())
        said = out.get("description")
        out["description"] = f"{said}\n\n({limits})" if said else f"({limits})"
    return out


def _place(out: Object, name: str, value: JSON, depth: int) -> bool:
    """Put one keyword where it belongs; False where there is no place for it."""
    match name:
        case _ if name in _KEPT:
            out[name] = value
        case "properties" if isinstance(value, Mapping):
            out[name] = {each: _bounded(inner, depth - 1) for each, inner in value.items()}
        case "items" if isinstance(value, Mapping):
            out[name] = _bounded(value, depth - 1)
        case "anyOf" | "allOf" | "oneOf" if isinstance(value, list):
            # One of several is not told from any of several.
            out["anyOf" if name == "oneOf" else name] = [_bounded(each, depth - 1) for each in value]
        case "format" if isinstance(value, str) and value in _FORMATS:
            out[name] = value
        case "minItems" if value in (0, 1):
            out[name] = value
        case "additionalProperties" if value is False:
            out[name] = value
        case _:
            return False
    return True


def _definitions(schema: Mapping[str, Any], depth: int) -> Object:
    return {
        name: {each: _bounded(inner, depth - 1) for each, inner in schema[name].items()}
        for name in ("$defs", "definitions")
        if isinstance(schema.get(name), Mapping)
    }


def _shown(value: JSON) -> str:
    return value if isinstance(value, str) else dumps(value).decode()
