"""Chunks that hold nothing but more text, or more of a call's arguments, told by a typed look at their bytes.

Most chunks of an answer are of this kind, and taking them apart costs three times as much. The look refuses what it does not know: a chunk with
one member more may mean something else, and is for the reader.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from trioproxy.neutral.events import PartKind

__all__ = ["PlainChunk", "PlainDelta", "plain_arguments", "plain_chunk", "plain_growth", "thought_in"]


class _Strict(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    pass


class PlainDelta(_Strict):
    """What may be said."""

    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    reasoning_text: str | None = None
    role: str | None = None
    refusal: None = None
    tool_calls: None = None
    function_call: None = None


class _Function(_Strict):
    arguments: str
    name: Literal[""] | None = None


class _Call(_Strict):
    # A piece without a name belongs to the call of its index, whatever id it has.
    index: int
    function: _Function
    id: str | None = None
    type: Literal["function", ""] | None = None


class _Calling(_Strict):
    tool_calls: tuple[_Call]
    content: Literal[""] | None = None
    reasoning_content: Literal[""] | None = None
    reasoning: Literal[""] | None = None
    role: str | None = None
    refusal: None = None
    function_call: None = None


class _Choice(_Strict):
    index: Literal[0] = 0
    finish_reason: None = None
    stop_reason: None = None
    matched_stop: None = None
    native_finish_reason: None = None
    logprobs: None = None


class PlainChoice(_Choice, kw_only=True):
    """The only one."""

    delta: PlainDelta


class _CallingChoice(_Choice, kw_only=True):
    delta: _Calling


class _Chunk(_Strict):
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


class PlainChunk(_Chunk, kw_only=True):
    """A chunk that says nothing but text, or nothing. ``choices`` holds one."""

    choices: tuple[PlainChoice]


class _CallingChunk(_Chunk, kw_only=True):
    choices: tuple[_CallingChoice]


_decode = msgspec.json.Decoder(PlainChunk).decode
_decode_calling = msgspec.json.Decoder(_CallingChunk).decode
_REFUSED = (msgspec.DecodeError, UnicodeError, RecursionError)


def plain_chunk(data: bytes) -> PlainChunk | None:
    """A chunk that does nothing but say text, or nothing; None where it may do more."""
    # Half of an agent's stream, and every stream's end: refusing them by their types would cost ten times as much.
    if b'"tool_calls":[' in data or b'"finish_reason":"' in data or data == b"[DONE]":
        return None
    try:
        return _decode(data)
    except _REFUSED:
        return None


def thought_in(delta: PlainDelta) -> str | None:
    """The thought, whatever the server calls it: DeepSeek and most others; OpenRouter, Groq, newer vLLM; GitHub Copilot."""
    return delta.reasoning_content or delta.reasoning or delta.reasoning_text


def plain_growth(data: bytes) -> tuple[PartKind, str] | None:
    """Which part a chunk continues that does nothing else, and by what text; None where it may do more, or nothing."""
    chunk = plain_chunk(data)
    if chunk is None:
        return None
    delta = chunk.choices[0].delta
    thought = thought_in(delta)
    if delta.content:
        return None if thought else (PartKind.TEXT, delta.content)
    return (PartKind.REASONING, thought) if thought else None


def plain_arguments(data: bytes) -> tuple[int, str] | None:
    """Which call (by its number among ``tool_calls``) a chunk continues that does nothing else, and by what text of its arguments."""
    try:
        call = _decode_calling(data).choices[0].delta.tool_calls[0]
    except _REFUSED:
        return None
    return call.index, call.function.arguments
