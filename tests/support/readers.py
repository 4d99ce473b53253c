"""Readers without their short ways, to hold the short ways to."""

from __future__ import annotations

from trioproxy.protocols.base import Reader
from trioproxy.protocols.gemini.reader import GeminiReader

__all__ = ["reading_all"]


def reading_all(reader: Reader) -> None:
    """Make a reader take every frame apart."""
    reader.look = lambda item: None  # type: ignore[method-assign]
    if isinstance(reader, GeminiReader):
        reader._growth = lambda item: None  # type: ignore[method-assign]
