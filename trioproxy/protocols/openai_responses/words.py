"""What a client of this protocol calls the fields that the hub and other protocols' writers call otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["WORDS"]

WORDS: Mapping[str, str] = MappingProxyType(
    {
        ".cache": ".prompt_cache_breakpoint",
        ".cache_control": ".prompt_cache_breakpoint",
        ".content": ".output",
        "cache_key": "prompt_cache_key",
        "parallel_tools": "parallel_tool_calls",
        "thinking": "reasoning",
        "reasoning.budget": "reasoning.effort",
        "reasoning.visible": "reasoning.summary",
        "output": "text.format",
        "response_format": "text.format",
        "verbosity": "text.verbosity",
        "max_tokens": "max_output_tokens",
        "sampling.max_tokens": "max_output_tokens",
        "messages": "input",
        "system": "instructions",
    }
)
"""The hub's or a writer's path of a field -> the client's; what begins with a point stands behind a part's or a tool's place."""
