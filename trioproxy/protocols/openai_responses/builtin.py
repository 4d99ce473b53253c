"""Tools that OpenAI defines but the client runs: ``local_shell``, ``shell``, ``apply_patch`` and ``tool_search`` with client execution.

Their declarations have no schema and their calls are items of their own kind with an object in them. To every other protocol they are
function tools with the schema given here; a call by any model becomes the item the client waits for. One table row a tool; this file knows
nothing of streams, turns or other protocols.

Source: https://platform.openai.com/docs/guides/tools-local-shell, tools-shell, tools-apply-patch, tools-tool-search, read in November 2026.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from trioproxy.neutral.extras import packed, spelling
from trioproxy.neutral.parts import Extras, Text, ToolCall, ToolResult
from trioproxy.neutral.request import Tool, ToolSpec
from trioproxy.protocols.openai_responses.fields import Fields
from trioproxy.protocols.openai_responses.vocabulary import NAME
from trioproxy.wire.jsoncodec import JSON, JSONError, Object, dumps, loads_object

__all__ = ["BUILTINS", "Builtin", "builtin_of_call", "builtin_of_output", "builtin_of_tool", "call_item", "declared"]

_STRING = {"type": "string"}
_INTEGER = {"type": "integer"}
_STRINGS = {"type": "array", "items": _STRING}


def _schema(required: tuple[str, ...], **properties: JSON) -> Object:
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


@attrs.frozen(kw_only=True)
class Builtin:
    """One such tool. ``name`` is its type in a declaration and its name as a function; ``call`` and ``output`` are the types of its items.

    ``to_members`` turns a model's arguments into the members of the call item, None where what a client needs is not among them;
    ``to_arguments`` turns the item into arguments. ``answer`` is what an output item says: its text, and whether it is an error. ``prefix``
    begins the ids of its call items.
    """

    name: str
    call: str
    output: str
    prefix: str
    description: str
    schema: Mapping[str, Any]
    to_members: Callable[[Object], Object | None]
    to_arguments: Callable[[Object], JSON]
    answer: Callable[[Object], tuple[str, bool]]

    def read_tool(self, payload: Object, path: str) -> Tool:
        """The declaration as a function tool that any model understands."""
        fields = Fields(payload, path)
        fields.take("type")
        fields.take("execution")
        if fields.peek("environment") == {"type": "local"}:
            fields.take("environment")
        schema, description = fields.object("parameters"), fields.text("description")
        extras = fields.extras(notes={"declared": payload})
        return Tool(
            name=self.name, description=description or self.description, schema=schema or self.schema, extras=extras
        )

    def read_call(self, item: Object, path: str) -> ToolCall:
        """The call as a function call. The item is noted whole."""
        fields = Fields(item, path)
        call_id = fields.text("call_id") or fields.need("id")
        arguments = dumps(self.to_arguments(item)).decode()
        return ToolCall(call_id=call_id, name=self.name, arguments=arguments, extras=_noted(item))

    def read_output(self, item: Object, path: str) -> ToolResult:
        """The output as a function's result. The item is noted whole."""
        fields = Fields(item, path)
        call_id = fields.text("call_id") or fields.need("id")
        text, is_error = self.answer(item)
        content = (Text(text=text),)
        return ToolResult(call_id=call_id, name=self.name, content=content, is_error=is_error, extras=_noted(item))


def _noted(item: Object) -> Extras:
    return packed(NAME, {}, spelling={"verbatim": item})


def _text(value: JSON) -> str:
    return value if isinstance(value, str) else dumps(value).decode()


def _tool_names(tools: JSON) -> str:
    names = [each.get("name") for each in tools if isinstance(each, dict)] if isinstance(tools, list) else []
    return dumps({"loaded": [name for name in names if isinstance(name, str)]}).decode()


# Models of other vendors give a line for a shell where a list is asked for.


def _one_command(arguments: Object) -> Object:
    line = arguments.get("command")
    return {**arguments, "command": ["bash", "-lc", line]} if isinstance(line, str) and line else arguments


def _several_commands(arguments: Object) -> Object:
    line = arguments.get("commands")
    return {**arguments, "commands": [line]} if isinstance(line, str) and line else arguments


def _acted(arguments: Object, needed: str, action: Object) -> Object | None:
    command = arguments.get(needed)
    if not (isinstance(command, list) and command and all(isinstance(word, str) for word in command)):
        return None
    return {"action": {**action, **{name: value for name, value in arguments.items() if value is not None}}}


def _operated(operation: JSON) -> Object | None:
    if not isinstance(operation, dict) or not all(isinstance(operation.get(name), str) for name in ("type", "path")):
        return None
    return {"operation": operation}


