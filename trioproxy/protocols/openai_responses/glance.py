"""A typed look at a whole ``response``: that it is an answer in order, and its usage. Who only counts need not read what it says."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from trioproxy.protocols.glancing import glancing
from trioproxy.protocols.openai_responses.usage import read_usage

__all__ = ["glance"]


class _Message(msgspec.Struct, tag_field="type", tag="message", gc=False):
    content: list[dict[str, msgspec.Raw]]


class _Reasoning(msgspec.Struct, tag_field="type", tag="reasoning", gc=False):
    id: str | None = None


class _Call(msgspec.Struct, tag_field="type", tag="function_call", gc=False):
    name: Annotated[str, msgspec.Meta(min_length=1)]
    call_id: Annotated[str, msgspec.Meta(min_length=1)]
    arguments: str


class _Response(msgspec.Struct, gc=False):
    object: Literal["response"]
    status: Literal["completed"]
    output: list[_Message | _Reasoning | _Call]
    usage: dict[str, Any] | None = None
    service_tier: str | None = None
    error: None = None
    incomplete_details: None = None


glance = glancing(_Response, lambda answer: read_usage(answer.usage, answer.service_tier))
"""See :attr:`~trioproxy.protocols.base.Protocol.glance`."""
