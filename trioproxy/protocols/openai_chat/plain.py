"""Chunks that hold nothing but more text, told by a typed look at their bytes.

Most chunks of an answer are of this kind, and taking them apart costs three times as much. The look refuses what it does not know: a chunk with
one member more may mean something else, and is for the reader.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from trioproxy.neutral.events import PartKind

__all__ = ["plain_growth"]


class _Strict(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    pass


class _Delta(_Strict):
    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    reasoning_text: str | None = None
    role: str | None = None
    refusal: None = None
    tool_calls: None = None
    function_call: None = None


class _Choice(_Strict):
    delta: _Delta
    index: Literal[0] = 0
    finish_reason: None = None
    stop_reason: None = None
    native_finish_reason: None = None
    logprobs: None = None


class _Chunk(_Strict):
    choices: tuple[_Choice]
    object: Literal["chat.completion.chunk"]
    id: str | None = None
    created: int | None = None
    model: str | None = None
    system_fingerprint: str | None = None
    service_tier: str | None = None
    provider: str | None = None
    obfuscation: str | None = None
    usage: None = None
    x_groq: None = None


_decode = msgspec.json.Decoder(_Chunk).decode


def plain_growth(data: bytes) -> tuple[PartKind, str] | None:
    """Which part a chunk continues that does nothing else, and by what text; None where it may do more, or nothing."""
    if b'"tool_calls":[' in data:  # as half of an agent's stream; refusing it by its type would cost ten times as much
        return None
    try:
        delta = _decode(data).choices[0].delta
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    thought = delta.reasoning_content or delta.reasoning or delta.reasoning_text
    if delta.content:
        return None if thought else (PartKind.TEXT, delta.content)
    return (PartKind.REASONING, thought) if thought else None
