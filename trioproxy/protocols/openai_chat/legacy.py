"""The deprecated ``functions`` and ``function_call``: declared as tools for any provider, answered as the client expects.

A declaration read from ``functions`` is marked in its spelling. One call an answer is all these clients can take. Results (role
``function``) name no call, so a history that holds them can't be carried to every provider: such requests are refused by the reader.
"""

from __future__ import annotations

from trioproxy.neutral.extras import spelling
from trioproxy.neutral.request import Conversation, Tool
from trioproxy.protocols.openai_chat.endpoints import NAME

__all__ = ["LEGACY", "asks_legacy_functions", "is_legacy"]

LEGACY = "legacy"
"""The note on spelling of a tool that was declared in ``functions``."""


def is_legacy(tool: Tool) -> bool:
    """Whether a tool was declared in ``functions``."""
    return bool(spelling(tool.extras, NAME).get(LEGACY))


def asks_legacy_functions(conversation: Conversation | None) -> bool:
    """Whether the client wants its calls as ``function_call``."""
    return conversation is not None and any(isinstance(tool, Tool) and is_legacy(tool) for tool in conversation.tools)
