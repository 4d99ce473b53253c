"""Which credentials may serve a model, and why: the one decision that requests, ``explain`` and model lists share.

Who serves a name is for ``grounds.py`` to find; here it becomes candidates in tiers, with those of its fallbacks behind them, as far as the
client's key may use them.

Pure: no clock, no chance. Rotation inside a tier is the caller's. What is computed is kept in the snapshot's memo, bounded.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs

from trioproxy.config.grounds import Ask, Found, behind_the_first, find, find_spelling, not_found
from trioproxy.config.model import ClientKey, Snapshot
from trioproxy.config.permission import Permission
from trioproxy.config.reasons import credential_place, why, why_not
from trioproxy.config.roster import Facts, Roster
from trioproxy.config.routed import Candidate, Routed
from trioproxy.config.suffix import split_suffix
from trioproxy.errors import ClientFault, ErrorKind, Failure, ProxyError
from trioproxy.protocols.base import Operation
from trioproxy.providers.model import ThinkingSuffix

__all__ = ["LONGEST_NAME", "Explanation", "explain", "route"]

LONGEST_NAME = 512
"""Characters of a model's name; a longer one is nobody's."""
_REMEMBERED = 4096


@attrs.frozen(kw_only=True)
class Explanation:
    """Why a model goes where it goes: one of ``routed`` and ``failure`` is set; ``lines`` is the whole story for a person."""

    routed: Routed | None
    failure: Failure | None
    lines: tuple[str, ...]


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
        raise not_found(f"a model name has at most {LONGEST_NAME} characters, this one has {len(asked)}")
    name, suffix = split_suffix(asked)
    ask = Ask(
        snapshot=snapshot,
        roster=Roster.of(snapshot),
        protocol=protocol,
        operation=operation,
        asked=asked,
        name=name,
        client=client,
    )
    found, suffix = _whom(ask, suffix)
    lines = _candidates(ask, found, 0)
    chain = ask.snapshot.fallbacks.get(name) or (behind_the_first(ask) if found.auto else ())
    lines += _fallback_candidates(ask, chain, len({candidate.tier for candidate, _ in lines}))
    allowed = Permission.of(client)
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


def _whom(ask: Ask, suffix: ThinkingSuffix | None) -> tuple[Found, ThinkingSuffix | None]:
    """Who serves what is asked for, and what of its last parentheses is no part of the name: a name that is listed with them is that name;
    otherwise they ask for an effort.

    Raises:
        ProxyError: as :func:`route`.
    """
    found = find_spelling(ask) if suffix is not None else None
    if found is not None:
        suffix = None
    else:
        found = _sought(ask, ask.name)
    if not Permission.of(ask.client).name(ask.asked if suffix is None else ask.name):
        raise _forbidden(ask.asked)
    return found, suffix


def _sought(ask: Ask, name: str) -> Found:
    """Who serves ``name``; nobody, without an error, where it has fallbacks: a model whose provider was taken out can't be had, and they are
    for that.

    Raises:
        ProxyError: as :func:`route`.
    """
    try:
        return find(ask, name)
    except ClientFault as error:
        if error.failure.kind is not ErrorKind.MODEL_NOT_FOUND or not ask.snapshot.fallbacks.get(name):
            raise
        return Found(servings=(), nobody=error)


def _candidates(ask: Ask, found: Found, tier: int) -> list[tuple[Candidate, str]]:
    """The candidates of what was found, each with its line for ``explain``, tiers counted from ``tier``."""
    priorities = sorted({serving.credential.priority for serving in found.servings}, reverse=True)
    tiers = {priority: tier + step for step, priority in enumerate(priorities)}
    facts = Facts()
    made: list[tuple[Candidate, str]] = []
    for serving in found.servings:
        wire = ask.wire(serving.credential)
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


def _fallback_candidates(ask: Ask, models: Iterable[str], tier: int) -> list[tuple[Candidate, str]]:
    """The candidates of the models named as fallbacks, behind all others. A fallback that nobody serves is passed over."""
    made: list[tuple[Candidate, str]] = []
    for model in models:
        if not Permission.of(ask.client).name(model):
            continue
        try:
            found = find(ask, model)
        except ProxyError:
            continue
        more = _candidates(ask, found, tier)
        tier += len({candidate.tier for candidate, _ in more})
        made += [(attrs.evolve(candidate, fallback=model), f"fallback {model!r}: {line}") for candidate, line in more]
    return made


def _forbidden(asked: str) -> ClientFault:
    return ClientFault(
        ErrorKind.FORBIDDEN,
        f"this key does not have access to model {asked!r}",
        code="model_not_found",
        param="model",
    )


def _unsupported(ask: Ask, found: Found) -> ClientFault:
    groups = sorted({serving.credential.group for serving in found.servings})
    return ClientFault(
        ErrorKind.UNSUPPORTED,
        f"model {ask.name!r} goes to {', '.join(groups)}, which has no {ask.operation.value} endpoint in {ask.protocol}",
        param="model",
        model=ask.name,
    )
