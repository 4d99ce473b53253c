"""Random hex for ids, drawn from the system in stock.

A draw costs a system call, and every request needs two. What is in stock is as unpredictable as what is drawn singly, and never the stock of two
processes.
"""

from __future__ import annotations

import os
from collections.abc import Callable

__all__ = ["random_hex"]

_STOCK_BYTES = 4096
_stock: list[bytes] = []


def random_hex(size: int) -> Callable[[], str]:
    """What gives ``size`` random bytes, 32 at most, in hex, others with each call."""

    def draw() -> str:
        if not _stock:
            drawn = os.urandom(_STOCK_BYTES)
            _stock.extend(drawn[at : at + 32] for at in range(0, _STOCK_BYTES, 32))
        return _stock.pop()[:size].hex()

    return draw


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_stock.clear)
