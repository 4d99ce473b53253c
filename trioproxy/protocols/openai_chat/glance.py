"""A typed look at a whole Chat Completions body: that it is an answer in order, and its usage.

Who only counts need not read what it says, which costs five times as much. The look refuses what it does not know, for the reader: a member more
beside the choices may be an error, a ``finish_reason`` that is none of these may be a failure.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from trioproxy.protocols.glancing import glancing
from trioproxy.protocols.openai_chat.usage import read_usage

__all__ = ["glance"]


class _Function(msgspec.Struct, gc=False):
    name: Annotated[str, msgspec.Meta(min_length=1)]
    arguments: str = ""


class _Call(msgspec.Struct, gc=False):
    function: _Function
    id: str | None = None
    type: Literal["function"] = "function"


class _Message(msgspec.Struct, gc=False):
    content: str | None = None
    tool_calls: list[_Call] | None = None
    function_call: None = None


class _Choice(msgspec.Struct, gc=False):
    message: _Message
    finish_reason: Literal["stop", "length", "tool_calls", "content_filter"]
    usage: None = None


class _Answer(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    choices: Annotated[list[_Choice], msgspec.Meta(min_length=1)]
    object: Literal["chat.completion"]
    usage: dict[str, Any] | None = None
    id: msgspec.Raw = msgspec.Raw()
    created: msgspec.Raw = msgspec.Raw()
    model: msgspec.Raw = msgspec.Raw()
    system_fingerprint: msgspec.Raw = msgspec.Raw()
    service_tier: str | None = None
    provider: msgspec.Raw = msgspec.Raw()
    prompt_logprobs: None = None
    kv_transfer_params: None = None


glance = glancing(_Answer, lambda answer: read_usage(answer.usage, answer.service_tier))
"""See :attr:`~trioproxy.protocols.base.Protocol.glance`."""
