"""Reasoning stands before what it led to.

The API: "Item 'rs_…' of type 'reasoning' was provided without its required following item". An answer that was broken off, or whose rest a
client dropped, leaves thoughts that led to nothing. Refuses to know: whose thoughts they are.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from trioproxy.neutral.loss import Loss
from trioproxy.wire.jsoncodec import Object

__all__ = ["led_on"]


def led_on(items: Sequence[Object], ends: Sequence[int], losses: list[Loss]) -> tuple[list[Object], list[int]]:
    """The items without reasoning behind which the model neither said nor did anything, and the places where turns end among them."""
    kept: list[int] = []
    followed = False
    for place in reversed(range(len(items))):
        item = items[place]
        if item.get("type") != "reasoning":
            followed = _of_the_model(item)
        elif not followed:
            losses.append(Loss(f"turns[{bisect_right(ends, place)}]", "reasoning that led to nothing is left out"))
            continue
        kept.append(place)
    kept.reverse()
    return [items[place] for place in kept], [bisect_left(kept, end) for end in ends]


def _of_the_model(item: Object) -> bool:
    if item.get("type", "message") == "message":
        return item.get("role") == "assistant"
    return not str(item["type"]).endswith("_output")
