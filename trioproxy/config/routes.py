"""Which credentials may serve a model, and why: the one decision that requests, ``explain`` and model lists share.

The order: routes in file order (a route whose pattern fits but whose protocol does not is remembered; if no other route won, that is an
error and never a silent default); explicit names (a prefix, a model list); the protocol's default provider; ``auto``; what providers list
themselves; the provider's own name before a slash; the catalogue's patterns; a server that takes any name.

Pure: no clock, no chance. Rotation inside a tier is the caller's. What is computed is kept in the snapshot's memo, bounded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

import attrs

from trioproxy.config.model import Candidate, ClientKey, Credential, ModelEntry, Routed, RouteRule, Snapshot
from trioproxy.config.nearest import Names
from trioproxy.config.permission import Permission
from trioproxy.config.reasons import credential_place, rule_place, why, why_not
from trioproxy.config.roster import Facts, Ground, Roster, Serving
from trioproxy.config.rulebook import Rulebook
from trioproxy.config.suffix import split_suffix
from trioproxy.errors import ClientFault, ErrorKind, Failure, ProxyError, ProxyFault
from trioproxy.protocols.base import ModelCard, Operation
from trioproxy.providers.model import Wire

__all__ = ["LONGEST_NAME", "Explanation", "explain", "listing", "route"]

_AUTO = "auto"
_MOST_AUTO = 4
"""How many further models of the list stand behind the first one that ``auto`` means."""
LONGEST_NAME = 512
"""Characters of a model's name; a longer one is nobody's."""
_REMEMBERED = 4096
# What no other protocol can stand in for: carried as it is, to a provider that has it, or not at all.
_CARRIED = frozenset({Operation.EMBEDDINGS, Operation.IMAGES, Operation.AUDIO})


@attrs.frozen(kw_only=True)
class Explanation:
    """Why a model goes where it goes: one of ``routed`` and ``failure`` is set; ``lines`` is the whole story for a person."""

    routed: Routed | None
    failure: Failure | None
    lines: tuple[str, ...]


@attrs.frozen(kw_only=True)
class _Ask:
    """One model asked for. ``name`` is ``asked`` without the thinking suffix."""

    snapshot: Snapshot
    roster: Roster
    protocol: str
    operation: Operation
    asked: str
    name: str
    client: ClientKey | None


@attrs.frozen(kw_only=True)
class _Found:
    """Who serves a name, the route that said so, where one did, and whether the name is ``auto`` and means whatever can be had. ``nobody`` is
    the error of a name that has fallbacks only."""

    servings: tuple[Serving, ...]
    rule: RouteRule | None = None
    auto: bool = False
    nobody: ClientFault | None = None


def route(
    snapshot: Snapshot,
    *,
    protocol: str,
    operation: Operation = Operation.GENERATE,
    model: str,
    client: ClientKey | None = None,
) -> Routed:
    """Where ``model`` may go, best first, at least one candidate.

    Raises:
        ClientFault: MODEL_NOT_FOUND, nothing serves it (the message has the nearest names that exist); FORBIDDEN, the client's key may
            not use it; UNSUPPORTED, its provider has no such operation; INVALID_REQUEST, no name.
        ProxyFault: MISCONFIGURED, a route fits the model and not the protocol, or names a provider without a usable credential.
    """
    asked = model.strip()
    if not asked:
        raise ClientFault(ErrorKind.INVALID_REQUEST, "the request names no model", param="model")
    remembered: dict[Any, Routed] = snapshot.memo.setdefault("routed", {})
    key = (protocol, operation, asked, client.id if client is not None else None)
    routed = remembered.get(key)
    if routed is None:
        routed = _decide(snapshot, protocol, operation, asked, client)
        if len(remembered) >= _REMEMBERED:
            remembered.clear()
        remembered[key] = routed
    return routed


def listing(
    snapshot: Snapshot,
    client: ClientKey | None = None,
    provider: str | None = None,
) -> tuple[ModelCard, ...]:
    """The models a client may ask for, each name once: those that routes name, then those of credentials in order of priority and file.

    ``provider`` keeps only those of one provider (its name or its group).
    """
    roster = Roster.of(snapshot)
    wanted = provider.strip().lower() if provider is not None else None
    allowed = Permission.of(client)
    cards: dict[str, ModelCard] = {}
    for rule in Rulebook.of(snapshot).names():
        if wanted in (None, rule.provider.lower()) and roster.has_group(rule.provider) and allowed.name(rule.pattern):
            cards.setdefault(rule.pattern, ModelCard(id=rule.pattern, owned_by=rule.provider))
    for credential in roster.credentials:
        if wanted is not None and wanted not in {credential.group.lower(), credential.provider.name}:
            continue
        for name, entry in roster.shown(credential):
            if name not in cards and allowed.name(name) and allowed.model(entry.name):
                cards[name] = _card(name, credential, entry)
    return tuple(cards.values())


def explain(
    snapshot: Snapshot,
    *,
    protocol: str,
    model: str,
    operation: Operation = Operation.GENERATE,
    client: ClientKey | None = None,
) -> Explanation:
    """The decision of :func:`route` with its grounds, and for every other credential why it is not in it."""
    routed: Routed | None = None
    failure: Failure | None = None
    lines: list[str] = []
    try:
        routed = route(snapshot, protocol=protocol, operation=operation, model=model, client=client)
        lines += routed.why
    except ProxyError as exc:
        failure = exc.failure
        lines.append(failure.message)
    chosen = {candidate.credential.id for candidate in routed.candidates} if routed is not None else set()
    name, _ = split_suffix(model.strip())
    lines += [
        f"not {credential_place(credential)}: {why_not(snapshot, credential, name)}"
        for credential in snapshot.credentials
        if credential.id not in chosen
    ]
    return Explanation(routed=routed, failure=failure, lines=tuple(lines))


def _decide(snapshot: Snapshot, protocol: str, operation: Operation, asked: str, client: ClientKey | None) -> Routed:
    if len(asked) > LONGEST_NAME:
        raise _not_found(f"a model name has at most {LONGEST_NAME} characters, this one has {len(asked)}")
    name, suffix = split_suffix(asked)
    ask = _Ask(
        snapshot=snapshot,
        roster=Roster.of(snapshot),
        protocol=protocol,
        operation=operation,
        asked=asked,
        name=name,
        client=client,
    )
    allowed = Permission.of(client)
    # A name that is listed with its parentheses is that name; otherwise they ask for an effort.
    found = _literal(ask) if suffix is not None else None
    if found is not None:
        suffix = None
    else:
        found = _sought(ask, name)
    if not (allowed.name(asked) if suffix is None else allowed.name(name)):
        raise _forbidden(asked)
    lines = _candidates(ask, found, 0)
    chain = ask.snapshot.fallbacks.get(name) or (_behind_the_first(ask) if found.auto else ())
    lines += _fallback_candidates(ask, chain, len({candidate.tier for candidate, _ in lines}))
    permitted = [(candidate, line) for candidate, line in lines if allowed.model(candidate.model)]
    if not permitted:
        if found.nobody is not None and not lines:
            raise found.nobody
        raise _forbidden(asked) if lines else _unsupported(ask, found)
    return Routed(
        asked=asked,
        candidates=tuple(candidate for candidate, _ in permitted),
        suffix=suffix,
        why=tuple(line for _, line in permitted),
    )


def _sought(ask: _Ask, name: str) -> _Found:
    """Who serves ``name``; nobody, without an error, where it has fallbacks: a model whose provider was taken out can't be had, and they are
    for that.

    Raises:
        ProxyError: as :func:`route`.
    """
    try:
        return _found(ask, name)
    except ClientFault as error:
        if error.failure.kind is not ErrorKind.MODEL_NOT_FOUND or not ask.snapshot.fallbacks.get(name):
            raise
        return _Found(servings=(), nobody=error)


def _literal(ask: _Ask) -> _Found | None:
    """Who serves the whole spelling, parentheses included, by saying so word for word."""
    rule = Rulebook.of(ask.snapshot).exact(ask.asked, ask.protocol)
    if rule is not None:
        return _by_rule(ask, rule, ask.asked)
    servings = [serving for serving in ask.roster.prefixed(ask.asked) if serving.entry is not None]
    servings = servings or ask.roster.listed(ask.asked) or ask.roster.discovered(ask.asked)
    return _Found(servings=tuple(servings)) if servings else None


def _found(ask: _Ask, name: str) -> _Found:
    """Who serves ``name``: the first ground on which anyone with the operation does.

    Raises:
        ProxyError: nobody does, as :func:`route`.
    """
    rulebook = Rulebook.of(ask.snapshot)
    verdict = rulebook.verdict(name, ask.protocol)
    if verdict.rule is not None:
        return _by_rule(ask, verdict.rule, name)
    if verdict.skipped is not None:
        raise _guarded(verdict.skipped, name, ask.protocol)
    lacking: _Found | None = None
    for ground in _GROUNDS:
        servings = tuple(ground(ask, name))
        if any(_wire(serving.credential, ask) is not None for serving in servings):
            return _Found(servings=servings, auto=ground is _auto)
        if servings and lacking is None:
            lacking = _Found(servings=servings)
    if lacking is not None:
        return lacking
    raise _unknown(ask, name)


def _explicit(ask: _Ask, name: str) -> list[Serving]:
    return ask.roster.prefixed(name) or ask.roster.listed(name)


def _default(ask: _Ask, name: str) -> list[Serving]:
    group = ask.snapshot.defaults.get(ask.protocol)
    return ask.roster.by_rule(group, name, Ground.DEFAULT) if group is not None else []


def _auto(ask: _Ask, name: str) -> list[Serving]:
    if name.lower() != _AUTO:
        return []
    answers = (servings for _, servings in _listed_and_served(ask))
    return next(answers, [])


def _listed_and_served(ask: _Ask) -> Iterator[tuple[str, list[Serving]]]:
    """The models of the list that somebody serves, and who."""
    for card in listing(ask.snapshot, ask.client):
        servings = _explicit(ask, card.id) or ask.roster.discovered(card.id) or ask.roster.patterned(card.id)
        if servings:
            yield card.id, servings


def _behind_the_first(ask: _Ask) -> tuple[str, ...]:
    """The models that ``auto`` means while the first of them can't be had."""
    return tuple(model for model, _ in islice(_listed_and_served(ask), 1, 1 + _MOST_AUTO))


