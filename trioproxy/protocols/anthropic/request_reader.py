"""A Messages request to a neutral conversation.

What the hub has no word for is carried on the nearest node (``neutral/extras.py``); how the client spelled what the hub does say (a string
for a list of one block) is noted there too, so that the writer of this protocol gives back the request it was. Source: platform.claude.com,
API reference, Messages; anthropic SDK 2.11 ``types/beta/message_create_params.py``.
"""

from __future__ import annotations

import attrs

from trioproxy.neutral.extras import packed
from trioproxy.neutral.parts import Media, Opaque, Text
from trioproxy.neutral.request import (
    Conversation,
    OutputFormat,
    OutputKind,
    Role,
    Sampling,
    Turn,
)
from trioproxy.protocols.anthropic.block_reader import plain_parts, read_parts
from trioproxy.protocols.anthropic.endpoints import NAME
from trioproxy.protocols.anthropic.fields import Fields, invalid
from trioproxy.protocols.anthropic.thinking_reader import read_thinking
from trioproxy.protocols.anthropic.tool_reader import read_tool, read_tool_choice
from trioproxy.protocols.base import Asked
from trioproxy.wire.jsoncodec import JSON, Object

__all__ = ["ESSENTIAL", "read_request"]

ESSENTIAL = ("container", "mcp_servers", "thread", "inference_geo")
"""Fields without which the answer would be another one: files and skills, tools, the history itself, where the data may go."""

_ROLES = {role.value: role for role in (Role.SYSTEM, Role.USER, Role.ASSISTANT)}


def read_request(document: Object, asked: Asked) -> Conversation:
    """The conversation.

    Raises:
        ClientFault: INVALID_REQUEST; ``param`` is the path of the field (``messages[2].content[0].source``).
    """
    fields = Fields(document, "")
    fields.take("model")
    notes: Object = {}
    if fields.take("stream") is not None:
        notes["stream"] = True
    system = fields.take("system")
    if isinstance(system, str):
        notes["system"] = "string"
    tool_choice, parallel = read_tool_choice(fields.inner("tool_choice"))
    output_config = fields.inner("output_config") or Fields({}, "output_config")
    output, odd = _output_format(fields, output_config, notes)
    reasoning = read_thinking(fields.inner("thinking"), output_config.text("effort"))
    metadata = fields.inner("metadata") or Fields({}, "metadata")
    user = metadata.text("user_id")
    conversation = Conversation(
        model=asked.model,
        system=_system(system),
        turns=_turns(fields),
        tools=tuple(read_tool(value, path) for path, value in fields.items("tools") or []),
        tool_choice=tool_choice,
        parallel_tools=parallel,
        sampling=_sampling(fields),
        reasoning=reasoning,
        output=output,
        stream=asked.stream,
        user=user,
        service_tier=fields.text("service_tier"),
    )
    rest = fields.rest()
    for inner in (output_config, metadata):
        if inner.rest():
            rest[inner.path] = inner.rest()
    if odd:
        rest["output_config"] = {**rest.get("output_config", {}), "format": odd}
    essential = [name for name in ESSENTIAL if rest.get(name)]
    return attrs.evolve(conversation, extras=packed(NAME, rest, essential=essential, spelling={**notes, "own": True}))


def _system(value: JSON) -> tuple[Text | Opaque, ...]:
    if value is None:
        return ()
    parts: list[Text | Opaque] = []
    for number, part in enumerate(plain_parts(value, "system")):
        if isinstance(part, Media):
            raise invalid(f"system[{number}]", "must be text")
        parts.append(part)
    return tuple(parts)


def _turns(fields: Fields) -> tuple[Turn, ...]:
    messages = fields.items("messages")
    if not messages:
        raise invalid("messages", "is required and must hold at least one message")
    return tuple(_turn(Fields(value, path)) for path, value in messages)


def _turn(fields: Fields) -> Turn:
    role = _ROLES.get(fields.required_text("role"))
    if role is None:
        raise invalid(fields.at("role"), "must be user, assistant or system")
    content = fields.take("content")
    parts = () if content is None else read_parts(content, fields.at("content"))
    spelled = "string" if isinstance(content, str) else "absent" if content is None else "blocks"
    where = fields.at("content")
    places = tuple(f"{where}[{number}]" for number in range(len(parts))) if spelled == "blocks" else (where,)
    return Turn(
        role=role, parts=parts, extras=packed(NAME, fields.rest(), spelling={"content": spelled}), places=places
    )


def _sampling(fields: Fields) -> Sampling:
    return Sampling(
        max_tokens=fields.integer("max_tokens"),
        temperature=fields.number("temperature"),
        top_p=fields.number("top_p"),
        top_k=fields.integer("top_k"),
        stop=fields.texts("stop_sequences"),
    )


def _output_format(fields: Fields, output_config: Fields, notes: Object) -> tuple[OutputFormat | None, Object]:
    """``output_config.format``, or ``output_format`` as it was called in the beta; and its members that nobody knows."""
    said = output_config.inner("format")
    if said is None:
        said = fields.inner("output_format")
        if said is not None:
            notes["format"] = "output_format"
    else:
        notes["format"] = "output_config"
    if said is None:
        return None, {}
    kind, schema = said.required_text("type"), said.take("schema")
    if kind != "json_schema" or not isinstance(schema, dict):
        raise invalid(said.path, "must be a json_schema with a schema")
    return OutputFormat(kind=OutputKind.JSON_SCHEMA, schema=schema, strict=True), said.rest()
