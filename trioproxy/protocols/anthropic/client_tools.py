"""Tools that Anthropic defines but the client runs: ``bash``, the text editor, ``memory``.

Their declarations have a type and no schema; Claude knows what they take. To every other model they are functions with the schema given
here, and a call by any model is the ``tool_use`` the client waits for. Source: platform.claude.com, "Bash tool", "Text editor tool", "Memory
tool".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from trioproxy.wire.jsoncodec import JSON, Object

__all__ = ["ClientTool", "client_tool"]

_STRING: Object = {"type": "string"}
_INTEGER: Object = {"type": "integer"}
_RANGE: Object = {"type": "array", "items": _INTEGER, "description": "First and last line; -1 for the end of the file."}


@attrs.frozen
class ClientTool:
    """What a model has to be told that does not know the tool."""

    description: str
    schema: Mapping[str, Any]


def _schema(required: tuple[str, ...], **properties: JSON) -> Object:
    return {"type": "object", "properties": properties, "required": list(required)}


def _commands(*names: str) -> Object:
    return {"type": "string", "enum": list(names)}


_EDITOR = {
    "path": {"type": "string", "description": "Absolute path of a file or folder."},
    "file_text": {"type": "string", "description": "For create: what the file is to hold."},
    "old_str": {"type": "string", "description": "For str_replace: the text to replace, which must occur once."},
    "new_str": {"type": "string", "description": "For str_replace and insert: the new text."},
    "insert_line": {
        "type": "integer",
        "description": "For insert: the line behind which the text goes, 0 for the top.",
    },
    "insert_text": {"type": "string", "description": "For insert: the text."},
    "view_range": _RANGE,
}

# A type is the beginning given here and the date of its version.
_TOOLS: dict[str, ClientTool] = {
    "bash_": ClientTool(
        "Runs a command in a bash shell that persists between calls, and returns what it prints. `restart` starts the shell anew.",
        _schema((), command=_STRING, restart={"type": "boolean"}),
    ),
    "text_editor_": ClientTool(
        "Views, creates and edits files.",
        _schema(
            ("command", "path"), command=_commands("view", "create", "str_replace", "insert", "undo_edit"), **_EDITOR
        ),
    ),
    "memory_": ClientTool(
        "Keeps notes in files under /memories, over many conversations. Look there before a task, write down what will be needed later.",
        _schema(
            ("command",),
            command=_commands("view", "create", "str_replace", "insert", "delete", "rename"),
            **_EDITOR,
            old_path=_STRING,
            new_path=_STRING,
        ),
    ),
}


def client_tool(kind: str) -> ClientTool | None:
    """The tool of this type, None where it is none of these."""
    return next(
        (tool for beginning, tool in _TOOLS.items() if kind.startswith(beginning) and kind[-8:].isdigit()), None
    )
