"""What keys, credentials and providers have spent, as the ledger has it.

Knows: how the rows of a day add up. Refuses to know: limits. What an exchange cost is the price list's word (``prices.py``); one whose price
is unknown costs nothing here.
"""

from __future__ import annotations

from pathlib import Path

from trioproxy.ledger.entry import Charged, charged
from trioproxy.ledger.reading import opened

__all__ = ["spent_since"]


def spent_since(path: Path, since: float) -> dict[Charged, float]:
    """What the ledger at ``path`` says was spent since the Unix time ``since``, by whom. Nothing where there is no ledger. It blocks.

    Raises:
        StoreUnusable: it can't be read, or was written by a newer version.
    """
    spent: dict[Charged, float] = {}
    with opened(path) as ledger:
        if ledger is None:
            return spent
        rows = ledger.execute(
            "SELECT key_id, credential_id, provider, SUM(cost_usd) FROM exchanges "
            "WHERE began >= ? AND cost_usd IS NOT NULL GROUP BY 1, 2, 3",
            (since,),
        )
        for key_id, credential_id, provider, cost in rows:
            for who in charged(key_id, credential_id, provider):
                spent[who] = spent.get(who, 0.0) + cost
    return spent
