"""A client's Chat Completions request to a :class:`~trioproxy.neutral.request.Conversation`.

What the hub has a word for is said in it. Everything else, known or not, is an own field of the conversation: the writer of this protocol
puts it back, others lose it by name. :data:`ESSENTIAL` are the fields whose loss would change what the answer is, so that others refuse
them.
"""

from __future__ import annotations

from typing import Any

from trioproxy.neutral.extras import packed
from trioproxy.neutral.kinds import in_declared_kinds
from trioproxy.neutral.request import Conversation, OutputFormat, OutputKind, Sampling, ToolSpec
from trioproxy.protocols.base import Asked
from trioproxy.protocols.openai_chat.endpoints import NAME
from trioproxy.protocols.openai_chat.fields import Fields, fault
from trioproxy.protocols.openai_chat.messages_reader import read_messages
from trioproxy.protocols.openai_chat.thinking import read_reasoning
from trioproxy.protocols.openai_chat.tools_reader import (
    SEARCH_OPTIONS,
    read_function_call,
    read_functions,
    read_tool_choice,
    read_tools,
)
from trioproxy.wire.jsoncodec import JSON, Object

__all__ = ["ESSENTIAL", "JSON_SCHEMA", "read_request"]

JSON_SCHEMA = "response_format.json_schema"
"""The own field for unknown members of that object."""

BESIDE_SCHEMA = "response_format.unknown"
"""The own field for unknown members beside that object."""

_FORMS = ("guided_json", "guided_regex", "guided_choice", "guided_grammar", "structured_outputs", "regex", "ebnf")
"""How vLLM and SGLang are told what form the answer has."""

ESSENTIAL = (
    "n",
    "logprobs",
    "top_logprobs",
    "modalities",
    "audio",
    "moderation",
    "response_format",
    "documents",
    *_FORMS,
)
"""Own fields that may not be dropped: several answers, probabilities, sound, moderation, a form of output that is no JSON, and documents that
the question is about (Groq, Cohere)."""

_HARMLESS: dict[str, tuple[JSON, ...]] = {
    "n": (1,),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "modalities": (["text"],),
    "store": (False,),
    "documents": ([],),
}
"""Values that ask for nothing but what happens anyway: notes on spelling, nobody's loss."""

_MAYBE_EMPTY = ("tools", "metadata", "stop", "response_format")
"""Members whose emptiness asks for nothing."""

RANDOM_SEED = "random_seed"
"""What Mistral calls the seed."""

_UNLIMITED = -1
"""A limit on tokens that is none (llama.cpp, LM Studio)."""


def read_request(document: Object, asked: Asked) -> Conversation:
    """Read a request. ``asked.model`` names the model: routing may have taken a suffix from what the body says.

    Raises:
        ClientFault: INVALID_REQUEST, ``param`` naming the member that can't be understood.
    """
    fields = Fields(document)
    fields.take("model")
    dialogue = read_messages(fields.take("messages"))
    notes: Object = {"names": fields.names, "groups": dialogue.groups}
    tools = _tools(fields)
    choice = read_function_call(fields.take("function_call")) or read_tool_choice(fields.take("tool_choice"))
    sampling = _sampling(fields, notes)
    options = Fields(fields.object("stream_options") or {}, "stream_options")
    include_usage = options.flag("include_usage")
    form = fields.object("response_format")
    output, own_form = _output(form, notes) if form else (None, {})
    user, identifier = fields.text("user"), fields.text("safety_identifier")
    if user is not None and identifier is not None:
        notes["safety_identifier"] = identifier
    stream = bool(fields.flag("stream"))
    read: dict[str, Any] = {
        "parallel_tools": False if "functions" in fields.names else fields.flag("parallel_tool_calls"),
        "reasoning": read_reasoning(fields),
        "verbosity": fields.text("verbosity"),
        "metadata": fields.object("metadata") or {},
        "cache_key": fields.text("prompt_cache_key"),
        "service_tier": fields.text("service_tier"),
    }
    own = {**fields.rest(), **own_form}
    modalities = _modalities(own)
    if options_left := options.rest():
        own["stream_options"] = options_left
    if include_usage is False:
        notes["include_usage"] = False
    for name, values in _HARMLESS.items():
        if name in own and any(own[name] == value and type(own[name]) is type(value) for value in values):
            notes.setdefault("harmless", {})[name] = own.pop(name)
    empty = {name: document[name] for name in _MAYBE_EMPTY if document.get(name) in ([], {})}
    if empty:
        notes["empty"] = empty
    if fields.nulls:
        notes["nulls"] = tuple(fields.nulls)
    return Conversation(
        model=asked.model,
        system=dialogue.system,
        system_places=dialogue.places,
        turns=in_declared_kinds(dialogue.turns, tools),
        tools=tools,
        tool_choice=choice,
        sampling=sampling,
        output=output,
        modalities=modalities,
        stream=stream,
        include_usage=bool(include_usage) if stream else True,
        user=user if user is not None else identifier,
        extras=packed(NAME, own, essential=ESSENTIAL, spelling=notes),
        **read,
    )


