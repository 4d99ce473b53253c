"""What a client of this protocol calls the fields that the hub and other protocols' writers call otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["WORDS"]

WORDS: Mapping[str, str] = MappingProxyType(
    {
        ".cache": ".cache_control",
        "stop": "stop_sequences",
        "user": "metadata.user_id",
        "parallel_tools": "tool_choice.disable_parallel_tool_use",
        "parallel_tool_calls": "tool_choice.disable_parallel_tool_use",
        "reasoning": "thinking",
        "reasoning.effort": "output_config.effort",
        "reasoning.budget": "thinking.budget_tokens",
        "reasoning.visible": "thinking.display",
        "reasoning.summary": "thinking.display",
        "output": "output_config.format",
        "response_format": "output_config.format",
        "sampling.max_tokens": "max_tokens",
    }
)
"""The hub's or a writer's path of a field -> the client's; what begins with a point stands behind a part's or a tool's place."""
