"""The list of models as Codex CLI reads it (``GET /v1/models?client_version=...``): ``{"models": [ModelInfo]}``.

Source: ``codex-rs/protocol/src/openai_models.rs`` of github.com/openai/codex. Members that have no default there are all given, each with the
value that promises least.

What this list says of a model replaces what Codex itself knows of it: its instructions, tools and shell. For OpenAI's own models Codex knows
better than we do, so they are left to it; it shows and serves them all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any

from trioproxy.protocols.base import ModelCard
from trioproxy.wire.jsoncodec import Object

__all__ = ["KNOWN_TO_CODEX", "codex_catalogue"]

KNOWN_TO_CODEX = ("gpt-*", "codex-*", "o1*", "o3*", "o4*")

_INSTRUCTIONS = (
    "You are a coding agent that works in the user's terminal. Read the code before you change it, make the smallest change that does what is "
    "asked, run the tests that bear on it, and say plainly what you did and what you did not."
)


def codex_catalogue(cards: Sequence[ModelCard]) -> Object:
    """The document."""
    foreign = [card for card in cards if not any(fnmatchcase(card.id, known) for known in KNOWN_TO_CODEX)]
    return {"models": [_info(card, priority) for priority, card in enumerate(foreign)]}


def _info(card: ModelCard, priority: int) -> dict[str, Any]:
    return {
        "slug": card.id,
        "display_name": card.display_name or card.id,
        "description": f"{card.id}, served by {card.owned_by}",
        "default_reasoning_level": None,
        "supported_reasoning_levels": [],
        "shell_type": "shell_command",
        "visibility": "list",
        "supported_in_api": True,
        "priority": priority,
        "upgrade": None,
        "base_instructions": _INSTRUCTIONS,
        "supports_reasoning_summaries": False,
        "support_verbosity": False,
        "default_verbosity": None,
        "apply_patch_tool_type": None,
        "truncation_policy": {"mode": "bytes", "limit": 10_000},
        "supports_parallel_tool_calls": True,
        "context_window": card.context_length,
        "experimental_supported_tools": [],
        "input_modalities": ["text", "image"],
    }
