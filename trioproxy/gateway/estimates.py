"""``count_tokens`` where no provider counts: an estimate, labelled as one.

With the extra ``tokens`` installed text is counted with OpenAI's public vocabulary o200k_base, which is within a few percent for OpenAI's models
and within a fifth or so for others. Without it four bytes of UTF-8 are taken for a token. What is no text counts a flat number: what a medium
costs depends on the model, and often on its size.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any, assert_never

import attrs

from trioproxy.neutral.parts import Media, MediaKind, Opaque, Part, Reasoning, Refusal, Text, ToolCall, ToolResult
from trioproxy.neutral.request import Conversation, ServerTool, Tool
from trioproxy.wire.jsoncodec import dumps

__all__ = ["BY_BYTES", "FLAT", "HEADER", "PER_TURN", "Tokenizer", "estimate", "tokenizer"]

HEADER = b"x-trioproxy-estimate"
"""Which tokenizer made the number. The body has the protocol's own shape and no room for it."""

BYTES_PER_TOKEN = 4
PER_TURN = 4
"""Tokens around each message, tool and the whole: roles and separators."""

FLAT: dict[MediaKind, int] = {
    MediaKind.IMAGE: 1000,
    MediaKind.DOCUMENT: 3000,
    MediaKind.AUDIO: 1000,
    MediaKind.VIDEO: 3000,
}

_PIECE = 65536
"""The vocabulary's library refuses texts of very many tokens; a cut costs at most a token."""


@attrs.frozen(kw_only=True)
class Tokenizer:
    """``count`` is the number of tokens of a text."""

    name: str
    count: Callable[[str], int]


def _bytes(text: str) -> int:
    size = len(text.encode("utf-8", "replace"))
    return -(-size // BYTES_PER_TOKEN)


BY_BYTES = Tokenizer(name="bytes", count=_bytes)


@functools.cache
def tokenizer() -> Tokenizer:
    """The best one that is installed. Loading the vocabulary takes a good part of a second: call it in a thread."""
    try:
        import bpe_openai  # an extra: forty megabytes that only this needs

        encode = bpe_openai.get_encoding("o200k_base").encode_ordinary
    except (ImportError, OSError):  # not installed, or without its data
        return BY_BYTES

    def count(text: str) -> int:
        sound = text.encode("utf-8", "replace").decode()
        return sum(len(encode(sound[at : at + _PIECE])) for at in range(0, len(sound), _PIECE))

    return Tokenizer(name="o200k_base", count=count)


def estimate(conversation: Conversation, by: Tokenizer) -> int:
    """About how many tokens a model reads of this conversation. Slow for long ones: call it in a thread."""
    total = PER_TURN * (1 + len(conversation.turns) + len(conversation.tools))
    for spec in conversation.tools:
        total += sum(map(by.count, _declared(spec)))
    for part in (*conversation.system, *(part for turn in conversation.turns for part in turn.parts)):
        total += _part(part, by)
    if conversation.output is not None and conversation.output.schema is not None:
        total += by.count(_json(dict(conversation.output.schema)))
    return total


def _declared(spec: Tool | ServerTool) -> Iterator[str]:
    match spec:
        case Tool():
            yield spec.name
            yield spec.description or ""
            yield _json(dict(spec.schema)) if spec.schema is not None else ""
            yield _json(dict(spec.grammar)) if spec.grammar is not None else ""
        case ServerTool():
            yield _json(dict(spec.payload))
        case _:
            assert_never(spec)


def _part(part: Part, by: Tokenizer) -> int:
    match part:
        case Text(text=text) | Refusal(text=text):
            return by.count(text)
        case Reasoning(text=text, summary=summary):
            return by.count(text) + sum(map(by.count, summary))
        case Media(kind=kind):
            return FLAT[kind]
        case ToolCall(name=name, arguments=arguments):
            return by.count(name) + by.count(arguments)
        case ToolResult(content=content):
            return PER_TURN + sum(_part(each, by) for each in content)
        case Opaque(payload=payload):
            return by.count(_json(payload))
        case _:
            assert_never(part)


def _json(value: Any) -> str:
    return dumps(value).decode("utf-8", "replace")
