"""The model list. Source: platform.claude.com, API reference, Models: ``GET /v1/models`` and ``GET /v1/models/{id}``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from trioproxy.protocols.base import ModelCard
from trioproxy.wire.jsoncodec import Object

__all__ = ["render_model", "render_models"]


def render_model(card: ModelCard) -> Object:
    """One model."""
    model: Object = {
        "type": "model",
        "id": card.id,
        "display_name": card.display_name or card.id,
        "created_at": datetime.fromtimestamp(card.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "lifecycle": "active",
    }
    if card.context_length is not None:
        model["max_input_tokens"] = card.context_length
    if card.max_output_tokens is not None:
        model["max_tokens"] = card.max_output_tokens
    return model


def render_models(cards: Sequence[ModelCard]) -> Object:
    """The whole list as one page."""
    data = [render_model(card) for card in cards]
    return {
        "data": data,
        "has_more": False,
        "first_id": data[0]["id"] if data else None,
        "last_id": data[-1]["id"] if data else None,
    }
