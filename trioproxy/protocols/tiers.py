"""The tier of service that an answer was given at, which is what it is billed by.

Knows: the words of all vendors for it, which never mean two things. The hub's are OpenAI's, and Anthropic's ``batch``. Refuses to know: where an
answer says it, and what was asked for.
"""

from __future__ import annotations

from collections.abc import Mapping

from trioproxy.wire.jsoncodec import JSON

__all__ = ["ANTHROPIC", "OPENAI", "read_tier"]

_READ = {
    "default": "default",
    "standard": "default",
    "on_demand": "default",  # Groq
    "flex": "flex",
    "priority": "priority",
    "fast": "priority",
    "scale": "scale",
    "batch": "batch",
}

OPENAI: Mapping[str, str] = {word: word for word in ("default", "flex", "priority", "scale")}
ANTHROPIC: Mapping[str, str] = {"default": "standard", "priority": "priority", "batch": "batch"}
"""The words that clients of a protocol know, by the hub's. A tier without one is not told, and none to a client of Google's: its SDK's types
have no place for one in an answer."""


def read_tier(said: JSON) -> str | None:
    """The hub's word for what a vendor says; None where it says nothing: ``auto`` is what was asked for, not what was given."""
    return _READ.get(said.lower()) if isinstance(said, str) else None
