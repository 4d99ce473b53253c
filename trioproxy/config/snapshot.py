"""The cell that holds the configuration in force.

Knows: which snapshot is current and how many there were. Refuses to know: how one is made. Readers take ``current`` once an exchange and
keep what they took; a swap is one assignment, so no reader sees half of one.
"""

from __future__ import annotations

import attrs

from trioproxy.config.model import Snapshot

__all__ = ["SnapshotCell"]


@attrs.define(eq=False)
class SnapshotCell:
    """Where the current snapshot lies."""

    current: Snapshot = attrs.Factory(Snapshot)

    def swap(self, new: Snapshot) -> Snapshot:
        """Put ``new`` in force, counted as the next generation; gives back what is now current."""
        self.current = attrs.evolve(new, generation=self.current.generation + 1)
        return self.current
