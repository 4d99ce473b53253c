"""References of JSON Schema (``$ref``) that stay in their document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

__all__ = ["referenced"]


def referenced(document: Mapping[str, Any], reference: object) -> Mapping[str, Any] | None:
    """The schema that a reference such as ``#/$defs/X`` (or ``#``, the whole) names; None where it leads elsewhere or to nothing.

    The pointer is a part of a URL: generators escape what their types' names hold besides letters (``#/definitions/Page%3CUser%3E``).
    """
    if not isinstance(reference, str) or not reference.startswith("#"):
        return None
    found: Any = document
    for step in reference[1:].split("/")[1:]:
        found = _member(found, step.replace("~1", "/").replace("~0", "~"))
    return found if isinstance(found, Mapping) else None


def _member(value: Any, name: str) -> Any:
    if not isinstance(value, Mapping):
        return None
    return value[name] if name in value else value.get(unquote(name))
