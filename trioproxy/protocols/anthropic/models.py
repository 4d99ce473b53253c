"""The model list. Source: platform.claude.com, API reference, Models: ``GET /v1/models`` and ``GET /v1/models/{id}``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import urlencode

from trioproxy.protocols.base import ModelCard, ModelPage
from trioproxy.protocols.model_rows import Members, cards_in
from trioproxy.wire.jsoncodec import JSON, Object

__all__ = ["read_models", "render_model", "render_models"]

_ROWS = Members(rows="data", name="id", title=("display_name",), context=("max_input_tokens",), output=("max_tokens",))
_PAGE = 1000
"""The most that the API takes for ``limit``."""


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


def read_models(document: JSON) -> ModelPage:
    """A page of a provider's own list; ``has_more`` and ``last_id`` lead to the next.

    Raises:
        ProtocolViolation: it is none.
    """
    cards = cards_in(document, _ROWS)
    last = document.get("last_id") if isinstance(document, dict) and document.get("has_more") is True else None
    return ModelPage(cards, urlencode({"after_id": last, "limit": _PAGE}) if isinstance(last, str) and last else "")
