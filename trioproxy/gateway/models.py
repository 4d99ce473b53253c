"""The models there are, in the words of four kinds of clients. How they are found is the business of ``config/routes.py``."""

from __future__ import annotations

from collections.abc import Sequence

from trioproxy.config.listing import listing
from trioproxy.config.model import ClientKey, Snapshot
from trioproxy.errors import ClientFault, ErrorKind
from trioproxy.gateway.codex import codex_catalogue
from trioproxy.gateway.control import ControlCall, dialect
from trioproxy.gateway.refusal import Reply, json_reply
from trioproxy.protocols.base import ModelCard

__all__ = ["model", "models"]


def models(call: ControlCall, snapshot: Snapshot, client: ClientKey | None) -> Reply:
    """All that this client may ask for."""
    cards = _cards(call, snapshot, client)
    if "client_version" in call.query:
        return json_reply(codex_catalogue(cards))
    return json_reply(dialect(call.head).render_models(cards))


def model(call: ControlCall, snapshot: Snapshot, client: ClientKey | None) -> Reply:
    """One of them.

    Raises:
        ClientFault: MODEL_NOT_FOUND.
    """
    wanted = call.params["model"].removeprefix("models/")
    for card in _cards(call, snapshot, client):
        if card.id == wanted:
            return json_reply(dialect(call.head).render_model(card))
    raise ClientFault(
        ErrorKind.MODEL_NOT_FOUND,
        f"there is no model {wanted!r} in the list of this proxy (GET /v1/models has them all)",
        code="model_not_found",
        param="model",
        model=wanted,
    )


def _cards(call: ControlCall, snapshot: Snapshot, client: ClientKey | None) -> Sequence[ModelCard]:
    return listing(snapshot, client, call.asked("provider"))
