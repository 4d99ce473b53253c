"""Model lists in the words of OpenAI (``GET /v1/models``), which both of its protocols are asked for at the same path.

Refuses to know: which models there are, and who serves them.
"""

from __future__ import annotations

from collections.abc import Sequence

from trioproxy.protocols.base import ModelCard, ModelPage
from trioproxy.protocols.model_rows import Members, cards_in
from trioproxy.wire.jsoncodec import JSON, Object

__all__ = ["read_models", "render_model", "render_models"]

_ROWS = Members(
    rows="data",
    name="id",
    title=("display_name", "name"),
    context=("context_length", "context_window", "max_context_length", "max_model_len"),
    output=("max_output_tokens", "max_completion_tokens"),
)
"""OpenAI gives ``id`` alone; what else is read here is what servers of this family add (OpenRouter, Groq, Mistral, vLLM)."""


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


def read_models(document: JSON) -> ModelPage:
    """A provider's own list (``GET {base}/models``), which has no pages.

    Raises:
        ProtocolViolation: it is none.
    """
    return ModelPage(cards_in(document, _ROWS))
