"""Tools and the choice among them, for a request.

Sources: platform.claude.com, "Tool use", "Strict tool use", "Web search tool". Names are made legal by ``neutral/naming.py``; custom tools
become functions with one string argument, as every protocol without them has it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from trioproxy.neutral.choices import chosen_server_tool, is_offered, said_again, unable
from trioproxy.neutral.extras import settled, spelling
from trioproxy.neutral.parameters import MERGED
from trioproxy.neutral.parts import ToolKind
from trioproxy.neutral.request import Conversation, ServerTool, Tool, ToolChoice, ToolChoiceMode, ToolSpec
from trioproxy.neutral.roots import rooted
from trioproxy.neutral.searching import domains_of, place_of, says_something
from trioproxy.protocols.anthropic.caching import cache_written
from trioproxy.protocols.anthropic.carrying import given_back
from trioproxy.protocols.anthropic.draft import Draft
from trioproxy.protocols.anthropic.endpoints import NAME
from trioproxy.protocols.anthropic.schemas import is_bounded
from trioproxy.wire.jsoncodec import JSON, Object

__all__ = ["WEB_SEARCH", "write_tool_choice", "write_tools"]

WEB_SEARCH = "web_search_20250305"
_EXCLUDED = frozenset({"excludeDomains", "exclude_domains"})

NO_STRICT_TOOLS = "no-output-format"
"""The quirk of models that can't be held to a schema."""

_STRICT_TOOLS = 20
"""How many tools of one request may be strict."""

_DOMAINS = frozenset({"allowed_domains", "blocked_domains"})
"""The API takes one of them."""

