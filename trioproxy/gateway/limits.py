"""Whose limits a request falls under, what it asks of them, and what a client is told that is over its own. Pure.

Knows: that a client's key, a credential, its whole group and this process may each have limits, and where each protocol says how much output a
request may have. Refuses to know: what has been used so far.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import Any

from trioproxy.config.model import NO_LIMITS, ClientKey, Credential, Limits, Settings, Snapshot
from trioproxy.config.routed import Candidate
from trioproxy.credentials.meters import Demand, Holder, Measure, Over
from trioproxy.errors import ClientFault, ErrorKind, ProxyError, ProxyFault
from trioproxy.gateway.choice import too_much_asked
from trioproxy.protocols.base import Asked

__all__ = [
    "client_key",
    "credential_key",
    "demand_of",
    "group_key",
    "holders_at",
    "holders_before",
    "refused",
]

_PROCESS = "process"
_BYTES_A_TOKEN = 4
_SAID_IN_BODY = ("max_tokens", "max_completion_tokens", "max_output_tokens")
_SAID_TO_GEMINI = (("generationConfig", "maxOutputTokens"), ("generation_config", "max_output_tokens"))


def client_key(id_: str) -> str:
    """The key of a client's meters, by ``ClientKey.id``."""
    return f"client:{id_}"


def credential_key(id_: str) -> str:
    """The key of a credential's meters, by ``Credential.id``."""
    return f"credential:{id_}"


def group_key(group: str) -> str:
    """The key of the meters that all credentials of a provider share."""
    return f"group:{group.lower()}"


def holder_keys(snapshot: Snapshot) -> set[str]:
    """The keys of all meters that ``snapshot`` may need."""
    keys = {_PROCESS, *(client_key(client.id) for client in snapshot.clients)}
    for credential in snapshot.credentials:
        keys |= {credential_key(credential.id), group_key(credential.group)}
    return keys


def holders_before(client: ClientKey | None, settings: Settings) -> tuple[Holder, ...]:
    """Whose limits hold for a request wherever it goes: this process's, and its client's."""
    if not settings.max_concurrent and (client is None or client.limits is NO_LIMITS):
        return ()
    holders: list[Holder] = []
    if client is not None and client.limits is not NO_LIMITS:
        holders.append(Holder(client_key(client.id), f"the key {client.name or client.id!r}", client.limits))
    if settings.max_concurrent:
        holders.append(Holder(_PROCESS, "this proxy", Limits(concurrent=settings.max_concurrent)))
    return tuple(holders)


def holders_at(candidate: Candidate) -> tuple[Holder, ...]:
    """Whose limits hold for a request at ``candidate``: the credential's, and those of all of its group."""
    credential = candidate.credential
    if not credential.limited:
        return ()
    known: tuple[Holder, ...] | None = candidate.memo.get("holders")
    if known is None:
        known = candidate.memo["holders"] = _holders_of(credential)
    return known


def _holders_of(credential: Credential) -> tuple[Holder, ...]:
    holders: list[Holder] = []
    if credential.limits is not NO_LIMITS:
        holders.append(Holder(credential_key(credential.id), credential.label, credential.limits))
    if credential.group_limits is not NO_LIMITS:
        holders.append(Holder(group_key(credential.group), credential.group, credential.group_limits))
    return tuple(holders)


def demand_of(asked: Asked) -> Demand:
    """What a request asks for: a token for four bytes of its body, which is rough and corrected when it is known, and the output it wants."""
    document = asked.document or {}
    said = [document.get(name) for name in _SAID_IN_BODY]
    said += [_within(document, block).get(name) for block, name in _SAID_TO_GEMINI]
    output = max((number for number in said if isinstance(number, int) and not isinstance(number, bool)), default=None)
    return Demand(tokens=len(asked.body) // _BYTES_A_TOKEN, output=output)


def refused(over: Over) -> ProxyError:
    """What a client is told that is over a limit of its own, or comes when this process has too much to do."""
    if over.measure is Measure.REQUEST_TOKENS:
        return too_much_asked(over, "")
    seconds = over.wait if over.wait is not None else 1.0
    if over.holder.key == _PROCESS:
        return ProxyFault(
            ErrorKind.OVERLOADED,
            f"this proxy serves as many requests at once as it may (server.max-concurrent-requests: {over.limit:g}); ask again",
            retry_after=seconds,
        )
    code = "daily_budget_exceeded" if over.measure is Measure.BUDGET else None
    return ClientFault(
        ErrorKind.RATE_LIMITED,
        f"{over}; nothing was asked of a provider. It may ask again in {ceil(seconds)} s",
        code=code,
        retry_after=seconds,
    )


def _within(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    inner = document.get(name)
    return inner if isinstance(inner, Mapping) else {}
