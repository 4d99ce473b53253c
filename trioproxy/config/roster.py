"""Who serves what: a snapshot's credentials, arranged so that a request looks only at those that may serve its model.

Knows: the rules of prefixes, model lists, aliases, open names and the catalogue's patterns. Refuses to know: clients, protocols, routes.
Built once a snapshot and kept in its memo.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any

import attrs

from trioproxy.config.model import Credential, ModelEntry, Snapshot
from trioproxy.config.patterns import Globs
from trioproxy.providers.model import ANY_NAME, ModelFacts, Provider

__all__ = ["Facts", "Ground", "Roster", "Serving"]


class Ground(enum.Enum):
    """On what ground a credential serves a model."""

    PREFIX = "its prefix"
    LISTED = "its model list"
    ROUTE = "a route"
    DEFAULT = "the default provider of the protocol"
    NAMED = "the provider's own name before the slash"
    DISCOVERED = "the provider's own list of models"
    PATTERN = "the provider's model patterns"
    LAST_RESORT = "nothing else knows the name"


@attrs.frozen
class Serving:
    """One credential that serves a model: under which upstream name, on what ground; ``shown`` is the name behind the prefix."""

    credential: Credential
    model: str
    shown: str
    ground: Ground
    entry: ModelEntry | None = None


@attrs.define
class _Scope:
    """The credentials that answer behind one prefix (or behind none)."""

    listed: dict[str, list[tuple[Credential, ModelEntry]]] = attrs.Factory(dict)
    discovered: dict[str, list[tuple[Credential, ModelEntry]]] = attrs.Factory(dict)
    open: list[Credential] = attrs.Factory(list)
    patterned: dict[tuple[str, ...], tuple[Globs, list[Credential]]] = attrs.Factory(dict)
    last_resort: list[Credential] = attrs.Factory(list)

    def add_listed(self, credential: Credential) -> None:
        for entry in credential.models:
            self.listed.setdefault(entry.alias, []).append((credential, entry))
        for entry in credential.discovered:
            self.discovered.setdefault(entry.alias, []).append((credential, entry))

    def add_patterned(self, credential: Credential) -> None:
        patterns = tuple(pattern for pattern in credential.provider.patterns if pattern != ANY_NAME)
        if patterns:
            self.patterned.setdefault(patterns, (Globs(patterns), []))[1].append(credential)
        if ANY_NAME in credential.provider.patterns and credential.prefix is None:
            self.last_resort.append(credential)


@attrs.define(eq=False)
class Roster:
    """The arranged credentials. Answers keep the order of priority, then of the file."""

    credentials: tuple[Credential, ...]
    forced: bool
    _bare: _Scope = attrs.Factory(_Scope)
    _prefixes: dict[str, _Scope] = attrs.Factory(dict)
    _groups: dict[str, list[Credential]] = attrs.Factory(dict)
    _named: dict[str, _Scope] = attrs.Factory(dict)
    _excluded: dict[str, Globs] = attrs.Factory(dict)

    @classmethod
    def of(cls, snapshot: Snapshot) -> Roster:
        """The roster of ``snapshot``, built on the first call."""
        roster: Roster | None = snapshot.memo.get("roster")
        if roster is None:
            enabled = (credential for credential in snapshot.credentials if credential.enabled)
            ordered = tuple(sorted(enabled, key=lambda credential: -credential.priority))
            roster = cls(credentials=ordered, forced=snapshot.settings.force_model_prefix)
            roster._arrange()
            snapshot.memo["roster"] = roster
        return roster

    def prefixed(self, name: str) -> list[Serving]:
        """Who serves ``P/M`` because P is a prefix."""
        prefix, slash, rest = name.partition("/")
        scope = self._prefixes.get(prefix) if slash and rest else None
        return self._allowed(self._inside(scope, rest, Ground.PREFIX), name) if scope is not None else []

    def has_prefix(self, name: str) -> str | None:
        """The prefix of ``name`` where some credential has it, else None."""
        prefix, slash, _ = name.partition("/")
        return prefix if slash and prefix in self._prefixes else None

    def with_prefix(self, name: str) -> list[str]:
        """The bare ``name`` behind each prefix behind which somebody serves it."""
        spelled = (f"{prefix}/{name}" for prefix in self._prefixes)
        return [each for each in spelled if self.prefixed(each)]

    def has_group(self, name: str) -> bool:
        """Whether the provider that goes by ``name`` has an enabled credential."""
        return name.strip().lower() in self._groups

    def listed(self, name: str) -> list[Serving]:
        """Who lists the bare ``name``."""
        return self._allowed(_entries(self._bare.listed, name, Ground.LISTED), name)

    def discovered(self, name: str) -> list[Serving]:
        """Who serves the bare ``name`` because its provider told so, and beside them whose catalogue knows it; nobody, where no provider
        told of it."""
        told = self._allowed(_entries(self._bare.discovered, name, Ground.DISCOVERED), name)
        if not told:
            return []
        others = self.named(name) or self.patterned(name)
        known = [each for each in others if _catalogue_facts(each.credential.provider, each.model) is not None]
        return sorted((*told, *known), key=lambda serving: -serving.credential.priority)

    def named(self, name: str) -> list[Serving]:
        """Who serves ``G/M`` because its provider goes by the name G and it has no prefix of its own."""
        group, slash, rest = name.partition("/")
        scope = self._named.get(group.lower()) if slash and rest else None
        return self._allowed(self._inside(scope, rest, Ground.NAMED), name) if scope is not None else []

    def patterned(self, name: str) -> list[Serving]:
        """Who serves the bare ``name`` by its provider's patterns."""
        found = [
            Serving(credential, name, name, Ground.PATTERN)
            for globs, credentials in self._bare.patterned.values()
            if globs.match(name)
            for credential in credentials
        ]
        found.sort(key=lambda serving: -serving.credential.priority)
        return self._allowed(found, name)

    def last_resort(self, name: str) -> list[Serving]:
        """Who serves any bare name at all."""
        servings = [Serving(credential, name, name, Ground.LAST_RESORT) for credential in self._bare.last_resort]
        return self._allowed(servings, name)

    def by_rule(self, group: str, model: str, ground: Ground) -> list[Serving]:
        """The credentials of ``group`` for a model that a route or a default sends there."""
        return [_resolved(credential, model, ground) for credential in self._groups.get(group.strip().lower(), ())]

    def shown(self, credential: Credential) -> list[tuple[str, ModelEntry]]:
        """The names under which ``credential`` shows its models: what it lists, else what the catalogue knows, else what the provider told."""
        entries = credential.models or _known(credential) or credential.discovered
        return [
            (name, entry)
            for entry in entries
            for name in self._spellings(credential, entry.alias)
            if not self.refuses(credential, entry.alias, name)
        ]

    def refuses(self, credential: Credential, shown: str, name: str) -> bool:
        """Whether ``excluded-models`` of ``credential`` hides a model, by the name behind the prefix or the whole name."""
        if not credential.excluded_models:
            return False
        globs = self._excluded.get(credential.id)
        if globs is None:
            globs = self._excluded[credential.id] = Globs(credential.excluded_models)
        return globs.match(shown) or globs.match(name)

    def _arrange(self) -> None:
        for credential in self.credentials:
            self._groups.setdefault(credential.group.lower(), []).append(credential)
            if credential.prefix is not None:
                scope = self._prefixes.setdefault(credential.prefix, _Scope())
            else:
                scope = self._named.setdefault(credential.group.lower(), _Scope())
            scope.add_listed(credential)
            if not credential.models or credential.open_names:
                scope.open.append(credential)
            if credential.prefix is not None and self.forced:
                continue
            self._bare.add_listed(credential)
            if not credential.models or credential.open_names:
                self._bare.add_patterned(credential)

    def _inside(self, scope: _Scope, rest: str, ground: Ground) -> list[Serving]:
        found = [*_entries(scope.listed, rest, ground), *_entries(scope.discovered, rest, ground)]
        have = {serving.credential.id for serving in found}
        # Where somebody is known to have the model, nobody is asked whose own list lacks it.
        found += [
            Serving(credential, rest, rest, ground)
            for credential in scope.open
            if credential.id not in have and not (have and credential.discovered)
        ]
        found.sort(key=lambda serving: -serving.credential.priority)
        return found

    def _allowed(self, servings: list[Serving], name: str) -> list[Serving]:
        return [serving for serving in servings if not self.refuses(serving.credential, serving.shown, name)]

    def _spellings(self, credential: Credential, alias: str) -> tuple[str, ...]:
        if credential.prefix is None:
            return (alias,)
        full = f"{credential.prefix}/{alias}"
        return (full,) if self.forced else (full, alias)


