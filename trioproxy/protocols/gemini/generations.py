"""What follows from a Gemini model's generation, read from its name: Google's API takes other fields from one generation to the next."""

from __future__ import annotations

import re

__all__ = [
    "continues_itself",
    "demands_signatures",
    "forms_beside_tools",
    "generation",
    "levels_of",
    "makes_images",
    "mixes_tools",
    "takes_media_in_results",
    "thinks",
]

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


def continues_itself(model: str) -> bool:
    """Whether a request may end with the model's own words, for it to go on with them
    (https://ai.google.dev/gemini-api/docs/latest-model: "Requests ending with a model turn are not supported")."""
    name = model.lower()
    return generation(name) < (3, 6) and "gemini-3.5-flash-lite" not in name and not _LATEST.search(name)


def levels_of(model: str) -> tuple[str, ...]:
    """The thinking levels of a model from Gemini 3 on: "'minimal' is not a supported thinking level" for Pro models, and for none from 3.7 on
    (https://ai.google.dev/gemini-api/docs/thinking#thinking-levels)."""
    least = () if "pro" in model.lower() or generation(model) >= (3, 7) else ("minimal",)
    return (*least, "low", "medium", "high")


def makes_images(model: str) -> bool:
    """Whether the model makes images by itself, with no tool for it (https://ai.google.dev/gemini-api/docs/image-generation)."""
    return "-image" in model.lower()


def forms_beside_tools(model: str) -> bool:
    """Whether the form of an answer may be asked for beside tools: "Function calling with a response mime type: 'application/json' is
    unsupported" before Gemini 3 (https://ai.google.dev/gemini-api/docs/structured-output)."""
    return generation(model) == UNKNOWN or generation(model) >= NEWEST


def mixes_tools(model: str) -> bool:
    """Whether functions and Google's own tools may stand in one request (https://ai.google.dev/gemini-api/docs/tool-combination)."""
    return generation(model) >= NEWEST


def takes_media_in_results(model: str) -> bool:
    """Whether a function response may hold media (https://ai.google.dev/gemini-api/docs/function-calling#multimodal)."""
    return generation(model) >= NEWEST


def thinks(model: str) -> bool:
    """Whether the model may be told how much to think; so may one whose name says nothing."""
    return generation(model) == UNKNOWN or generation(model) >= (2, 5)
