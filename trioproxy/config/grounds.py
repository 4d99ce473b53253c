"""Who serves a name: the grounds on which a credential may, in their order, and the error where there is none.

The order: routes in file order (a route whose pattern fits but whose protocol does not is remembered; if no other route won, that is an
error and never a silent default); explicit names (a prefix, a model list); the protocol's default provider; ``auto``; what providers list
themselves; the provider's own name before a slash; the catalogue's patterns; a server that takes any name. A ground on which nobody has the
operation gives way to the next.

Refuses to know: what is made of who was found (``routes.py``), and how credentials are looked up (``roster.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice

import attrs

from trioproxy.config.listing import listing
from trioproxy.config.model import ClientKey, Credential, RouteRule, Snapshot
from trioproxy.config.nearest import Names
from trioproxy.config.permission import Permission
from trioproxy.config.reasons import rule_place
from trioproxy.config.roster import Ground, Roster, Serving
from trioproxy.config.rulebook import Rulebook
from trioproxy.errors import ClientFault, ErrorKind, ProxyFault
from trioproxy.protocols.base import Operation
from trioproxy.providers.model import Wire

__all__ = ["Ask", "Found", "behind_the_first", "find", "find_spelling", "not_found"]

_AUTO = "auto"
_MOST_SUGGESTED = 3
_MOST_AUTO = 4
"""How many further models of the list stand behind the first one that ``auto`` means."""
# What no other protocol can stand in for: carried as it is, to a provider that has it, or not at all.
_CARRIED = frozenset({Operation.EMBEDDINGS, Operation.IMAGES, Operation.AUDIO})


@attrs.frozen(kw_only=True)
class Ask:
    """One model asked for. ``name`` is ``asked`` without the thinking suffix."""

    snapshot: Snapshot
    roster: Roster
    protocol: str
    operation: Operation
    asked: str
    name: str
    client: ClientKey | None

    def wire(self, credential: Credential) -> Wire | None:
        """The wire to speak: the client's own protocol where the credential has it, else its first; None where it lacks the operation."""
        same = credential.wire(self.protocol)
        if self.operation in _CARRIED:
            return same if same is not None and self.operation in same.paths else None
        return same if same is not None else next(iter(credential.wires), None)


@attrs.frozen(kw_only=True)
class Found:
    """Who serves a name, the route that said so, where one did, and whether the name is ``auto`` and means whatever can be had. ``nobody`` is
    the error of a name that has fallbacks only."""

    servings: tuple[Serving, ...]
    rule: RouteRule | None = None
    auto: bool = False
    nobody: ClientFault | None = None


def find_spelling(ask: Ask) -> Found | None:
    """Who serves the whole spelling, parentheses included, by saying so word for word."""
    rule = Rulebook.of(ask.snapshot).exact(ask.asked, ask.protocol)
    if rule is not None:
        return _by_rule(ask, rule, ask.asked)
    servings = [serving for serving in ask.roster.prefixed(ask.asked) if serving.entry is not None]
    servings = servings or ask.roster.listed(ask.asked) or ask.roster.discovered(ask.asked)
    return Found(servings=tuple(servings)) if servings else None


def find(ask: Ask, name: str) -> Found:
    """Who serves ``name``: the first ground on which anyone with the operation does.

    Raises:
        ProxyError: nobody does, as ``routes.route``.
    """
    rulebook = Rulebook.of(ask.snapshot)
    verdict = rulebook.verdict(name, ask.protocol)
    if verdict.rule is not None:
        return _by_rule(ask, verdict.rule, name)
    if verdict.skipped is not None:
        raise _guarded(verdict.skipped, name, ask.protocol)
    lacking: Found | None = None
    for ground in _GROUNDS:
        servings = tuple(ground(ask, name))
        if any(ask.wire(serving.credential) is not None for serving in servings):
            return Found(servings=servings, auto=ground is _auto)
        if servings and lacking is None:
            lacking = Found(servings=servings)
    if lacking is not None:
        return lacking
    raise _unknown(ask, name)


def _explicit(ask: Ask, name: str) -> list[Serving]:
    return ask.roster.prefixed(name) or ask.roster.listed(name)


