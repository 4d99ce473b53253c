"""A typed look at a whole ``GenerateContentResponse``: that it is an answer in order, and its usage. Who only counts need not read what it
says."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from trioproxy.protocols.gemini.usage import read_usage
from trioproxy.protocols.glancing import glancing

__all__ = ["glance"]


class _Call(msgspec.Struct, gc=False):
    name: Annotated[str, msgspec.Meta(min_length=1)]
    args: dict[str, msgspec.Raw] | None = None
    partialArgs: None = None


class _Part(msgspec.Struct, gc=False):
    text: str | None = None
    functionCall: _Call | None = None


class _Content(msgspec.Struct, gc=False):
    parts: Annotated[list[_Part], msgspec.Meta(min_length=1)]


class _Candidate(msgspec.Struct, gc=False):
    content: _Content
    finishReason: Literal["STOP", "MAX_TOKENS"]
    index: Literal[0] = 0


class _Response(msgspec.Struct, gc=False):
    candidates: Annotated[list[_Candidate], msgspec.Meta(min_length=1)]
    usageMetadata: dict[str, Any] | None = None
    promptFeedback: None = None
    error: None = None


glance = glancing(
    _Response, lambda answer: read_usage(answer.usageMetadata) if answer.usageMetadata is not None else None
)
"""See :attr:`~trioproxy.protocols.base.Protocol.glance`."""
