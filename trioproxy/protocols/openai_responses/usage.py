"""Token counts. Here as in the hub, ``input_tokens`` includes what came from and went to the cache, ``output_tokens`` the reasoning."""

from __future__ import annotations

from typing import Any

import attrs

from trioproxy.neutral.usage import Usage
from trioproxy.protocols.tiers import OPENAI, read_tier
from trioproxy.wire.jsoncodec import JSON, Object

__all__ = ["read_usage", "write_tier", "write_usage"]


def read_usage(value: JSON, tier: JSON = None) -> Usage | None:
    """The counts of a ``usage`` object, None where it holds none. ``tier`` is the ``service_tier`` beside it."""
    if not isinstance(value, dict):
        return None
    read, written = _details(value, "input_tokens_details"), _details(value, "output_tokens_details")
    usage = Usage(
        input=_count(value.get("input_tokens")),
        output=_count(value.get("output_tokens")),
        cache_read=_count(read.get("cached_tokens")),
        cache_write=_count(read.get("cache_write_tokens", read.get("cache_creation_tokens"))),
        reasoning=_count(written.get("reasoning_tokens")),
    )
    return attrs.evolve(usage, tier=read_tier(tier)) if usage != Usage() else None


def write_usage(usage: Usage | None) -> Object:
    """A ``usage`` object with every member: clients take a missing one for a broken answer, so an unknown count is 0."""
    counts = usage or Usage()
    return {
        "input_tokens": counts.input or 0,
        "input_tokens_details": {
            "cached_tokens": counts.cache_read or 0,
            "cache_write_tokens": counts.cache_write or 0,
        },
        "output_tokens": counts.output or 0,
        "output_tokens_details": {"reasoning_tokens": counts.reasoning or 0},
        "total_tokens": counts.total,
    }


def write_tier(usage: Usage | None) -> Object:
    """The ``service_tier`` beside it, where it is known and OpenAI's clients know it."""
    tier = OPENAI.get(usage.tier or "") if usage is not None else None
    return {} if tier is None else {"service_tier": tier}


def _details(value: dict[str, Any], name: str) -> dict[str, Any]:
    found = value.get(name)
    return found if isinstance(found, dict) else {}


def _count(value: JSON) -> int | None:
    # Some servers count in floats.
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value)
