"""What is answered here and by no provider: a sign of life, and the models there are.

Knows: the table of these endpoints, and in which of four shapes a client reads a list of models. Refuses to know: how models are found
(``config/routes.py``) and how a card is written (``protocols/*/models.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from urllib.parse import parse_qs

import attrs

from trioproxy import __version__
from trioproxy.config.model import ClientKey, Snapshot
from trioproxy.config.routes import listing
from trioproxy.errors import ClientFault, ErrorKind
from trioproxy.gateway.codex import codex_catalogue
from trioproxy.gateway.exchange import RequestHead
from trioproxy.gateway.refusal import Reply, json_reply
from trioproxy.protocols.base import ModelCard, Protocol
from trioproxy.protocols.table import Template, mounted, protocol

__all__ = ["CONTROLS", "Control", "ControlCall", "dialect", "find_control"]

READING = ("GET", "HEAD")


@attrs.frozen(kw_only=True)
class ControlCall:
    """One request for something answered here."""

    control: Control
    head: RequestHead
    model: str = ""

    def answer(self, snapshot: Snapshot, client: ClientKey | None) -> Reply:
        """The answer.

        Raises:
            ClientFault: MODEL_NOT_FOUND.
        """
        return self.control.answer(self, snapshot, client)

    @property
    def query(self) -> dict[str, list[str]]:
        """The query's members, decoded."""
        return parse_qs(self.head.query)


@attrs.frozen(kw_only=True)
class Control:
    """One endpoint. ``keyless`` ones answer anybody."""

    path: str
    answer: Callable[[ControlCall, Snapshot, ClientKey | None], Reply]
    keyless: bool = False


def dialect(head: RequestHead) -> Protocol:
    """In which protocol a client wants to be answered where the path alone does not say."""
    place = mounted(head.path)
    names = set(place.names)
    gemini = {"x-goog-api-key", "x-goog-api-client"} & {name.decode("latin-1") for name, _ in head.headers}
    if names == {"gemini"} or place.path.startswith("/v1beta") or (gemini and "gemini" in names):
        return protocol("gemini")
    if names == {"anthropic"} or (head.header(b"anthropic-version") is not None and "anthropic" in names):
        return protocol("anthropic")
    return protocol("openai_responses" if names == {"openai_responses"} else "openai_chat")


def _alive(call: ControlCall, snapshot: Snapshot, client: ClientKey | None) -> Reply:
    return json_reply({"status": "ok"})


def _banner(call: ControlCall, snapshot: Snapshot, client: ClientKey | None) -> Reply:
    return json_reply(
        {
            "message": f"trioproxy {__version__}",
            "endpoints": [
                "POST /v1/chat/completions",
                "POST /v1/responses",
                "POST /v1/messages",
                "POST /v1beta/models/{model}:generateContent",
                "POST /v1beta/models/{model}:streamGenerateContent",
                "GET /v1/models",
                "GET /healthz",
            ],
        }
    )


def _cards(call: ControlCall, snapshot: Snapshot, client: ClientKey | None) -> Sequence[ModelCard]:
    wanted = call.query.get("provider")
    return listing(snapshot, client, wanted[-1] if wanted else None)


def _models(call: ControlCall, snapshot: Snapshot, client: ClientKey | None) -> Reply:
    cards = _cards(call, snapshot, client)
    if "client_version" in call.query:
        return json_reply(codex_catalogue(cards))
    return json_reply(dialect(call.head).render_models(cards))


def _model(call: ControlCall, snapshot: Snapshot, client: ClientKey | None) -> Reply:
    wanted = call.model.removeprefix("models/")
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


CONTROLS = (
    Control(path="/", answer=_banner, keyless=True),
    Control(path="/healthz", answer=_alive, keyless=True),
    Control(path="/health", answer=_alive, keyless=True),
    Control(path="/v1/models", answer=_models),
    Control(path="/v1/models/{model}", answer=_model),
    Control(path="/v1beta/models", answer=_models),
    Control(path="/v1beta/models/{model}", answer=_model),
)

_TEMPLATES = tuple((control, Template(control.path)) for control in CONTROLS)


def find_control(head: RequestHead) -> ControlCall | None:
    """The endpoint of this table that the path names, whatever the method."""
    spellings = mounted(head.path).spellings
    for control, template in _TEMPLATES:
        for spelling in spellings:
            params = template.match(spelling)
            if params is not None:
                return ControlCall(control=control, head=head, model=params.get("model", ""))
    return None
