"""Tools and the choice between them, for an upstream.

Names are made legal, custom tools become functions where the target has none, tools that the provider would run are said where it can run them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trioproxy.neutral.choices import chosen_server_tool, is_offered, said_again, tool_word, unable
from trioproxy.neutral.extras import spelling
from trioproxy.neutral.parameters import MERGED, parameters_of
from trioproxy.neutral.parts import ToolKind
from trioproxy.neutral.request import Conversation, ServerTool, Tool, ToolChoice, ToolChoiceMode
from trioproxy.neutral.searching import place_of, says_something
from trioproxy.neutral.strictness import is_strict
from trioproxy.protocols.openai_chat.draft import Draft, nulls
from trioproxy.protocols.openai_chat.endpoints import NAME
from trioproxy.protocols.openai_chat.legacy import is_legacy
from trioproxy.protocols.openai_chat.quirks import ALLOWED_TOOLS, CUSTOM_TOOLS, OPENAI_FIELDS, WEB_SEARCH_OPTIONS
from trioproxy.protocols.openai_chat.tools_reader import SEARCH_OPTIONS
from trioproxy.wire.jsoncodec import Object

__all__ = ["declare_tools", "write_tools"]

_WORDS = {
    ToolChoiceMode.AUTO: "auto",
    ToolChoiceMode.NONE: "none",
    ToolChoiceMode.REQUIRED: "required",
}

_INPUT_SCHEMA = {
    "type": "object",
    "properties": {"input": {"type": "string"}},
    "required": ["input"],
    "additionalProperties": False,
}


def declare_tools(conversation: Conversation, draft: Draft) -> None:
    """Give every declared tool its name, before history mentions any."""
    for tool in conversation.tools:
        if isinstance(tool, Tool):
            wrapped = tool.kind is ToolKind.CUSTOM and not draft.has(CUSTOM_TOOLS)
            draft.names.declare(tool.name, namespace=tool.namespace, custom=wrapped)


def write_tools(conversation: Conversation, draft: Draft) -> Object:
    """``tools``, ``tool_choice``, ``parallel_tool_calls`` and what goes with them.

    Raises:
        ClientFault: INVALID_REQUEST where the request turns on a tool that the target can't run.
    """
    choice = conversation.tool_choice
    members: Object = {}
    declared: list[Object] = []
    lost: list[ServerTool] = []
    again = {} if draft.native else said_again(conversation.tools)
    for position, tool in enumerate(conversation.tools):
        path = f"tools[{position}]"
        if position in again:
            draft.lose(path, f"{again[position]} is declared twice: the first one stays")
            continue
        if not (is_offered(tool, choice) or _tells_allowed(draft)):
            # Where a choice is restricted and the target can't be told, the others are left out.
            continue
        if isinstance(tool, Tool):
            declared.append(_tool(tool, draft, path))
        elif not _run_by_provider(tool, draft, path, members, declared):
            lost.append(tool)
    if declared:
        members["tools"] = declared
    if choice is not None:
        chosen = chosen_server_tool(choice, conversation.tools)
        _check_choice(choice, chosen, declared, members, lost)
        if choice.mode is ToolChoiceMode.REQUIRED and not (declared or members or draft.native):
            draft.lose("tool_choice", "there is no tool to choose")
        # This protocol can't point at a tool of the provider's, and has it run when asked for at all.
        if (declared or draft.native) and (chosen is None or chosen.protocol == NAME):
            members |= _choice(choice, conversation, draft)
    if conversation.parallel_tools is not None and _sends_parallel(conversation, draft, bool(declared)):
        members["parallel_tool_calls"] = conversation.parallel_tools
    return members


def _sends_parallel(conversation: Conversation, draft: Draft, declared: bool) -> bool:
    legacy = any(isinstance(tool, Tool) and is_legacy(tool) for tool in conversation.tools)
    return (declared or draft.native) and not (legacy and draft.native)


# Declarations.


def _tool(tool: Tool, draft: Draft, path: str) -> Object:
    name = draft.names.of(tool.name, namespace=tool.namespace)
    own, notes = draft.own(tool.extras, path), spelling(tool.extras, NAME)
    body: Object = {"name": name}
    custom = tool.kind is ToolKind.CUSTOM and draft.has(CUSTOM_TOOLS)
    kind = "custom" if custom else "function"
    if tool.kind is ToolKind.FUNCTION:
        # Not strict is what every server is by default, and not every server knows the word.
        strict = tool.strict if tool.strict or draft.native else None
        schema = tool.schema
        if not draft.native:
            schema, merged = parameters_of(schema, plain=draft.has(OPENAI_FIELDS))
            if merged:
                draft.lose(f"{path}.parameters", MERGED)
            if strict and not is_strict(schema):
                draft.lose(
                    f"{path}.strict", "the target holds calls to closed schemas only, in which nothing is optional"
                )
                strict = None
        called = notes.get("schema", "parameters") if draft.native else "parameters"
        described: Object = {"description": tool.description, called: schema, "strict": strict}
    elif custom:
        described = {"description": tool.description, "format": _nested(tool.grammar)}
    else:
        described = {"description": _with_grammar(tool, draft, path), "parameters": _INPUT_SCHEMA}
    body |= {member: value for member, value in described.items() if value is not None}
    body |= own.pop(tool.kind.value, {}) | nulls(tool.extras, "inner_nulls")
    document: Object = {"type": kind, kind: body}
    if notes.get("type") == "absent":
        del document["type"]
    if "inside" in notes and draft.native:
        body |= notes["inside"]
        return {**document, **own, **nulls(tool.extras)}
    return {**document, **own, **draft.cache(tool.cache, tool.extras, path), **nulls(tool.extras)}


def _nested(grammar: Mapping[str, Any] | None) -> Object | None:
    """A custom tool's format as Chat Completions spells it: the grammar in an object of its own."""
    if grammar is None or grammar.get("type") != "grammar":
        return dict(grammar) if grammar is not None else None
    return {"type": "grammar", "grammar": {name: value for name, value in grammar.items() if name != "type"}}


