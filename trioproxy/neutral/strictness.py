"""Which schemas OpenAI's strict mode takes.

Strict is "every object closed and every property required" there, and 400 for any other schema; Anthropic and Google hold a model to schemas
with optional properties as well. Source: platform.openai.com, "Structured model outputs", supported schemas.
"""

from __future__ import annotations

from collections.abc import Mapping
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
    properties = schema.get("properties")
    if schema.get("type") == "object" or properties is not None:
        properties = {} if properties is None else properties
        if not isinstance(properties, Mapping) or schema.get("additionalProperties") is not False:
            return False
        required = schema.get("required", [])
        if not isinstance(required, list) or set(properties) != {name for name in required if isinstance(name, str)}:
            return False
    inner = [
        *(properties.values() if isinstance(properties, Mapping) else ()),
        *([schema["items"]] if "items" in schema else ()),
        *(schema["anyOf"] if isinstance(schema.get("anyOf"), list) else ()),
    ]
    for name in ("$defs", "definitions"):
        named = schema.get(name)
        inner += named.values() if isinstance(named, Mapping) else ()
    return all(_fits(each, depth - 1) for each in inner)
