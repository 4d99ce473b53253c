"""``generationConfig``, ``tools`` and ``toolConfig`` of a Gemini request in neutral words.

What the hub has no word for stays in extras under its path (``generationConfig.speechConfig``), which is how another protocol's refusal
names it too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from trioproxy.neutral.extras import packed
from trioproxy.neutral.request import (
    Effort,
    OutputFormat,
    OutputKind,
    ReasoningAsk,
    Sampling,
    ServerTool,
    Tool,
    ToolChoice,
    ToolChoiceMode,
    ToolSpec,
)
from trioproxy.protocols.gemini.endpoints import NAME
from trioproxy.protocols.gemini.fields import Fields, refusal
from trioproxy.protocols.gemini.openapi import json_schema_of
from trioproxy.wire.jsoncodec import Object

__all__ = [
    "FAMILIES",
    "Leftover",
    "read_modalities",
    "read_output",
    "read_reasoning",
    "read_rest_of_config",
    "read_sampling",
    "read_tool_choice",
    "read_tools",
]

FAMILIES = {
    "googleSearch": "web_search",
    "googleSearchRetrieval": "web_search",
    "enterpriseWebSearch": "web_search",
    "codeExecution": "code_execution",
    "urlContext": "web_fetch",
}
"""The neutral family of each of Google's tools that has one."""

_EFFORTS = {effort.value: effort for effort in Effort}
_SCHEMAS = ("responseJsonSchema", "responseSchema")
_ENUM = "text/x.enum"


@attrs.define(eq=False)
class Leftover:
    """What a request says beyond the hub's words, to become its extras: fields, which of them may not be dropped, notes on spelling."""

    fields: Object = attrs.field(factory=dict)
    essential: list[str] = attrs.field(factory=list)
    spelled: Object = attrs.field(factory=dict)

    def keep(self, name: str, value: Any, *, essential: bool = False) -> None:
        """One field, by its path."""
        self.fields[name] = value
        if essential:
            self.essential.append(name)


def read_sampling(config: Fields) -> Sampling:
    """How tokens are drawn."""
    return Sampling(
        max_tokens=config.integer("maxOutputTokens"),
        temperature=config.number("temperature"),
        top_p=config.number("topP"),
        top_k=config.integer("topK"),
        stop=config.texts("stopSequences"),
        seed=config.integer("seed"),
        presence_penalty=config.number("presencePenalty"),
        frequency_penalty=config.number("frequencyPenalty"),
    )


def read_reasoning(config: Fields) -> ReasoningAsk | None:
    """``thinkingConfig``. Thoughts that are not asked for are not shown: the note says that the client left that unsaid."""
    thinking = config.fields("thinkingConfig")
    if thinking is None:
        return None
    level, budget, visible = (
        thinking.text("thinkingLevel"),
        thinking.integer("thinkingBudget"),
        thinking.flag("includeThoughts"),
    )
    rest = thinking.rest()
    effort = _EFFORTS.get(level.lower()) if level is not None else None
    if level is not None and effort is None:
        rest["thinkingLevel"] = level
    return ReasoningAsk(
        effort=effort,
        budget=budget,
        visible=visible is True,
        extras=packed(NAME, rest, spelling={"includeThoughts": None} if visible is None else None),
    )


def read_output(config: Fields, left: Leftover) -> OutputFormat | None:
    """``responseMimeType`` and the schema beside it, or the text of ``responseFormat``, which has both in one."""
    mime = config.text("responseMimeType")
    schema: Mapping[str, Any] | None = None
    said = config.take("responseFormat")
    if said is not None:
        text = _text_form(said, config.at("responseFormat"))
        if text is None:
            left.keep("generationConfig.responseFormat", said, essential=True)
            return None
        left.spelled["generationConfig.responseFormat"] = said
        mime, schema = text
    for name in _SCHEMAS:
        found = config.object(name)
        if found is not None:
            schema = schema or json_schema_of(found)
            left.spelled[f"generationConfig.{name}"] = found
    bare = mime == _ENUM and schema is not None and _names_words(schema)
    if mime is not None and mime not in ("application/json", "text/plain") and not bare:
        left.keep("generationConfig.responseMimeType", mime, essential=True)
        return None
    if mime is not None and said is None:
        left.spelled["generationConfig.responseMimeType"] = mime
    if schema is not None:
        return OutputFormat(kind=OutputKind.JSON_SCHEMA, schema=schema, strict=True, bare=bare)
    return OutputFormat(kind=OutputKind.JSON) if mime == "application/json" else None


