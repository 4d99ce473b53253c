"""What a node of a request carries for this protocol's own writer, and what of that says nothing.

A member that is null, an empty list or an empty object asks for what holds anyway, and so does one that says what the API does unasked: it is
spelling, which the own writer puts back and nobody else loses anything by. Source: anthropic SDK 2.14, whose optional members may all be null.

Refuses to know: what any member means, and what another protocol makes of what is carried.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from trioproxy.neutral.extras import own, packed, spelling
from trioproxy.neutral.parts import NO_EXTRAS, Extras
from trioproxy.protocols.anthropic.endpoints import NAME
from trioproxy.wire.jsoncodec import JSON, Object

__all__ = ["carried", "given_back"]

_IDLE = "idle"
_NOTHING: tuple[JSON, ...] = (None, [], {})


def carried(
    members: Object,
    *,
    essential: Iterable[str] = (),
    notes: Mapping[str, Any] | None = None,
    defaults: Mapping[str, JSON] | None = None,
) -> Extras:
    """``members`` as the extras of one node. ``essential`` names those that may not be dropped, ``notes`` is spelling, ``defaults`` what
    members are where they are not there."""
    unsaid = defaults or {}
    idle = {
        name: value
        for name, value in members.items()
        if value in _NOTHING or (name in unsaid and value == unsaid[name])
    }
    left = {name: value for name, value in members.items() if name not in idle}
    spelled = {**(notes or {}), **({_IDLE: idle} if idle else {})}
    return packed(NAME, left, essential=essential, spelling=spelled) if left or spelled else NO_EXTRAS


def given_back(extras: Extras) -> Object:
    """All that :func:`carried` took; a new dict."""
    return {**own(extras, NAME), **spelling(extras, NAME).get(_IDLE, {})}
