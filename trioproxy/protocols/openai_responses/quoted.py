"""Content parts that a client put into a text.

Some histories of Codex (seen 2026) hold what ``view_image`` gave as JSON in a string instead of as a list of parts. Told as text a picture of
two megabytes costs a million tokens, and no model sees it. Only a string that is such a list to its end and has a picture in it is read so;
all others are the text they are. Sources: CLIProxyAPI's issues 4699 and 4902.

Refuses to know: which item the text stands in, and what the model makes of the picture.
"""

from __future__ import annotations

from typing import Any

from trioproxy.errors import ClientFault
from trioproxy.neutral.parts import Media
from trioproxy.protocols.openai_responses.content import read_part
from trioproxy.wire.jsoncodec import JSONError, loads

__all__ = ["parts_in"]

_KINDS = ("input_text", "input_image", "input_file")
_PICTURE = '"input_image"'


def parts_in(text: str, path: str) -> list[Any]:
    """The parts that a text holds, with a picture among them; none where it is text."""
    if not text.startswith("[") or _PICTURE not in text:
        return []
    try:
        listed = loads(text)
        if not isinstance(listed, list) or not all(_is_part(each) for each in listed):
            return []
        parts = [read_part(each, f"{path}[{number}]") for number, each in enumerate(listed)]
    except (JSONError, ClientFault):
        return []
    return parts if any(isinstance(part, Media) for part in parts) else []


def _is_part(value: Any) -> bool:
    return isinstance(value, dict) and value.get("type") in _KINDS
