"""``cache_control``, both ways. Source: platform.claude.com, "Prompt caching"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trioproxy.neutral.parts import CacheHint
from trioproxy.protocols.anthropic.fields import Fields, invalid
from trioproxy.wire.jsoncodec import Object

__all__ = ["cache_read", "cache_written"]

_KNOWN = {"type", "ttl"}


def cache_read(fields: Fields) -> tuple[CacheHint | None, Object]:
    """The breakpoint of a block or a tool, and a note on its spelling where it says more than the hub does."""
    raw = fields.take("cache_control")
    if raw is None:
        return None, {}
    if not isinstance(raw, dict):
        raise invalid(fields.at("cache_control"), "must be a JSON object")
    ttl = raw.get("ttl")
    plain = raw.get("type") == "ephemeral" and raw.keys() <= _KNOWN
    return CacheHint(ttl=ttl if isinstance(ttl, str) else None), {} if plain else {"cache_control": raw}


def cache_written(hint: CacheHint | None, notes: Mapping[str, Any]) -> Object:
    """The member to add to a block or a tool, empty where there is no breakpoint."""
    if hint is None:
        return {}
    said = notes.get("cache_control")
    if said is not None:
        return {"cache_control": dict(said)}
    return {"cache_control": {"type": "ephemeral", **({"ttl": hint.ttl} if hint.ttl is not None else {})}}
