"""The cell that holds the configuration in force.

Knows: which snapshot is current and how many there were, and what was switched on or off by hand. Refuses to know: how one is made. Readers take
``current`` once an exchange and keep what they took; a swap is one assignment, so no reader sees half of one.

A switch outlives reloads: who took a provider out at night finds it out in the morning, whatever was saved meanwhile. It ends with the process.
"""

from __future__ import annotations

import attrs

from trioproxy.config.model import Credential, Snapshot

__all__ = ["SnapshotCell"]


@attrs.define(eq=False)
class SnapshotCell:
    """Where the current snapshot lies."""

    current: Snapshot = attrs.Factory(Snapshot)
    switches: dict[str, bool] = attrs.field(factory=dict, init=False)
    """What was switched by hand: names of providers (lower-case) and ids of credentials, on or off."""
    _saved: Snapshot = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._saved = self.current

    def swap(self, new: Snapshot) -> Snapshot:
        """Put ``new`` in force, counted as the next generation; gives back what is now current."""
        self._saved = attrs.evolve(new, generation=self.current.generation + 1)
        self.current = self._switched()
        return self.current

    def switch(self, name: str, on: bool) -> Snapshot:
        """Enable or disable every credential of a provider, or one credential (by its id, which outranks the provider's switch), over what the
        file says; gives back what is now current."""
        name = self._spelled(name)
        for credential in self._saved.credentials:
            if _group(credential) == name:
                self.switches.pop(credential.id, None)
        self.switches[name] = on
        self.current = attrs.evolve(self._switched(), generation=self.current.generation + 1)
        return self.current

    def _spelled(self, name: str) -> str:
        ids = {credential.id for credential in self._saved.credentials}
        return name if name in ids else name.lower()

    def _switched(self) -> Snapshot:
        if not self.switches:
            return self._saved
        return attrs.evolve(self._saved, credentials=tuple(map(self._as_switched, self._saved.credentials)))

    def _as_switched(self, credential: Credential) -> Credential:
        on = self.switches.get(credential.id, self.switches.get(_group(credential)))
        return credential if on in (None, credential.enabled) else attrs.evolve(credential, enabled=on)


def _group(credential: Credential) -> str:
    return (credential.group or credential.provider.name).lower()
