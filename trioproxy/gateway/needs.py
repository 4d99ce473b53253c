"""What a request needs of its model, as far as selection by capability asks: streaming, tools, vision. Knows how images are spelled in each
protocol's body; understands nothing else of it. Pure.
"""

from __future__ import annotations

from typing import Any

from trioproxy.protocols.base import Asked

__all__ = ["needs"]

_IMAGE_TYPES = ("image", "image_url", "input_image")
"""A tuple: what an agent's call says of a schema may have a list as its ``type``."""
_GEMINI_DATA = ("inlineData", "inline_data", "fileData", "file_data")
_TURNS = ("messages", "input", "contents")


def needs(asked: Asked) -> frozenset[str]:
    """The words of ``credentials.selection`` for what ``asked`` can't do without."""
    document = asked.document or {}
    found = {
        "streaming": asked.stream,
        "tools": bool(document.get("tools") or document.get("functions")),
        "vision": any(_shows(document.get(key)) for key in _TURNS),
    }
    return frozenset(word for word, needed in found.items() if needed)


def _shows(turns: Any) -> bool:
    """Whether there is an image anywhere in ``turns``."""
    waiting = [turns]
    while waiting:
        match waiting.pop():
            case list() as parts:
                waiting += parts
            case dict() as part:
                if part.get("type") in _IMAGE_TYPES or any(_is_image(part.get(key)) for key in _GEMINI_DATA):
                    return True
                waiting += part.values()
            case _:
                pass
    return False


def _is_image(data: Any) -> bool:
    kind = (data.get("mimeType") or data.get("mime_type")) if isinstance(data, dict) else None
    return isinstance(kind, str) and kind.startswith("image/")
