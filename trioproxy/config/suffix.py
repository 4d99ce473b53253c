"""The thinking suffix of a model name: ``model(high)``, ``model(8192)``.

Knows: which words in the last parentheses ask for an effort. Refuses to know: what a model makes of it.
"""

from __future__ import annotations

from trioproxy.neutral.effort import DYNAMIC
from trioproxy.neutral.request import Effort
from trioproxy.providers.model import ThinkingSuffix

__all__ = ["split_suffix"]

_LEVELS = frozenset(effort.value for effort in Effort)
_LARGEST = 10_000_000


def split_suffix(model: str) -> tuple[str, ThinkingSuffix | None]:
    """The name and what its last parentheses ask for; the name as it is where they ask for nothing that is known."""
    stem, bracket, word = model.removesuffix(")").rpartition("(")
    if not (bracket and model.endswith(")") and stem.strip()):
        return model, None
    word = word.strip().lower()
    if word in _LEVELS:
        return stem.strip(), ThinkingSuffix(level=word)
    if word == str(DYNAMIC):
        return stem.strip(), ThinkingSuffix(level=Effort.AUTO.value)
    if word.isascii() and word.isdigit() and len(word) <= len(str(_LARGEST)) and int(word) <= _LARGEST:
        return stem.strip(), ThinkingSuffix(budget=int(word))
    return model, None
