"""Models as ``GET /v1beta/models`` lists them (https://ai.google.dev/api/models)."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

from trioproxy.protocols.base import ModelCard, ModelPage
from trioproxy.protocols.model_rows import Members, cards_in
from trioproxy.wire.jsoncodec import JSON, Object

__all__ = ["read_models", "render_model", "render_models"]

_METHODS = ("generateContent", "countTokens")
_PREFIXES = ("models/", "tunedModels/")
_ROWS = Members(
    rows="models",
    name="name",
    title=("displayName",),
    context=("inputTokenLimit",),
    output=("outputTokenLimit",),
    before="models/",
)
_PAGE = 1000
"""The most that the API takes for ``pageSize``."""


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


def read_models(document: JSON) -> ModelPage:
    """A page of a provider's own list; ``nextPageToken`` leads to the next.

    Raises:
        ProtocolViolation: it is none.
    """
    # A model of one's own account has none to show: the API then leaves the list out.
    cards = cards_in({"models": None} if document == {} else document, _ROWS)
    token = document.get("nextPageToken") if isinstance(document, dict) else None
    return ModelPage(
        cards, urlencode({"pageToken": token, "pageSize": _PAGE}) if isinstance(token, str) and token else ""
    )
