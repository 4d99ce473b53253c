"""Ids of responses and items: the provider's where it gave one, else our own, from the context's random token."""

from __future__ import annotations

import re

from trioproxy.neutral.identity import told_apart

__all__ = ["item_id", "response_id"]

_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def response_id(given: str, token: str) -> str:
    """The id of the response. Servers of this protocol use ``resp_`` or a bare UUID, and these are kept, because a client may name them
    again; an id of another protocol gets the prefix, and is told apart by ``token``."""
    if given.startswith("resp_") or _UUID.fullmatch(given):
        return given
    return f"resp_{told_apart(given, token)}"


def item_id(prefix: str, given: str | None, token: str, place: int) -> str:
    """The id of the item at this place of the output."""
    return given or f"{prefix}_{token}_{place}"
