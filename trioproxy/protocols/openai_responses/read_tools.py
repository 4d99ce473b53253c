"""``tools`` and ``tool_choice`` of a request, and the tools that input items bring along."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs

from trioproxy.neutral.extras import packed
from trioproxy.neutral.parts import ToolCall, ToolKind
from trioproxy.neutral.request import ServerTool, Tool, ToolChoice, ToolChoiceMode, ToolSpec, Turn
from trioproxy.protocols.openai_responses.builtin import builtin_of_tool
from trioproxy.protocols.openai_responses.content import read_control
from trioproxy.protocols.openai_responses.fields import Fields, noted, refusal
from trioproxy.protocols.openai_responses.vocabulary import NAME, family_of
from trioproxy.wire.jsoncodec import JSON, Object

__all__ = ["AROUND", "read_choice", "read_loaded", "read_tools", "without_unknown_namespaces"]

_DEFAULTS: dict[str, JSON] = {"defer_loading": False, "async": False, "allowed_callers": ["direct"]}

AROUND = "namespace.description"
"""The extra of a namespace's first tool that holds what the client said of the namespace."""

_MODES = {
    "auto": ToolChoiceMode.AUTO,
    "none": ToolChoiceMode.NONE,
    "required": ToolChoiceMode.REQUIRED,
}
_KINDS = {"function": ToolKind.FUNCTION, "custom": ToolKind.CUSTOM}
_NAMED = frozenset({*_KINDS, "namespace"})


def read_tools(tools: Iterable[JSON], path: str = "tools") -> list[ToolSpec]:
    """The tools of a list, namespaces taken apart.

    Raises:
        ClientFault: a tool is malformed; ``param`` names the member.
    """
    found: list[ToolSpec] = []
    for number, tool in enumerate(tools):
        where = f"{path}[{number}]"
        if not isinstance(tool, dict):
            raise refusal(where, "an object")
        if tool.get("type") == "namespace":
            found += _namespace(tool, where)
        else:
            found.append(attrs.evolve(_tool(tool, where), place=where))
    return found


def read_loaded(lists: Iterable[tuple[list[Any], str]], declared: Iterable[ToolSpec]) -> list[ToolSpec]:
    """The tools that items of the input brought, each once, without those the request declares itself. They are noted as such: our own
    writer sends the items, and other writers declare the tools.

    Raises:
        ClientFault: a tool is malformed.
    """
    known = {_identity(tool) for tool in declared}
    found: list[ToolSpec] = []
    for tools, path in lists:
        for tool in read_tools(tools, path):
            if _identity(tool) not in known:
                known.add(_identity(tool))
                found.append(_loaded(tool))
    return found


def _identity(tool: ToolSpec) -> object:
    return (tool.name, tool.namespace) if isinstance(tool, Tool) else repr(sorted(tool.payload.items()))


def _loaded(tool: ToolSpec) -> ToolSpec:
    # A server tool has no extras: its payload is whole, and twice declared does no harm.
    if isinstance(tool, ServerTool):
        return tool
    return attrs.evolve(tool, extras=noted(tool.extras, loaded=True))


def _namespace(tool: Object, path: str) -> list[ToolSpec]:
    fields = Fields(tool, path)
    fields.take("type")
    name, nested = fields.need("name"), fields.list("tools")
    if not nested:
        return [ServerTool(family=None, protocol=NAME, payload=tool, place=path)]
    around = {key: value for key, value in tool.items() if key != "tools"}
    inner = [
        attrs.evolve(each, namespace=name, extras=noted(each.extras, around=around)) if isinstance(each, Tool) else each
        for each in read_tools(nested, fields.at("tools"))
    ]
    first, description = inner[0], fields.text("description")
    if description and isinstance(first, Tool):
        # Nobody else has a place for what is said of all of them.
        inner[0] = attrs.evolve(first, extras=noted(first.extras, {AROUND: description}))
    return inner


