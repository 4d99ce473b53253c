"""Models as ``GET /v1beta/models`` lists them (https://ai.google.dev/api/models)."""

from __future__ import annotations

from collections.abc import Sequence

from trioproxy.protocols.base import ModelCard
from trioproxy.wire.jsoncodec import Object

__all__ = ["render_model", "render_models"]

_METHODS = ("generateContent", "countTokens")
_PREFIXES = ("models/", "tunedModels/")


def render_model(card: ModelCard) -> Object:
    """One model. ``name`` is its resource name; clients strip ``models/`` from it."""
    model: Object = {
        "name": card.id if card.id.startswith(_PREFIXES) else f"models/{card.id}",
        "displayName": card.display_name or card.id,
        "description": f"{card.display_name or card.id} ({card.owned_by})",
        "supportedGenerationMethods": list(_METHODS),
    }
    if card.context_length is not None:
        model["inputTokenLimit"] = card.context_length
    if card.max_output_tokens is not None:
        model["outputTokenLimit"] = card.max_output_tokens
    return model


def render_models(cards: Sequence[ModelCard]) -> Object:
    """The list, on one page."""
    return {"models": [render_model(card) for card in cards]}
