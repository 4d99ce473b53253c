"""What OpenAI's models say to one another through a client that is not to read it.

Codex (its "multi-agent v2", 2026) declares tools with a parameter marked ``"encrypted": true``. OpenAI answers with ciphertext there, which the
client hands on in an ``agent_message`` item; nobody else can make or read it. A call whose ``encrypted_function_args`` is an empty list says
that nothing in it is encrypted, and its text is handed on as text. So other vendors' calls say that, messages that hold text are read as text,
and those that hold ciphertext are told from them by how it begins. Sources: Codex's pull requests 26210, 28368 and 35845.

Refuses to know: what ciphertext says, and how tools, calls and messages are read or written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from trioproxy.neutral.request import Tool, ToolSpec

__all__ = ["ENCRYPTED_ARGUMENTS", "is_encrypted", "with_encrypted_arguments"]

ENCRYPTED_ARGUMENTS = "encrypted_function_args"
"""The member of a ``function_call`` that names its arguments which are encrypted."""

_TOKEN = re.compile(r"gAAAA[A-Za-z0-9_-]{20,}={0,2}")


def is_encrypted(text: str) -> bool:
    """Whether a text is ciphertext of OpenAI's."""
    return _TOKEN.fullmatch(text) is not None


def with_encrypted_arguments(tools: Iterable[ToolSpec]) -> frozenset[tuple[str, str | None]]:
    """Names and namespaces of the tools that have a parameter to be encrypted."""
    return frozenset((tool.name, tool.namespace) for tool in tools if isinstance(tool, Tool) and _marked(tool))


def _marked(tool: Tool) -> bool:
    properties = (tool.schema or {}).get("properties")
    each = properties.values() if isinstance(properties, dict) else ()
    return any(isinstance(schema, dict) and schema.get("encrypted") is True for schema in each)
