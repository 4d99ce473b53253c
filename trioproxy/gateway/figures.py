"""Figures of the house: providers' counters as JSON, and everything for Prometheus."""

from __future__ import annotations

from collections import Counter
from typing import Any

import trio

from trioproxy.config.model import ClientKey, Snapshot
from trioproxy.gateway.control import ControlCall
from trioproxy.gateway.household import figures
from trioproxy.gateway.refusal import Reply, json_reply
from trioproxy.gateway.status import cooling
from trioproxy.ledger.exposition import expose, families
from trioproxy.ledger.metrics import Tally, Timing

__all__ = ["exposition", "providers"]


async def providers(call: ControlCall, snapshot: Snapshot, client: ClientKey | None) -> Reply:
    """The counters of every provider that is configured, or was asked since the house began."""
    house = call.house
    found, rests = await figures(house), cooling(snapshot, house)
    names = dict.fromkeys(credential.group for credential in snapshot.credentials)
    names |= dict.fromkeys(found.metrics.providers)
    return json_reply(
        {
            "providers": {
                name: _counts(found.metrics.tally(name))
                | {"active": found.active.get(name, 0), "cooling": rests.get(name, [])}
                for name in names
            },
            "workers": found.workers.document(),
        }
    )


async def exposition(call: ControlCall, snapshot: Snapshot, client: ClientKey | None) -> Reply:
    """What Prometheus scrapes. The library is imported and its text made in a thread."""
    house = call.house
    rests = Counter((name, rest["reason"]) for name, found in cooling(snapshot, house).items() for rest in found)
    whole = await figures(house)
    found = families(
        whole.metrics,
        active=whole.active,
        cooling=rests,
        pools=whole.pools,
        books=whole.books,
        workers=(whole.workers.all, whole.workers.answered),
    )
    accept = (call.head.header(b"accept") or b"").decode("latin-1")
    body, content_type = await trio.to_thread.run_sync(expose, found, accept)
    return Reply(status=200, headers=((b"content-type", content_type.encode()),), body=body)


def _counts(tally: Tally) -> dict[str, Any]:
    return {
        "requests": tally.requests,
        "successes": tally.successes,
        "failures": tally.failures,
        "cancelled": tally.cancelled,
        "input_tokens": tally.input_tokens,
        "output_tokens": tally.output_tokens,
        "cached_tokens": tally.cached_tokens,
        "first_byte_ms": _quantiles(tally.first_byte),
        "total_ms": _quantiles(tally.total),
    }


def _quantiles(timing: Timing) -> dict[str, float | None]:
    return {name: _milliseconds(timing.quantile(share)) for name, share in (("p50", 0.5), ("p95", 0.95))}


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 1)
