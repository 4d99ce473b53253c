"""The management API, as far as it is data: what is configured, which credentials there are and how they are, cooldowns, usage.

Knows: what a manager may see and change. Neither a key nor a part of one is in any answer. Refuses to know: who is a manager (``warden.py``).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import trio

from trioproxy.config.model import ClientKey, Credential, Snapshot
from trioproxy.errors import ClientFault, ErrorKind, ProxyFault
from trioproxy.gateway import household
from trioproxy.gateway.control import ControlCall
from trioproxy.gateway.refusal import Reply, json_reply
from trioproxy.gateway.status import cooling, wanted_state

__all__ = ["clear_cooldowns", "config", "cooldowns", "credentials", "switch", "usage"]


def config(call: ControlCall, snapshot: Snapshot, client: ClientKey | None) -> Reply:
    """What is in force. ``providers`` has one entry a credential, whose ``provider`` is the catalogue's name for it."""
    settings = snapshot.settings
    return json_reply(
        {
            "generation": snapshot.generation,
            "host": settings.host,
            "port": settings.port,
            "strategy": settings.strategy.value,
            "session-affinity": settings.session_affinity,
            "force-model-prefix": settings.force_model_prefix,
            "request-retry": settings.request_retry,
            "api-keys": [{"id": each.id, "name": each.name} for each in snapshot.clients],
            "providers": [_configured(credential) for credential in snapshot.credentials],
            "routes": [
                {
                    "name": rule.name,
                    "request-protocol": rule.protocol,
                    "match-kind": rule.match.value,
                    "model-pattern": rule.pattern,
                    "provider": rule.provider,
                    "upstream-model": rule.upstream_model,
                }
                for rule in snapshot.routes
            ],
            "fallbacks": {model: list(others) for model, others in snapshot.fallbacks.items()},
            "warnings": list(snapshot.warnings),
        }
    )


def credentials(call: ControlCall, snapshot: Snapshot, client: ClientKey | None) -> Reply:
    """Every credential and how it is."""
    rests = [rest for found in cooling(snapshot, call.house).values() for rest in found]
    return json_reply(
        {
            "credentials": [
                _told(credential, [rest for rest in rests if rest["credential"] == credential.label])
                for credential in snapshot.credentials
            ]
        }
    )


async def switch(call: ControlCall, snapshot: Snapshot, client: ClientKey | None) -> Reply:
    """Take a credential out, or put it back, for as long as the house stands."""
    credential, on = _credential(snapshot, call.params["name"]), wanted_state(call)
    if call.house.cell is None:
        raise ProxyFault(ErrorKind.UNSUPPORTED, "credentials can't be switched here")
    workers = await household.switch(call.house, credential.id, on)
    changed = _credential(call.house.cell.current, credential.id)
    return json_reply({**_told(changed, []), "workers": workers.document()})


def cooldowns(call: ControlCall, snapshot: Snapshot, client: ClientKey | None) -> Reply:
    """Who rests, until when, and why."""
    found = cooling(snapshot, call.house)
    return json_reply({"cooldowns": [{"provider": name, **rest} for name, rests in found.items() for rest in rests]})


async def clear_cooldowns(call: ControlCall, snapshot: Snapshot, client: ClientKey | None) -> Reply:
    """Forget what is held against one credential (``?credential=``), or against all."""
    name = call.asked("credential")
    wanted = _credential(snapshot, name).id if name is not None else None
    cleared, workers = await household.clear(call.house, wanted)
    return json_reply({"cleared": cleared, "workers": workers.document()})


async def usage(call: ControlCall, snapshot: Snapshot, client: ClientKey | None) -> Reply:
    """What ``trioproxy usage`` tells, with the same filters."""
    from trioproxy.ledger.report import (
        GROUPS,
        Filter,
        report,
    )  # SQLite, which most processes need in their writer's thread only
    from trioproxy.ledger.store import FILE_NAME, StoreUnusable

    books, by = call.house.books, call.asked("by") or "model"
    if books is None:
        raise ProxyFault(ErrorKind.UNSUPPORTED, "this process keeps no ledger (state-dir is off)")
    if by not in GROUPS:
        raise ClientFault(ErrorKind.INVALID_REQUEST, f"by is one of {', '.join(GROUPS)}, not {by!r}", param="by")
    rows = Filter(
        since=_moment(call, "since"),
        until=_moment(call, "until"),
        model=call.asked("model"),
        provider=call.asked("provider"),
        key=call.asked("key"),
    )
    try:
        found = await trio.to_thread.run_sync(lambda: report(books.folder / FILE_NAME, by=by, rows=rows))
    except StoreUnusable as error:
        raise ProxyFault(ErrorKind.INTERNAL, str(error)) from error
    return json_reply(found.document())


def _moment(call: ControlCall, name: str) -> float | None:
    from trioproxy.ledger.report import since

    text = call.asked(name)
    if text is None:
        return None
    try:
        return since(text, datetime.now().astimezone())
    except ValueError:
        raise ClientFault(
            ErrorKind.INVALID_REQUEST,
            f"{name} is a date (2026-11-01) or a length of time (24h), not {text!r}",
            param=name,
        ) from None


def _credential(snapshot: Snapshot, name: str) -> Credential:
    """By id or label."""
    wanted = name.strip().lower()
    for credential in snapshot.credentials:
        if wanted in (credential.id.lower(), credential.label.lower()):
            return credential
    raise ClientFault(
        ErrorKind.NOT_FOUND,
        f"no credential goes by the name {name!r}; there are {', '.join(each.label for each in snapshot.credentials) or 'none'}",
        param="credential",
    )


def _configured(credential: Credential) -> dict[str, Any]:
    return {
        "provider": credential.provider.name,
        "name": credential.group,
        "label": credential.label,
        "id": credential.id,
        "prefix": credential.prefix,
        "protocols": [wire.protocol for wire in credential.wires],
        "models": [{"name": model.name, "alias": model.alias} for model in credential.models],
        "excluded-models": list(credential.excluded_models),
        "priority": credential.priority,
        "weight": credential.weight,
        "enabled": credential.enabled,
        "source": credential.source,
    }


def _told(credential: Credential, rests: list[dict[str, Any]]) -> dict[str, Any]:
    state = "disabled" if not credential.enabled else "cooling" if rests else "ok"
    return {
        "id": credential.id,
        "label": credential.label,
        "provider": credential.group,
        "type": credential.provider.name,
        "enabled": credential.enabled,
        "state": state,
        "cooling": rests,
        "source": credential.source,
    }
