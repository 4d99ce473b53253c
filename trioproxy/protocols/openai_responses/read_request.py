"""A client's request, whole: the members beside ``input`` and ``tools``.

What the hub has a word for becomes that word, the rest stays as this protocol's extras. Members without which the answer would not be what
was asked for, and which no other protocol has, are marked essential (:data:`ESSENTIAL_MEMBERS`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import MappingProxyType
from typing import Any

from trioproxy.neutral.parts import Text
from trioproxy.neutral.request import (
    Conversation,
    Effort,
    OutputFormat,
    OutputKind,
    ReasoningAsk,
    Sampling,
    ServerTool,
    ToolSpec,
)
from trioproxy.protocols.base import Asked
from trioproxy.protocols.openai_responses.fields import Fields, refusal
from trioproxy.protocols.openai_responses.read_items import ItemReader
from trioproxy.protocols.openai_responses.read_tools import (
    read_choice,
    read_loaded,
    read_tools,
    without_unknown_namespaces,
)
from trioproxy.protocols.openai_responses.vocabulary import NO_SUMMARY
from trioproxy.wire.jsoncodec import JSON, Object

__all__ = ["ESSENTIAL_MEMBERS", "read_request"]

ESSENTIAL_MEMBERS = ("background", "conversation", "prompt", "top_logprobs")
"""An answer to be fetched later, a history and a prompt that are stored with the provider, probabilities that nobody else tells."""

# The values these members have when they are left out: spelled out they ask for nothing.
_DEFAULTS: dict[str, JSON] = {"background": False, "truncation": "disabled", "store": False, "top_logprobs": 0}
_UNTOLD: dict[str, JSON] = {"generate": True, "stream_options": {"include_obfuscation": False}}
_ENCRYPTED = "reasoning.encrypted_content"

_EFFORTS = {effort.value: effort for effort in Effort}
_OUTPUTS = {"text": OutputKind.TEXT, "json_object": OutputKind.JSON, "json_schema": OutputKind.JSON_SCHEMA}


def read_request(document: Object, asked: Asked) -> Conversation:
    """The request as a conversation.

    Raises:
        ClientFault: INVALID_REQUEST; ``param`` names the member that is not what it has to be.
    """
    fields = Fields(document, "")
    notes: dict[str, Any] = {"members": frozenset(document)}
    for name in ("model", "stream"):
        fields.take(name)
    instructions = fields.text("instructions")
    items = ItemReader()
    items.read(_input(fields, notes))
    tools: list[ToolSpec] = read_tools(fields.list("tools"))
    loaded = read_loaded(items.loaded, tools)
    tools += loaded
    notes["loaded"] = tuple(tool.payload for tool in loaded if isinstance(tool, ServerTool))
    if items.asides:
        notes["asides"] = tuple(items.asides)
    _configured(fields, items.updates, notes)
    sampling = Sampling(
        max_tokens=fields.integer("max_output_tokens"),
        temperature=fields.number("temperature"),
        top_p=fields.number("top_p"),
        presence_penalty=fields.number("presence_penalty"),
        frequency_penalty=fields.number("frequency_penalty"),
    )
    output, verbosity = _text(fields, notes)
    user = _user(fields, notes)
    previous = fields.text("previous_response_id")
    alias = fields.text("conversation_id")
    _default_values(fields, notes)
    fields.unsay(_UNTOLD)
    _include(fields, notes)
    return Conversation(
        model=asked.model,
        system=(*([Text(text=instructions)] if instructions else []), *items.system),
        system_places=(*(["instructions"] if instructions else []), *items.system_places),
        turns=without_unknown_namespaces(items.turns, tools),
        tools=tuple(tools),
        tool_choice=read_choice(fields.take("tool_choice")),
        parallel_tools=fields.flag("parallel_tool_calls"),
        sampling=sampling,
        reasoning=_reasoning(fields),
        output=output,
        verbosity=verbosity,
        stream=asked.stream,
        user=user,
        metadata=MappingProxyType(fields.object("metadata") or {}),
        cache_key=fields.text("prompt_cache_key"),
        previous_response_id=previous or alias or None,
        service_tier=fields.text("service_tier"),
        extras=fields.extras(essential=(*ESSENTIAL_MEMBERS, *_essential(fields)), notes=notes),
    )


def _essential(fields: Fields) -> Iterator[str]:
    """Members that turn the request into another one where they hold this: no answer is wanted, or none that a moderator objects to."""
    if fields.peek("generate") is False:
        yield "generate"
    options, moderation = fields.peek("prompt_cache_options"), fields.peek("moderation")
    if isinstance(options, dict) and options.get("prewarm") is True:
        yield "prompt_cache_options"
    policy = moderation.get("policy") if isinstance(moderation, dict) else None
    if isinstance(policy, dict) and any(
        isinstance(side, dict) and side.get("mode") == "block" for side in policy.values()
    ):
        yield "moderation"


def _input(fields: Fields, notes: dict[str, Any]) -> list[Any]:
    value = fields.take("input")
    if isinstance(value, str):
        notes["input"] = "string"
        return [{"role": "user", "content": value}]
    if value is None:
        return []
    if not isinstance(value, list):
        raise refusal("input", "a string or a list of items")
    return value


def _configured(fields: Fields, updates: Iterable[tuple[Object, str]], notes: dict[str, Any]) -> None:
    """What items of the input set: each setting "stays in effect until a later update replaces it" (openai 3.57,
    ``ResponseConfigurationUpdateItemParam``). The request is read as if it asked that; our own writer sends the items."""
    for item, path in updates:
        notes.setdefault("configured", {name: fields.peek(name) for name in ("reasoning", "text")})
        update = Fields(item, path)
        for name in ("reasoning", "text"):
            value = update.object(name)
            if value:
                fields.keep(name, {**Fields(fields.peek(name) or {}, name).rest(), **value})


def _text(fields: Fields, notes: dict[str, Any]) -> tuple[OutputFormat | None, str | None]:
    value = fields.take("text")
    if value is None:
        return None, None
    inner = Fields(value, "text")
    verbosity, asked = inner.text("verbosity"), inner.object("format")
    output, left = None, {}
    if asked:
        wanted = Fields(asked, "text.format")
        spelled = wanted.need("type")
        if spelled not in _OUTPUTS:
            raise refusal("text.format.type", f"one of {', '.join(_OUTPUTS)}")
        output = OutputFormat(
            kind=_OUTPUTS[spelled],
            schema=wanted.object("schema"),
            name=wanted.text("name"),
            description=wanted.text("description"),
            strict=wanted.flag("strict"),
        )
        notes["format"], left = wanted.blank(), wanted.rest()
    notes["text"] = inner.blank()
    fields.keep("text", {**inner.rest(), **({"format": left} if left else {})})
    return output, verbosity


def _user(fields: Fields, notes: dict[str, Any]) -> str | None:
    """The end user: ``safety_identifier``, or ``user``, which it replaces."""
    identifier = fields.text("safety_identifier")
    if identifier:
        notes["user"] = "safety_identifier"
        return identifier
    user = fields.text("user")
    if user:
        notes["user"] = "user"
    return user or None


def _default_values(fields: Fields, notes: dict[str, Any]) -> None:
    spelled = {name: value for name, value in _DEFAULTS.items() if name in fields and fields.peek(name) == value}
    for name in spelled:
        fields.take(name)
    if spelled:
        notes["defaults"] = spelled


def _include(fields: Fields, notes: dict[str, Any]) -> None:
    """``reasoning.encrypted_content`` needs no asking where signatures are carried anyway; whatever else is included stays an extra."""
    if fields.peek("include") == [_ENCRYPTED]:
        notes["include"] = fields.take("include")


def _reasoning(fields: Fields) -> ReasoningAsk | None:
    value = fields.take("reasoning")
    if value is None:
        return None
    inner = Fields(value, "reasoning")
    inner.unsay({"context": "auto", "mode": "standard"})
    notes: dict[str, Any] = {"ours": True}
    effort, spelled = None, inner.peek("effort")
    if not isinstance(spelled, str | None):
        raise refusal("reasoning.effort", "a string")
    if spelled is None or spelled in _EFFORTS:
        # A level that is new to us stays an extra: only OpenAI knows what it means.
        inner.take("effort")
        effort = _EFFORTS.get(spelled or "")
    summary, older = inner.text("summary"), inner.text("generate_summary")
    if summary is None and older is not None:
        notes["summary"] = "generate_summary"
    elif older is not None:
        notes["older"] = older
    summary = summary or older
    visible = True if summary else None
    if summary == NO_SUMMARY:
        notes["silent"], summary, visible = True, None, False
    return ReasoningAsk(effort=effort, visible=visible, summary=summary, extras=inner.extras(notes=notes))
