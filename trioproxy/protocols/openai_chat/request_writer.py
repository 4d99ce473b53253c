"""A :class:`~trioproxy.neutral.request.Conversation` to a Chat Completions body for one upstream.

What the target takes beside the common core is said by its quirks (``quirks.py``). A conversation that was read from this protocol gets its own
members and spelling back; of any other one, whatever has no word here is a loss by name, or a refusal where the answer would not be what was
asked for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, assert_never

from trioproxy.neutral.continuation import refuse_continuation
from trioproxy.neutral.extras import shared, spelling
from trioproxy.neutral.json_mode import JSON_INSTRUCTION, schema_instruction, speaks_of_json
from trioproxy.neutral.parameters import spelled_out
from trioproxy.neutral.request import Conversation, Effort, OutputFormat, OutputKind
from trioproxy.neutral.strictness import is_strict
from trioproxy.protocols.base import WriteTarget, Written
from trioproxy.protocols.openai_chat.draft import Draft, nulls
from trioproxy.protocols.openai_chat.endpoints import NAME
from trioproxy.protocols.openai_chat.messages_writer import instruction_role, write_messages
from trioproxy.protocols.openai_chat.quirks import (
    CACHE_CONTROL,
    JSON_OBJECT_ONLY,
    MAX_COMPLETION_TOKENS,
    OPENAI_FIELDS,
    REASONING_MODEL,
    TOP_K,
)
from trioproxy.protocols.openai_chat.request_reader import BESIDE_SCHEMA, JSON_SCHEMA
from trioproxy.protocols.openai_chat.thinking_writer import write_reasoning
from trioproxy.protocols.openai_chat.tools_writer import declare_tools, write_tools
from trioproxy.wire.jsoncodec import JSON, Object

__all__ = ["write_request"]

_FIXED_BY_THINKING: dict[str, JSON] = {
    "temperature": 1,
    "top_p": 1,
    "presence_penalty": 0,
    "frequency_penalty": 0,
}
"""What a reasoning model refuses to be told while it thinks, and the value it has then."""

_TWINS = {
    "prompt_cache_retention": OPENAI_FIELDS,
    "prompt_cache_options": OPENAI_FIELDS,
    "cache_control": CACHE_CONTROL,
}
"""What Responses or Messages has under the same names, and means the same by; the quirk of targets that take it."""

_TIERS = frozenset({"auto", "default", "flex", "scale", "priority", "fast"})
"""The tiers that OpenAI knows; it answers 400 to any other."""

_MOST_STOPS = 4
"""API reference: "Up to 4 sequences where the API will stop". Groq, Fireworks and others copied the limit; who takes more loses nothing."""

_USER_LENGTH = 64
"""OpenAI: "Invalid 'user': string too long. Expected a string with maximum length 64"."""


def write_request(conversation: Conversation, target: WriteTarget) -> Written:
    """Write a request.

    Raises:
        ClientFault: INVALID_REQUEST, ``param`` naming what can't be said and can't be left out.
    """
    draft = Draft.of(conversation, target)
    notes = spelling(conversation.extras, NAME)
    twins, extras = shared(conversation.extras, NAME, [name for name, quirk in _TWINS.items() if draft.has(quirk)])
    own = {**twins, **draft.own(extras, "")}
    refuse_continuation(conversation)
    declare_tools(conversation, draft)
    body: Object = {"model": target.model, "messages": write_messages(conversation, draft), "stream": target.stream}
    body |= _stream_options(draft, own, notes.get("include_usage"))
    reasoning = write_reasoning(conversation.reasoning, draft)
    body |= _sampling(conversation, draft, thinks=reasoning.get("reasoning_effort") != Effort.NONE.value)
    body |= reasoning
    body |= _output(conversation.output, draft, own, notes.get("form"))
    body |= _modalities(conversation.modalities, draft)
    if not draft.native:
        _tell_of_json(conversation.output, body, draft)
    body |= write_tools(conversation, draft)
    body |= _account(conversation, draft)
    body |= own
    body |= notes.get("harmless", {})
    for name, value in {**nulls(conversation.extras), **notes.get("empty", {})}.items():
        body.setdefault(name, value)
    if conversation.output is not None and "schema_nulls" in notes:
        body["response_format"]["json_schema"].update(nulls(conversation.extras, "schema_nulls"))
    return Written(body=body, losses=tuple(draft.losses), naming=draft.names.naming(), stops=draft.stops)


def _stream_options(draft: Draft, own: Object, asked: bool | None) -> Object:
    options: Object = own.pop("stream_options", {})
    if not draft.target.stream:
        return {}
    if draft.target.include_usage:
        options = {"include_usage": True, **options}
    elif asked is False:
        options = {"include_usage": False, **options}
    return {"stream_options": options} if options else {}


def _sampling(conversation: Conversation, draft: Draft, *, thinks: bool) -> Object:
    sampling = conversation.sampling
    notes = spelling(conversation.extras, NAME)
    names = notes.get("names", ())
    members = _limit(sampling.max_tokens, draft, notes)
    members |= dict.fromkeys(notes.get("unlimited", ()), -1)
    if sampling.top_k is not None:
        if "top_k" in names or draft.has(TOP_K):
            members["top_k"] = sampling.top_k
        else:
            draft.lose("top_k", "the target draws from all tokens")
    stop: JSON = _stop(sampling.stop, draft)
    if notes.get("stop") == "string" and len(sampling.stop) == 1:
        stop = sampling.stop[0]
    given = {
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "presence_penalty": sampling.presence_penalty,
        "frequency_penalty": sampling.frequency_penalty,
        "stop": stop,
        notes.get("seed", "seed"): sampling.seed,
    }
    for name, value in given.items():
        if value is None:
            continue
        if thinks and draft.has(REASONING_MODEL) and name in _FIXED_BY_THINKING:
            if value != _FIXED_BY_THINKING[name]:
                draft.lose(name, "reasoning models don't take it")
        else:
            members[name] = value
    return members


def _limit(limit: int | None, draft: Draft, notes: Mapping[str, Any]) -> Object:
    """How long the answer may be, by the name that the target has for it."""
    if limit is None:
        return {}
    if limit < 1 and not draft.native:
        draft.lose("max_tokens", "an answer of nothing can't be asked for: one token was")
        limit = 1
    ceiling = draft.target.max_output_tokens
    if ceiling is not None and limit > ceiling:
        draft.lose("max_tokens", f"the model writes {ceiling} tokens at most")
        limit = ceiling
    renamed = draft.has(MAX_COMPLETION_TOKENS, REASONING_MODEL)
    own_name = "max_completion_tokens" if "max_completion_tokens" in notes.get("names", ()) else "max_tokens"
    members: Object = {"max_completion_tokens" if renamed else own_name: limit}
    if "max_tokens" in notes and not renamed:
        members["max_tokens"] = notes["max_tokens"]
    return members


def _output(output: OutputFormat | None, draft: Draft, own: Object, form: Object | None) -> Object:
    left: Object = own.pop(JSON_SCHEMA, {})
    beside: Object = own.pop(BESIDE_SCHEMA, {})
    if form is not None:
        return {"response_format": form}
    if output is None:
        return {}
    match output.kind:
        case OutputKind.TEXT:
            return {"response_format": {"type": "text"}}
        case OutputKind.JSON:
            return {"response_format": {"type": "json_object"}}
        case OutputKind.JSON_SCHEMA if draft.has(JSON_OBJECT_ONLY):
            draft.lose("response_format", "the target writes JSON, but by no schema")
            return {"response_format": {"type": "json_object"}}
        case OutputKind.JSON_SCHEMA:
            # OpenAI wants a name; other protocols have none.
            members = {
                "name": output.name or ("answer" if not draft.native else None),
                "description": output.description,
                "schema": output.schema if draft.native else spelled_out(output.schema or {}),
                "strict": _strict(output, draft),
            }
            schema = {name: value for name, value in members.items() if value is not None}
            return {"response_format": {"type": "json_schema", "json_schema": {**schema, **left}, **beside}}
        case _:
            assert_never(output.kind)


def _modalities(asked: tuple[str, ...], draft: Draft) -> Object:
    if asked and not draft.native and draft.has(OPENAI_FIELDS, REASONING_MODEL):
        raise draft.refusal("modalities", "asks for images, which the target answers with in other protocols alone")
    return {"modalities": list(asked)} if asked else {}


def _strict(output: OutputFormat, draft: Draft) -> bool | None:
    if output.strict is not True or draft.native or is_strict(output.schema):
        return output.strict
    draft.lose(
        "response_format.strict", "the target holds answers to closed schemas only, in which nothing is optional"
    )
    return None


def _fitted(user: str) -> str:
    return user if len(user) <= _USER_LENGTH else hashlib.sha256(user.encode()).hexdigest()


def _stop(sequences: tuple[str, ...], draft: Draft) -> JSON:
    """Those the target takes; at the others the answer is cut here."""
    if draft.native:
        return list(sequences) or None
    taken = 0 if draft.has(REASONING_MODEL) else _MOST_STOPS
    draft.stops = sequences[taken:]
    if draft.stops:
        draft.lose("stop", f"the model takes {taken or 'no'} stop sequences: at the others the answer is cut here")
    return list(sequences[:taken]) or None


def _tell_of_json(output: OutputFormat | None, body: Object, draft: Draft) -> None:
    """Say in words what a target can't be held to, or does not do unasked (``neutral/json_mode.py``)."""
    if body.get("response_format") != {"type": "json_object"} or output is None:
        return
    if output.schema is not None:
        told = schema_instruction(output.schema)
    elif speaks_of_json(_texts(body["messages"])):
        return
    else:
        told = JSON_INSTRUCTION
        draft.lose("response_format", "the mode is refused where no message speaks of JSON: one was made to")
    messages: list[Object] = body["messages"]
    first = messages[0]
    if first["role"] in ("system", "developer") and isinstance(first["content"], str):
        messages[0] = {**first, "content": f"{first['content']}\n\n{told}"}
    else:
        messages.insert(0, {"role": instruction_role(draft), "content": told})