def _with_grammar(tool: Tool, draft: Draft, path: str) -> str | None:
    definition = tool.grammar.get("definition") if tool.grammar is not None else None
    if tool.grammar is None or definition is None:
        return tool.description
    draft.lose(f"{path}.format", "the target holds no text to a grammar: it is told of it")
    said = f"`input` must match this {tool.grammar.get('syntax', '')} grammar:\n{definition}"
    return f"{tool.description}\n\n{said}" if tool.description else said


def _run_by_provider(tool: ServerTool, draft: Draft, path: str, members: Object, declared: list[Object]) -> bool:
    """Say a tool that the provider runs; False where the target has no word for it."""
    if tool.cache is not None:
        draft.lose(f"{path}.cache_control", "the target sets its own cache breakpoints")
    if tool.protocol == NAME and tool.payload.get("type") == SEARCH_OPTIONS:
        members[SEARCH_OPTIONS] = {name: value for name, value in tool.payload.items() if name != "type"}
    elif tool.protocol == NAME:
        declared.append(dict(tool.payload))
    elif tool.family == "web_search" and draft.has(WEB_SEARCH_OPTIONS):
        members[SEARCH_OPTIONS] = _search_options(tool.payload, draft, path)
    else:
        draft.lose(path, f"the target can't run {tool_word(tool)}")
        return False
    return True


def _search_options(payload: Mapping[str, Any], draft: Draft, path: str) -> Object:
    """The web search of another protocol: what Anthropic and Responses say flat about the place stands in an object here."""
    options: Object = {}
    for member, value in payload.items():
        match member, value:
            case "search_context_size", str():
                options[member] = value
            # Google's tools hold their settings in an object of the tool's name.
            case (("type" | "name"), _):
                pass
            case _ if not says_something(value):
                pass
            case "user_location", _:
                place = place_of(value, f"{path}.{member}", draft.losses)
                options[member] = {"type": "approximate", "approximate": place}
            case _:
                draft.lose(f"{path}.{member}", "web search has no such setting here")
    return options


# The choice.


def _tells_allowed(draft: Draft) -> bool:
    return draft.native or draft.has(ALLOWED_TOOLS)


def _check_choice(
    choice: ToolChoice, chosen: ServerTool | None, declared: list[Object], members: Object, lost: list[ServerTool]
) -> None:
    """A request that insists on a tool the target can't run would be answered as if it had not asked."""
    insists = choice.mode is ToolChoiceMode.REQUIRED and not declared and SEARCH_OPTIONS not in members
    if chosen in lost and chosen is not None:
        raise unable(chosen)
    if lost and insists:
        raise unable(lost[0])


def _choice(choice: ToolChoice, conversation: Conversation, draft: Draft) -> Object:
    own = draft.own(choice.extras, "tool_choice")
    if "tool_choice" in own:
        return own
    notes = spelling(choice.extras, NAME)
    if choice.mode is ToolChoiceMode.NAMED:
        return {"tool_choice": _reference(choice.names[0], choice.kind, draft), **own}
    word = notes.get("word") or _WORDS[choice.mode]
    if not choice.names or not _tells_allowed(draft):
        return {"tool_choice": notes.get("whole", word), **own}
    offered = [tool for tool in conversation.tools if isinstance(tool, Tool) and is_offered(tool, choice)]
    allowed = [_reference(tool.name, tool.kind, draft, namespace=tool.namespace) for tool in offered]
    return {"tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": word, "tools": allowed}}, **own}


def _reference(name: str, kind: ToolKind, draft: Draft, *, namespace: str | None = None) -> Object:
    spelled = "custom" if kind is ToolKind.CUSTOM and draft.has(CUSTOM_TOOLS) else "function"
    return {"type": spelled, spelled: {"name": draft.names.of(name, namespace=namespace)}}