def _tool(tool: Object, path: str) -> ToolSpec:
    fields = Fields(flat(tool), path)
    fields.unsay(_DEFAULTS)
    kind = fields.need("type")
    if kind == "function":
        name, description = fields.need("name"), fields.text("description")
        schema, strict = fields.object("parameters"), fields.flag("strict")
        cache, extras = read_control(fields), fields.extras(notes=_OURS)
        return Tool(name=name, description=description, schema=schema, strict=strict, cache=cache, extras=extras)
    if kind == "custom":
        name, description, grammar = fields.need("name"), fields.text("description"), fields.object("format")
        cache = read_control(fields)
        return Tool(
            name=name,
            description=description,
            kind=ToolKind.CUSTOM,
            grammar=grammar,
            cache=cache,
            extras=fields.extras(notes=_OURS),
        )
    builtin = builtin_of_tool(tool)
    if builtin is not None:
        return builtin.read_tool(tool, path)
    return ServerTool(family=family_of(kind), protocol=NAME, payload=tool)


def flat(value: JSON) -> JSON:
    """A tool or a choice in the words of Chat Completions, whose members stand one level deeper, in this protocol's. Clients mix them up."""
    if not isinstance(value, dict) or "name" in value:
        return value
    kind = value.get("type")
    inner = value.get(kind) if isinstance(kind, str) and kind in _KINDS else None
    if not isinstance(inner, dict):
        return value
    return {**{name: each for name, each in value.items() if name != kind}, **inner}


# Marks a tool as a client's of this protocol, which needs no renaming and no defaults.
_OURS = {"ours": True}


def read_choice(value: JSON, path: str = "tool_choice") -> ToolChoice | None:
    """The choice; None where the client left it open.

    A tool that the provider runs is named by its type, or by the family it is of.

    Raises:
        ClientFault: it is of no known form.
    """
    if value is None:
        return None
    if isinstance(value, str):
        if value not in _MODES:
            raise refusal(path, f"one of {', '.join(_MODES)}, or an object")
        return ToolChoice(mode=_MODES[value])
    value = flat(value)
    fields = Fields(value, path)
    kind = fields.need("type")
    noted = {"raw": value}
    if kind in _KINDS:
        extras = packed(NAME, {}, spelling=noted)
        return ToolChoice(mode=ToolChoiceMode.NAMED, names=(fields.need("name"),), kind=_KINDS[kind], extras=extras)
    if kind == "allowed_tools":
        return _allowed(fields, noted)
    return ToolChoice(mode=ToolChoiceMode.NAMED, names=(_word(kind),), extras=packed(NAME, {}, spelling=noted))


def _word(kind: str) -> str:
    """The type of a tool stands for its name, the provider's own tools (``mcp``) included. One that has several spellings goes by what it
    does: the types of the SDK know no choice of ``web_search`` but by its older names."""
    return family_of(kind) or kind


def _allowed(fields: Fields, noted: dict[str, Any]) -> ToolChoice:
    mode = fields.text("mode") or "auto"
    if mode not in {"auto", "required"}:
        raise refusal(fields.at("mode"), "auto or required")
    names: list[str] = []
    for number, tool in enumerate(fields.list("tools")):
        inner = Fields(tool, f"{fields.at('tools')}[{number}]")
        kind = inner.need("type")
        names.append(inner.need("name") if kind in _NAMED else _word(kind))
    return ToolChoice(mode=_MODES[mode], names=tuple(names), extras=packed(NAME, {}, spelling=noted))


def without_unknown_namespaces(turns: Iterable[Turn], tools: Iterable[ToolSpec]) -> tuple[Turn, ...]:
    """The turns with calls in namespaces that no tool is declared in taken for calls of the plain tool of that name.

    OpenAI names a namespace of its own making on calls of tools that an item loaded (seen in answers of gpt-5.4, 2026), and clients send
    it back.
    """
    namespaces = {tool.namespace for tool in tools if isinstance(tool, Tool)}
    return tuple(
        attrs.evolve(
            turn, parts=tuple(_plain(part, namespaces) if isinstance(part, ToolCall) else part for part in turn.parts)
        )
        for turn in turns
    )


def _plain(call: ToolCall, namespaces: set[str | None]) -> ToolCall:
    if call.namespace in namespaces or call.namespace is None:
        return call
    return attrs.evolve(call, namespace=None, extras=noted(call.extras, namespace=call.namespace))
