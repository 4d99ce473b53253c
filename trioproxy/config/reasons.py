"""Routing decisions in words, for ``explain`` and for error messages.

Knows: how a candidate, a route and a refusal are said to a person. Refuses to know: how they came about.
"""

from __future__ import annotations

from trioproxy.config.model import Credential, RouteRule, Snapshot
from trioproxy.config.patterns import Globs
from trioproxy.config.roster import Roster, Serving
from trioproxy.config.routed import Candidate

__all__ = ["credential_place", "rule_place", "why", "why_not"]


def why(candidate: Candidate, serving: Serving, rule: RouteRule | None, protocol: str) -> str:
    """Why ``candidate`` is one, and how a request in ``protocol`` gets there."""
    ground = rule_place(rule) if rule is not None else serving.ground.value
    way = "passed through" if candidate.wire.protocol == protocol else f"translated from {protocol}"
    return f"{credential_place(candidate.credential)} by {ground}: {candidate.wire.protocol} {way}, model {candidate.model!r}"


def why_not(snapshot: Snapshot, credential: Credential, name: str) -> str:
    """Why ``credential`` is no candidate for ``name``; looks at one reason after the other and gives the first."""
    prefix, slash, rest = name.partition("/")
    shown = rest if slash and prefix == credential.prefix else name
    if not credential.enabled:
        return "disabled"
    if Roster.of(snapshot).refuses(credential, shown, name):
        return "excluded-models hides the name"
    if credential.prefix is not None and shown == name and snapshot.settings.force_model_prefix:
        return f"force-model-prefix: it serves only names that begin with {credential.prefix}/"
    if credential.models and not credential.open_names:
        if all(entry.alias != shown for entry in credential.models):
            return "the name is not in its models"
        return "another ground came first"
    if credential.discovered and all(entry.alias != shown for entry in credential.discovered):
        return "its provider lists no such model"
    if credential.discovers and not credential.discovered:
        return "no list of its provider's models is known here"
    patterns = credential.provider.patterns
    if not patterns:
        return "no route, prefix or model list names it"
    if not Globs(patterns).match(shown):
        return f"its names look like {', '.join(patterns)}"
    return "another ground came first"


def rule_place(rule: RouteRule) -> str:
    """A route's name and where it stands."""
    name = f"route {rule.name!r}" if rule.name else f"the route for {rule.pattern!r}"
    return f"{name} ({rule.source})" if rule.source else name


def credential_place(credential: Credential) -> str:
    """A credential's label and where it stands."""
    return f"{credential.label} ({credential.source})" if credential.source else credential.label
