"""The parameters of a function as OpenAI's servers and their likes take them.

JSON Schema, MCP and Anthropic let an object go without ``properties`` and an array without ``items``; OpenAI answers 400 to either ("object
schema missing properties", "array schema missing items"). What is said here in addition means the same. Only schema positions are looked at.
OpenAI itself takes a plain object at the root and nothing else there; servers like it take combinators beside the type.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trioproxy.neutral.roots import rooted

__all__ = ["MERGED", "parameters_of", "spelled_out"]

MERGED = "what the root of a schema is put together of (anyOf, oneOf, allOf, not, enum) was merged or left out: it is refused there"
"""The loss that :func:`parameters_of` may speak of."""

_DEPTH = 64
_NAMED = ("properties", "$defs", "definitions")
_NOT_PLAIN = ("enum", "not")
_LISTED = ("anyOf", "oneOf", "allOf")


def parameters_of(schema: Mapping[str, Any] | None, *, plain: bool = False) -> tuple[Mapping[str, Any], bool]:
    """A function's schema with what it leaves unsaid, that its arguments are an object too (itself where that is nothing), and whether
    something was merged or left out. ``plain`` asks for what OpenAI itself takes."""
    root, merged = schema if schema is not None else {}, False
    if plain or root.get("$ref") is not None:
        root, merged = rooted(root, refused=_NOT_PLAIN if plain else ())
    elif root.get("type") in (None, ["object", "null"]):
        root = {**root, "type": "object"}
    return spelled_out(root), merged


def spelled_out(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Any schema with what it leaves unsaid; itself where that is nothing."""
    bare = schema.get("type") == "object" and schema.get("properties") is None
    whole: Mapping[str, Any] = _whole({**schema, "properties": {}} if bare else schema, _DEPTH)
    return whole


def _whole(schema: Any, depth: int) -> Any:
    if not isinstance(schema, Mapping) or depth == 0:
        return schema
    changed: dict[str, Any] = {}
    kind = schema.get("type")
    if (kind == "array" or (isinstance(kind, list) and "array" in kind)) and schema.get("items") is None:
        changed["items"] = {}
    for name in _NAMED:
        inner = schema.get(name)
        if isinstance(inner, Mapping):
            _keep(changed, name, inner, {key: _whole(each, depth - 1) for key, each in inner.items()})
    for name in _LISTED:
        inner = schema.get(name)
        if isinstance(inner, list):
            _keep(changed, name, inner, [_whole(each, depth - 1) for each in inner])
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), Mapping):
            _keep(changed, name, schema[name], _whole(schema[name], depth - 1))
    return {**schema, **changed} if changed else schema


def _keep(changed: dict[str, Any], name: str, old: Any, new: Any) -> None:
    if new != old:
        changed[name] = new
