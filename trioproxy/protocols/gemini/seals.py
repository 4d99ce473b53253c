"""Other vendors' signatures, taken out of a request that goes to Google as it is.

A Gemini client keeps them as its own (``signatures.py``) and sends them back; to Google they are noise that fails its validation. Refuses to
know: what they hold.
"""

from __future__ import annotations

from trioproxy.protocols.gemini.signatures import PREFIX, SKIP_VALIDATION
from trioproxy.wire.jsoncodec import JSON, Object

__all__ = ["without_seals"]

_SPELLINGS = ("thoughtSignature", "thought_signature")
_COUNTED = "generateContentRequest"
"""Where ``countTokens`` may hold a whole request."""
_CALLS = ("functionCall", "function_call")


def without_seals(document: Object) -> Object | None:
    """A request without wrapped signatures, for Google itself; None where it holds none.

    The document is not changed. A call keeps the word that Google takes in place of a signature it did not make; a thought that was
    nothing but its signature goes with it, and so does a content that held nothing else, because Google refuses one without parts.
    """
    inner = document.get(_COUNTED)
    if isinstance(inner, dict):
        request = without_seals(inner)
        return {**document, _COUNTED: request} if request is not None else None
    contents = document.get("contents")
    if not isinstance(contents, list):
        return None
    opened = [_content(content) for content in contents]
    if all(new is old for new, old in zip(opened, contents, strict=True)):
        return None
    return {**document, "contents": [content for content in opened if content is not None]}


def _content(content: JSON) -> JSON:
    """The content itself where it holds no wrapped signature, None where it held nothing else."""
    parts = content.get("parts") if isinstance(content, dict) else None
    if not isinstance(content, dict) or not isinstance(parts, list):
        return content
    opened = [_part(part) for part in parts]
    if all(new is old for new, old in zip(opened, parts, strict=True)):
        return content
    left = [part for part in opened if part is not None]
    return {**content, "parts": left} if left else None


def _part(part: JSON) -> JSON:
    """The part itself where it holds no wrapped signature, None where it was nothing else."""
    if not isinstance(part, dict):
        return part
    name = next((name for name in _SPELLINGS if str(part.get(name)).startswith(PREFIX)), None)
    if name is None:
        return part
    rest = {member: value for member, value in part.items() if member != name}
    if any(call in part for call in _CALLS):
        return {**rest, name: SKIP_VALIDATION}
    return rest if any(value for member, value in rest.items() if member != "thought") else None