def _tools(fields: Fields) -> tuple[ToolSpec, ...]:
    functions = fields.array("functions")
    tools = read_tools(fields.array("tools") or [], fields.object(SEARCH_OPTIONS))
    if functions and tools:
        raise fault("functions", "is deprecated and can't stand beside `tools`: declare all of them there")
    return read_functions(functions) if functions else tools


def _sampling(fields: Fields, notes: Object) -> Sampling:
    given = {name: fields.integer(name) for name in ("max_completion_tokens", "max_tokens")}
    if None not in given.values():
        # Both were sent: the newer one counts, the older one goes back as it came.
        notes["max_tokens"] = given["max_tokens"]
    limit = given["max_completion_tokens"] if given["max_completion_tokens"] is not None else given["max_tokens"]
    if limit == _UNLIMITED:
        notes["unlimited"] = [name for name, value in given.items() if value is not None]
        limit = None
    elif limit is not None and limit < 0:
        raise fault(
            "max_tokens" if given["max_completion_tokens"] is None else "max_completion_tokens", "must not be negative"
        )
    return Sampling(
        max_tokens=limit,
        temperature=fields.number("temperature"),
        top_p=fields.number("top_p"),
        top_k=fields.integer("top_k"),
        stop=_stop(fields, notes),
        seed=_seed(fields, notes),
        presence_penalty=fields.number("presence_penalty"),
        frequency_penalty=fields.number("frequency_penalty"),
    )


def _seed(fields: Fields, notes: Object) -> int | None:
    """The seed, by Mistral's name where the usual one is not there."""
    seed = fields.integer("seed")
    if seed is None and (seed := fields.integer(RANDOM_SEED)) is not None:
        notes["seed"] = RANDOM_SEED
    return seed


def _stop(fields: Fields, notes: Object) -> tuple[str, ...]:
    value = fields.take("stop")
    if isinstance(value, str):
        notes["stop"] = "string"
        return (value,)
    if value is not None and not (isinstance(value, list) and all(isinstance(each, str) for each in value)):
        raise fault("stop", "must be a string or an array of strings")
    return tuple(value or ())


def _modalities(own: Object) -> tuple[str, ...]:
    """The ``modalities`` of who asks for images, taken out of ``own`` (https://openrouter.ai/docs/guides/overview/multimodal/image-generation).
    Sound stays there."""
    asked = own.get("modalities")
    if not isinstance(asked, list) or "image" not in asked or any(each not in ("text", "image") for each in asked):
        return ()
    return tuple(own.pop("modalities"))


def _output(form: Object, notes: Object) -> tuple[OutputFormat | None, Object]:
    """The form of the answer, and the own fields that say what the hub can't: a regular expression, a grammar, unknown members."""
    kind, members = form.get("type"), set(form)
    if isinstance(kind, str) and kind in _PLAIN_FORMS and members == {"type"}:
        return OutputFormat(kind=_PLAIN_FORMS[kind]), {}
    if kind in ("json_schema", "json_object") and members == {"type", "schema"} and isinstance(form["schema"], dict):
        # Together, Fireworks and llama.cpp have the schema beside the type.
        notes["form"] = form
        return OutputFormat(kind=OutputKind.JSON_SCHEMA, schema=form["schema"]), {}
    if kind != "json_schema" or "json_schema" not in members:
        return None, {"response_format": form}
    schema = Fields(form["json_schema"], JSON_SCHEMA)
    output = OutputFormat(
        kind=OutputKind.JSON_SCHEMA,
        schema=schema.object("schema"),
        name=schema.text("name"),
        description=schema.text("description"),
        strict=schema.flag("strict"),
    )
    left = schema.rest()
    if schema.nulls:
        notes["schema_nulls"] = tuple(schema.nulls)
    own: Object = {JSON_SCHEMA: left} if left else {}
    beside = {name: value for name, value in form.items() if name not in ("type", "json_schema")}
    return output, {**own, **({BESIDE_SCHEMA: beside} if beside else {})}


_PLAIN_FORMS = {"text": OutputKind.TEXT, "json_object": OutputKind.JSON}
