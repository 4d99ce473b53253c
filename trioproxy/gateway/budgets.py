"""What a day has cost so far, kept where limits are looked up: charged as exchanges are settled, recalled from the ledger.

The ledger is read when a process starts and every minute after: what other processes on the same folder spent counts too, a minute late. The day
is the one of the local calendar, as in ``trioproxy usage --by day``. Without a budget in the configuration none of this costs anything.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path

import attrs
import trio

from trioproxy.config.model import Snapshot
from trioproxy.credentials.meters import DAY
from trioproxy.gateway.limits import client_key, credential_key, group_key
from trioproxy.gateway.turnstile import Turnstile
from trioproxy.ledger.entry import Charged, Settled, charged
from trioproxy.ledger.prices import Prices

__all__ = ["Budgets", "local_time"]

_log = logging.getLogger("trioproxy.gateway")

_KEYS: dict[str, Callable[[str], str]] = {"client": client_key, "credential": credential_key, "group": group_key}


def local_time() -> float:
    """The clock on the wall of this machine's time zone, as seconds since 1970."""
    now = time.time()
    return now + time.localtime(now).tm_gmtoff


@attrs.define(eq=False, kw_only=True)
class Budgets:
    """Charges exchanges to the meters of ``turnstile``. ``folder`` is the ledger's, None where none is kept."""

    current: Callable[[], Snapshot]
    turnstile: Turnstile
    prices: Prices
    folder: Path | None = None
    _complained: bool = attrs.field(default=False, init=False)

    @property
    def watched(self) -> bool:
        """Whether anybody has a budget."""
        snapshot = self.current()
        watched: bool | None = snapshot.memo.get("budgets")
        if watched is None:
            watched = snapshot.memo["budgets"] = _has_budgets(snapshot)
        return watched

    def charge(self, settled: Settled) -> None:
        """The sink."""
        if not self.watched:
            return
        cost = self.prices.cost(settled)
        if cost:
            wall = self.turnstile.wall()
            for who in charged(settled.client_id, settled.credential_id, settled.provider):
                self.turnstile.meters.spend(_key(who), cost, wall)

    async def recall(self) -> None:
        """Count what the ledger says was spent today, where that is more than this process knows of."""
        if not self.watched or self.folder is None:
            return
        from trioproxy.ledger.spending import spent_since  # SQLite, which nobody else on this side needs
        from trioproxy.ledger.store import FILE_NAME, StoreUnusable

        wall = self.turnstile.wall()
        try:
            spent = await trio.to_thread.run_sync(spent_since, self.folder / FILE_NAME, time.time() - wall % DAY)
        except StoreUnusable as error:
            if not self._complained:
                self._complained = True
                _log.warning("%s: budgets count what this process spends and nothing before it", error)
            return
        for who, dollars in spent.items():
            self.turnstile.meters.has_spent(_key(who), dollars, wall)


def _key(who: Charged) -> str:
    kind, id_ = who
    return _KEYS[kind](id_)


def _has_budgets(snapshot: Snapshot) -> bool:
    limits = [client.limits for client in snapshot.clients]
    limits += [each for credential in snapshot.credentials for each in (credential.limits, credential.group_limits)]
    return any(each.daily_budget_usd is not None for each in limits)
