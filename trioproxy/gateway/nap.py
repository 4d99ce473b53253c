"""Sleeping until a time or until somebody has news: for tasks that would otherwise look every second whether there are any.

Knows: nothing but the clock. Refuses to know: what the news is.
"""

from __future__ import annotations

import attrs
import trio

__all__ = ["Nap"]


@attrs.define(eq=False)
class Nap:
    """One task sleeps, anybody wakes it."""

    _scope: trio.CancelScope = attrs.field(factory=trio.CancelScope, init=False)

    async def until(self, at: float) -> None:
        """Return at that time of trio's clock (``inf`` is never), or when :meth:`wake` is called from now on: who has looked for news must not
        wait for anything between."""
        with trio.CancelScope(deadline=at) as self._scope:
            await trio.sleep_forever()

    def wake(self) -> None:
        """Wake who sleeps, if anybody does."""
        self._scope.cancel(reason="there is news")
