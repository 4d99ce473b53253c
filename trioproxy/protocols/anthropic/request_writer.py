"""A neutral conversation to a Messages request for one model.

Writers fill in a draft, :mod:`~trioproxy.protocols.anthropic.rules` correct it. Fields of this API's own clients come back as they were;
another protocol's become a loss, or a refusal where the answer would depend on them. Source: platform.claude.com, API reference, Messages.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from trioproxy.neutral.continuation import refuse_continuation
from trioproxy.neutral.extras import settled, shared, spelling
from trioproxy.neutral.json_mode import JSON_INSTRUCTION, schema_instruction
from trioproxy.neutral.request import Conversation, OutputFormat, OutputKind, Role, Turn
from trioproxy.protocols.anthropic.block_writer import write_parts
from trioproxy.protocols.anthropic.carrying import given_back
from trioproxy.protocols.anthropic.draft import Draft, Message
from trioproxy.protocols.anthropic.endpoints import NAME
from trioproxy.protocols.anthropic.fields import invalid
from trioproxy.protocols.anthropic.rules import apply_rules
from trioproxy.protocols.anthropic.schemas import bounded
from trioproxy.protocols.anthropic.thinking_writer import write_thinking
from trioproxy.protocols.anthropic.token_counts import count_request
from trioproxy.protocols.anthropic.tool_writer import write_tool_choice, write_tools
from trioproxy.protocols.base import Operation, WriteTarget, Written
from trioproxy.wire.jsoncodec import Object

__all__ = ["NO_OUTPUT_FORMAT", "write_request"]

NO_OUTPUT_FORMAT = "no-output-format"
"""The quirk of models that can't be held to a schema: answers' or tools'."""

_USER_LENGTH = 256
"""API reference, ``metadata.user_id``: maximum length."""

_SECTIONS = ("output_config.", "metadata.")

_TWINS = ("cache_control",)
"""What clients of OpenRouter say by the same name in Chat Completions: that the whole prompt is to be cached."""

_TIERS = {"auto": "auto", "standard_only": "standard_only", "default": "standard_only"}


def write_request(conversation: Conversation, target: WriteTarget) -> Written:
    """The body, what could not be said in it, and the names tools were given.

    Raises:
        ClientFault: INVALID_REQUEST; ``param`` names what can neither be said nor dropped.
    """
    draft = Draft(target=target)
    twins, extras = shared(conversation.extras, NAME, _TWINS)
    draft.losses += settled(extras, NAME)
    refuse_continuation(conversation)
    if conversation.modalities:
        raise invalid(
            "modalities", "asks for images, which Claude models don't make; leave it out or ask a model that does"
        )
    fields, notes = {**twins, **given_back(conversation.extras)}, spelling(conversation.extras, NAME)
    draft.top["model"] = target.model
    write_tools(conversation, draft)
    _write_system(conversation, notes, draft)
    _write_turns(conversation, notes, draft)
    _write_sampling(conversation, draft)
    write_tool_choice(conversation, draft)
    _write_output(conversation.output, notes, draft)
    write_thinking(conversation.reasoning, draft)
    _write_rest(conversation, notes, draft)
    _write_own(fields, draft)
    apply_rules(draft)
    body = draft.body()
    if target.operation is Operation.COUNT_TOKENS:
        body = count_request(body)
    return Written(body=body, losses=tuple(draft.losses), naming=draft.names.naming(), stops=draft.stops)


def _write_system(conversation: Conversation, notes: Mapping[str, Any], draft: Draft) -> None:
    if "whole_system" in notes:
        said = notes["whole_system"]
        draft.system = (
            [{"type": "text", "text": said}] if isinstance(said, str) else [dict(block) for block in said or ()]
        )
    else:
        draft.system = write_parts(conversation.system, "system", draft)
    draft.system_spelled = "string" if notes.get("system") == "string" or "own" not in notes else "blocks"


def _write_turns(conversation: Conversation, notes: Mapping[str, Any], draft: Draft) -> None:
    draft.messages = [_message(turn, f"messages[{number}]", draft) for number, turn in enumerate(conversation.turns)]
    for at, message in notes.get("unseen", ()):
        draft.messages.insert(at, _as_it_was(message))


def _as_it_was(message: Object) -> Message:
    """A message that only this API makes something of."""
    content, fields = (
        message.get("content"),
        {name: message[name] for name in message if name not in ("role", "content")},
    )
    if isinstance(content, str):
        blocks, spelled = [{"type": "text", "text": content}], "string"
    else:
        blocks, spelled = [dict(block) for block in content or ()], "absent" if content is None else "blocks"
    return Message(role=message["role"], blocks=blocks, own=True, spelled=spelled, fields=fields)


