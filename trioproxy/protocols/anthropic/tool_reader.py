"""Tools and the choice among them, from a request. Source: platform.claude.com, "Tool use"; anthropic SDK 2.11 ``types/beta``."""

from __future__ import annotations

from trioproxy.neutral.request import ServerTool, Tool, ToolChoice, ToolChoiceMode, ToolSpec
from trioproxy.protocols.anthropic.caching import cache_read
from trioproxy.protocols.anthropic.carrying import carried
from trioproxy.protocols.anthropic.client_tools import SETTINGS, ClientTool, client_tool, offered
from trioproxy.protocols.anthropic.endpoints import NAME
from trioproxy.protocols.anthropic.fields import Fields, invalid
from trioproxy.wire.jsoncodec import JSON, Object

__all__ = ["read_tool", "read_tool_choice"]

# Types carry the date of their version behind these beginnings.
_FAMILIES = ("web_search", "web_fetch", "code_execution")

# What holds of a tool that says nothing of it.
_UNSAID: Object = {"defer_loading": False, "allowed_callers": ["direct"]}

_LOOSE: Object = {**_UNSAID, "strict": False}

_MODES = {
    "auto": ToolChoiceMode.AUTO,
    "any": ToolChoiceMode.REQUIRED,
    "none": ToolChoiceMode.NONE,
    "tool": ToolChoiceMode.NAMED,
}


def read_tool(value: JSON, path: str) -> ToolSpec:
    """One tool: the client's own (``type`` absent or ``custom``), or one that Anthropic defines (any other type).

    Raises:
        ClientFault: a field is not what it must be.
    """
    fields = Fields(value, path)
    kind = fields.text("type")
    if kind is not None and kind != "custom":
        known = client_tool(kind)
        return _run_by_client(known, value, fields) if known else _defined_by_provider(kind, value, fields)
    name = fields.need("name")
    description = fields.text("description")
    schema = fields.take("input_schema")
    if schema is not None and not isinstance(schema, dict):
        raise invalid(fields.at("input_schema"), "must be a JSON Schema object")
    strict = fields.flag("strict")
    cache, notes = cache_read(fields)
    if kind is not None:
        notes["type"] = kind
    return Tool(
        name=name,
        description=description,
        schema=schema,
        strict=strict,
        cache=cache,
        extras=carried(fields.rest(), notes={**notes, "own": True}, defaults=_UNSAID),
    )


def _defined_by_provider(kind: str, value: JSON, fields: Fields) -> ServerTool:
    family = next((each for each in _FAMILIES if kind.startswith(f"{each}_")), None)
    cache, notes = cache_read(fields)
    plain = cache is not None and not notes
    payload = {name: each for name, each in value.items() if not (plain and name == "cache_control")}
    return ServerTool(family=family, protocol=NAME, payload=payload, cache=cache if plain else None)


def _run_by_client(known: ClientTool, value: JSON, fields: Fields) -> Tool:
    name = fields.need("name")
    cache, notes = cache_read(fields)
    declared = {member: each for member, each in value.items() if member != "cache_control"}
    told, schema = offered(known, {member: fields.take(member) for member in SETTINGS})
    return Tool(
        name=name,
        description=known.description + told,
        schema=schema,
        cache=cache,
        extras=carried(fields.rest(), notes={**notes, "declared": declared, "own": True}, defaults=_LOOSE),
    )


def read_tool_choice(fields: Fields | None) -> tuple[ToolChoice | None, bool | None]:
    """The choice, and whether several calls at once are wanted.

    Raises:
        ClientFault: the type is none of auto, any, tool and none. One that is not said is auto.
    """
    if fields is None:
        return None, None
    mode = _MODES.get(fields.text("type") or "auto")
    if mode is None:
        raise invalid(fields.at("type"), f"must be one of {', '.join(_MODES)}")
    names = (fields.need("name"),) if mode is ToolChoiceMode.NAMED else ()
    alone = fields.flag("disable_parallel_tool_use")
    notes = {"disable_parallel_tool_use": False} if alone is False else {}
    choice = ToolChoice(mode=mode, names=names, extras=carried(fields.rest(), notes=notes))
    return choice, None if alone is None else not alone
