"""Token counts in the words of Chat Completions, both ways.

Here as in ``neutral/usage.py`` cached tokens are inside the prompt and reasoning inside the completion, so most counts pass as they are. What
this file knows beside that is where servers put them, and which of them leave reasoning out of the completion.
"""

from __future__ import annotations

from collections.abc import Mapping

from trioproxy.neutral.usage import Usage
from trioproxy.protocols.tiers import OPENAI, read_tier
from trioproxy.wire.jsoncodec import JSON, Object

__all__ = ["read_usage", "tier_alone", "write_tier", "write_usage"]

_WRITTEN = ("cache_write_tokens", "cache_creation_tokens", "cached_creation_tokens", "created_cache_tokens")
"""What was written to a cache, in the words of OpenAI and OpenRouter, of LiteLLM, of New API, of vLLM."""


def read_usage(document: JSON, tier: JSON = None) -> Usage | None:
    """The counts of a ``usage`` object, None where it holds none. ``tier`` is the ``service_tier`` beside it."""
    if not isinstance(document, dict):
        return None
    prompt = _count(document, "prompt_tokens", "input_tokens")
    completion = _count(document, "completion_tokens", "output_tokens")
    if prompt is None and completion is None:
        return None
    total = _count(document, "total_tokens")
    if len(document) == len(_SUMS) and prompt is not None and completion is not None and total == prompt + completion:
        return Usage(input=prompt, output=completion, tier=read_tier(tier))  # nothing else is said
    read = _object(document, "prompt_tokens_details")
    written = _object(document, "completion_tokens_details")
    reasoning = _count(written, "reasoning_tokens")
    if reasoning is None:
        reasoning = _count(document, "reasoning_tokens")
    cached = _count(read, "cached_tokens")
    if cached is None:
        # DeepSeek; Moonshot and Together; LiteLLM.
        cached = _count(document, "prompt_cache_hit_tokens", "cached_tokens", "cache_read_input_tokens")
    written_to = _count(read, *_WRITTEN)
    if written_to is None:
        written_to = _count(document, "cache_creation_input_tokens")
    if prompt is not None and completion is not None and total is not None:
        heard = _count(read, "audio_tokens")
        if heard and total - prompt - completion == heard:
            prompt += heard  # Mistral counts what it heard beside the prompt
        completion, reasoning = _with_thoughts(prompt, completion, total, reasoning)
    if prompt is not None and cached is not None and cached > prompt:
        prompt += cached  # Grok at Azure counts what it read from its cache beside the prompt
    return Usage(
        input=prompt,
        output=completion,
        cache_read=cached,
        cache_write=written_to,
        reasoning=reasoning,
        tier=read_tier(tier),
    )


_SUMS = ("prompt_tokens", "completion_tokens", "total_tokens")


def write_usage(usage: Usage | None) -> Object:
    """The ``usage`` object. OpenAI's clients want all three sums, so an unknown count is 0."""
    usage = usage or Usage()
    document: Object = {
        "prompt_tokens": usage.input or 0,
        "completion_tokens": usage.output or 0,
        "total_tokens": usage.total,
    }
    read = {"cached_tokens": usage.cache_read, "cache_write_tokens": usage.cache_write}
    written = {"reasoning_tokens": usage.reasoning}
    for name, details in (("prompt_tokens_details", read), ("completion_tokens_details", written)):
        known = {key: value for key, value in details.items() if value is not None}
        if known:
            document[name] = known
    return document


def tier_alone(said: JSON) -> Usage | None:
    """What a ``service_tier`` tells before anything was counted."""
    tier = read_tier(said)
    return Usage(tier=tier) if tier is not None else None


def write_tier(usage: Usage | None) -> Object:
    """The ``service_tier`` beside it, where it is known and OpenAI's clients know it."""
    tier = OPENAI.get(usage.tier or "") if usage is not None else None
    return {} if tier is None else {"service_tier": tier}


def _with_thoughts(prompt: int, completion: int, total: int, reasoning: int | None) -> tuple[int, int | None]:
    """The completion with reasoning inside it.

    xAI leaves ``reasoning_tokens`` out of ``completion_tokens``; Gemini's compatible endpoint counts thoughts in the total alone.
    """
    missing = total - prompt - completion
    if missing <= 0 or (reasoning is not None and reasoning != missing):
        return completion, reasoning
    return completion + missing, missing


def _count(document: Mapping[str, JSON], *names: str) -> int | None:
    for name in names:
        value = document.get(name)
        if type(value) is int and value >= 0:
            return value
    return None


def _object(document: Mapping[str, JSON], name: str) -> Mapping[str, JSON]:
    value = document.get(name)
    return value if isinstance(value, Mapping) else {}
