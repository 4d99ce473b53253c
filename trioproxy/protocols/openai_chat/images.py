"""Images that a model made, both ways. OpenAI's messages have no place for them; the ``images`` of OpenRouter are what clients know:
``{"type": "image_url", "image_url": {"url": "data:..."}}`` (openrouter.ai, "Image generation")."""

from __future__ import annotations

import re

from trioproxy.neutral.parts import Base64Source, Media, MediaKind, Search
from trioproxy.wire.jsoncodec import JSON, Object

__all__ = ["IMAGES", "read_image", "write_image"]

IMAGES = "images"

_DATA_URL = re.compile(r"data:(image/[\w.+-]+);base64,([A-Za-z0-9+/=_-]+)")


def read_image(entry: JSON) -> Media | None:
    """The image in one entry of ``images``, None where its bytes are not in it."""
    match entry:
        case {"image_url": {"url": str() as url}} if (found := _DATA_URL.fullmatch(url)) is not None:
            return Media(kind=MediaKind.IMAGE, source=Base64Source(mime=found[1], data=found[2]))
        case _:
            return None


def write_image(shown: Media | Search | None, number: int) -> Object | None:
    """The entry for an image, ``number`` being its place in the list; None for what is no image with its bytes."""
    match shown:
        case Media(kind=MediaKind.IMAGE, source=Base64Source(data=data, mime=mime)):
            return {"index": number, "type": "image_url", "image_url": {"url": f"data:{mime};base64,{data}"}}
        case _:
            return None
