"""Tools that Anthropic defines but the client runs: ``bash``, the text editor, ``memory``, the computer.

Their declarations have a type and no schema; Claude knows what they take. To every other model they are functions with the schema given
here, and a call by any model is the ``tool_use`` the client waits for. Source: platform.claude.com, "Bash tool", "Text editor tool", "Memory
tool", "Computer use tool"; anthropic SDK 2.14, ``types/beta/beta_tool_computer_use_20251124_param.py``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import attrs

from trioproxy.wire.jsoncodec import JSON, Object

__all__ = ["SETTINGS", "ClientTool", "client_tool", "offered"]

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

_POINT: Object = {"type": "array", "items": _INTEGER, "description": "x and y, in pixels from the top left."}
_OLD_ACTIONS = (
    "key", "type", "mouse_move", "left_click", "left_click_drag", "right_click", "middle_click", "double_click",
    "screenshot", "cursor_position",
)  # fmt: skip
_ACTIONS = (*_OLD_ACTIONS, "left_mouse_down", "left_mouse_up", "triple_click", "scroll", "hold_key", "wait")


def _computer(*actions: str, **more: JSON) -> ClientTool:
    return ClientTool(
        "Looks at a computer's screen and uses its mouse and keyboard. Take a screenshot to see what an action did. Click into the middle "
        "of things.",
        _schema(
            ("action",),
            action={"type": "string", "enum": list(actions)},
            coordinate={**_POINT, "description": f"Where to act: {_POINT['description']}"},
            text={
                "type": "string",
                "description": "For type: the text. For key and hold_key: keys, as `ctrl+s`. For others: keys held.",
            },
            start_coordinate={
                **_POINT,
                "description": f"For left_click_drag, where it begins: {_POINT['description']}",
            },
            **more,
        ),
    )


_SCROLLING: Object = {
    "scroll_direction": {"type": "string", "enum": ["up", "down", "left", "right"]},
    "scroll_amount": {**_INTEGER, "description": "For scroll: how many clicks of the wheel."},
    "duration": {"type": "number", "description": "For wait and hold_key: seconds."},
}
_REGION: Object = {"type": "array", "items": _INTEGER, "description": "For zoom: x and y of two corners."}

_EDITING = ("view", "create", "str_replace", "insert")


def _editor(*commands: str) -> ClientTool:
    return ClientTool(
        "Views, creates and edits files.", _schema(("command", "path"), command=_commands(*commands), **_EDITOR)
    )


# A type is the beginning given here and the rest of the date of its version; the first that fits counts.
_TOOLS: dict[str, ClientTool] = {
    "bash_": ClientTool(
        "Runs a command in a bash shell that persists between calls, and returns what it prints. `restart` starts the shell anew.",
        _schema((), command=_STRING, restart={"type": "boolean"}),
    ),
    "text_editor_2024": _editor(*_EDITING, "undo_edit"),
    "text_editor_20250124": _editor(*_EDITING, "undo_edit"),
    "text_editor_": _editor(*_EDITING),
    "computer_2024": _computer(*_OLD_ACTIONS),
    "computer_20250124": _computer(*_ACTIONS, **_SCROLLING),
    "computer_": _computer(*_ACTIONS, "zoom", **_SCROLLING, region=_REGION),
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


_DATED = re.compile(r"[a-z_]+_\d{8}")


def client_tool(kind: str) -> ClientTool | None:
    """The tool of this type, None where it is none of these. A toolset is none: its members go by names of their own."""
    if not _DATED.fullmatch(kind) or "toolset" in kind:
        return None
    return next((tool for beginning, tool in _TOOLS.items() if kind.startswith(beginning)), None)


SETTINGS = ("display_width_px", "display_height_px", "enable_zoom")
"""Members of a declaration that a model is told in other words."""


def offered(tool: ClientTool, declared: Object) -> tuple[str, Mapping[str, Any]]:
    """What to add to the tool's description, and its schema, by what a declaration says beyond its type: how large a screen is, and whether
    the client can show a part of it (only where it says so)."""
    width, height = declared.get("display_width_px"), declared.get("display_height_px")
    told = f" The screen is {width} pixels wide and {height} high." if width and height else ""
    return told, tool.schema if declared.get("enable_zoom") is True else _without_zoom(tool.schema)


def _without_zoom(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    properties: Mapping[str, Any] = schema["properties"]
    if "region" not in properties:
        return schema
    actions = [action for action in properties["action"]["enum"] if action != "zoom"]
    left = {name: inner for name, inner in properties.items() if name != "region"}
    return {**schema, "properties": {**left, "action": {**left["action"], "enum": actions}}}
