"""Providers as clients may see them: which there are, what they can do, how they are, and the switch that takes one out.

Knows: what is told of a provider to whoever has a client's key: names, models, counts and cooldowns, and neither a key nor a part of one.
Refuses to know: how a switch is kept over a reload (``config/snapshot.py``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

import attrs

from trioproxy.config.listing import listing
from trioproxy.config.model import ClientKey, Credential, Snapshot
from trioproxy.config.nearest import nearest
from trioproxy.config.routed import Candidate
from trioproxy.config.routes import route
from trioproxy.credentials.health import Rest
from trioproxy.errors import ClientFault, ErrorKind, ProxyError, ProxyFault
from trioproxy.gateway import household
from trioproxy.gateway.control import ControlCall, House, dialect
from trioproxy.gateway.refusal import Reply, json_reply
from trioproxy.protocols.base import Operation
from trioproxy.protocols.table import NAMES
from trioproxy.providers.model import ModelFacts

__all__ = [
    "FEATURES",
    "capabilities",
    "capabilities_of",
    "cooling",
    "enabled",
    "models_of",
    "provider",
    "providers",
    "ready",
    "status_of",
    "switch",
    "wanted_state",
]

FEATURES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "streaming": frozenset({"streaming"}),
        "functions": frozenset({"functions", "tools"}),
        "vision": frozenset({"vision", "multimodal"}),
        "code_generation": frozenset({"code-generation"}),
        "reasoning": frozenset({"reasoning"}),
        "embeddings": frozenset({"embeddings"}),
    }
)
"""What can be asked for, and the words of a configuration or of the catalogue that say it."""


@attrs.frozen
class _Group:
    """The credentials that routes, lists and counters know by one name."""

    name: str
    credentials: tuple[Credential, ...]

    @property
    def enabled(self) -> bool:
        return any(credential.enabled for credential in self.credentials)


def ready(call: ControlCall, snapshot: Snapshot, client: ClientKey | None) -> Reply:
    """Whether at least one credential could be asked: enabled, and not resting as a whole."""
    resting = {rest.credential_id for rest in _rests(call.house) if rest.model is None and rest.firm}
    able = [credential.enabled and credential.id not in resting for credential in snapshot.credentials]
    document = {"status": "ready" if any(able) else "not ready", "credentials": len(able), "usable": sum(able)}
    return json_reply(document, status=200 if any(able) else 503)


def providers(call: ControlCall, snapshot: Snapshot, client: ClientKey | None) -> Reply:
    """All of them, in the order of the file."""
    return json_reply({"providers": [_told(group, snapshot, client, call.house) for group in _groups(snapshot)]})


def provider(call: ControlCall, snapshot: Snapshot, client: ClientKey | None) -> Reply:
    """One of them."""
    return json_reply(_told(_group(call, snapshot), snapshot, client, call.house))


def enabled(call: ControlCall, snapshot: Snapshot, client: ClientKey | None) -> Reply:
    """Whether it is asked at all."""
    group = _group(call, snapshot)
    return json_reply({"name": group.name, "enabled": group.enabled})


async def switch(call: ControlCall, snapshot: Snapshot, client: ClientKey | None) -> Reply:
    """Take a provider out, or put it back: from the next request on, for as long as the house stands."""
    group, on = _group(call, snapshot), wanted_state(call)
    if call.house.cell is None:
        raise ProxyFault(ErrorKind.UNSUPPORTED, "providers can't be switched here")
    workers = await household.switch(call.house, group.name, on)
    changed = call.house.cell.current
    told = _told(_named(changed, group.name), changed, client, call.house)
    return json_reply({**told, "workers": workers.document()})


def wanted_state(call: ControlCall) -> bool:
    """What ``{"enabled": …}`` of the body says.

    Raises:
        ClientFault: INVALID_REQUEST, it says nothing of the kind.
    """
    document = call.document()
    on = document.get("enabled", document.get("value"))
    if not isinstance(on, bool):
        raise ClientFault(
            ErrorKind.INVALID_REQUEST, 'expected {"enabled": true} or {"enabled": false}', param="enabled"
        )
    return on


def models_of(call: ControlCall, snapshot: Snapshot, client: ClientKey | None) -> Reply:
    """The provider's models, as the list of all is written."""
    group = _group(call, snapshot)
    return json_reply(dialect(call.head).render_models(listing(snapshot, client, group.name)))


def capabilities_of(call: ControlCall, snapshot: Snapshot, client: ClientKey | None) -> Reply:
    """What the provider can do, as far as anybody said; null is what nobody did."""
    group = _group(call, snapshot)
    facts = [facts for credential in group.credentials for facts in credential.provider.models]
    return json_reply(
        {
            "provider": group.name,
            **_abilities((credential, None) for credential in group.credentials),
            "max_tokens": _most(each.context_length for each in facts),
        }
    )


async def status_of(call: ControlCall, snapshot: Snapshot, client: ClientKey | None) -> Reply:
    """How it is: what runs, what was, what rests and why."""
    group, house = _group(call, snapshot), call.house
    found = await household.figures(house)
    tally = found.metrics.tally(group.name)
    rests = cooling(snapshot, house)
    return json_reply(
        {
            **_told(group, snapshot, client, house),
            "active": found.active.get(group.name, 0),
            "requests": tally.requests,
            "successes": tally.successes,
            "failures": tally.failures,
            "cancelled": tally.cancelled,
            "errors": dict(tally.errors),
            "credentials": [
                {
                    "label": credential.label,
                    "enabled": credential.enabled,
                    "cooling": [rest for rest in rests.get(group.name, []) if rest["credential"] == credential.label],
                }
                for credential in group.credentials
            ],
            "workers": found.workers.document(),
        }
    )


