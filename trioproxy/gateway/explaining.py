"""``GET /v1/routing/explain?model=…&protocol=…``: where a request would go now, and why.

The same as ``trioproxy explain``, with what lives in this process: whose turn it is, who rests, who is over a limit.
"""

from __future__ import annotations

from typing import Any

from trioproxy.config.model import ClientKey, Snapshot
from trioproxy.config.routes import explain
from trioproxy.errors import ClientFault, ErrorKind
from trioproxy.gateway.control import ControlCall, dialect
from trioproxy.gateway.outlook import Outlook, in_order
from trioproxy.gateway.refusal import Reply, json_reply
from trioproxy.protocols.table import SPELLINGS

__all__ = ["explained", "told"]


def explained(call: ControlCall, snapshot: Snapshot, client: ClientKey | None) -> Reply:
    """The answer.

    Raises:
        ClientFault: INVALID_REQUEST, no model is named, or a protocol that nobody knows.
    """
    model, word = call.asked("model"), call.asked("protocol")
    if model is None:
        raise ClientFault(ErrorKind.INVALID_REQUEST, "which model? (?model=…)", param="model")
    name = dialect(call.head).name if word is None else SPELLINGS.get(word.lower())
    if name is None:
        known = ", ".join(SPELLINGS)
        raise ClientFault(ErrorKind.INVALID_REQUEST, f"no protocol is called {word!r} ({known})", param="protocol")
    found = explain(snapshot, protocol=name, model=model, client=client)
    document: dict[str, Any] = {
        "model": model,
        "protocol": name,
        "served": found.routed is not None,
        "error": found.failure.message if found.failure is not None else None,
        "strategy": snapshot.settings.strategy.value,
        "candidates": [],
        "lines": list(found.lines),
    }
    if found.routed is not None and call.house.outlook is not None:
        prospects = call.house.outlook(found.routed, snapshot.settings)
        document["candidates"] = [told(each) for each in prospects]
        document["lines"] += in_order(prospects)
    return json_reply(document)


def told(outlook: Outlook) -> dict[str, Any]:
    """One candidate, without anything secret."""
    candidate = outlook.candidate
    credential = candidate.credential
    return {
        "place": outlook.place,
        "credential": credential.label,
        "provider": credential.group,
        "protocol": candidate.wire.protocol,
        "model": candidate.model,
        "tier": candidate.tier,
        "priority": credential.priority,
        "weight": credential.weight,
        "fallback": candidate.fallback,
        "reason": outlook.reason,
    }
