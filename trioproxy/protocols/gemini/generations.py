"""What follows from a Gemini model's generation, read from its name: Google's API takes other fields from one generation to the next."""

from __future__ import annotations

import re

__all__ = ["demands_signatures", "generation", "makes_images", "mixes_tools", "takes_media_in_results", "thinks"]

_NAME = re.compile(r"gemini-(\d{1,3})(?:\.(\d{1,3}))?(?!\d)")
_LATEST = re.compile(r"gemini-(?:pro|flash|flash-lite)-latest")

NEWEST = (3, 0)
UNKNOWN = (0, 0)


def generation(model: str) -> tuple[int, int]:
    """The generation in a model's name: (2, 5) of ``gemini-2.5-flash``, :data:`UNKNOWN` where the name says none."""
    found = _NAME.search(model.lower())
    if found is not None:
        return int(found[1]), int(found[2] or 0)
    return NEWEST if _LATEST.search(model.lower()) else UNKNOWN


def demands_signatures(model: str) -> bool:
    """Whether a function call in history needs a signature (https://ai.google.dev/gemini-api/docs/thought-signatures)."""
    return generation(model) >= NEWEST


def makes_images(model: str) -> bool:
    """Whether the model makes images by itself, with no tool for it (https://ai.google.dev/gemini-api/docs/image-generation)."""
    return "-image" in model.lower()


def mixes_tools(model: str) -> bool:
    """Whether functions and Google's own tools may stand in one request (https://ai.google.dev/gemini-api/docs/tool-combination)."""
    return generation(model) >= NEWEST


def takes_media_in_results(model: str) -> bool:
    """Whether a function response may hold media (https://ai.google.dev/gemini-api/docs/function-calling#multimodal)."""
    return generation(model) >= NEWEST


def thinks(model: str) -> bool:
    """Whether the model may be told how much to think; so may one whose name says nothing."""
    return generation(model) == UNKNOWN or generation(model) >= (2, 5)
