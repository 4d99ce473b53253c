"""What a writer could not say in its protocol. Never dropped silently: log, ledger, opt-in response header."""

from __future__ import annotations

import attrs

__all__ = ["Loss"]


@attrs.frozen
class Loss:
    """``path`` names the field in the client's own request or the event (``tools[3].strict``); ``reason`` is for a person."""

    path: str
    reason: str
