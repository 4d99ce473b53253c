"""A ledger opened to be read, while running processes write it.

Knows: how a file is opened so that nothing in it changes, and which versions can be read. Refuses to know: what is asked of it. Everything here
blocks.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from trioproxy.ledger.store import BUSY_SECONDS, MIGRATIONS, StoreUnusable, why_unusable

__all__ = ["opened"]


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection | None]:
    """The ledger at ``path``, to be asked; None where there is none yet.

    Raises:
        StoreUnusable: it can't be read, or was written by a newer version.
    """
    if not path.exists():
        yield None
        return
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=BUSY_SECONDS)) as ledger:
            version = int(ledger.execute("PRAGMA user_version").fetchone()[0])
            if version > len(MIGRATIONS):
                raise StoreUnusable(f"{path} was written by a newer version of trioproxy; update to read it")
            yield ledger if version else None
    except sqlite3.Error as error:
        raise StoreUnusable(why_unusable(path, error)) from error
