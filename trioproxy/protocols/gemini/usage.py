"""``usageMetadata`` and the neutral counts.

Google counts what tools brought into the prompt (``toolUsePromptTokenCount``) and what the model thought (``thoughtsTokenCount``) beside
prompt and candidates; ``totalTokenCount`` is the sum of the four, and cached tokens lie inside the prompt
(https://ai.google.dev/api/generate-content#UsageMetadata). Counts in a stream are cumulative.
"""

from __future__ import annotations

from trioproxy.neutral.usage import Usage
from trioproxy.protocols.tiers import read_tier
from trioproxy.wire.jsoncodec import JSON, Object

__all__ = ["read_usage", "unnamed_counts", "write_usage"]

_TOOL_USE = "toolUsePromptTokenCount"
_TIER = "serviceTier"
_NAMED = frozenset(
    {"promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount", "totalTokenCount", "cachedContentTokenCount"}
)


def read_usage(metadata: Object) -> Usage | None:
    """The counts; None where there are none (Vertex AI sends the traffic type alone before the last chunk)."""
    prompt, candidates, thoughts = (
        _count(metadata.get(f"{name}TokenCount")) for name in ("prompt", "candidates", "thoughts")
    )
    tools, total = _count(metadata.get(_TOOL_USE)), _count(metadata.get("totalTokenCount"))
    whole_input = None if prompt is None and tools is None else (prompt or 0) + (tools or 0)
    if candidates is not None or thoughts is not None:
        output: int | None = (candidates or 0) + (thoughts or 0)
    else:
        output = max(0, total - whole_input) if total is not None and whole_input is not None else None
    if whole_input is None and output is None:
        return None
    return Usage(
        input=whole_input,
        output=output,
        cache_read=_count(metadata.get("cachedContentTokenCount")),
        reasoning=thoughts,
        tier=read_tier(metadata.get(_TIER)),
    )


def unnamed_counts(metadata: Object) -> Object:
    """What ``usageMetadata`` says beyond the neutral counts: details by modality, tiers, the share of tools."""
    return {name: value for name, value in metadata.items() if name not in _NAMED and value is not None}


def write_usage(usage: Usage | None, unnamed: Object | None = None) -> Object:
    """``usageMetadata`` of an answer's end; zeros where nobody counted, because clients wait for it. ``unnamed`` is put back as it came. Another
    vendor's tier is not told: the SDK's types have no member for it."""
    unnamed = unnamed or {}
    counted = usage or Usage()
    reasoning = counted.reasoning or 0
    metadata: Object = {
        "promptTokenCount": max(0, (counted.input or 0) - (_count(unnamed.get(_TOOL_USE)) or 0)),
        "candidatesTokenCount": max(0, (counted.output or 0) - reasoning),
        "totalTokenCount": counted.total,
    }
    if counted.reasoning is not None:
        metadata["thoughtsTokenCount"] = reasoning
    if counted.cache_read is not None:
        metadata["cachedContentTokenCount"] = counted.cache_read
    return {**metadata, **unnamed}


def _count(value: JSON) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
