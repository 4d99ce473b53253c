"""The nearest names that exist: for a person who mistyped one.

Knows: how to compare spellings without walking a long list per question. Refuses to know: what the names are for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

__all__ = ["Names", "nearest", "suggestion"]

_SHORTLIST = 24
_LONGEST = 128


class Names:
    """A fixed set of names, indexed by their three-letter pieces: a question looks only at names that share some."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = tuple(dict.fromkeys(names))
        self._by_piece: dict[str, list[int]] = {}
        for number, name in enumerate(self._names):
            for piece in _pieces(name):
                self._by_piece.setdefault(piece, []).append(number)

    def near(self, word: str, count: int = 3) -> tuple[str, ...]:
        """Up to ``count`` names that look like ``word``, best first."""
        shared: Counter[int] = Counter()
        for piece in _pieces(word[:_LONGEST]):
            shared.update(self._by_piece.get(piece, ()))
        shortlist = [self._names[number] for number, _ in shared.most_common(_SHORTLIST)]
        return nearest(word, shortlist, count)


def nearest(word: str, names: Iterable[str], count: int = 3) -> tuple[str, ...]:
    """Up to ``count`` of ``names`` that look like ``word``, best first; compared without regard to case."""
    import difflib  # only who mistyped something waits for it

    spelled = {name.lower(): name for name in names}
    close = difflib.get_close_matches(word[:_LONGEST].lower(), spelled, n=count, cutoff=0.55)
    return tuple(spelled[name] for name in close)


def suggestion(word: str, names: Iterable[str]) -> str | None:
    """The one name that ``word`` was probably meant to be, None where nothing is near."""
    return next(iter(nearest(word, names, 1)), None)


def _pieces(word: str) -> set[str]:
    padded = f"  {word.lower()} "
    return {padded[at : at + 3] for at in range(len(padded) - 2)}
