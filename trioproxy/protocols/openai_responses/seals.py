"""What of ours rides in ``encrypted_content``, taken out of a request that goes to OpenAI as it is.

OpenAI refuses an item whose content it did not encrypt itself (``invalid_encrypted_content``). Refuses to know: whose signature it is.
"""

from __future__ import annotations

from trioproxy.protocols.openai_responses.signatures import MARK, open_summary
from trioproxy.wire.jsoncodec import JSON, Object

__all__ = ["MARKS", "without_seals"]

MARKS = (MARK.encode(), MARK.replace("/", "\\/").encode())
"""As JSON spells the mark; some encoders escape the slash."""


def without_seals(document: Object) -> Object | None:
    """A request without marked items, for OpenAI itself; None where it holds none.

    The document is not changed. Reasoning of other vendors goes; a summary that stands for a compacted conversation becomes a message.
    """
    items = document.get("input")
    if not isinstance(items, list):
        return None
    opened = [_item(item) for item in items]
    if all(new is old for new, old in zip(opened, items, strict=True)):
        return None
    return {**document, "input": [item for item in opened if item is not None]}


def _item(item: JSON) -> JSON:
    """The item itself where nothing in it is marked, None where it goes."""
    if not isinstance(item, dict) or not str(item.get("encrypted_content")).startswith(MARK):
        return item
    summary = open_summary(item.get("encrypted_content"))
    if summary is None:
        return None
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": summary}]}
