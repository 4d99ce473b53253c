"""Which schemas OpenAI's strict mode takes.

Strict is "every object closed and every property required" there, and 400 for any other schema; Anthropic and Google hold a model to schemas
with optional properties as well. Source: platform.openai.com, "Structured model outputs", supported schemas.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["is_strict"]

_REFUSED = frozenset(
    {
        "allOf",
        "oneOf",
        "not",
        "if",
        "then",
        "else",
        "dependentRequired",
        "dependentSchemas",
        "patternProperties",
        "prefixItems",
    }
)
_DEPTH = 64


def is_strict(schema: Mapping[str, Any] | None) -> bool:
    """Whether a schema is one that strict mode takes: an object at its root, all objects closed, all properties required."""
    return schema is not None and schema.get("type") == "object" and "anyOf" not in schema and _fits(schema, _DEPTH)


def _fits(schema: Any, depth: int) -> bool:
    if not isinstance(schema, Mapping) or depth == 0 or _REFUSED & schema.keys():
        return False
    is_object = schema.get("type") == "object" or schema.get("properties") is not None
    if is_object and not _is_closed(schema):
        return False
    return all(_fits(each, depth - 1) for each in _within(schema))


def _is_closed(schema: Mapping[str, Any]) -> bool:
    """Whether an object takes no members but its own, and requires all of them."""
    properties, required = schema.get("properties"), schema.get("required", [])
    properties = {} if properties is None else properties
    if not isinstance(properties, Mapping) or not isinstance(required, list):
        return False
    names = {name for name in required if isinstance(name, str)}
    return schema.get("additionalProperties") is False and set(properties) == names


def _within(schema: Mapping[str, Any]) -> Iterator[Any]:
    """The schemas that stand in this one."""
    for name in ("properties", "$defs", "definitions"):
        named = schema.get(name)
        yield from named.values() if isinstance(named, Mapping) else ()
    if "items" in schema:
        yield schema["items"]
    if isinstance(schema.get("anyOf"), list):
        yield from schema["anyOf"]
