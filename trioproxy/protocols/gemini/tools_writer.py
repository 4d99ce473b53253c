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
from trioproxy.neutral.searching import says_something
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
    declaring = _Declaring(
        names, target, choice, any(isinstance(tool, Tool) and is_offered(tool, choice) for tool in tools)
    )
    for number, tool in enumerate(tools):
        declaring.add(tool, f"tools[{number}]")
    return declaring.written()


@attrs.define
class _Declaring:
    """The tools of one request while they are gone through. ``may_call`` says whether a function may be called at all."""

    names: ToolNames
    target: WriteTarget
    choice: ToolChoice | None
    may_call: bool
    _functions: dict[str, Object] = attrs.field(factory=dict, init=False)
    _built_in: list[Object] = attrs.field(factory=list, init=False)
    _lost: list[ServerTool] = attrs.field(factory=list, init=False)
    _losses: list[Loss] = attrs.field(factory=list, init=False)
    _foreign: bool = attrs.field(default=False, init=False)
    """Whether another vendor's client asked for one of Google's tools."""

    def add(self, tool: ToolSpec, path: str) -> None:
        """Go through one more tool, which stands at ``path``."""
        if tool.cache is not None:
            self._losses.append(Loss(f"{path}.cache", "Gemini caches prompts by itself"))
        if isinstance(tool, Tool):
            if self.may_call:
                self._function(tool, path)
        elif tool.protocol == NAME or not _left_out(tool, self.choice):
            self._server_tool(tool, path)

    def written(self) -> WrittenTools:
        """What was gone through."""
        functions = [*self._functions.values()]
        return WrittenTools(
            entries=[*([{"functionDeclarations": functions}] if functions else []), *self._built_in],
            functions=bool(functions),
            mixed=self._foreign and bool(functions),
            losses=self._losses,
            lost=tuple(self._lost),
        )

    def _function(self, tool: Tool, path: str) -> None:
        written = _function(tool, self.names, path, self._losses)
        if written["name"] in self._functions:
            # Google answers 400 to it; only one of them could ever be called.
            self._losses.append(Loss(path, f"{tool.name} is declared twice: the first one stays"))
        else:
            self._functions[written["name"]] = written

    def _server_tool(self, tool: ServerTool, path: str) -> None:
        entry, model = _server_tool(tool), self.target.model
        if entry is None and tool.family == _IMAGES and makes_images(model):
            # What others have a tool for, this model does by itself.
            self._losses += _unsaid(tool, {model: {}}, path)
        elif entry is None:
            kind = tool.family or tool.payload.get("type") or ", ".join(tool.payload)
            self._lose(tool, path, f"Gemini has no tool like {kind}")
        elif tool.protocol != NAME and self.may_call and not mixes_tools(model):
            self._lose(tool, path, f"{model} takes no tools of Google's beside functions: the functions stay")
        elif entry not in self._built_in:
            self._built_in.append(entry)
            self._foreign = self._foreign or tool.protocol != NAME
            self._losses += _unsaid(tool, entry, path)

    def _lose(self, tool: ServerTool, path: str, reason: str) -> None:
        self._losses.append(Loss(path, reason))
        self._lost.append(tool)


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
        if name not in ("type", "name") and says_something(value)
    ]


def _known(fields: Object) -> Object:
    return {name: value for name, value in fields.items() if camel(name) not in _UNKNOWN_TO_GOOGLE}
