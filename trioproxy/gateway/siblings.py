"""What one process of several knows of its place among the others. Without a place a process is the whole house."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import attrs

from trioproxy.ledger.board import Board
from trioproxy.wire.jsoncodec import Object

__all__ = ["Place", "Siblings"]


class Siblings(Protocol):
    """The other processes of the house. ``server/mailboxes.py`` reaches them."""

    async def ask(self, question: Object) -> list[Object | None]:
        """What each of them answers, None for one that does not."""
        ...

    def tell(self, news: Object) -> bool:
        """Tell all of them; False where one of them can't be told now."""
        ...

    async def serve(self, answer: Callable[[Object], Object]) -> None:
        """Answer them. Never returns."""
        ...

    async def wait_orphaned(self) -> None:
        """Wait until the process that started all of them is gone."""
        ...

    def close(self) -> None:
        """Hear and tell nothing any more."""
        ...


@attrs.frozen(kw_only=True)
class Place:
    """Process ``number`` (from 0) of ``count``. ``again`` says that it takes the place of one that died."""

    number: int
    count: int
    siblings: Siblings
    board: Board
    again: bool = False
