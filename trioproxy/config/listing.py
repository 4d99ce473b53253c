"""The models a client may ask for: what lists tell, ``auto`` means, and the nearest names of an error are looked for among.

Knows: which names of routes and credentials are shown, and to whom. Refuses to know: who would serve them.
"""

from __future__ import annotations

from trioproxy.config.model import ClientKey, Credential, ModelEntry, Snapshot
from trioproxy.config.permission import Permission
from trioproxy.config.roster import Roster
from trioproxy.config.rulebook import Rulebook
from trioproxy.protocols.base import ModelCard

__all__ = ["listing"]


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
        if provider is not None and not credential.goes_by(provider):
            continue
        for name, entry in roster.shown(credential):
            if name not in cards and allowed.name(name) and allowed.model(entry.name):
                cards[name] = _card(name, credential, entry)
    return tuple(cards.values())


def _card(name: str, credential: Credential, entry: ModelEntry) -> ModelCard:
    return ModelCard(
        id=name,
        owned_by=credential.group,
        display_name=entry.display_name,
        context_length=entry.context_length,
        max_output_tokens=entry.max_output_tokens,
    )
