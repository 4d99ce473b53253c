"""A typed look at a whole body, as every protocol takes it: that it is an answer in order, and its usage.

Who only counts need not read what an answer says, which costs several times as much. Each protocol's ``glance.py`` knows the shape of its
answers; this file knows that what fits no shape is for the reader. Refuses to know: any protocol.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import msgspec

from trioproxy.neutral.events import Event, UsageReported
from trioproxy.neutral.usage import Usage

__all__ = ["glancing"]

_Shape = TypeVar("_Shape")


def glancing(shape: type[_Shape], usage_of: Callable[[_Shape], Usage | None]) -> Callable[[bytes], list[Event] | None]:
    """A ``Protocol.glance``. What fits ``shape`` is an answer in order; ``usage_of`` reads its counts, None where it has none."""
    decode = msgspec.json.Decoder(shape).decode

    def glance(body: bytes) -> list[Event] | None:
        try:
            usage = usage_of(decode(body))
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return None
        return [UsageReported(usage=usage)] if usage is not None else []

    return glance
