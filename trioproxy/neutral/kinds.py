"""Calls of custom tools that a history tells as calls of functions.

Clients that know functions alone keep every call as one, also where the tool was declared as custom: what the model wrote stands in their
``arguments`` as it is, or under the name ``input``. A vendor that has custom tools pairs such a call with no tool, and one that has none finds
arguments that are no JSON object. What was declared decides.
"""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from trioproxy.neutral.parts import Part, ToolCall, ToolKind
from trioproxy.neutral.request import Tool, ToolSpec, Turn
from trioproxy.wire.jsoncodec import loads

__all__ = ["in_declared_kinds"]


def in_declared_kinds(turns: Iterable[Turn], tools: Iterable[ToolSpec]) -> tuple[Turn, ...]:
    """The turns with every call of a tool that is declared as custom, and not as a function too, a custom one."""
    kinds: dict[str, set[ToolKind]] = {}
    for tool in tools:
        if isinstance(tool, Tool) and tool.namespace is None:
            kinds.setdefault(tool.name, set()).add(tool.kind)
    custom = frozenset(name for name, found in kinds.items() if found == {ToolKind.CUSTOM})
    if not custom:
        return tuple(turns)
    return tuple(attrs.evolve(turn, parts=tuple(_declared(part, custom) for part in turn.parts)) for turn in turns)


def _declared(part: Part, custom: frozenset[str]) -> Part:
    if not isinstance(part, ToolCall) or part.kind is ToolKind.CUSTOM or part.namespace or part.name not in custom:
        return part
    return attrs.evolve(part, kind=ToolKind.CUSTOM, arguments=_text(part.arguments))


def _text(arguments: str) -> str:
    """What the model wrote, out of the one argument that stands for it, or as it stands there."""
    try:
        given = loads(arguments)
    except ValueError:
        return arguments
    match given:
        case {"input": str() as text, **others} if not others:
            return text
        case _:
            return arguments