_ROWS = (
    Builtin(
        name="local_shell",
        call="local_shell_call",
        output="local_shell_call_output",
        prefix="lsh",
        description="Runs a command on the user's machine and returns its output. `command` is the program and its arguments.",
        schema=_schema(
            ("command",),
            command=_STRINGS,
            working_directory=_STRING,
            timeout_ms=_INTEGER,
            env={"type": "object", "additionalProperties": _STRING},
        ),
        to_members=lambda arguments: _acted(_one_command(arguments), "command", {"type": "exec", "env": {}}),
        to_arguments=lambda item: {
            k: v for k, v in _object(item.get("action")).items() if k != "type" and v not in (None, {})
        },
        answer=lambda item: (_text(item.get("output", "")), False),
    ),
    Builtin(
        name="shell",
        call="shell_call",
        output="shell_call_output",
        prefix="sh",
        description="Runs shell commands on the user's machine and returns the output of each.",
        schema=_schema(("commands",), commands=_STRINGS, timeout_ms=_INTEGER, max_output_length=_INTEGER),
        to_members=lambda arguments: _acted(_several_commands(arguments), "commands", {}),
        to_arguments=lambda item: {k: v for k, v in _object(item.get("action")).items() if v is not None},
        answer=lambda item: (_text(item.get("output", "")), False),
    ),
    Builtin(
        name="apply_patch",
        call="apply_patch_call",
        output="apply_patch_call_output",
        prefix="apc",
        description="Creates, updates or deletes a file. `diff` is in the V4A format: lines to keep begin with a space, lines to take "
        "out with `-`, lines to put in with `+`, hunks with `@@`.",
        schema=_schema(
            ("operation",),
            operation=_schema(
                ("type", "path"),
                type={"type": "string", "enum": ["create_file", "update_file", "delete_file"]},
                path=_STRING,
                diff=_STRING,
            ),
        ),
        to_members=lambda arguments: _operated(arguments.get("operation", arguments)),
        to_arguments=lambda item: {"operation": _object(item.get("operation"))},
        answer=lambda item: (_text(item.get("output") or item.get("status", "")), item.get("status") == "failed"),
    ),
    Builtin(
        name="tool_search",
        call="tool_search_call",
        output="tool_search_output",
        prefix="tsc",
        description="Finds tools that are not loaded yet.",
        schema=_schema(("goal",), goal=_STRING),
        to_members=lambda arguments: {"execution": "client", "arguments": arguments},
        to_arguments=lambda item: item.get("arguments"),
        answer=lambda item: (_tool_names(item.get("tools")), False),
    ),
)


def _object(value: JSON) -> Object:
    return value if isinstance(value, dict) else {}


BUILTINS: dict[str, Builtin] = {row.name: row for row in _ROWS}
_BY_CALL = {row.call: row for row in _ROWS}
_BY_OUTPUT = {row.output: row for row in _ROWS}


def _client_runs(value: Object) -> bool:
    """Whether a declaration or an item is of a tool that the client runs: ``shell`` may live in a container of the provider, and
    ``tool_search`` is the provider's unless it says otherwise."""
    environment = _object(value.get("environment"))
    if str(environment.get("type", "local")) != "local":
        return False
    return not str(value.get("type")).startswith("tool_search") or value.get("execution") == "client"


def builtin_of_tool(payload: Object) -> Builtin | None:
    """The tool that a declaration is of, None where the provider runs it or it is no built-in."""
    return BUILTINS.get(str(payload.get("type"))) if _client_runs(payload) else None


def builtin_of_call(item: Object) -> Builtin | None:
    """The tool that an item calls, None where the provider runs it or it is no such call."""
    return _BY_CALL.get(str(item.get("type"))) if _client_runs(item) else None


def builtin_of_output(item: Object) -> Builtin | None:
    """The tool whose output an item is, None where the provider ran it or it is no such output."""
    return _BY_OUTPUT.get(str(item.get("type"))) if _client_runs(item) else None


def declared(tools: tuple[ToolSpec, ...]) -> dict[str, Builtin]:
    """Which function names stand for a built-in among the tools of a conversation."""
    return {
        tool.name: BUILTINS[tool.name]
        for tool in tools
        if isinstance(tool, Tool) and tool.name in BUILTINS and "declared" in spelling(tool.extras, NAME)
    }


def call_item(builtin: Builtin, *, item_id: str, call_id: str, arguments: str, status: str) -> Object | None:
    """The item of a call that a model made; None where its arguments are no JSON object, or lack what the item has to have."""
    try:
        members = builtin.to_members(loads_object(arguments or "{}"))
    except JSONError:
        return None
    if members is None:
        return None
    return {"id": item_id, "type": builtin.call, "status": status, "call_id": call_id, **members}