def _discovered(ask: _Ask, name: str) -> list[Serving]:
    return ask.roster.discovered(name)


def _named(ask: _Ask, name: str) -> list[Serving]:
    return ask.roster.named(name)


def _patterned(ask: _Ask, name: str) -> list[Serving]:
    # Behind a prefix that exists only what is registered behind it counts: a slash is no invitation to the aggregators then.
    return [] if ask.roster.has_prefix(name) is not None else ask.roster.patterned(name)


def _last_resort(ask: _Ask, name: str) -> list[Serving]:
    return [] if ask.roster.has_prefix(name) is not None else ask.roster.last_resort(name)


_GROUNDS: tuple[Callable[[_Ask, str], list[Serving]], ...] = (
    _explicit,
    _default,
    _auto,
    _discovered,
    _named,
    _patterned,
    _last_resort,
)


def _by_rule(ask: _Ask, rule: RouteRule, name: str) -> _Found:
    """The credentials a route names.

    Raises:
        ProxyFault: MISCONFIGURED, there are none that can be used.
    """
    model = Rulebook.of(ask.snapshot).rewritten(rule, name)
    servings = ask.roster.by_rule(rule.provider, model, Ground.ROUTE)
    if not servings:
        raise ProxyFault(
            ErrorKind.MISCONFIGURED,
            f"{rule_place(rule)} sends model {name!r} to provider {rule.provider!r}, which has no enabled credential",
            model=name,
            provider=rule.provider,
        )
    return _Found(servings=tuple(servings), rule=rule)


