"""What a client of this protocol calls the fields that the hub and other protocols' writers call otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["WORDS"]

WORDS: Mapping[str, str] = MappingProxyType(
    {
        ".cache": ".cache_control",
        "cache_key": "prompt_cache_key",
        "parallel_tools": "parallel_tool_calls",
        "thinking": "reasoning_effort",
        "reasoning": "reasoning_effort",
        "reasoning.effort": "reasoning_effort",
        "reasoning.budget": "reasoning_effort",
        "reasoning.visible": "reasoning_effort",
        "reasoning.summary": "reasoning_effort",
        "reasoning.reasoning_effort": "reasoning_effort",
        "reasoning.reasoning": "reasoning",
        "reasoning.thinking": "thinking",
        "reasoning.enable_thinking": "enable_thinking",
        "reasoning.thinking_budget": "thinking_budget",
        "tool_choice.tool_choice": "tool_choice",
        "output": "response_format.json_schema",
        "response_format.schema": "response_format.json_schema.schema",
        "response_format.name": "response_format.json_schema.name",
        "response_format.description": "response_format.json_schema.description",
        "sampling.max_tokens": "max_tokens",
    }
)
"""The hub's or a writer's path of a field -> the client's; what begins with a point stands behind a part's or a tool's place."""
