"""Tools and the choice between them, as a client declares them."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from trioproxy.neutral.extras import packed
from trioproxy.neutral.parts import CacheHint, ToolKind
from trioproxy.neutral.request import ServerTool, Tool, ToolChoice, ToolChoiceMode, ToolSpec
from trioproxy.protocols.openai_chat.content_reader import read_cache
from trioproxy.protocols.openai_chat.endpoints import NAME
from trioproxy.protocols.openai_chat.fields import Fields, fault
from trioproxy.protocols.openai_chat.legacy import LEGACY
from trioproxy.wire.jsoncodec import JSON, Object

__all__ = ["SEARCH_OPTIONS", "read_function_call", "read_functions", "read_tool_choice", "read_tools"]

SEARCH_OPTIONS = "web_search_options"
"""The ``type`` in the payload of a server tool that stands for the request member of that name."""

_FAMILIES: dict[str, str] = {
    SEARCH_OPTIONS: "web_search",
    "web_search": "web_search",
    "web_search_preview": "web_search",
    "openrouter:web_search": "web_search",
    "browser_search": "web_search",
    "code_interpreter": "code_execution",
    "web_fetch": "web_fetch",
    "openrouter:web_fetch": "web_fetch",
    "image_generation": "image_generation",
    "openrouter:image_generation": "image_generation",
}

_GOOGLES: dict[str, str | None] = {
    "google_search": "web_search",
    "googleSearch": "web_search",
    "google_search_retrieval": "web_search",
    "googleSearchRetrieval": "web_search",
    "code_execution": "code_execution",
    "codeExecution": "code_execution",
    "url_context": "web_fetch",
    "urlContext": "web_fetch",
    "google_maps": None,
    "googleMaps": None,
    "file_search": None,
    "fileSearch": None,
}
"""Google's own tools and their families. Clients that reach Gemini through Chat Completions declare them as Google does: with no ``type``, as
the one member of an object (https://ai.google.dev/gemini-api/docs/google-search)."""

_ANTHROPICS = {"web_search_": "web_search", "web_fetch_": "web_fetch", "code_execution_": "code_execution"}
"""How the types of Anthropic's own tools begin, which bear a date, and their families: agents that know Claude declare them so anywhere."""

_SCHEMAS = ("input_schema", "parametersJsonSchema", "parameters_json_schema")
"""What Anthropic and Google call a function's ``parameters``."""

_MODES: dict[str, ToolChoiceMode] = {
    "auto": ToolChoiceMode.AUTO,
    "none": ToolChoiceMode.NONE,
    "required": ToolChoiceMode.REQUIRED,
    # Mistral's word.
    "any": ToolChoiceMode.REQUIRED,
}


def read_tools(value: list[JSON], options: Object | None) -> tuple[ToolSpec, ...]:
    """``tools``, and ``web_search_options`` (which is a tool under another name) behind them."""
    tools = [_tool(each, f"tools[{position}]") for position, each in enumerate(value)]
    if options is not None:
        declared = _server_tool(SEARCH_OPTIONS, {**options, "type": SEARCH_OPTIONS})
        tools.append(attrs.evolve(declared, place=SEARCH_OPTIONS))
    return tuple(tools)


def read_functions(value: list[JSON]) -> tuple[Tool, ...]:
    """The deprecated ``functions``."""
    return tuple(
        _declared(Fields(each, f"functions[{position}]"), {LEGACY: True}) for position, each in enumerate(value)
    )


def _tool(value: JSON, path: str) -> ToolSpec:
    fields = Fields(value, path)
    kind = fields.text("type") or "function"
    notes: Object = {} if "type" in fields.names else {"type": "absent"}
    assert isinstance(value, dict)
    if kind not in ("function", "custom"):
        return _server_tool(kind, value)
    if len(fields.names) == 1 and fields.names[0] in _GOOGLES:
        return ServerTool(family=_GOOGLES[fields.names[0]], protocol=NAME, payload=value)
    body = Fields(fields.take(kind), fields.at(kind))
    cache, spelled = read_cache(fields)
    if cache is None:
        # LiteLLM's clients put it a level deeper.
        cache, inside = read_cache(body)
        spelled |= {"inside": inside} if inside else {}
    rest = fields.rest()
    notes |= spelled
    if fields.nulls:
        notes["nulls"] = tuple(fields.nulls)
    return _declared(body, notes, kind=ToolKind(kind), outer=rest, cache=cache)


def _declared(
    body: Fields,
    notes: Object,
    *,
    kind: ToolKind = ToolKind.FUNCTION,
    outer: Object | None = None,
    cache: CacheHint | None = None,
) -> Tool:
    name = body.name("name")
    description = body.text("description")
    schema = grammar = strict = None
    if kind is ToolKind.CUSTOM:
        grammar = _flat(body.object("format"))
    else:
        schema, strict = body.object("parameters"), body.flag("strict")
        if schema is None and (foreign := next((each for each in _SCHEMAS if each in body.names), None)) is not None:
            # A declaration of another vendor's with the outside of ours.
            schema = body.object(foreign)
            notes["schema"] = foreign
    inner = body.rest()
    if body.nulls:
        notes["inner_nulls"] = tuple(body.nulls)
    fields = dict(outer or {})
    if inner:
        fields[kind.value] = inner
    return Tool(
        name=name,
        description=description,
        schema=schema,
        strict=strict,
        kind=kind,
        grammar=grammar,
        cache=cache,
        extras=packed(NAME, fields, spelling=notes),
    )


def _flat(format_: Object | None) -> Object | None:
    """A custom tool's format as the Responses API spells it: the grammar's members beside its type, not in an object of their own."""
    grammar = format_.get("grammar") if format_ is not None else None
    if format_ is None or not isinstance(grammar, Mapping):
        return format_
    return {**{name: value for name, value in format_.items() if name != "grammar"}, **grammar}


def _server_tool(kind: str, payload: Object) -> ServerTool:
    dated = (family for start, family in _ANTHROPICS.items() if kind.removeprefix(start).isdigit())
    return ServerTool(family=_FAMILIES.get(kind) or next(dated, None), protocol=NAME, payload=payload)


def read_tool_choice(value: JSON) -> ToolChoice | None:
    """``tool_choice`` in any of its forms."""
    if value is None:
        return None
    if isinstance(value, str):
        mode = _MODES.get(value)
        if mode is None:
            raise fault("tool_choice", f"is {value!r}, which is none of {', '.join(_MODES)}")
        return ToolChoice(mode=mode, extras=packed(NAME, {}, spelling={"word": value}))
    fields = Fields(value, "tool_choice")
    match _kind_chosen(value) or fields.name("type"):
        case "function" | "custom" as kind:
            return _named(Fields(fields.take(kind), fields.at(kind)), ToolKind(kind), value)
        case "allowed_tools":
            return _allowed(fields, value)
        case "auto" | "none" | "required" | "any" as word:
            return ToolChoice(mode=_MODES[word], extras=packed(NAME, {}, spelling={"whole": value}))
        case kind:
            # The name of a tool that only this protocol has.
            return ToolChoice(
                mode=ToolChoiceMode.AUTO, extras=packed(NAME, {"tool_choice": value}, essential=("tool_choice",))
            )


def _kind_chosen(value: JSON) -> str | None:
    """The kind of the tool that is chosen where its own object alone says so, without a type (Hugging Face's router takes that)."""
    if not isinstance(value, dict) or "type" in value:
        return None
    return next((kind for kind in ("function", "custom") if isinstance(value.get(kind), dict)), None)


def _named(body: Fields, kind: ToolKind, value: JSON) -> ToolChoice:
    return ToolChoice(
        mode=ToolChoiceMode.NAMED,
        names=(body.name("name"),),
        kind=kind,
        extras=packed(NAME, {}, spelling={"whole": value}),
    )


def _allowed(fields: Fields, value: JSON) -> ToolChoice:
    inner = fields.take("allowed_tools")
    # Responses' flat spelling is taken too.
    body = Fields(inner, fields.at("allowed_tools")) if inner is not None else fields
    mode = _MODES.get(body.name("mode"))
    if mode is None:
        raise fault(body.at("mode"), "must be auto or required")
    names: list[str] = []
    for position, each in enumerate(body.array("tools") or ()):
        tool = Fields(each, f"{body.at('tools')}[{position}]")
        kind = tool.text("type") or "function"
        named = tool.take(kind)
        names.append(Fields(named, tool.at(kind)).name("name") if isinstance(named, dict) else tool.name("name"))
    return ToolChoice(mode=mode, names=tuple(names), extras=packed(NAME, {}, spelling={"whole": value}))


def read_function_call(value: JSON) -> ToolChoice | None:
    """The deprecated ``function_call`` of a request."""
    if isinstance(value, dict):
        return _named(Fields(value, "function_call"), ToolKind.FUNCTION, None)
    if value is not None and value not in ("auto", "none"):
        raise fault("function_call", "must be auto, none or the name of a function")
    return None if value is None else ToolChoice(mode=_MODES[value])
