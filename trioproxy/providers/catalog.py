"""The catalogue: ``catalog.yaml`` as typed :class:`~trioproxy.providers.model.Provider` values.

Knows the shape of the file and refuses what it does not know, so that a typing error in an entry fails the first test and not a user's
request. Refuses to know any provider by name.
"""

from __future__ import annotations

import enum
import functools
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import attrs

from trioproxy.errors import ErrorKind, ProxyFault
from trioproxy.protocols.base import Operation
from trioproxy.providers.model import AuthStyle, ModelFacts, Provider, RateHeaders, Thinking, Wire

__all__ = ["Catalogue", "catalogue", "parse"]

_Enum = TypeVar("_Enum", bound=enum.Enum)

_PROVIDER_KEYS = {
    "title", "aliases", "blocks", "env", "auth", "rate_headers", "headers", "wires", "patterns", "models", "quirks", "model_quirks", "usage",
    "base_required", "key_required", "token_fields", "sign_in", "notes", "hosts",
}  # fmt: skip
_PLAIN_KEYS = {"vendor", "paths", "auth", "headers"}
_WIRE_KEYS = {"protocol", "base", "operations", "paths", "auth"}
_MODEL_KEYS = {"name", "context", "output", "thinking", "features"}
_THINKING_KEYS = {"min", "max", "zero", "dynamic", "levels", "adaptive"}


@attrs.frozen(kw_only=True)
class Catalogue:
    """All providers by name, and a plain wire of every protocol (for a server of which only its protocol is known; its base is empty)."""

    providers: Mapping[str, Provider]
    protocols: Mapping[str, Wire]

    def named(self, name: str) -> Provider | None:
        """The provider of this name or alias, in any case and with ``_`` for ``-``; None where there is none."""
        return self._names.get(name.strip().lower().replace("_", "-"))

    def block(self, key: str) -> Provider | None:
        """The provider whose credentials this configuration block holds."""
        return self._blocks.get(key)

    def plain_wire(self, protocol: str, base_url: str) -> Wire:
        """A wire of ``protocol`` at ``base_url`` with the protocol's own paths. ``protocol`` is a key of :attr:`protocols`."""
        return attrs.evolve(self.protocols[protocol], base_url=base_url)

    def kin(self, wires: Iterable[Wire]) -> tuple[ModelFacts, ...]:
        """The models of the vendors whose protocols are spoken on ``wires``."""
        vendors = dict.fromkeys(wire.vendor for wire in wires if wire.vendor in self.providers)
        return tuple(facts for vendor in vendors for facts in self.providers[vendor].models)

    @functools.cached_property
    def names(self) -> tuple[str, ...]:
        """Every name and alias, for near-miss suggestions."""
        return tuple(self._names)

    @functools.cached_property
    def _names(self) -> Mapping[str, Provider]:
        return {
            name.replace("_", "-"): provider
            for provider in self.providers.values()
            for name in (provider.name, *provider.aliases)
        }

    @functools.cached_property
    def _blocks(self) -> Mapping[str, Provider]:
        return {block: provider for provider in self.providers.values() for block in provider.blocks}


@functools.cache
def catalogue() -> Catalogue:
    """The catalogue that ships with the package, parsed once."""
    import yaml  # here, so that a program that never asks for the catalogue does not pay for the parser

    text = Path(__file__).with_name("catalog.yaml").read_bytes()
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return parse(yaml.load(text, Loader=loader))


def parse(document: Any) -> Catalogue:
    """Type the document of a catalogue file.

    Raises:
        ProxyFault: INTERNAL, naming the entry and the member that is wrong. The shipped file is wrong only by a bug.
    """
    root = _members(document, {"protocols", "providers"}, "catalogue")
    protocols = {name: _plain(name, entry) for name, entry in _mapping(root.get("protocols"), "protocols").items()}
    providers = {
        name: _provider(name, entry, protocols) for name, entry in _mapping(root.get("providers"), "providers").items()
    }
    return Catalogue(providers=MappingProxyType(providers), protocols=MappingProxyType(protocols))


def _plain(name: str, entry: Any) -> Wire:
    where = f"protocols.{name}"
    at = _members(entry, _PLAIN_KEYS, where)
    return Wire(
        protocol=name,
        base_url="",
        paths=_paths(at.get("paths"), where),
        auth=_choice(AuthStyle, at.get("auth", "bearer"), where),
        headers=MappingProxyType(dict(at.get("headers", {}))),
        vendor=str(at.get("vendor", "")),
    )


