"""The ``response`` object around an answer: what a client asked, said back to it.

The SDK's types make most of these members compulsory, and clients read some (``tools``, ``reasoning``, ``previous_response_id``). A member
the client left out has the value OpenAI gives it.
"""

from __future__ import annotations

from typing import Any

from trioproxy.neutral.effort import effort_of
from trioproxy.neutral.extras import own, spelling
from trioproxy.neutral.loss import Loss
from trioproxy.neutral.parts import Text
from trioproxy.neutral.request import Conversation
from trioproxy.protocols.base import WriteContext
from trioproxy.protocols.openai_responses.vocabulary import NAME
from trioproxy.protocols.openai_responses.write_format import write_format
from trioproxy.protocols.openai_responses.write_tools import write_choice, write_tools
from trioproxy.wire.jsoncodec import Object

__all__ = ["minimal_response", "response_of"]

_ECHOED = ("max_tool_calls", "prompt_cache_retention", "truncation", "top_logprobs", "background", "store")


def minimal_response(*, response_id: str, model: str, created: int) -> Object:
    """A response nobody asked anything in particular of, ``in_progress`` and without output."""
    return {
        "id": response_id,
        "object": "response",
        "created_at": created,
        "status": "in_progress",
        "background": False,
        "completed_at": None,
        "error": None,
        "frequency_penalty": 0.0,
        "incomplete_details": None,
        "instructions": None,
        "max_output_tokens": None,
        "max_tool_calls": None,
        "metadata": {},
        "model": model,
        "output": [],
        "parallel_tool_calls": True,
        "presence_penalty": 0.0,
        "previous_response_id": None,
        "prompt_cache_key": None,
        "reasoning": {"effort": None, "summary": None},
        "safety_identifier": None,
        "service_tier": "default",
        "store": False,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_logprobs": 0,
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": None,
        "user": None,
    }


def response_of(context: WriteContext, *, response_id: str, created: int | None) -> Object:
    """The response a request has at its start."""
    document = minimal_response(
        response_id=response_id, model=context.model, created=created if created is not None else context.now
    )
    if context.conversation is not None:
        document.update(_asked(context.conversation))
    return document


def _asked(conversation: Conversation) -> Object:
    """What a conversation says of the members of a response; only what it does say."""
    # An echo loses nothing: what a request could not say was recorded where the request was written.
    unsaid: list[Loss] = []
    notes = spelling(conversation.extras, NAME)
    extra = {**own(conversation.extras, NAME), **notes.get("defaults", {})}
    sampling = conversation.sampling
    known: dict[str, Any] = {
        "instructions": _instructions(conversation),
        "max_output_tokens": sampling.max_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "presence_penalty": sampling.presence_penalty,
        "frequency_penalty": sampling.frequency_penalty,
        "parallel_tool_calls": conversation.parallel_tools,
        "previous_response_id": conversation.previous_response_id,
        "prompt_cache_key": conversation.cache_key,
        notes.get("user", "safety_identifier"): conversation.user,
        **{name: extra.get(name) for name in _ECHOED},
    }
    document: Object = {name: value for name, value in known.items() if value is not None}
    document["metadata"] = dict(conversation.metadata)
    document["tools"] = write_tools(conversation.tools, lambda tool: tool.name, unsaid, loaded=notes.get("loaded", ()))
    if conversation.tool_choice is not None:
        document["tool_choice"] = write_choice(conversation.tool_choice, conversation.tools, lambda name: name, unsaid)
    if conversation.reasoning is not None:
        effort = effort_of(conversation.reasoning)
        document["reasoning"] = {"effort": effort.value if effort else None, "summary": conversation.reasoning.summary}
    text: Object = {"format": write_format(conversation.output) if conversation.output else {"type": "text"}}
    if conversation.verbosity is not None:
        text["verbosity"] = conversation.verbosity
    document["text"] = text
    return document


def _instructions(conversation: Conversation) -> str | None:
    said = [part for part in conversation.system if isinstance(part, Text)]
    texts: list[str] = []
    for part in said:
        if "message" in spelling(part.extras, NAME):
            break
        texts.append(part.text)
    return "\n\n".join(text for text in texts if text) or None
