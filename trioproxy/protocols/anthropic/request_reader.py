"""A Messages request to a neutral conversation.

What the hub has no word for is carried on the nearest node (``neutral/extras.py``); how the client spelled what the hub does say (a string
for a list of one block) is noted there too, so that the writer of this protocol gives back the request it was. Source: platform.claude.com,
API reference, Messages; anthropic SDK 2.11 ``types/beta/message_create_params.py``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TypeAlias

import attrs

from trioproxy.neutral.parts import Opaque, Part, Text
from trioproxy.neutral.request import (
    Conversation,
    OutputFormat,
    OutputKind,
    Role,
    Sampling,
    ToolSpec,
    Turn,
)
from trioproxy.protocols.anthropic.block_reader import READERS, read_placed
from trioproxy.protocols.anthropic.carrying import carried
from trioproxy.protocols.anthropic.fields import Fields, invalid
from trioproxy.protocols.anthropic.thinking_reader import read_thinking
from trioproxy.protocols.anthropic.timeline import Placed, effort_in_force, seen, tools_in_force
from trioproxy.protocols.anthropic.tool_reader import read_tool, read_tool_choice
from trioproxy.protocols.base import Asked, Operation
from trioproxy.wire.jsoncodec import JSON, Object

__all__ = ["ESSENTIAL", "read_request"]

ESSENTIAL = ("container", "mcp_servers", "thread", "inference_geo", "compaction")
"""Fields without which the answer would be another one: files and skills, tools, the history itself, where the data may go, a summary in
place of an answer. What is only counted loses little by them."""

_UNSAID: Object = {"inference_geo": "global", "speed": "standard"}
_TIERS = {"standard_only": "default"}

_FORMAT = "output_config.format"

_Instruction: TypeAlias = tuple[str, Text | Opaque]
"""A part of the instructions behind its place in the request."""

_BILLING = re.compile(r"\Ax-anthropic-billing-header:[^\n]*\n*")
"""What Claude Code tells Anthropic's billing, and no model, at the head of its prompt. It is another one in each request: a provider that
caches prompts by their beginning would never find one again (seen in 2.1.29 and later)."""

_RECORDS = re.compile(r"server_tool_use|mcp_\w+|\w+_tool_result|tool_addition|tool_removal")

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
    messages = fields.items("messages") or []
    effort = output_config.text("effort")
    reasoning = read_thinking(fields.inner("thinking"), effort, now=effort_in_force(messages))
    metadata = fields.inner("metadata") or Fields({}, "metadata")
    user = metadata.text("user_id")
    opening, turns = _turns(messages, notes)
    instructing = (*_system(system, notes), *opening)
    if opening:
        notes["whole_system"] = system
    conversation = Conversation(
        model=asked.model,
        system=tuple(part for _, part in instructing),
        system_places=tuple(place for place, _ in instructing),
        turns=turns,
        tools=_tools(fields, messages, notes),
        tool_choice=tool_choice,
        parallel_tools=parallel,
        sampling=_sampling(fields),
        reasoning=reasoning,
        output=output,
        stream=asked.stream,
        user=user,
        service_tier=_tier(fields.text("service_tier")),
    )
    rest = fields.rest()
    for path, inner in (("output_config", output_config.rest()), ("metadata", metadata.rest()), (_FORMAT, odd)):
        rest |= {f"{path}.{name}": value for name, value in inner.items()}
    essential = _essential(rest) if asked.operation is Operation.GENERATE else ()
    return attrs.evolve(
        conversation, extras=carried(rest, essential=essential, notes={**notes, "own": True}, defaults=_UNSAID)
    )


def _essential(rest: Object) -> Iterable[str]:
    """A thread that begins here has its whole history in this request. One that goes on has it elsewhere: its client sends all of it when it
    is told so (``errors.render_error``). The SDK's tool runner begins a thread in every conversation."""
    match rest.get("thread"):
        case {"type": "create"}:
            return (name for name in ESSENTIAL if name != "thread")
        case _:
            return ESSENTIAL


def _tier(tier: str | None) -> str | None:
    return _TIERS.get(tier, tier) if tier is not None else None


def _system(value: JSON, notes: Object) -> list[_Instruction]:
    """The instructions of ``system``, each with its place."""
    parts: list[_Instruction] = []
    for place, part in read_placed(value, "system") if value is not None else ():
        if not isinstance(part, Text | Opaque):
            raise invalid(place, "must be text")
        if not (isinstance(part, Text) and _BILLING.match(part.text)):
            parts.append((place, part))
            continue
        notes["whole_system"] = value
        if left := _BILLING.sub("", part.text):
            parts.append((place, attrs.evolve(part, text=left)))
    return parts


def _turns(messages: list[Placed], notes: Object) -> tuple[list[_Instruction], tuple[Turn, ...]]:
    """What instructs the model before anybody else speaks, and the turns it is shown; all other messages are noted where they stood."""
    if not messages:
        raise invalid("messages", "is required and must hold at least one message")
    turns = [_turn(Fields(value, path)) for path, value in messages]
    shown = seen(messages)
    opening: list[_Instruction] = []
    for at, turn in enumerate(turns):
        placed = zip(turn.places, turn.parts, strict=False)
        said = [(place, part) for place, part in placed if isinstance(part, Text | Opaque)]
        if turn.role is not Role.SYSTEM or len(said) < len(turn.parts):
            break
        opening += said if shown[at] else ()
        shown[at] = False
    unseen = tuple((at, messages[at][1]) for at, each in enumerate(shown) if not each)
    if unseen:
        notes["unseen"] = unseen
    return opening, tuple(turn for turn, each in zip(turns, shown, strict=True) if each)


def _tools(fields: Fields, messages: list[Placed], notes: Object) -> tuple[ToolSpec, ...]:
    """The tools that are offered at the end; where that is not how they are declared, the declaration is noted."""
    declared = fields.items("tools") or []
    offered = tools_in_force(declared, messages)
    tools = tuple(read_tool(value, path) for path, value in offered)
    if offered != declared:
        for path, value in declared:
            read_tool(value, path)
        notes["tools"] = tuple(value for _, value in declared)
    return tools


def _turn(fields: Fields) -> Turn:
    role = _ROLES.get(fields.need("role"))
    if role is None:
        raise invalid(fields.at("role"), "must be user, assistant or system")
    content = fields.take("content")
    where = fields.at("content")
    placed = [] if content is None else read_placed(content, where)
    if role is Role.USER:
        placed = [(place, _asked(part)) for place, part in placed]
    spelled = "string" if isinstance(content, str) else "absent" if content is None else "blocks"
    return Turn(
        role=role,
        parts=tuple(part for _, part in placed),
        extras=carried(fields.rest(), notes={"content": spelled}),
        places=tuple(place for place, _ in placed) or (where,),
    )


def _asked(part: Part) -> Part:
    """What a user says in a block that nobody knows is asked too: without it the answer would be another one. Of a model's turn, or of a tool
    that the provider ran, it is a record."""
    if isinstance(part, Opaque) and part.kind not in READERS and _RECORDS.fullmatch(part.kind) is None:
        return attrs.evolve(part, essential=True)
    return part


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
    kind, schema = said.need("type"), said.take("schema")
    if kind != "json_schema" or not isinstance(schema, dict):
        raise invalid(said.path, "must be a json_schema with a schema")
    return OutputFormat(kind=OutputKind.JSON_SCHEMA, schema=schema, strict=True), said.rest()
