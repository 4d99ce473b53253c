"""What a client's key may use.

Knows: the two lists of a key. Refuses to know: who serves what.
"""

from __future__ import annotations

import attrs

from trioproxy.config.model import ClientKey
from trioproxy.config.patterns import Globs

__all__ = ["Permission"]


@attrs.frozen
class Permission:
    """What a client's key may use. An allow list speaks of names as the client spells them; a deny list also of a provider's own names,
    so that no alias or prefix is a way around it."""

    models: Globs | None = None
    excluded: Globs | None = None

    @classmethod
    def of(cls, client: ClientKey | None) -> Permission:
        """What ``client`` may use; everything, where there is none or its key has no lists."""
        if client is None or not (client.models or client.excluded_models):
            return cls()
        return cls(Globs(client.models) if client.models else None, Globs(client.excluded_models))

    def name(self, name: str) -> bool:
        """Whether the client may ask for ``name``."""
        if self.models is not None and not self.models.match(name):
            return False
        return self.model(name) and self.model(name.partition("/")[2] or name)

    def model(self, model: str) -> bool:
        """Whether a provider's ``model`` may be used for the client."""
        return self.excluded is None or not self.excluded.match(model)
