"""Which tool a choice means, among those that are declared.

A choice names a tool by one word: the client's own tools by their name, the provider's by their name, their type or what they do. Refuses
to know: how a target is told.
"""

from __future__ import annotations

from collections.abc import Iterable

from trioproxy.errors import ClientFault, ErrorKind
from trioproxy.neutral.request import Conversation, ServerTool, Tool, ToolChoice, ToolChoiceMode, ToolSpec

__all__ = ["check_choice", "chosen_server_tool", "tool_word", "unable"]


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


def _words(tool: ServerTool) -> set[str | None]:
    lone = tuple(tool.payload) if len(tool.payload) == 1 else ()
    return {tool.payload.get("name"), tool.payload.get("type"), tool.family, *lone} - {None}


def check_choice(conversation: Conversation) -> None:
    """See that a tool which must be called is declared.

    Raises:
        ClientFault: INVALID_REQUEST, ``param`` is ``tool_choice``: it is not, and no provider could call it.
    """
    choice = conversation.tool_choice
    if choice is None or choice.mode is not ToolChoiceMode.NAMED:
        return
    declared = {tool.name for tool in conversation.tools if isinstance(tool, Tool)}
    if declared.issuperset(choice.names) or chosen_server_tool(choice, conversation.tools) is not None:
        return
    raise ClientFault(
        ErrorKind.INVALID_REQUEST,
        f"`tool_choice` asks for {choice.names[0]}, which is not among the declared tools.",
        param="tool_choice",
    )


def unable(tool: ServerTool) -> ClientFault:
    """The refusal of a request that turns on a tool which the target can't run."""
    return ClientFault(
        ErrorKind.INVALID_REQUEST,
        f"`tool_choice` asks for {tool_word(tool)}, which the target can't run. Remove it, or ask a model whose provider has it.",
        param="tool_choice",
    )
