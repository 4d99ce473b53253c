"""What of a request is in force where its conversation ends.

A Messages request may change itself on its way: a summary stands for everything before it, a system message is for one turn only, tools come
and go, and so does the effort. The API works that out by itself; another provider has to be told how it stands at the end. This module says
which messages are still seen, which tools are offered and which effort holds, and leaves the messages themselves as they are. Nothing here
refuses anything: what has another shape than it must have says nothing, and is refused where it is read. Sources: platform.claude.com,
"Mid-conversation system messages and tool changes", "Compaction"; anthropic SDK 2.14, ``types/beta/beta_system_message_param.py``,
``beta_compaction_block_param.py``.

Refuses to know: how a message, a tool or an effort is read, and how any of them is told to another provider.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from trioproxy.wire.jsoncodec import JSON, Object

__all__ = ["Placed", "effort_in_force", "seen", "tools_in_force"]

Placed: TypeAlias = tuple[str, JSON]
"""A value and its path in the request."""

_CHANGES = ("tool_addition", "tool_removal")


def seen(messages: Sequence[Placed]) -> list[bool]:
    """Which messages say anything to the model: none before the last summary, no system message whose time is over, and none that only
    changes settings."""
    start = max((at for at, (_, message) in enumerate(messages) if _summarises(message)), default=0)
    last_user = max((at for at, (_, message) in enumerate(messages) if _role(message) == "user"), default=-1)
    return [
        at >= start and not (_role(message) == "system" and (_silent(message) or (_brief(message) and at < last_user)))
        for at, (_, message) in enumerate(messages)
    ]


def effort_in_force(messages: Sequence[Placed]) -> str | None:
    """The effort that a system message of the turn being answered asks for. A turn begins with what a user says; results of tools belong to
    the one before."""
    for _, message in reversed(messages):
        role = _role(message)
        if role == "user" and not all(_type(block) == "tool_result" for block in _content(message)):
            return None
        config = message.get("output_config") if role == "system" and isinstance(message, dict) else None
        effort = config.get("effort") if isinstance(config, dict) else None
        if isinstance(effort, str):
            return effort
    return None


def tools_in_force(declared: Sequence[Placed], messages: Sequence[Placed]) -> list[Placed]:
    """The tools that are offered at the end, those that came later behind those that are declared."""
    changes = [change for _, message in messages for change in _changes(message)]
    if not changes:
        return list(declared)
    known = {_name(tool): (path, tool) for path, tool in declared}
    offered = dict(known)
    for path, change in _numbered(messages):
        tool = change["tool"]
        if isinstance(tool.get("definition"), dict):
            known[_name(tool["definition"])] = (f"{path}.tool.definition", tool["definition"])
            tool = tool["definition"]
        name = _name(tool)
        if change["type"] == "tool_removal":
            offered.pop(name, None)
        elif name in known:
            offered[name] = known[name]
    return list(offered.values())


def _numbered(messages: Sequence[Placed]) -> Iterator[tuple[str, Object]]:
    for path, message in messages:
        for change in _changes(message):
            yield path, change


def _changes(message: JSON) -> Iterator[Object]:
    """The changes of tools that a message, or a summary in it, holds."""
    for block in _content(message):
        if not isinstance(block, dict):
            continue
        inner = block.get("tool_changes") if block.get("type") == "compaction" else [block]
        for change in inner if isinstance(inner, list) else ():
            if _type(change) in _CHANGES and isinstance(change.get("tool"), dict):
                yield change


def _name(tool: JSON) -> tuple[str, ...]:
    """What a tool is called by whoever adds or takes it: its name, or its server's."""
    if not isinstance(tool, dict):
        return ()
    members = ("mcp_server_name", "server_name", "name")
    return tuple(str(tool[member]) for member in members if member in tool)


def _summarises(message: JSON) -> bool:
    return any(_type(block) == "compaction" and block.get("content") for block in _content(message))


def _silent(message: JSON) -> bool:
    content = message.get("content") if isinstance(message, dict) else None
    return not content or (isinstance(content, list) and all(_type(block) in _CHANGES for block in content))


def _brief(message: JSON) -> bool:
    return isinstance(message, dict) and message.get("clear_at") == "next_user_message"


def _role(message: JSON) -> JSON:
    return message.get("role") if isinstance(message, dict) else None


def _content(message: JSON) -> list[JSON]:
    content = message.get("content") if isinstance(message, dict) else None
    return content if isinstance(content, list) else [content]


def _type(block: JSON) -> JSON:
    return block.get("type") if isinstance(block, dict) else None