class Facts:
    """What is known of the models of many servings: asked once a provider and model, however many keys serve it."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, str], ModelFacts | None] = {}

    def of(self, serving: Serving) -> ModelFacts | None:
        """The entry's own figures over the catalogue's; None where neither knows the model."""
        provider = serving.credential.provider
        key = (id(provider), serving.model)
        if key not in self._known:
            self._known[key] = _catalogue_facts(provider, serving.model)
        return _stated(serving, self._known[key])


def _stated(serving: Serving, known: ModelFacts | None) -> ModelFacts | None:
    entry = serving.entry
    if entry is None:
        return known
    own: dict[str, Any] = {
        "display_name": entry.display_name,
        "context_length": entry.context_length,
        "max_output_tokens": entry.max_output_tokens,
        "thinking": entry.thinking,
        "thinks": True if entry.thinking is not None else None,
        "features": entry.features or None,
    }
    stated = {name: value for name, value in own.items() if value is not None}
    if known is None:
        return ModelFacts(id=serving.model, **stated) if stated else None
    return attrs.evolve(known, **stated)


def _catalogue_facts(provider: Provider, model: str) -> ModelFacts | None:
    known = (*provider.models, *provider.kin)
    exact = next((facts for facts in known if facts.id == model), None)
    if exact is not None:
        return exact
    wanted = _undated(model)
    return next((facts for facts in known if _undated(facts.id) == wanted), None)


def _undated(model: str) -> str:
    """A model's name without the date of its release (``-20250929``), which clients leave out as they like."""
    stem, dash, last = model.rpartition("-")
    return stem if dash and len(last) == 8 and last.isdigit() else model


def _known(credential: Credential) -> list[ModelEntry]:
    return [
        ModelEntry(
            name=facts.id,
            alias=facts.id,
            display_name=facts.display_name,
            context_length=facts.context_length,
            max_output_tokens=facts.max_output_tokens,
        )
        for facts in credential.provider.models
    ]


def _entries(entries: Mapping[str, list[tuple[Credential, ModelEntry]]], name: str, ground: Ground) -> list[Serving]:
    return [Serving(credential, entry.name, name, ground, entry) for credential, entry in entries.get(name, ())]


def _resolved(credential: Credential, model: str, ground: Ground) -> Serving:
    entries = credential.models or credential.discovered
    entry = next((entry for entry in entries if entry.alias == model), None)
    return Serving(credential, entry.name if entry is not None else model, model, ground, entry)