def _texts(messages: list[Object]) -> Iterator[str]:
    for message in messages:
        content = message.get("content")
        if isinstance(content, str):
            yield content
        elif isinstance(content, list):
            yield from (
                part["text"] for part in content if isinstance(part, dict) and isinstance(part.get("text"), str)
            )


def _account(conversation: Conversation, draft: Draft) -> Object:
    """Who asks and how the request is filed: members that only OpenAI, or the client's own server, is known to take."""
    notes = spelling(conversation.extras, NAME)
    names = notes.get("names", ())
    user_name = "safety_identifier" if "safety_identifier" in names and "user" not in names else "user"
    members: Object = {}
    if conversation.user is not None:
        # The oldest of these members: every server knows it, and only some clients' names fit in it.
        members[user_name] = conversation.user if draft.native else _fitted(conversation.user)
    given: dict[str, JSON] = {
        "metadata": dict(conversation.metadata) or None,
        "prompt_cache_key": conversation.cache_key,
        "service_tier": conversation.service_tier,
        "verbosity": conversation.verbosity,
    }
    for name, value in given.items():
        if value is None:
            continue
        if name in names or (draft.has(OPENAI_FIELDS) and (name != "service_tier" or value in _TIERS)):
            members[name] = value
        else:
            draft.lose(name, "the target is not known to take it")
    if "safety_identifier" in notes:
        members["safety_identifier"] = notes["safety_identifier"]
    return members
