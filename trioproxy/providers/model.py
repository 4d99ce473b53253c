"""A provider as a typed value. ``catalog.yaml`` is the data, ``catalog.py`` reads it; this file only names things."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from types import MappingProxyType

import attrs

from trioproxy.protocols.base import Operation

__all__ = ["AuthStyle", "ModelFacts", "Provider", "Thinking", "Wire"]


class AuthStyle(enum.Enum):
    """How a key goes to the provider.

    ANTHROPIC is ``x-api-key`` on the vendor's own host and both that and Bearer on a custom one (PROVIDERS: claude). IFLOW adds the HMAC
    headers of its public API.
    """

    BEARER = "bearer"
    X_API_KEY = "x-api-key"
    ANTHROPIC = "anthropic"
    GOOGLE = "x-goog-api-key"
    IFLOW = "iflow"
    NONE = "none"


@attrs.frozen(kw_only=True)
class Wire:
    """One protocol a provider speaks. ``paths`` maps an operation to the path appended to the base URL, with ``{model}`` and, for
    Gemini, ``{verb}`` filled in; an operation without a path is one the provider does not have on this wire."""

    protocol: str
    base_url: str
    paths: Mapping[Operation, str]


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
class ModelFacts:
    """What the catalogue knows of a model. Token counts; None where it does not know."""

    id: str
    display_name: str | None = None
    context_length: int | None = None
    max_output_tokens: int | None = None
    thinking: Thinking | None = None
    features: frozenset[str] = frozenset()


@attrs.frozen(kw_only=True)
class Provider:
    """One catalogue entry. ``patterns`` are the globs of model names it serves where a block names none; ``blocks`` the configuration
    keys that make credentials of it; ``include_usage`` says whether a chat stream may be asked for usage."""

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

    def wire(self, protocol: str) -> Wire | None:
        """The wire that speaks ``protocol``, None where this provider has none."""
        for wire in self.wires:
            if wire.protocol == protocol:
                return wire
        return None
