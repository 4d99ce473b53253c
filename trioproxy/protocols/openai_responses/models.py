"""Model lists in OpenAI's words (``GET /v1/models``)."""

from __future__ import annotations

from collections.abc import Sequence

from trioproxy.protocols.base import ModelCard
from trioproxy.wire.jsoncodec import Object

__all__ = ["render_model", "render_models"]


def render_model(card: ModelCard) -> Object:
    """One model. Beside OpenAI's four members stand those that servers of this family give, where they are known."""
    document: Object = {"id": card.id, "object": "model", "created": card.created, "owned_by": card.owned_by}
    if card.display_name is not None:
        document["display_name"] = card.display_name
    if card.context_length is not None:
        document["context_length"] = card.context_length
    if card.max_output_tokens is not None:
        document["max_output_tokens"] = card.max_output_tokens
    return document


def render_models(cards: Sequence[ModelCard]) -> Object:
    """A list of models."""
    return {"object": "list", "data": [render_model(card) for card in cards]}