def _provider(name: str, entry: Any, protocols: Mapping[str, Wire]) -> Provider:
    where = f"providers.{name}"
    at = _members(entry, _PROVIDER_KEYS, where)
    return Provider(
        name=name,
        title=str(at.get("title", name)),
        wires=tuple(_wire(wire, f"{where}.wires", protocols, at.get("auth")) for wire in at.get("wires", ())),
        auth=_choice(AuthStyle, at.get("auth", "bearer"), where),
        headers=MappingProxyType(dict(at.get("headers", {}))),
        blocks=_words(at.get("blocks")),
        patterns=_words(at.get("patterns")),
        models=tuple(_model(id_, facts, where) for id_, facts in _mapping(at.get("models", {}), where).items()),
        quirks=_words(at.get("quirks")),
        include_usage=bool(at.get("usage", True)),
        base_url_required=bool(at.get("base_required", False)),
        key_required=bool(at.get("key_required", True)),
        notes=str(at.get("notes", "")),
        aliases=_words(at.get("aliases")),
        hosts=_words(at.get("hosts")),
        env=_words(at.get("env")),
        token_fields=_words(at.get("token_fields", ("access_token", "api_key"))),
        rate_headers=_choice(RateHeaders, at.get("rate_headers", "openai"), where),
        sign_in=at.get("sign_in"),
        model_quirks=tuple(
            (str(pattern), _words(names)) for pattern, names in _mapping(at.get("model_quirks", {}), where).items()
        ),
    )


def _wire(entry: Any, where: str, protocols: Mapping[str, Wire], auth: str | None) -> Wire:
    at = _members(entry, _WIRE_KEYS, where)
    plain = protocols.get(str(at.get("protocol", "")))
    if plain is None:
        raise _broken(where, f"unknown protocol {at.get('protocol')!r}")
    paths = _paths(at["paths"], where) if "paths" in at else plain.paths
    if "operations" in at:
        paths = MappingProxyType({operation: paths[operation] for operation in _operations(at["operations"], where)})
    style = at.get("auth", auth)
    return attrs.evolve(
        plain,
        base_url=str(at.get("base", "")),
        paths=paths,
        auth=plain.auth if style is None else _choice(AuthStyle, style, where),
    )


def _model(id_: str, facts: Any, where: str) -> ModelFacts:
    at = _members(facts, _MODEL_KEYS, f"{where}.models.{id_}")
    thinking = at.get("thinking")
    return ModelFacts(
        id=id_,
        display_name=at.get("name"),
        context_length=at.get("context"),
        max_output_tokens=at.get("output"),
        thinking=_thinking(thinking, f"{where}.models.{id_}") if thinking else None,
        thinks=bool(thinking) if thinking is not None else None,
        features=frozenset(at.get("features", ())),
    )


def _thinking(entry: Any, where: str) -> Thinking:
    at = _members(entry, _THINKING_KEYS, where)
    return Thinking(
        minimum=at.get("min"),
        maximum=at.get("max"),
        zero_allowed=bool(at.get("zero", True)),
        dynamic_allowed=bool(at.get("dynamic", False)),
        levels=_words(at.get("levels")),
        adaptive=bool(at.get("adaptive", False)),
    )


def _paths(entry: Any, where: str) -> Mapping[Operation, str]:
    paths = _mapping(entry, where)
    return MappingProxyType(dict(zip(_operations(paths, where), paths.values(), strict=True)))


def _operations(names: Iterable[str], where: str) -> list[Operation]:
    return [_choice(Operation, name, where) for name in names]


def _words(value: Iterable[str] | None) -> tuple[str, ...]:
    return tuple(str(word) for word in value or ())


def _choice(kind: type[_Enum], value: Any, where: str) -> _Enum:
    try:
        return kind(value)
    except ValueError:
        raise _broken(where, f"{value!r} is not one of {', '.join(member.value for member in kind)}") from None


def _mapping(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _broken(where, f"expected a mapping, got {type(value).__name__}")
    return value


def _members(value: Any, known: set[str], where: str) -> dict[str, Any]:
    at = _mapping(value, where)
    unknown = sorted(set(at) - known)
    if unknown:
        raise _broken(where, f"unknown member {', '.join(unknown)}")
    return at


def _broken(where: str, what: str) -> ProxyFault:
    return ProxyFault(ErrorKind.INTERNAL, f"provider catalogue: {where}: {what}")
