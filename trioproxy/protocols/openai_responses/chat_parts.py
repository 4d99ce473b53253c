"""Images and files in the words of Chat Completions, which clients put into Responses requests: what they name is one level deeper there.

Refuses to know: what a part means.
"""

from __future__ import annotations

from trioproxy.wire.jsoncodec import JSON, Object

__all__ = ["in_own_words"]

_OURS = {"image_url": "input_image", "file": "input_file", "input_image": "input_image", "input_file": "input_file"}
_DEEPER = {"input_image": "image_url", "input_file": "file"}
_URL = "url"


def in_own_words(part: JSON) -> Object | None:
    """The part as this API has it; None where it is in its words already, or in nobody's."""
    kind = part.get("type") if isinstance(part, dict) else None
    if not isinstance(part, dict) or not isinstance(kind, str) or kind not in _OURS:
        return None
    ours = _OURS[kind]
    name = _DEEPER[ours]
    inner = part.get(name)
    if not isinstance(inner, dict):
        return None if kind == ours else {**part, "type": ours}
    members = {"image_url" if key == _URL else key: value for key, value in inner.items()}
    return {**{key: value for key, value in part.items() if key != name}, **members, "type": ours}
