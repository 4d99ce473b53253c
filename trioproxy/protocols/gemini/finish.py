"""``finishReason`` and ``promptFeedback.blockReason``, and the neutral reasons, as tables
(https://ai.google.dev/api/generate-content#FinishReason).

Some of Google's reasons are no end but a breakdown: the model wrote a call that can't be parsed, or called what it was not given. An agent
that took those for a stop would end its turn with nothing; they are failures (:data:`BREAKDOWNS`).
"""

from __future__ import annotations

from trioproxy.errors import ErrorKind
from trioproxy.neutral.events import Finished, FinishReason
from trioproxy.wire.jsoncodec import JSON

__all__ = ["BREAKDOWNS", "FINISHES", "NO_BLOCK", "NO_REASON", "block_named", "finish_named", "finish_of", "finish_word"]

NO_REASON = "FINISH_REASON_UNSPECIFIED"
"""The value of ``finishReason`` where there is none."""

NO_BLOCK = "BLOCKED_REASON_UNSPECIFIED"
"""The value of ``blockReason`` where there is none."""

FINISHES: dict[str, FinishReason] = {
    "STOP": FinishReason.STOP,
    "MAX_TOKENS": FinishReason.LENGTH,
    "SAFETY": FinishReason.CONTENT_FILTER,
    "RECITATION": FinishReason.CONTENT_FILTER,
    "LANGUAGE": FinishReason.CONTENT_FILTER,
    "BLOCKLIST": FinishReason.CONTENT_FILTER,
    "PROHIBITED_CONTENT": FinishReason.CONTENT_FILTER,
    "SPII": FinishReason.CONTENT_FILTER,
    "MODEL_ARMOR": FinishReason.CONTENT_FILTER,
    "JAILBREAK": FinishReason.CONTENT_FILTER,
    "ESCALATION": FinishReason.CONTENT_FILTER,
    "IMAGE_SAFETY": FinishReason.CONTENT_FILTER,
    "IMAGE_PROHIBITED_CONTENT": FinishReason.CONTENT_FILTER,
    "IMAGE_RECITATION": FinishReason.CONTENT_FILTER,
    "IMAGE_OTHER": FinishReason.CONTENT_FILTER,
    # Google gives no reason, and what it gives none for is its policy.
    "OTHER": FinishReason.CONTENT_FILTER,
    "PUP_LIMITED_DISABLED": FinishReason.CONTENT_FILTER,
    "NO_IMAGE": FinishReason.STOP,
    "CONTINUATION": FinishReason.PAUSE,
}

BREAKDOWNS: dict[str, ErrorKind] = {
    "MALFORMED_FUNCTION_CALL": ErrorKind.MALFORMED,
    "MALFORMED_RESPONSE": ErrorKind.MALFORMED,
    "UNEXPECTED_TOOL_CALL": ErrorKind.MALFORMED,
    "TOO_MANY_TOOL_CALLS": ErrorKind.MALFORMED,
    "MISSING_THOUGHT_SIGNATURE": ErrorKind.INVALID_REQUEST,
}

_WORDS: dict[FinishReason, str] = {
    FinishReason.STOP: "STOP",
    FinishReason.STOP_SEQUENCE: "STOP",
    FinishReason.LENGTH: "MAX_TOKENS",
    FinishReason.TOOL_CALLS: "STOP",
    FinishReason.CONTENT_FILTER: "SAFETY",
    FinishReason.REFUSAL: "SAFETY",
    FinishReason.PAUSE: "STOP",
    FinishReason.CONTEXT_LENGTH: "MAX_TOKENS",
}


_FINISHES_BY_NUMBER = (NO_REASON, "STOP", "MAX_TOKENS", "SAFETY", "RECITATION", "OTHER")
_BLOCKS_BY_NUMBER = (NO_BLOCK, "SAFETY", "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT")


def finish_named(value: JSON) -> str:
    """The word of a ``finishReason``, "" where there is none. It is a number where the client asked for numbers (``enum-encoding=int``, as
    Google's generated libraries do); those that the Gemini API and Vertex AI number alike are known, any other one is OTHER."""
    return _named(value, _FINISHES_BY_NUMBER)


def block_named(value: JSON) -> str:
    """The word of a ``blockReason``, in the same way."""
    return _named(value, _BLOCKS_BY_NUMBER)


def _named(value: JSON, words: tuple[str, ...]) -> str:
    if type(value) is int:
        return words[value] if 0 <= value < len(words) else "OTHER"
    return value if isinstance(value, str) else ""


def finish_of(word: str, *, calls: bool) -> FinishReason:
    """The neutral reason. ``calls`` says whether the answer holds function calls: Google ends those with STOP too. A word not known here is
    a stop."""
    reason = FINISHES.get(word, FinishReason.STOP)
    return FinishReason.TOOL_CALLS if reason is FinishReason.STOP and calls else reason


def finish_word(finished: Finished) -> str:
    """Google's word: the one the provider itself used where that was Google, else the table's."""
    raw = finished.raw or ""
    known = FINISHES.get(raw)
    if known is not None and _WORDS[known] == _WORDS[finished.reason]:
        return raw
    return _WORDS[finished.reason]
