"""Neutral tools and tool choice as ``tools`` and ``toolConfig``.

Knows: how a function is declared, which of another vendor's tools Google has one like, and what may stand beside what. Names are made legal
by ``neutral/naming.py``, schemas by ``schema.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from trioproxy.neutral.choices import chosen_server_tool, is_offered, unable
from trioproxy.neutral.extras import own, settled, spelling
from trioproxy.neutral.loss import Loss
from trioproxy.neutral.naming import ToolNames
from trioproxy.neutral.parts import ToolKind
from trioproxy.neutral.request import Conversation, ServerTool, Tool, ToolChoice, ToolChoiceMode, ToolSpec
from trioproxy.protocols.base import WriteTarget
from trioproxy.protocols.gemini.endpoints import NAME
from trioproxy.protocols.gemini.fields import camel
from trioproxy.protocols.gemini.generations import makes_images, mixes_tools
from trioproxy.protocols.gemini.schema import cleaned
from trioproxy.wire.jsoncodec import Object

__all__ = ["WrittenTools", "write_tool_choice", "write_tools"]

_OF_FAMILY = {"web_search": "googleSearch", "code_execution": "codeExecution", "web_fetch": "urlContext"}
_IMAGES = "image_generation"
_BUILT_IN = frozenset(
    {
        "googleSearch",
        "googleSearchRetrieval",
        "enterpriseWebSearch",
        "codeExecution",
        "urlContext",
        "computerUse",
        "fileSearch",
        "googleMaps",
        "retrieval",
    }
)
# Of a client that loads tools when they are needed; Google answers 400 to it.
_UNKNOWN_TO_GOOGLE = frozenset({"deferLoading"})

_MODES = {
    ToolChoiceMode.AUTO: "AUTO",
    ToolChoiceMode.NONE: "NONE",
    ToolChoiceMode.REQUIRED: "ANY",
    ToolChoiceMode.NAMED: "ANY",
}


@attrs.frozen(kw_only=True)
class WrittenTools:
    """``tools`` of a request: the functions in one entry, each of Google's tools in its own. ``mixed`` says that tools of both kinds were
    put together by us, not by a Gemini client that knows what that asks for. ``lost`` are tools that Google has nothing like."""

    entries: list[Object]
    functions: bool
    mixed: bool
    losses: list[Loss]
    lost: tuple[ServerTool, ...] = ()


def write_tools(
    tools: tuple[ToolSpec, ...], names: ToolNames, target: WriteTarget, choice: ToolChoice | None = None
) -> WrittenTools:
    """The tools; ``names`` learns the declared ones. Those that ``choice`` leaves out are not declared where Google can't be told: its own,
    and all functions where none may be called."""
    losses: list[Loss] = []
    functions: list[Object] = []
    declared: set[str] = set()
    built_in: list[Object] = []
    lost: list[ServerTool] = []
    foreign = False
    has_functions = any(isinstance(tool, Tool) and is_offered(tool, choice) for tool in tools)
    for number, tool in enumerate(tools):
        path = f"tools[{number}]"
        if tool.cache is not None:
            losses.append(Loss(f"{path}.cache", "Gemini caches prompts by itself"))
        if isinstance(tool, Tool):
            written = _function(tool, names, path, losses) if has_functions else None
            if written is not None and written["name"] in declared:
                # Google answers 400 to it; only one of them could ever be called.
                losses.append(Loss(path, f"{tool.name} is declared twice: the first one stays"))
            elif written is not None:
                declared.add(written["name"])
                functions.append(written)
            continue
        if tool.protocol != NAME and _left_out(tool, choice):
            continue
        entry = _server_tool(tool)
        if entry is None and tool.family == _IMAGES and makes_images(target.model):
            # What others have a tool for, this model does by itself.
            losses += _unsaid(tool, {target.model: {}}, path)
        elif entry is None:
            kind = tool.family or tool.payload.get("type") or ", ".join(tool.payload)
            losses.append(Loss(path, f"Gemini has no tool like {kind}"))
            lost.append(tool)
        elif tool.protocol != NAME and has_functions and not mixes_tools(target.model):
            losses.append(Loss(path, f"{target.model} takes no tools of Google's beside functions: the functions stay"))
            lost.append(tool)
        elif entry not in built_in:
            built_in.append(entry)
            foreign = foreign or tool.protocol != NAME
            losses += _unsaid(tool, entry, path)
    entries = [*([{"functionDeclarations": functions}] if functions else []), *built_in]
    return WrittenTools(
        entries=entries,
        functions=bool(functions),
        mixed=foreign and bool(functions),
        losses=losses,
        lost=tuple(lost),
    )


def _left_out(tool: ServerTool, choice: ToolChoice | None) -> bool:
    """Whether another vendor's client wants a tool not to run: Google's NONE is of functions alone."""
    return not is_offered(tool, choice) or (choice is not None and choice.mode is ToolChoiceMode.NONE)


def write_tool_choice(conversation: Conversation, names: ToolNames, tools: WrittenTools) -> tuple[Object, list[Loss]]:
    """``functionCallingConfig``; empty where there is nothing to choose.

    Raises:
        ClientFault: INVALID_REQUEST, the request turns on a tool that Google has nothing like.
    """
    choice = conversation.tool_choice
    if choice is None:
        return {}, []
    losses = settled(choice.extras, NAME, path="tool_choice")
    chosen = chosen_server_tool(choice, conversation.tools)
    insists = choice.mode is ToolChoiceMode.REQUIRED and not tools.entries
    if tools.lost and (chosen in tools.lost or insists):
        raise unable(chosen or tools.lost[0])
    if chosen is not None or (
        choice.mode is ToolChoiceMode.REQUIRED and not tools.functions and NAME not in choice.extras
    ):
        return {}, [
            *losses,
            Loss("tool_choice", "only functions can be forced: Google's own tools run as the model likes"),
        ]
    config: Object = {"mode": _MODES[choice.mode], **own(choice.extras, NAME)}
    allowed = _allowed(choice, conversation, names)
    if allowed and choice.mode is ToolChoiceMode.AUTO:
        # AUTO takes no names; VALIDATED leaves the choice to the model too, and does.
        config["mode"] = "VALIDATED"
    if allowed and choice.mode is not ToolChoiceMode.NONE:
        config["allowedFunctionNames"] = allowed
    spelled = spelling(choice.extras, NAME)
    if "mode" in spelled:
        config = {name: value for name, value in config.items() if name != "mode"}
        config |= {"mode": spelled["mode"]} if spelled["mode"] is not None else {}
    if not tools.functions and config.get("mode") in ("AUTO", "NONE"):
        # Google refuses a choice between no functions; none and any of nothing are the same.
        return {}, losses
    return config, losses


def _allowed(choice: ToolChoice, conversation: Conversation, names: ToolNames) -> list[str]:
    if choice.mode is ToolChoiceMode.NAMED:
        return [names.of(name) for name in choice.names]
    functions = [tool for tool in conversation.tools if isinstance(tool, Tool) and is_offered(tool, choice)]
    return [names.of(tool.name, namespace=tool.namespace) for tool in functions] if choice.names else []


def _function(tool: Tool, names: ToolNames, path: str, losses: list[Loss]) -> Object:
    losses += settled(tool.extras, NAME, path=path)
    custom = tool.kind is ToolKind.CUSTOM
    declaration: Object = {"name": names.declare(tool.name, namespace=tool.namespace, custom=custom)}
    if tool.description is not None:
        declaration["description"] = tool.description
    spelled = spelling(tool.extras, NAME)
    if spelled:
        declaration |= spelled
    elif custom:
        declaration["parametersJsonSchema"] = _free_text(tool.grammar)
        if tool.grammar is not None and tool.grammar.get("definition") is not None:
            losses.append(Loss(f"{path}.format", "Gemini holds no text to a grammar: it is told of it"))
    elif tool.schema is not None or tool.strict:
        fit = cleaned(tool.schema or {}, strict=tool.strict is True)
        declaration["parametersJsonSchema"] = fit.schema
        if fit.retyped and tool.schema is not None:
            names.retype(declaration["name"], tool.schema)
    return declaration | _known(own(tool.extras, NAME))


def _free_text(grammar: Mapping[str, Any] | None) -> Object:
    text: Object = {"type": "string"}
    if grammar is not None and isinstance(grammar.get("definition"), str):
        syntax = grammar.get("syntax")
        text["description"] = (
            f"Text of this {syntax + ' ' if isinstance(syntax, str) else ''}grammar:\n{grammar['definition']}"
        )
    return {"type": "object", "properties": {"input": text}, "required": ["input"]}


def _server_tool(tool: ServerTool) -> Object | None:
    """The entry of one of Google's tools, None where it has none like it. A client of any protocol may name Google's by their own names."""
    for name, value in tool.payload.items():
        if camel(name) in _BUILT_IN or tool.protocol == NAME:
            return {camel(name): _known(value) if isinstance(value, dict) else value}
    google = _OF_FAMILY.get(tool.family or "")
    return {google: {}} if google is not None else None


def _unsaid(tool: ServerTool, entry: Object, path: str) -> list[Loss]:
    """The settings of another vendor's tool that Google's has no word for."""
    if tool.protocol == NAME or any(camel(name) in entry for name in tool.payload):
        return []
    return [
        Loss(f"{path}.{name}", f"{next(iter(entry))} has no such setting")
        for name, value in tool.payload.items()
        if name not in ("type", "name") and value is not None
    ]


def _known(fields: Object) -> Object:
    return {name: value for name, value in fields.items() if camel(name) not in _UNKNOWN_TO_GOOGLE}
