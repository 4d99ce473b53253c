"""A provider as a typed value. ``catalog.yaml`` is the data, ``catalog.py`` reads it; this file only names things."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from fnmatch import fnmatchcase
from types import MappingProxyType

import attrs

from trioproxy.protocols.base import Operation

__all__ = [
    "ANY_NAME",
    "AuthStyle",
    "BaseJoin",
    "ModelFacts",
    "Provider",
    "RateHeaders",
    "Thinking",
    "ThinkingSuffix",
    "Wire",
]

ANY_NAME = "*"
"""The pattern of a server that takes any name, as a last resort."""


class AuthStyle(enum.Enum):
    """How a key goes to the provider.

    ANTHROPIC is ``x-api-key`` on the vendor's own host and both that and Bearer on a custom one. IFLOW adds the HMAC
    headers of its public API.
    """

    BEARER = "bearer"
    X_API_KEY = "x-api-key"
    ANTHROPIC = "anthropic"
    GOOGLE = "x-goog-api-key"
    IFLOW = "iflow"
    NONE = "none"


class BaseJoin(enum.Enum):
    """How a path is put behind a base URL.

    VERBATIM: the catalogue's path behind the base, a segment the base already ends in not doubled. OVERLAP (ProxAI's rule): the protocol's
    full ``/v1/...`` path, leading segments that equal the base's trailing ones not doubled.
    """

    VERBATIM = "verbatim"
    OVERLAP = "overlap"


class RateHeaders(enum.Enum):
    """Which family of response headers tells how much of a quota is left, and how its reset is written.

    OPENAI is ``x-ratelimit-*`` with durations (``2m59.56s``), ANTHROPIC ``anthropic-ratelimit-*`` with RFC 3339 instants; GOOGLE says it in
    the error body (``RetryInfo``).
    """

    OPENAI = "openai"
    ANTHROPIC = "anthropic"
    GOOGLE = "google"
    NONE = "none"


@attrs.frozen(kw_only=True)
class Wire:
    """One protocol a provider speaks. ``paths`` maps an operation to the path appended to the base URL, with ``{model}`` and, for
    Gemini, ``{verb}`` filled in, ``{tail}`` standing for what the client's own path had behind the operation's root; an operation without a
    path is one the provider does not have on this wire. ``auth`` is how this wire carries the key, None as the provider says; ``headers`` are
    sent where the client sent none of that name; ``vendor`` is the provider whose protocol it is, "" where it is nobody's."""

    protocol: str
    base_url: str
    paths: Mapping[Operation, str]
    auth: AuthStyle | None = None
    headers: Mapping[str, str] = MappingProxyType({})
    vendor: str = ""


@attrs.frozen(kw_only=True)
class Thinking:
    """How a model takes reasoning: budgets in tokens [minimum, maximum], or named levels, or both. ``adaptive`` is Anthropic's own word."""

    minimum: int | None = None
    maximum: int | None = None
    zero_allowed: bool = True
    dynamic_allowed: bool = False
    levels: tuple[str, ...] = ()
    adaptive: bool = False


@attrs.frozen(kw_only=True)
class ThinkingSuffix:
    """``model(high)`` or ``model(8192)``, parsed: one of the two is set. It outranks what the body says.

    ``level`` is a word of ``neutral.request.Effort``; ``budget`` is in tokens, never negative (``-1`` is written ``auto``).
    """

    level: str | None = None
    budget: int | None = None


@attrs.frozen(kw_only=True)
class ModelFacts:
    """What the catalogue knows of a model. Token counts; None where it does not know. ``thinks`` False says that the model takes no
    reasoning settings at all, None that nobody knows."""

    id: str
    display_name: str | None = None
    context_length: int | None = None
    max_output_tokens: int | None = None
    thinking: Thinking | None = None
    thinks: bool | None = None
    features: frozenset[str] = frozenset()


@attrs.frozen(kw_only=True)
class Provider:
    """One catalogue entry. ``patterns`` are the globs of model names it serves where a block names none; ``blocks`` the configuration
    keys that make credentials of it; ``include_usage`` says whether a chat stream may be asked for usage. ``aliases`` are other names for it
    in the ``type`` of a provider map, ``env`` the environment variables its key usually has, ``token_fields`` the members of a token file
    that may hold the key, best first. ``sign_in`` names the login flow this provider needs, None where a key is enough. ``quirks`` hold for all
    of its models, ``model_quirks`` for those whose name fits the glob, the first that fits. ``hosts`` are addresses it has beside those of its
    wires. ``kin`` are other vendors' models, which it may serve or not: what is known of them, and nothing to list."""

    name: str
    title: str
    wires: tuple[Wire, ...]
    auth: AuthStyle = AuthStyle.BEARER
    headers: Mapping[str, str] = MappingProxyType({})
    blocks: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    models: tuple[ModelFacts, ...] = ()
    quirks: tuple[str, ...] = ()
    include_usage: bool = True
    base_url_required: bool = False
    key_required: bool = True
    notes: str = ""
    aliases: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    token_fields: tuple[str, ...] = ("access_token", "api_key")
    rate_headers: RateHeaders = RateHeaders.OPENAI
    sign_in: str | None = None
    model_quirks: tuple[tuple[str, tuple[str, ...]], ...] = ()
    hosts: tuple[str, ...] = ()
    kin: tuple[ModelFacts, ...] = ()

    def quirks_of(self, model: str) -> tuple[str, ...]:
        """What is peculiar of one model, beside :attr:`quirks`. ``model`` is the upstream's name."""
        name = model.lower()
        return next((quirks for pattern, quirks in self.model_quirks if fnmatchcase(name, pattern.lower())), ())

    def wire(self, protocol: str) -> Wire | None:
        """The wire that speaks ``protocol``, None where this provider has none."""
        for wire in self.wires:
            if wire.protocol == protocol:
                return wire
        return None
