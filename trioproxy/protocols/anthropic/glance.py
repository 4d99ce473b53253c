"""A typed look at a whole Message: that it is an answer in order, and its usage. Who only counts need not read what it says."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from trioproxy.protocols.anthropic.usage import Tally
from trioproxy.protocols.glancing import glancing

__all__ = ["glance"]


class _Text(msgspec.Struct, tag_field="type", tag="text", gc=False):
    text: str


class _Thinking(msgspec.Struct, tag_field="type", tag="thinking", gc=False):
    thinking: str


class _ToolUse(msgspec.Struct, tag_field="type", tag="tool_use", gc=False):
    id: str
    name: Annotated[str, msgspec.Meta(min_length=1)]
    input: dict[str, msgspec.Raw]


class _Message(msgspec.Struct, tag_field="type", tag="message", gc=False):
    content: list[_Text | _Thinking | _ToolUse]
    stop_reason: Literal["end_turn", "tool_use", "max_tokens", "stop_sequence"]
    usage: dict[str, Any] | None = None
    error: None = None
    base_resp: None = None


glance = glancing(_Message, lambda answer: Tally().take(answer.usage))
"""See :attr:`~trioproxy.protocols.base.Protocol.glance`."""
