"""Tools and the choice among them, in this protocol's words: for a request, and for the echo of a request in an answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from trioproxy.neutral.choices import chosen_server_tool, said_again, unable
from trioproxy.neutral.extras import settled, spelling
from trioproxy.neutral.loss import Loss
from trioproxy.neutral.parameters import MERGED, parameters_of
from trioproxy.neutral.parts import ToolKind
from trioproxy.neutral.request import ServerTool, Tool, ToolChoice, ToolChoiceMode, ToolSpec
from trioproxy.neutral.searching import domains_of, place_of, says_something
from trioproxy.neutral.strictness import is_strict
from trioproxy.protocols.openai_responses.fields import restore
from trioproxy.protocols.openai_responses.read_tools import AROUND, read_choice
from trioproxy.protocols.openai_responses.vocabulary import CACHES_ITSELF, NAME
from trioproxy.wire.jsoncodec import JSON, Object

__all__ = ["write_choice", "write_tools"]

_SERVER_TOOLS: dict[str, Object] = {
    "web_search": {"type": "web_search"},
    "code_execution": {"type": "code_interpreter", "container": {"type": "auto"}},
    "image_generation": {"type": "image_generation"},
}
_SIZES = ("low", "medium", "high")


def write_tools(
    tools: Iterable[ToolSpec], named: Callable[[Tool], str], losses: list[Loss], *, loaded: Iterable[Any] = ()
) -> list[Object]:
    """The declarations. ``named`` gives a tool's name at the target. Tools that items of the input brought are left to those items;
    ``loaded`` are the provider's own among them."""
    written: list[Object] = []
    around: Mapping[str, Any] | None = None
    skipped = list(loaded)
    tools = tuple(tools)
    again = said_again(tools)
    for number, tool in enumerate(tools):
        path = f"tools[{number}]"
        if isinstance(tool, ServerTool):
            around = None
            if tool.payload not in skipped:
                written += _server_tool(tool, losses, path)
            continue
        notes = spelling(tool.extras, NAME)
        if "loaded" in notes:
            continue
        if number in again and not notes:
            losses.append(Loss(path, f"{tool.name} is declared twice: the first one stays"))
            continue
        document = _tool(tool, named(tool), losses, path)
        document.pop(AROUND, None)
        if "around" not in notes:
            around = None
            written.append(document)
        elif around == notes["around"]:
            written[-1]["tools"].append(document)
        else:
            around = notes["around"]
            written.append({**notes["around"], "tools": [document]})
    return written


def _tool(tool: Tool, name: str, losses: list[Loss], path: str) -> Object:
    notes = spelling(tool.extras, NAME)
    if "declared" in notes:
        return dict(notes["declared"])
    losses += settled(tool.extras, NAME, path=path)
    if tool.cache is not None and "ours" not in notes:
        losses.append(Loss(f"{path}.cache", CACHES_ITSELF))
    document: Object = {"type": tool.kind.value, "name": name}
    if tool.description is not None:
        document["description"] = tool.description
    if tool.kind is ToolKind.CUSTOM:
        if tool.grammar:
            document["format"] = _grammar(tool.grammar)
        return restore(document, tool.extras)
    ours = "ours" in notes
    if not ours:
        document["parameters"], merged = parameters_of(tool.schema, plain=True)
        if merged:
            losses.append(Loss(f"{path}.parameters", MERGED))
    elif tool.schema is not None:
        document["parameters"] = dict(tool.schema)
    # Left out, `strict` is true here, which makes every parameter compulsory: no other protocol means that by silence.
    if ours and tool.strict is not None:
        document["strict"] = tool.strict
    elif not ours:
        document["strict"] = bool(tool.strict) and is_strict(document["parameters"])
        if tool.strict and not document["strict"]:
            reason = "calls are held to closed schemas only, in which nothing is optional"
            losses.append(Loss(f"{path}.strict", reason))
    return restore(document, tool.extras)


def _grammar(grammar: Mapping[str, Any]) -> Object:
    """A format object; Chat Completions spells the same one level deeper."""
    nested = grammar.get("grammar")
    if isinstance(nested, dict):
        return {"type": "grammar", **nested}
    return dict(grammar)


def _server_tool(tool: ServerTool, losses: list[Loss], path: str) -> list[Object]:
    if tool.protocol == NAME:
        return [dict(tool.payload)]
    known = _SERVER_TOOLS.get(tool.family or "")
    if known is None:
        losses.append(Loss(path, f"a {tool.protocol} server tool without a counterpart in {NAME}"))
        return []
    if tool.cache is not None:
        losses.append(Loss(f"{path}.cache", CACHES_ITSELF))
    document = dict(known)
    said: set[str] = set()
    if tool.family == "web_search":
        said = _search_options(tool.payload, document, losses, path)
    for key, value in tool.payload.items():
        # Google's tools hold their settings in an object of the tool's name, which may be empty.
        if says_something(value) and key not in said | {"type", "name"}:
            losses.append(Loss(f"{path}.{key}", "an option of another provider's tool"))
    return [document]


def _search_options(payload: Mapping[str, Any], document: Object, losses: list[Loss], path: str) -> set[str]:
    """Carry over the options of other protocols' web search that this one has; their names."""
    said: set[str] = set()
    domains, place = payload.get("allowed_domains"), payload.get("user_location")
    size = payload.get("search_context_size")
    if domains is not None:
        document["filters"] = {"allowed_domains": domains_of(domains, f"{path}.allowed_domains")}
        said.add("allowed_domains")
    if size in _SIZES:
        document["search_context_size"] = size
        said.add("search_context_size")
    if place is not None:
        document["user_location"] = {"type": "approximate", **place_of(place, f"{path}.user_location", losses)}
        said.add("user_location")
    return said


def write_choice(
    choice: ToolChoice, tools: Sequence[ToolSpec], named: Callable[[str], str], losses: list[Loss]
) -> JSON:
    """The choice; None where there is nothing to choose. ``named`` gives a tool's name at the target.

    Raises:
        ClientFault: INVALID_REQUEST, the request turns on a tool that the target can't run.
    """
    raw = spelling(choice.extras, NAME).get("raw")
    if raw is not None and read_choice(raw) == choice:
        return raw
    losses += settled(choice.extras, NAME, path="tool_choice")
    chosen = chosen_server_tool(choice, tools)
    if chosen is not None:
        known = _SERVER_TOOLS.get(chosen.family or "") if chosen.protocol != NAME else chosen.payload
        if known is None:
            raise unable(chosen)
        return {"type": known["type"]}
    if choice.mode is ToolChoiceMode.NAMED:
        return {"type": _kind(choice, tools).value, "name": named(choice.names[0])}
    if not choice.names or choice.mode is ToolChoiceMode.NONE:
        return choice.mode.value
    allowed = [{"type": choice.kind.value, "name": named(name)} for name in choice.names]
    return {"type": "allowed_tools", "mode": choice.mode.value, "tools": allowed}


def _kind(choice: ToolChoice, tools: Sequence[ToolSpec]) -> ToolKind:
    """What the chosen tool is declared as: clients that know functions alone choose a custom tool as one."""
    declared = {tool.kind for tool in tools if isinstance(tool, Tool) and tool.name in choice.names}
    return ToolKind.CUSTOM if declared == {ToolKind.CUSTOM} else choice.kind