def _default(ask: Ask, name: str) -> list[Serving]:
    group = ask.snapshot.defaults.get(ask.protocol)
    return ask.roster.by_rule(group, name, Ground.DEFAULT) if group is not None else []


def _auto(ask: Ask, name: str) -> list[Serving]:
    if name.lower() != _AUTO:
        return []
    answers = (servings for _, servings in _listed_and_served(ask))
    return next(answers, [])


def _listed_and_served(ask: Ask) -> Iterator[tuple[str, list[Serving]]]:
    """The models of the list that somebody serves, and who."""
    for card in listing(ask.snapshot, ask.client):
        servings = _explicit(ask, card.id) or ask.roster.discovered(card.id) or ask.roster.patterned(card.id)
        if servings:
            yield card.id, servings


def behind_the_first(ask: Ask) -> tuple[str, ...]:
    """The models that ``auto`` means while the first of them can't be had."""
    return tuple(model for model, _ in islice(_listed_and_served(ask), 1, 1 + _MOST_AUTO))


def _discovered(ask: Ask, name: str) -> list[Serving]:
    return ask.roster.discovered(name)


def _named(ask: Ask, name: str) -> list[Serving]:
    return ask.roster.named(name)


def _patterned(ask: Ask, name: str) -> list[Serving]:
    # Behind a prefix that exists only what is registered behind it counts: a slash is no invitation to the aggregators then.
    return [] if ask.roster.has_prefix(name) is not None else ask.roster.patterned(name)


def _last_resort(ask: Ask, name: str) -> list[Serving]:
    return [] if ask.roster.has_prefix(name) is not None else ask.roster.last_resort(name)


_GROUNDS: tuple[Callable[[Ask, str], list[Serving]], ...] = (
    _explicit,
    _default,
    _auto,
    _discovered,
    _named,
    _patterned,
    _last_resort,
)


def _by_rule(ask: Ask, rule: RouteRule, name: str) -> Found:
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
    return Found(servings=tuple(servings), rule=rule)


def _unknown(ask: Ask, name: str) -> ClientFault:
    names: dict[str | None, Names] = ask.snapshot.memo.setdefault("names", {})
    client = ask.client.id if ask.client is not None else None
    if client not in names:
        names[client] = Names(card.id for card in listing(ask.snapshot, ask.client))
    near = names[client].near(name) or tuple(islice(_behind_prefixes(ask, name), _MOST_SUGGESTED))
    hint = f"; did you mean {' or '.join(repr(other) for other in near)}?" if near else ""
    where = "" if ask.snapshot.credentials else "; no provider is configured"
    return not_found(f"no configured provider serves model {name!r}{_disabled(ask, name)}{hint}{where}")


def _behind_prefixes(ask: Ask, name: str) -> Iterator[str]:
    """The spellings of ``name`` with a prefix that the client might have meant."""
    allowed = Permission.of(ask.client)
    return (spelled for spelled in ask.roster.with_prefix(name) if allowed.name(spelled))


def _disabled(ask: Ask, name: str) -> str:
    """Who would serve ``name`` and is disabled, by the file or by hand, said behind a message; "" where nobody would."""
    others = tuple(attrs.evolve(each, enabled=True) for each in ask.snapshot.credentials if not each.enabled)
    if not others:
        return ""
    known = attrs.evolve(ask, roster=Roster.of(attrs.evolve(ask.snapshot, credentials=others)))
    servings = next(
        (found for ground in (_explicit, _discovered, _named, _patterned) if (found := ground(known, name))), []
    )
    groups = dict.fromkeys(each.credential.group for each in servings)
    return f" ({', '.join(groups)} would, but is disabled)" if groups else ""


def not_found(message: str) -> ClientFault:
    """The error of a name that nobody serves, in the words that clients look for."""
    return ClientFault(ErrorKind.MODEL_NOT_FOUND, message, code="model_not_found", param="model")


def _guarded(rule: RouteRule, model: str, protocol: str) -> ProxyFault:
    return ProxyFault(
        ErrorKind.MISCONFIGURED,
        f"{rule_place(rule)} fits model {model!r} but is for requests in {rule.protocol}; this one came in {protocol}. "
        f"Add a route for {protocol} or take request_protocol out of this one",
        model=model,
        provider=rule.provider,
    )
