"""Token counts, both ways.

``input_tokens`` leaves out what the prompt cache served (``cache_read_input_tokens``) and took up (``cache_creation_input_tokens``); the
hub's ``input`` holds all three. Counts of a stream are cumulative: ``message_start`` has the input, ``message_delta`` the output, and the
input again where server tools or compaction changed it. Source: platform.claude.com, "Streaming messages" and "Prompt caching".
"""

from __future__ import annotations

from trioproxy.neutral.usage import Usage
from trioproxy.protocols.tiers import ANTHROPIC, read_tier
from trioproxy.wire.jsoncodec import JSON, Object

__all__ = ["Tally", "usage_fields"]

# Counts that a report replaces together: the input's three parts, and the output.
_SIDES = (("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"), ("output_tokens",))
_COUNTS = frozenset(name for side in _SIDES for name in side)

# What nearly every answer says of itself and nobody acts on.
_IDLE = {
    "inference_geo": ("not_available", "global"),
    "cache_creation": ({"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},),
}


class Tally:
    """The counts of one answer as its reports come in. ``rest`` holds what the hub has no word for and somebody may want."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._reasoning: int | None = None
        self._tier: str | None = None
        self.rest: Object = {}

    def take(self, report: JSON) -> Usage | None:
        """The counts after this report (any JSON); None while nothing is known.

        Zeros alone never replace counts: compatible providers leave the input out of the last report by writing 0.
        """
        if not isinstance(report, dict):
            return None
        for side in _SIDES:
            told = {name: report[name] for name in side if _count(report.get(name))}
            known = any(self._counts.get(name) for name in side)
            if any(told.values()) or not known:
                self._counts.update(told)
        details = report.get("output_tokens_details")
        thinking = details.get("thinking_tokens") if isinstance(details, dict) else None
        self._reasoning = thinking if _count(thinking) else self._reasoning
        tier = read_tier(report.get("service_tier"))
        self._tier = tier or self._tier
        for name, value in report.items():
            if name == "service_tier" and tier is not None:
                continue
            plain = name in _COUNTS or name == "output_tokens_details" or value is None
            if not plain and value not in _IDLE.get(name, ()):
                self.rest[name] = value
        return self._usage()

    def _usage(self) -> Usage | None:
        if not self._counts and self._reasoning is None:
            return None
        read = self._counts.get("cache_read_input_tokens")
        written = self._counts.get("cache_creation_input_tokens")
        plain = self._counts.get("input_tokens")
        known = [count for count in (plain, read, written) if count is not None]
        return Usage(
            input=sum(known) if known else None,
            output=self._counts.get("output_tokens"),
            cache_read=read,
            cache_write=written,
            reasoning=self._reasoning,
            tier=self._tier,
        )


def usage_fields(usage: Usage | None) -> Object:
    """The ``usage`` object for a client, with the four counts that the API always gives (0 where unknown) and clients add up: their sum is
    the input. Gemini may write the very tokens to its cache that it reads (through OpenRouter): those are told as read alone."""
    usage = usage or Usage()
    read, written = usage.cache_read or 0, usage.cache_write or 0
    if max(read, written) <= (usage.input or 0) < read + written:
        written = (usage.input or 0) - read
    fields: Object = {
        "input_tokens": max(0, (usage.input or 0) - read - written),
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": read,
        "output_tokens": usage.output or 0,
    }
    if usage.reasoning is not None:
        fields["output_tokens_details"] = {"thinking_tokens": usage.reasoning}
    tier = ANTHROPIC.get(usage.tier or "")
    if tier is not None:
        fields["service_tier"] = tier
    return fields


def _count(value: JSON) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