def capabilities(call: ControlCall, snapshot: Snapshot, client: ClientKey | None) -> Reply:
    """What a model can do behind this proxy, or each provider where no model is named; with ``feature`` only that.

    Raises:
        ClientFault: MODEL_NOT_FOUND; INVALID_REQUEST, nobody knows the feature.
    """
    feature = _feature(call.asked("feature"))
    model = call.asked("model")
    if model is None:
        found = {group.name: _abilities((each, None) for each in group.credentials) for group in _groups(snapshot)}
        if feature is None:
            return json_reply({"providers": found})
        return json_reply({"feature": feature, "providers": {name: each[feature] for name, each in found.items()}})
    candidates = _candidates(snapshot, model, client)
    able = _abilities((each.credential, each.facts) for each in candidates)
    if feature is not None:
        serving = [each for each in candidates if _ability(feature, each.credential, each.facts) is not False]
        return json_reply(
            {"model": model, "feature": feature, "supported": able[feature], "providers": _names(serving)}
        )
    facts = [each.facts for each in candidates if each.facts is not None]
    return json_reply(
        {
            "model": model,
            "capabilities": able,
            "context_length": _most(each.context_length for each in facts),
            "max_output_tokens": _most(each.max_output_tokens for each in facts),
            "providers": _names(candidates),
        }
    )


def cooling(snapshot: Snapshot, house: House) -> dict[str, list[dict[str, Any]]]:
    """The cooldowns that hold now, by provider. ``model`` None says that the whole credential rests."""
    known = {credential.id: credential for credential in snapshot.credentials}
    found: dict[str, list[dict[str, Any]]] = {}
    now = house.now()
    for rest in _rests(house):
        credential = known.get(rest.credential_id)
        if credential is not None:
            found.setdefault(credential.group, []).append(
                {
                    "credential": credential.label,
                    "model": rest.model,
                    "reason": rest.kind.value,
                    "seconds": round(max(rest.until - now, 0.0), 1),
                }
            )
    return found


def _rests(house: House) -> list[Rest]:
    return house.health.cooling(house.now())


def _groups(snapshot: Snapshot) -> list[_Group]:
    members: dict[str, list[Credential]] = {}
    for credential in snapshot.credentials:
        members.setdefault(credential.group, []).append(credential)
    return [_Group(name, tuple(credentials)) for name, credentials in members.items()]


def _group(call: ControlCall, snapshot: Snapshot) -> _Group:
    return _named(snapshot, call.params["name"])


def _named(snapshot: Snapshot, name: str) -> _Group:
    groups = _groups(snapshot)
    wanted = name.strip().lower()
    for group in groups:
        if group.name.lower() == wanted:
            return group
    near = nearest(name, [group.name for group in groups])
    hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else " (GET /v1/providers has them all)"
    raise ClientFault(ErrorKind.NOT_FOUND, f"no provider goes by the name {name!r}{hint}", param="name")


def _told(group: _Group, snapshot: Snapshot, client: ClientKey | None, house: House) -> dict[str, Any]:
    rests = cooling(snapshot, house).get(group.name, [])
    first = group.credentials[0]
    state = "disabled" if not group.enabled else "cooling" if rests else "ok"
    return {
        "name": group.name,
        "type": first.provider.name,
        "title": first.provider.title,
        "enabled": group.enabled,
        "status": state,
        "protocols": list(dict.fromkeys(wire.protocol for each in group.credentials for wire in each.wires)),
        "prefixes": list(dict.fromkeys(each.prefix for each in group.credentials if each.prefix is not None)),
        "models": [card.id for card in listing(snapshot, client, group.name)],
        "credential_count": len(group.credentials),
        "cooling": rests,
    }


def _feature(asked: str | None) -> str | None:
    if asked is None:
        return None
    word = asked.strip().lower().replace("-", "_")
    for feature, words in FEATURES.items():
        if word == feature or word.replace("_", "-") in words:
            return feature
    raise ClientFault(
        ErrorKind.INVALID_REQUEST,
        f"nobody knows a feature {asked!r}; there are {', '.join(FEATURES)}",
        param="feature",
    )


def _candidates(snapshot: Snapshot, model: str, client: ClientKey | None) -> tuple[Candidate, ...]:
    """Who would serve the model, asked in whatever protocol it can be had in."""
    refused: ProxyError | None = None
    for protocol in NAMES:
        try:
            return route(snapshot, protocol=protocol, model=model, client=client).candidates
        except ProxyError as error:
            refused = refused or error
    assert refused is not None, "there are protocols"
    raise refused


def _names(candidates: Iterable[Candidate]) -> list[str]:
    return list(dict.fromkeys(each.credential.group for each in candidates))


def _abilities(of: Iterable[tuple[Credential, ModelFacts | None]]) -> dict[str, bool | None]:
    """True where one of them can, False where none can, None where nobody said."""
    pairs = tuple(of)
    found: dict[str, bool | None] = {}
    for feature in FEATURES:
        said = [_ability(feature, credential, facts) for credential, facts in pairs]
        found[feature] = True if True in said else None if None in said else False
    return found


def _ability(feature: str, credential: Credential, facts: ModelFacts | None) -> bool | None:
    words = FEATURES[feature]
    if words & (credential.features | (facts.features if facts is not None else frozenset())):
        return True
    if credential.features:
        return False
    match feature:
        case "streaming" | "functions":
            return True  # every protocol has both, and who lacks one of them says so
        case "reasoning":
            return facts.thinks if facts is not None else None
        case "embeddings":
            return any(Operation.EMBEDDINGS in wire.paths for wire in credential.wires)
        case _:
            return None


def _most(counts: Iterable[int | None]) -> int | None:
    return max((count for count in counts if count is not None), default=None)
