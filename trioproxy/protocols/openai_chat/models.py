"""Model lists in the words of OpenAI (``GET /v1/models``)."""

from __future__ import annotations

from collections.abc import Sequence

from trioproxy.protocols.base import ModelCard
from trioproxy.wire.jsoncodec import Object

__all__ = ["render_model", "render_models"]


def render_model(card: ModelCard) -> Object:
    """One model. Beside OpenAI's four fields stand those that other servers of this protocol give, where they are known."""
    known = {
        "display_name": card.display_name,
        "context_length": card.context_length,
        "max_output_tokens": card.max_output_tokens,
    }
    return {
        "id": card.id,
        "object": "model",
        "created": card.created,
        "owned_by": card.owned_by,
        **{name: value for name, value in known.items() if value is not None},
    }


def render_models(cards: Sequence[ModelCard]) -> Object:
    """A list of models."""
    return {"object": "list", "data": [render_model(card) for card in cards]}
