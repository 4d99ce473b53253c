"""What a client of this protocol calls the fields that the hub and other protocols' writers call otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["WORDS"]

WORDS: Mapping[str, str] = MappingProxyType(
    {
        "stop": "generationConfig.stopSequences",
        "max_tokens": "generationConfig.maxOutputTokens",
        "sampling.max_tokens": "generationConfig.maxOutputTokens",
        "temperature": "generationConfig.temperature",
        "top_p": "generationConfig.topP",
        "top_k": "generationConfig.topK",
        "seed": "generationConfig.seed",
        "presence_penalty": "generationConfig.presencePenalty",
        "frequency_penalty": "generationConfig.frequencyPenalty",
        "thinking": "generationConfig.thinkingConfig",
        "reasoning": "generationConfig.thinkingConfig",
        "reasoning.effort": "generationConfig.thinkingConfig.thinkingLevel",
        "reasoning.budget": "generationConfig.thinkingConfig.thinkingBudget",
        "reasoning.visible": "generationConfig.thinkingConfig.includeThoughts",
        "reasoning.summary": "generationConfig.thinkingConfig.includeThoughts",
        "output": "generationConfig.responseSchema",
        "response_format": "generationConfig.responseSchema",
        "modalities": "generationConfig.responseModalities",
        "tool_choice": "toolConfig.functionCallingConfig",
        "service_tier": "serviceTier",
        "messages": "contents",
        "system": "systemInstruction",
    }
)
"""The hub's or a writer's path of a field -> the client's."""