def _candidates(ask: _Ask, found: _Found, tier: int) -> list[tuple[Candidate, str]]:
    """The candidates of what was found, each with its line for ``explain``, tiers counted from ``tier``."""
    priorities = sorted({serving.credential.priority for serving in found.servings}, reverse=True)
    tiers = {priority: tier + step for step, priority in enumerate(priorities)}
    facts = Facts()
    made: list[tuple[Candidate, str]] = []
    for serving in found.servings:
        wire = _wire(serving.credential, ask)
        if wire is None:
            continue
        deadlines = serving.credential.deadlines
        if found.rule is not None and found.rule.deadlines:
            deadlines = attrs.evolve(deadlines, **found.rule.deadlines)
        candidate = Candidate(
            credential=serving.credential,
            wire=wire,
            model=serving.model,
            deadlines=deadlines,
            tier=tiers[serving.credential.priority],
            facts=facts.of(serving),
        )
        made.append((candidate, why(candidate, serving, found.rule, ask.protocol)))
    return made


def _fallback_candidates(ask: _Ask, models: Iterable[str], tier: int) -> list[tuple[Candidate, str]]:
    """The candidates of the models named as fallbacks, behind all others. A fallback that nobody serves is passed over."""
    made: list[tuple[Candidate, str]] = []
    for model in models:
        if not Permission.of(ask.client).name(model):
            continue
        try:
            found = _found(ask, model)
        except ProxyError:
            continue
        more = _candidates(ask, found, tier)
        tier += len({candidate.tier for candidate, _ in more})
        made += [(attrs.evolve(candidate, fallback=model), f"fallback {model!r}: {line}") for candidate, line in more]
    return made


