"""Ids of answers that no other answer has.

Clients tell answers apart by their ids: Claude Code takes messages of one id for pieces of one message, a conversation over WebSocket goes on
from the response that is named. Not every server has ids to tell by (Ollama draws one of 999).
"""

from __future__ import annotations

__all__ = ["told_apart"]

_UNIQUE = 20
"""Characters of an id that is taken for one of its kind."""
_PIECE = 12


def told_apart(given: str, token: str) -> str:
    """The id a provider ``given``, with a piece of ``token`` (random) behind one that is too short; the whole token where it gave none."""
    if not given:
        return token
    return given if len(given) >= _UNIQUE else f"{given}_{token[:_PIECE]}"
