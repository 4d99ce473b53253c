"""What keys, credentials and providers have spent, as the ledger has it.

Knows: how the rows of a day add up. Refuses to know: limits. What an exchange cost is the price list's word (``prices.py``); one whose price
is unknown costs nothing here.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from trioproxy.ledger.entry import Charged, charged
from trioproxy.ledger.store import BUSY_SECONDS, MIGRATIONS, StoreUnusable

__all__ = ["spent_since"]


def spent_since(path: Path, since: float) -> dict[Charged, float]:
    """What the ledger at ``path`` says was spent since the Unix time ``since``, by whom. Nothing where there is no ledger. It blocks.

    Raises:
        StoreUnusable: it can't be read.
    """
    if not path.exists():
        return {}
    spent: dict[Charged, float] = {}
    try:
        db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=BUSY_SECONDS)
        try:
            version = int(db.execute("PRAGMA user_version").fetchone()[0])
            if not 0 < version <= len(MIGRATIONS):
                return {}
            rows = db.execute(
                "SELECT key_id, credential_id, provider, SUM(cost_usd) FROM exchanges "
                "WHERE began >= ? AND cost_usd IS NOT NULL GROUP BY 1, 2, 3",
                (since,),
            )
            for key_id, credential_id, provider, cost in rows:
                for who in charged(key_id, credential_id, provider):
                    spent[who] = spent.get(who, 0.0) + cost
        finally:
            db.close()
    except sqlite3.Error as error:
        raise StoreUnusable(f"the ledger {path} can't be read ({error})") from error
    return spent
