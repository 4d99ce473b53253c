"""What an error body says to a person, wherever a server or a gateway before it puts that.

Knows: the places in which servers of all protocols were seen to say it: OpenAI's and Anthropic's ``error.message``, an ``error`` that is text,
FastAPI's ``detail``, a bare ``message``, Mistral's ``message`` around a ``detail``, MiniMax's ``base_resp``, OAuth's
``error_description``. Refuses to know: what kind of error
it is, and what is said where nothing is.
"""

from __future__ import annotations

from trioproxy.wire.jsoncodec import JSON

__all__ = ["error_text", "said_in_event", "said_instead"]

_QUOTED = 500


def error_text(document: JSON) -> str | None:
    """The words, None where there are none."""
    if isinstance(document, str):
        return document.strip() or None
    if not isinstance(document, dict):
        return None
    message = document.get("message")
    return _in(document) or (_in(message) if isinstance(message, dict) else None)


def said_instead(document: JSON, otherwise: str) -> str:
    """What a body says that has status 200 and holds no answer; ``otherwise`` where it says nothing to a person either."""
    return error_text(document) or otherwise


def said_in_event(event: str | None, data: bytes, otherwise: str) -> str:
    """What an event says that is no JSON: where it is named an error, its very words; else ``otherwise``."""
    words = data[:_QUOTED].decode("utf-8", "replace").strip() if event == "error" else ""
    return words or otherwise


def _in(document: dict[str, JSON]) -> str | None:
    error, detail, base = document.get("error"), document.get("detail"), document.get("base_resp")
    places = (
        error.get("message") if isinstance(error, dict) else None,
        document.get("error_description"),  # RFC 6749, 5.2: an ``error`` beside it is a code
        error,
        detail,
        document.get("message"),
        base.get("status_msg") if isinstance(base, dict) else None,
    )
    for said in places:
        if isinstance(said, str) and said.strip():
            return said
    details = [each for each in detail if isinstance(each, dict)] if isinstance(detail, list) else []
    texts = [each.get("msg") or each.get("message") for each in details]
    return "; ".join(text for text in texts if isinstance(text, str)) or None
