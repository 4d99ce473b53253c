"""Routing decisions in words, for ``explain`` and for error messages.

Knows: how a candidate, a route and a refusal are said to a person. Refuses to know: how they came about.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import attrs

from trioproxy.config.model import Credential, ModelEntry, RouteRule, Snapshot
from trioproxy.config.patterns import Globs
from trioproxy.config.roster import Roster, Serving
from trioproxy.config.routed import Candidate
from trioproxy.providers.model import ANY_NAME

__all__ = ["credential_place", "rule_place", "why", "why_not"]

_OUTRANKED = "another ground came first"


def why(candidate: Candidate, serving: Serving, rule: RouteRule | None, protocol: str) -> str:
    """Why ``candidate`` is one, and how a request in ``protocol`` gets there."""
    ground = rule_place(rule) if rule is not None else serving.ground.value
    way = "passed through" if candidate.wire.protocol == protocol else f"translated from {protocol}"
    return f"{credential_place(candidate.credential)} by {ground}: {candidate.wire.protocol} {way}, model {candidate.model!r}"


@attrs.frozen(kw_only=True)
class _Miss:
    """A credential that was passed over. ``name`` is what was asked for, ``shown`` the same without the credential's prefix."""

    snapshot: Snapshot
    credential: Credential
    name: str
    shown: str

    @property
    def lacks_prefix(self) -> bool:
        """Whether the credential has a prefix and the name does not begin with it."""
        return self.credential.prefix is not None and self.shown == self.name

    def among(self, entries: Iterable[ModelEntry]) -> bool:
        """Whether the name is one of ``entries``."""
        return any(entry.alias == self.shown for entry in entries)


def why_not(snapshot: Snapshot, credential: Credential, name: str) -> str:
    """Why ``credential`` is no candidate for ``name``: the first reason of :data:`_REASONS` that there is."""
    prefix, slash, rest = name.partition("/")
    shown = rest if slash and prefix == credential.prefix else name
    miss = _Miss(snapshot=snapshot, credential=credential, name=name, shown=shown)
    return next((words for reason in _REASONS if (words := reason(miss)) is not None), _OUTRANKED)


def _disabled(miss: _Miss) -> str | None:
    return None if miss.credential.enabled else "disabled"


def _excluded(miss: _Miss) -> str | None:
    hidden = Roster.of(miss.snapshot).refuses(miss.credential, miss.shown, miss.name)
    return "excluded-models hides the name" if hidden else None


def _prefix_forced(miss: _Miss) -> str | None:
    if not (miss.lacks_prefix and miss.snapshot.settings.force_model_prefix):
        return None
    return f"force-model-prefix: it serves only names that begin with {miss.credential.prefix}/"


def _not_listed(miss: _Miss) -> str | None:
    """Who has a list and is not open to other names has no further reason."""
    if not miss.credential.models or miss.credential.open_names:
        return None
    return _OUTRANKED if miss.among(miss.credential.models) else "the name is not in its models"


def _not_discovered(miss: _Miss) -> str | None:
    told = miss.credential.discovered
    return "its provider lists no such model" if told and not miss.among(told) else None


def _undiscovered(miss: _Miss) -> str | None:
    unknown = miss.credential.discovers and not miss.credential.discovered
    return "no list of its provider's models is known here" if unknown else None


def _not_named(miss: _Miss) -> str | None:
    return None if miss.credential.provider.patterns else "no route, prefix or model list names it"


def _unlike_its_names(miss: _Miss) -> str | None:
    patterns = miss.credential.provider.patterns
    return None if Globs(patterns).match(miss.shown) else f"its names look like {', '.join(patterns)}"


def _prefix_missing(miss: _Miss) -> str | None:
    """What takes any name is a last resort only where it has no prefix."""
    if not (miss.lacks_prefix and ANY_NAME in miss.credential.provider.patterns):
        return None
    return f"it serves names that begin with {miss.credential.prefix}/"


_REASONS: tuple[Callable[[_Miss], str | None], ...] = (
    _disabled,
    _excluded,
    _prefix_forced,
    _not_listed,
    _not_discovered,
    _undiscovered,
    _not_named,
    _unlike_its_names,
    _prefix_missing,
)


def rule_place(rule: RouteRule) -> str:
    """A route's name and where it stands."""
    name = f"route {rule.name!r}" if rule.name else f"the route for {rule.pattern!r}"
    return f"{name} ({rule.source})" if rule.source else name


def credential_place(credential: Credential) -> str:
    """A credential's label and where it stands."""
    return f"{credential.label} ({credential.source})" if credential.source else credential.label
