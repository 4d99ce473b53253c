"""The cell that holds the configuration in force.

Knows: which snapshot is current and how many there were, what was switched on or off by hand, and what providers told of their models.
Refuses to know: how a snapshot is made. Readers take ``current`` once an exchange and keep what they took; a swap is one assignment, so no
reader sees half of one.

A switch outlives reloads: who took a provider out at night finds it out in the morning, whatever was saved meanwhile. A provider's list does as
well, as long as its credential wants one. Both end with the process.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs

from trioproxy.config.model import Credential, ModelEntry, Snapshot

__all__ = ["SnapshotCell"]


@attrs.define(eq=False)
class SnapshotCell:
    """Where the current snapshot lies."""

    current: Snapshot = attrs.Factory(Snapshot)
    switches: dict[str, bool] = attrs.field(factory=dict, init=False)
    """What was switched by hand: names of providers (lower-case) and ids of credentials, on or off."""
    _saved: Snapshot = attrs.field(init=False)
    _discovered: dict[str, tuple[ModelEntry, ...]] = attrs.field(factory=dict, init=False)
    _heeding: list[Callable[[], None]] = attrs.field(factory=list, init=False)

    def __attrs_post_init__(self) -> None:
        self._saved = self.current

    def heed(self, changed: Callable[[], None]) -> None:
        """Have ``changed`` called whenever another snapshot has come into force. It must raise nothing."""
        self._heeding.append(changed)

    def swap(self, new: Snapshot) -> Snapshot:
        """Put ``new`` in force, counted as the next generation; gives back what is now current."""
        self._saved = attrs.evolve(new, generation=self.current.generation + 1)
        wanting = {credential.id for credential in new.credentials if credential.discovers}
        self._discovered = {id_: models for id_, models in self._discovered.items() if id_ in wanting}
        return self._put(self._in_force())

    def switch(self, name: str, on: bool) -> Snapshot:
        """Enable or disable every credential of a provider, or one credential (by its id, which outranks the provider's switch), over what the
        file says; gives back what is now current."""
        name = self._spelled(name)
        for credential in self._saved.credentials:
            if credential.group.lower() == name:
                self.switches.pop(credential.id, None)
        self.switches[name] = on
        return self._next()

    def discover(self, credential_id: str, models: tuple[ModelEntry, ...]) -> Snapshot:
        """Put what a provider lists itself into force; gives back what is now current. Nothing happens where that is known already, or where
        the credential went, or wants no list any more, while its provider was asked."""
        wanting = any(each.id == credential_id and each.discovers for each in self._saved.credentials)
        if not wanting or self._discovered.get(credential_id, ()) == models:
            return self.current
        self._discovered[credential_id] = models
        return self._next()

    def _next(self) -> Snapshot:
        return self._put(attrs.evolve(self._in_force(), generation=self.current.generation + 1))

    def _put(self, snapshot: Snapshot) -> Snapshot:
        self.current = snapshot
        for changed in self._heeding:
            changed()
        return snapshot

    def _spelled(self, name: str) -> str:
        ids = {credential.id for credential in self._saved.credentials}
        return name if name in ids else name.lower()

    def _in_force(self) -> Snapshot:
        if not self.switches and not self._discovered:
            return self._saved
        return attrs.evolve(self._saved, credentials=tuple(map(self._as_it_is, self._saved.credentials)))

    def _as_it_is(self, credential: Credential) -> Credential:
        on = self.switches.get(credential.id, self.switches.get(credential.group.lower()))
        if on not in (None, credential.enabled):
            credential = attrs.evolve(credential, enabled=on)
        models = self._discovered.get(credential.id)
        return attrs.evolve(credential, discovered=models) if models else credential