def _message(turn: Turn, path: str, draft: Draft) -> Message:
    draft.losses += settled(turn.extras, NAME, path=path)
    if turn.name is not None:
        draft.lose(f"{path}.name", "speakers have no names")
    blocks = write_parts(turn.parts, f"{path}.content", draft)
    notes = spelling(turn.extras, NAME)
    if turn.role is Role.SYSTEM and not notes:
        draft.lose(f"{path}.role", "an instruction amid the conversation is sent as the user's text")
        return Message(role="user", blocks=[_instruction(block) for block in blocks])
    return Message(
        role=turn.role.value,
        blocks=blocks,
        own=bool(notes),
        spelled=notes.get("content", "blocks"),
        fields=given_back(turn.extras),
    )


def _instruction(block: Object) -> Object:
    if block["type"] != "text":
        return block
    return {**block, "text": f"<system>\n{block['text']}\n</system>"}


def _write_sampling(conversation: Conversation, draft: Draft) -> None:
    sampling, target = conversation.sampling, draft.target
    limit = sampling.max_tokens
    if limit is None:
        limit = min(target.max_tokens_default, target.max_output_tokens or target.max_tokens_default)
    draft.top["max_tokens"] = limit
    for name in ("temperature", "top_p", "top_k"):
        value = getattr(sampling, name)
        if value is not None:
            draft.top[name] = value
    stop = [each for each in sampling.stop if each.strip()]
    if len(stop) < len(sampling.stop):
        draft.stops = tuple(each for each in sampling.stop if not each.strip())
        draft.lose("stop", "stop sequences of white space alone are refused: the answer is cut here")
    if stop:
        draft.top["stop_sequences"] = stop
    for name in ("seed", "presence_penalty", "frequency_penalty"):
        if getattr(sampling, name):
            draft.lose(name, "there is no such setting")


def _write_output(output: OutputFormat | None, notes: Mapping[str, Any], draft: Draft) -> None:
    if output is None or output.kind is OutputKind.TEXT:
        return
    if output.kind is OutputKind.JSON or output.schema is None:
        draft.system.append({"type": "text", "text": JSON_INSTRUCTION})
        draft.lose("response_format", "there is no JSON mode without a schema; the model is told to answer in JSON")
        return
    if NO_OUTPUT_FORMAT in draft.target.quirks and "format" not in notes:
        draft.system.append({"type": "text", "text": schema_instruction(output.schema)})
        draft.lose("response_format", "the model can't be held to a schema; it is told of it")
        return
    if "format" in notes:
        written: Object = {"type": "json_schema", "schema": output.schema}
    else:
        written = {"type": "json_schema", "schema": bounded(output.schema)}
        if written["schema"] != output.schema:
            draft.lose("response_format.schema", "limits that can't be enforced are told in the schema's descriptions")
        for name in ("name", "description"):
            if getattr(output, name) is not None:
                draft.lose(f"response_format.{name}", "formats have no such member")
    if notes.get("format") == "output_format":
        draft.top["output_format"] = written
    else:
        draft.top["output_config"] = {"format": written}


def _write_rest(conversation: Conversation, notes: Mapping[str, Any], draft: Draft) -> None:
    if draft.target.stream or "stream" in notes:
        draft.top["stream"] = draft.target.stream
    metadata = dict(conversation.metadata)
    user = conversation.user
    if user is None and isinstance(metadata.get("user_id"), str):
        # In these words clients of OpenAI's protocols name their user to this API, as LiteLLM taught them.
        user = metadata.pop("user_id")
    if user is not None:
        draft.top["metadata"] = {"user_id": _fitted(user) if "own" not in notes else user}
    tier = conversation.service_tier
    if tier is not None and tier in _TIERS:
        draft.top["service_tier"] = _TIERS[tier]
    elif tier is not None:
        draft.lose("service_tier", f"there is no tier {tier}")
    if metadata:
        draft.lose("metadata", "requests carry no metadata but the user's id")
    for name in ("verbosity", "cache_key"):
        if getattr(conversation, name) is not None:
            draft.lose(name, "there is no such setting")


def _fitted(user: str) -> str:
    return user if len(user) <= _USER_LENGTH else hashlib.sha256(user.encode()).hexdigest()


def _write_own(fields: Object, draft: Draft) -> None:
    """Put back what this API's own client sent and the hub has no word for."""
    for path, value in fields.items():
        *outer, name = path.split(".") if path.startswith(_SECTIONS) else [path]
        holder = draft.top
        for each in outer:
            holder[each] = dict(holder.get(each, {}))
            holder = holder[each]
        holder[name] = value