_INPUT = {"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]}

_SPELLED = ("disable_parallel_tool_use",)

_MODES = {
    ToolChoiceMode.AUTO: "auto",
    ToolChoiceMode.REQUIRED: "any",
    ToolChoiceMode.NONE: "none",
    ToolChoiceMode.NAMED: "tool",
}


def write_tools(conversation: Conversation, draft: Draft) -> None:
    """Fill in ``tools``. Names are given out in the order of declaration, so that a conversation keeps its names from turn to turn.

    Raises:
        ClientFault: a field of a tool may not be dropped.
    """
    if "tools" in spelling(conversation.extras, NAME):
        # They change on the way: these are what its own client declared.
        for tool in conversation.tools:
            if isinstance(tool, Tool):
                draft.names.declare(tool.name, namespace=tool.namespace)
        draft.tools += (dict(tool) for tool in spelling(conversation.extras, NAME)["tools"])
        return
    taken = {tool.name for tool in conversation.tools if isinstance(tool, Tool)}
    strict = _STRICT_TOOLS if NO_STRICT_TOOLS in draft.target.quirks else 0
    again = said_again(conversation.tools)
    for number, tool in _allowed(conversation):
        path = f"tools[{number}]"
        match tool:
            case Tool() if number in again:
                draft.lose(path, f"{tool.name} is declared twice: the first one stays")
            case Tool():
                written = _tool(tool, path, draft, may_be_strict=strict < _STRICT_TOOLS)
                strict += bool(written.get("strict"))
                draft.tools.append(written)
            case ServerTool():
                draft.tools += _server_tool(tool, path, draft, taken)
            case _:
                assert_never(tool)


def _allowed(conversation: Conversation) -> Iterable[tuple[int, ToolSpec]]:
    """The tools that may be called, numbered. There is no list of allowed tools here: those left out are not declared."""
    choice = conversation.tool_choice
    return ((number, tool) for number, tool in enumerate(conversation.tools) if is_offered(tool, choice))


def _tool(tool: Tool, path: str, draft: Draft, *, may_be_strict: bool) -> Object:
    draft.losses += settled(tool.extras, NAME, path=path)
    notes = spelling(tool.extras, NAME)
    if "declared" in notes:
        return {**notes["declared"], **cache_written(tool.cache, notes)}
    custom = tool.kind is ToolKind.CUSTOM
    written: Object = {"name": draft.names.declare(tool.name, namespace=tool.namespace, custom=custom)}
    if "type" in notes:
        written["type"] = notes["type"]
    description = _described(tool, path, draft) if custom else tool.description
    if description is not None:
        written["description"] = description
    if custom:
        written["input_schema"] = _INPUT
    elif "own" in notes:
        if tool.schema is not None:
            written["input_schema"] = tool.schema
        if tool.strict is not None:
            written["strict"] = tool.strict
    else:
        written["input_schema"], resolved = rooted(tool.schema)
        if resolved:
            draft.lose(
                f"{path}.parameters",
                MERGED,
            )
        if tool.strict and may_be_strict and is_bounded(written["input_schema"]):
            written["strict"] = True
        elif tool.strict:
            draft.lose(
                f"{path}.strict",
                "this schema can't be enforced: it has keywords or properties beyond what strict tools allow",
            )
    return {**written, **cache_written(tool.cache, notes), **given_back(tool.extras)}


def _described(tool: Tool, path: str, draft: Draft) -> str | None:
    """A custom tool's description, with the grammar its input should follow."""
    grammar = tool.grammar or {}
    definition = grammar.get("definition")
    if definition is None:
        return tool.description
    draft.lose(f"{path}.format", "a grammar can't be enforced; it is given to the model in the description")
    told = f"`input` must follow this {grammar.get('syntax', 'formal')} grammar:\n{definition}"
    return f"{tool.description}\n\n{told}" if tool.description else told


def _server_tool(tool: ServerTool, path: str, draft: Draft, taken: set[str]) -> list[Object]:
    if tool.protocol == NAME:
        return [{**tool.payload, **cache_written(tool.cache, {})}]
    if tool.family != "web_search" or "web_search" in taken:
        draft.lose(path, f"this tool of {tool.protocol}'s own ({tool.family or 'unnamed'}) has no counterpart here")
        return []
    written: Object = {"type": WEB_SEARCH, "name": "web_search"}
    for name, given in tool.payload.items():
        value = _said(given) if isinstance(given, dict) else given
        match name:
            case "type" | "name":
                pass
            # Google's tools hold their settings in an object of the tool's name.
            case _ if not says_something(value):
                pass
            case "googleSearch" | "google_search" if isinstance(value, dict) and value.keys() <= _EXCLUDED:
                written["blocked_domains"] = domains_of(*_lone(value, f"{path}.{name}"))
            case "user_location":
                place = place_of(value, f"{path}.{name}", draft.losses)
                written["user_location"] = {"type": "approximate", **place}
            case "filters" if isinstance(value, dict) and value.keys() <= _DOMAINS and len(value) == 1:
                written.update({each: domains_of(inner, f"{path}.{name}.{each}") for each, inner in value.items()})
            case "allowed_domains" | "blocked_domains" | "max_uses" if value:
                written[name] = value
            case _:
                draft.lose(f"{path}.{name}", "web search has no such setting here")
    return [{**written, **cache_written(tool.cache, {})}]


def _said(value: Object) -> Object:
    """An object without the members that are null."""
    return {name: inner for name, inner in value.items() if inner is not None}


def _lone(value: Object, path: str) -> tuple[JSON, str]:
    """The only member of an object, and its path."""
    ((name, inner),) = value.items()
    return inner, f"{path}.{name}"


def write_tool_choice(conversation: Conversation, draft: Draft) -> None:
    """Fill in ``tool_choice``, ``parallel_tools`` included.

    Raises:
        ClientFault: a field of it may not be dropped.
    """
    choice = conversation.tool_choice
    written: Object | None = None
    if choice is not None:
        draft.losses += settled(choice.extras, NAME, path="tool_choice")
        written = _choice(choice, conversation, draft)
        notes = spelling(choice.extras, NAME)
        written.update({name: notes[name] for name in _SPELLED if name in notes})
    if conversation.parallel_tools is False and draft.tools and (written or {}).get("type") != "none":
        written = {**(written or {"type": "auto"}), "disable_parallel_tool_use": True}
    if written is None:
        return
    if not draft.tools and "own" not in spelling(conversation.extras, NAME):
        if written["type"] not in ("auto", "none"):
            lost = next((tool for tool in conversation.tools if isinstance(tool, ServerTool)), None)
            if lost is not None:
                raise unable(lost)
            draft.lose("tool_choice", "there is no tool to choose")
        return
    draft.top["tool_choice"] = written


def _choice(choice: ToolChoice, conversation: Conversation, draft: Draft) -> Object:
    chosen = chosen_server_tool(choice, conversation.tools)
    if chosen is not None and chosen.protocol != NAME:
        if not any(tool.get("name") == chosen.family for tool in draft.tools):
            raise unable(chosen)
        return {"type": "tool", "name": chosen.family}
    if choice.mode is ToolChoiceMode.NAMED and choice.names:
        return {"type": "tool", "name": draft.names.of(choice.names[0]), **given_back(choice.extras)}
    if choice.mode is ToolChoiceMode.REQUIRED and choice.names and len(draft.tools) == 1:
        return {"type": "tool", "name": draft.tools[0]["name"], **given_back(choice.extras)}
    return {"type": _MODES[choice.mode], **given_back(choice.extras)}
