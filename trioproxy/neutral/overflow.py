"""That a conversation is too long for its model: agents compact it when they are told so, each by the word of its own protocol.

OpenAI has a code for it, Anthropic and Google say it in words; Claude Code looks for Anthropic's. Refuses to know: where a protocol puts either.
"""

from __future__ import annotations

import re

__all__ = ["OVERFLOW", "overflow_code", "overflow_words"]

OVERFLOW = "context_length_exceeded"
"""OpenAI's code."""

_PHRASE = "prompt is too long"
_SAID = re.compile(
    # The Messages API, and the Gemini API and Vertex AI (seen 2025 and 2026).
    rf"\b{_PHRASE}|\bexceed context limit|\binput token count\b.{{0,80}}\bexceeds the maximum number of tokens"
    # vLLM, SGLang, DeepSeek, OpenRouter, xAI; Mistral; llama.cpp, LM Studio, MiniMax; Moonshot; Bedrock; Z.ai. They have no code for it.
    r"|\bmaximum (context|prompt) length (is|of) \d|\btoo large for model with \d+ maximum context length"
    r"|\bexceeds (the |its |limit of the )?(available |model's )?context (window|length|size|limit)|\bcontext window exceeds limit"
    r"|\bexceeded model token limit|\binput is too long for requested model|\bprompt exceeds max length"
    # GitHub Copilot; Poolside and SGLang; LiteLLM; Together, SGLang and vLLM; LM Studio; Groq and Cerebras; Ollama; DashScope; Perplexity.
    r"|\bprompt token count of \d+ exceeds the limit|\bexceeds (the )?maximum allowed (input )?length\b"
    r"|\bexceeds (the )?(model'?s )?maximum context length"
    r"|\blonger than the (model's context|maximum model) length|\bexceeds context length \d|\bgreater than the context length"
    r"|\bcontext length (of|is) only \d|\bbut the configured context size is \d|\breduce the length of the (input )?messages"
    r"|\bprompt too long; exceeded (max )?context length|\brange of input length should be\b|\btotal length of all messages is too long",
    re.DOTALL | re.IGNORECASE,
)


def overflow_code(message: str | None) -> str | None:
    """The code for what an error's message says in words, None where it says something else."""
    return OVERFLOW if message is not None and _SAID.search(message) else None


def overflow_words(code: str | None, message: str) -> str:
    """The message of an error with this code, in words that a client of Anthropic's knows."""
    told = code == OVERFLOW or overflow_code(message) is not None
    return f"{_PHRASE}: {message}" if told and _PHRASE not in message.lower() else message