def _names_words(schema: Mapping[str, Any]) -> bool:
    """Whether a schema lists the words that an answer may be."""
    words = schema.get("enum")
    return (
        schema.get("type", "string") == "string"
        and isinstance(words, list)
        and all(isinstance(each, str) for each in words)
    )


def _text_form(said: Any, path: str) -> tuple[str | None, Mapping[str, Any] | None] | None:
    """The MIME type and the schema of a ``responseFormat`` that asks for one text, in Google's enum or plain; None for any other."""
    only = said[0] if isinstance(said, list) and len(said) == 1 else said
    if not isinstance(only, dict) or only.keys() != {"text"}:
        return None
    text = Fields(only["text"], f"{path}.text")
    mime, schema = text.text("mimeType"), text.object("schema")
    named = mime.lower().replace("_", "/") if mime is not None else None
    return None if text.rest() else (named, json_schema_of(schema) if schema is not None else None)


def read_modalities(config: Fields, left: Leftover) -> tuple[str, ...]:
    """``responseModalities`` of who asks for images. Sound can't be had by leaving the field out."""
    asked = config.texts("responseModalities")
    named = tuple(each.lower() for each in asked)
    if asked:
        _note(left, "responseModalities", list(asked), harmless={"text", "image"}.issuperset(named))
    return named if "image" in named and {"text", "image"}.issuperset(named) else ()


def read_rest_of_config(config: Fields, left: Leftover) -> None:
    """What is left of ``generationConfig``. More than one candidate, or probabilities, can't be had by leaving the field out."""
    count = config.integer("candidateCount")
    if count is not None:
        _note(left, "candidateCount", count, harmless=count == 1)
    if (probabilities := config.take("responseLogprobs")) is not None:
        _note(left, "responseLogprobs", probabilities, harmless=probabilities is False)
    for name, value in config.rest().items():
        left.keep(f"generationConfig.{name}", value)


def _note(left: Leftover, name: str, value: Any, *, harmless: bool) -> None:
    if harmless:
        left.spelled[f"generationConfig.{name}"] = value
    else:
        left.keep(f"generationConfig.{name}", value, essential=True)


def read_tools(tools: list[Any], path: str) -> tuple[ToolSpec, ...]:
    """The declared functions and Google's own tools, in order."""
    specs: list[ToolSpec] = []
    for number, each in enumerate(tools):
        entry = Fields(each, f"{path}[{number}]")
        declarations = entry.list("functionDeclarations") or []
        for at, declaration in enumerate(declarations):
            specs.append(_function(Fields(declaration, entry.at(f"functionDeclarations[{at}]"))))
        for name, value in entry.rest().items():
            specs.append(ServerTool(family=FAMILIES.get(name), protocol=NAME, payload={name: value}))
    return tuple(specs)


def _function(declaration: Fields) -> Tool:
    name = declaration.text("name")
    if not name:
        raise refusal(declaration.at("name"), "the name of a function")
    openapi, plain = declaration.object("parameters"), declaration.object("parametersJsonSchema")
    spelled = {"parameters": openapi, "parametersJsonSchema": plain}
    schema = plain if plain is not None else openapi
    return Tool(
        name=name,
        description=declaration.text("description"),
        # Clients put either dialect in either field, and Google takes it.
        schema=json_schema_of(schema) if schema is not None else None,
        extras=packed(
            NAME, declaration.rest(), spelling={key: value for key, value in spelled.items() if value is not None}
        ),
    )


def read_tool_choice(config: Fields, left: Leftover) -> ToolChoice | None:
    """``toolConfig``."""
    calling = config.fields("functionCallingConfig")
    for name, value in config.rest().items():
        left.keep(f"toolConfig.{name}", value)
    if calling is None:
        return None
    mode, names = calling.text("mode"), calling.texts("allowedFunctionNames")
    fields = calling.rest()
    match (mode or "AUTO").upper():
        case "AUTO" | "MODE_UNSPECIFIED":
            kind = ToolChoiceMode.AUTO
        case "VALIDATED":
            # Calls are held to their schemas; whether there is one stays the model's choice.
            kind = ToolChoiceMode.AUTO
            fields["mode"] = "VALIDATED"
        case "NONE":
            kind = ToolChoiceMode.NONE
        case "ANY":
            kind = ToolChoiceMode.NAMED if len(names) == 1 else ToolChoiceMode.REQUIRED
        case _:
            raise refusal(calling.at("mode"), "AUTO, ANY, NONE or VALIDATED")
    spelled = {"mode": mode} if mode is None or mode.upper() == "MODE_UNSPECIFIED" else None
    return ToolChoice(mode=kind, names=names, extras=packed(NAME, fields, spelling=spelled))
