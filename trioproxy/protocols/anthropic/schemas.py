"""JSON Schemas of other protocols' clients in the shapes Anthropic takes.

Two places, two sets of limits. A tool's ``input_schema`` must be an object at its root, without a combinator there (the API's own error
text). A schema that answers are held to (``output_config.format``, a strict tool) knows objects without further properties and no numeric
or length limits; those go into the description, where the model can still read them. Source: platform.claude.com, "Structured outputs", and
``anthropic.lib._parse._transform`` of SDK 2.11. Schemas of this API's own clients are never touched.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trioproxy.wire.jsoncodec import JSON, Object, dumps

__all__ = ["bounded", "is_bounded", "rooted"]

_COMBINATORS = ("anyOf", "oneOf", "allOf")

_FORMATS = frozenset(
    {"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"},
)

# Keywords a bounded schema may have as they are. What is in neither table goes into the description.
_KEPT = frozenset({"type", "description", "title", "enum", "const", "default", "required", "$ref", "pattern"})
_DEPTH = 64


def rooted(schema: Mapping[str, Any] | None) -> tuple[Object, bool]:
    """A tool's schema with an object at its root, and whether a combinator had to be resolved for it.

    The branches' properties are all offered; required is what every branch requires (any branch, where all of them hold together).
    """
    root: Object = dict(schema or {})
    branches: list[tuple[str, list[Any]]] = []
    for name in _COMBINATORS:
        found = root.pop(name, None)
        if isinstance(found, list):
            branches.append((name, [each for each in found if isinstance(each, dict)]))
    properties = dict(_members(root.get("properties")))
    required = _names(root.get("required"))
    for name, options in branches:
        for option in options:
            properties |= {
                name: each for name, each in _members(option.get("properties")).items() if name not in properties
            }
        wanted = [set(_names(option.get("required"))) for option in options]
        if wanted:
            common = set.union(*wanted) if name == "allOf" else set.intersection(*wanted)
            required += sorted(common - set(required))
    root["type"] = "object"
    root["properties"] = properties
    if required:
        root["required"] = required
    return root, bool(branches)


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
        case "format" if value in _FORMATS:
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


def _members(value: JSON) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _names(value: JSON) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _shown(value: JSON) -> str:
    return value if isinstance(value, str) else dumps(value).decode()
