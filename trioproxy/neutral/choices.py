"""Which tool a choice means, among those that are declared.

A choice names a tool by one word: the client's own tools by their name, the provider's by their name, their type or what they do. Refuses
to know: how a target is told.
"""

from __future__ import annotations

from collections.abc import Iterable

from trioproxy.errors import ClientFault, ErrorKind
from trioproxy.neutral.request import Conversation, ServerTool, Tool, ToolChoice, ToolChoiceMode, ToolSpec

__all__ = ["check_choice", "chosen_server_tool", "is_offered", "said_again", "tool_word", "unable"]


def tool_word(tool: ServerTool) -> str:
    """What to call a tool of the provider's in a sentence."""
    return str(
        tool.payload.get("name") or tool.family or tool.payload.get("type") or next(iter(tool.payload), "a server tool")
    )


def chosen_server_tool(choice: ToolChoice | None, tools: Iterable[ToolSpec]) -> ServerTool | None:
    """The provider's tool that is the only one to be called; None where the choice is another one."""
    if choice is None or choice.mode is not ToolChoiceMode.NAMED or len(choice.names) != 1:
        return None
    name = choice.names[0]
    tools = tuple(tools)
    if any(isinstance(tool, Tool) and tool.name == name for tool in tools):
        return None
    return next((tool for tool in tools if isinstance(tool, ServerTool) and name in _words(tool)), None)


def is_offered(tool: ToolSpec, choice: ToolChoice | None) -> bool:
    """Whether a choice leaves a tool to the model: one that is restricted to some leaves out the others. A namespace stands for all of its."""
    if choice is None or not choice.names or choice.mode not in _RESTRICTED:
        return True
    return not _called(tool).isdisjoint(choice.names)


def said_again(tools: Iterable[ToolSpec]) -> dict[int, str]:
    """The client's tools that were declared before under the same name, by their number. Most vendors answer 400 to the second; no more than
    one of them could ever be called."""
    declared: set[tuple[str | None, str]] = set()
    again: dict[int, str] = {}
    for number, tool in enumerate(tools):
        if isinstance(tool, Tool):
            if (tool.namespace, tool.name) in declared:
                again[number] = tool.name
            declared.add((tool.namespace, tool.name))
    return again


_RESTRICTED = (ToolChoiceMode.AUTO, ToolChoiceMode.REQUIRED)


def _called(tool: ToolSpec) -> set[str | None]:
    """The words a restricted choice may name a tool by."""
    return {tool.name, tool.namespace} if isinstance(tool, Tool) else _words(tool)


def _words(tool: ServerTool) -> set[str | None]:
    lone = tuple(tool.payload) if len(tool.payload) == 1 else ()
    named = (tool.payload.get("name"), tool.payload.get("type"), tool.family, *lone)
    return {word for word in named if isinstance(word, str)}


def check_choice(conversation: Conversation) -> None:
    """See that a tool which must be called, or alone may be, is declared.

    Raises:
        ClientFault: INVALID_REQUEST, ``param`` is ``tool_choice``: it is not, and no provider could call it.
    """
    choice = conversation.tool_choice
    if choice is None or choice.mode is ToolChoiceMode.NONE:
        return
    if choice.mode is ToolChoiceMode.NAMED and chosen_server_tool(choice, conversation.tools) is not None:
        return
    restricted = choice.mode in _RESTRICTED
    declared = {
        word
        for tool in conversation.tools
        for word in (_called(tool) if restricted else {tool.name} if isinstance(tool, Tool) else ())
    }
    unknown = next((name for name in choice.names if name not in declared), None)
    if unknown is None:
        return
    raise ClientFault(
        ErrorKind.INVALID_REQUEST,
        f"`tool_choice` asks for {unknown}, which is not among the declared tools.",
        param="tool_choice",
    )


def unable(tool: ServerTool) -> ClientFault:
    """The refusal of a request that turns on a tool which the target can't run."""
    return ClientFault(
        ErrorKind.INVALID_REQUEST,
        f"`tool_choice` asks for {tool_word(tool)}, which the target can't run. Remove it, or ask a model whose provider has it.",
        param="tool_choice",
    )