def _wire(credential: Credential, ask: _Ask) -> Wire | None:
    """The wire to speak: the client's own protocol where the credential has it, else its first; None where it lacks the operation."""
    same = credential.wire(ask.protocol)
    if ask.operation in _CARRIED:
        return same if same is not None and ask.operation in same.paths else None
    return same if same is not None else next(iter(credential.wires), None)


def _unknown(ask: _Ask, name: str) -> ClientFault:
    names: dict[str | None, Names] = ask.snapshot.memo.setdefault("names", {})
    client = ask.client.id if ask.client is not None else None
    if client not in names:
        names[client] = Names(card.id for card in listing(ask.snapshot, ask.client))
    near = names[client].near(name)
    hint = f"; did you mean {' or '.join(repr(other) for other in near)}?" if near else ""
    where = "" if ask.snapshot.credentials else "; no provider is configured"
    return _not_found(f"no configured provider serves model {name!r}{_disabled(ask, name)}{hint}{where}")


def _disabled(ask: _Ask, name: str) -> str:
    """Who would serve ``name`` and is disabled, by the file or by hand, said behind a message; "" where nobody would."""
    others = tuple(attrs.evolve(each, enabled=True) for each in ask.snapshot.credentials if not each.enabled)
    if not others:
        return ""
    known = attrs.evolve(ask, roster=Roster.of(attrs.evolve(ask.snapshot, credentials=others)))
    servings = next(
        (found for ground in (_explicit, _discovered, _named, _patterned) if (found := ground(known, name))), []
    )
    groups = dict.fromkeys(each.credential.group or each.credential.provider.name for each in servings)
    return f" ({', '.join(groups)} would, but is disabled)" if groups else ""


def _not_found(message: str) -> ClientFault:
    return ClientFault(ErrorKind.MODEL_NOT_FOUND, message, code="model_not_found", param="model")


def _forbidden(asked: str) -> ClientFault:
    return ClientFault(
        ErrorKind.FORBIDDEN,
        f"this key does not have access to model {asked!r}",
        code="model_not_found",
        param="model",
    )


def _unsupported(ask: _Ask, found: _Found) -> ClientFault:
    groups = sorted({serving.credential.group or serving.credential.provider.name for serving in found.servings})
    return ClientFault(
        ErrorKind.UNSUPPORTED,
        f"model {ask.name!r} goes to {', '.join(groups)}, which has no {ask.operation.value} endpoint in {ask.protocol}",
        param="model",
        model=ask.name,
    )


def _guarded(rule: RouteRule, model: str, protocol: str) -> ProxyFault:
    return ProxyFault(
        ErrorKind.MISCONFIGURED,
        f"{rule_place(rule)} fits model {model!r} but is for requests in {rule.protocol}; this one came in {protocol}. "
        f"Add a route for {protocol} or take request_protocol out of this one",
        model=model,
        provider=rule.provider,
    )


def _card(name: str, credential: Credential, entry: ModelEntry) -> ModelCard:
    return ModelCard(
        id=name,
        owned_by=credential.group or credential.provider.name,
        display_name=entry.display_name,
        context_length=entry.context_length,
        max_output_tokens=entry.max_output_tokens,
    )
