"""A neutral :class:`~trioproxy.neutral.request.Conversation` as the body of ``generateContent``, and what ``countTokens`` takes of it.

Which of the two stream verbs is called is the URL's business; the body is the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trioproxy.errors import ClientFault, ErrorKind
from trioproxy.neutral.continuation import refuse_continuation
from trioproxy.neutral.extras import own, settled, spelling
from trioproxy.neutral.json_mode import JSON_INSTRUCTION, schema_instruction
from trioproxy.neutral.loss import Loss
from trioproxy.neutral.naming import ToolNames
from trioproxy.neutral.request import Conversation, OutputFormat, OutputKind, Sampling
from trioproxy.protocols.base import Operation, WriteTarget, Written
from trioproxy.protocols.gemini.contents_writer import ContentsWriter
from trioproxy.protocols.gemini.endpoints import NAME
from trioproxy.protocols.gemini.generations import continues_itself, forms_beside_tools
from trioproxy.protocols.gemini.guests import Guest, guest
from trioproxy.protocols.gemini.response_schema import clean_response
from trioproxy.protocols.gemini.thinking import write_thinking
from trioproxy.protocols.gemini.token_counts import count_request
from trioproxy.protocols.gemini.tools_writer import write_tool_choice, write_tools
from trioproxy.wire.jsoncodec import Object, dumps

__all__ = ["MAX_STOPS", "NO_SERVER_SIDE_FLAG", "SAFETY_OFF", "write_request"]

SAFETY_OFF = "gemini-safety-off"
"""The quirk that turns Google's filters off where the client says nothing of them."""

NO_SERVER_SIDE_FLAG = "gemini-no-server-side-flag"
"""The quirk of targets that take functions beside Google's tools without ``includeServerSideToolInvocations`` (Vertex AI)."""

_OFF: list[Object] = [
    *(
        {"category": f"HARM_CATEGORY_{harm}", "threshold": "OFF"}
        for harm in ("HARASSMENT", "HATE_SPEECH", "SEXUALLY_EXPLICIT", "DANGEROUS_CONTENT")
    ),
    {"category": "HARM_CATEGORY_CIVIC_INTEGRITY", "threshold": "BLOCK_NONE"},
]

_TIERS = {"standard": "standard", "flex": "flex", "priority": "priority", "default": "standard"}
_SECTIONS = ("generationConfig", "toolConfig")
_NAME_LIMIT = 64
MAX_STOPS = 5
"""How many stop sequences a request may have."""
_OPENING = "(The conversation goes on from here.)"
_GO_ON = "Please go on exactly where you stopped."


def write_request(conversation: Conversation, target: WriteTarget) -> Written:
    """The body.

    Raises:
        ClientFault: INVALID_REQUEST, ``param`` names what Gemini has no word for and the request can't do without.
    """
    said = guest(conversation.extras)
    losses = [*settled(said.extras, NAME), *_unsaid(conversation)]
    names = ToolNames(limit=_NAME_LIMIT, allowed=r"[a-zA-Z0-9_.:-]", first=r"[a-zA-Z_]")
    tools = write_tools(conversation.tools, names, target, conversation.tool_choice)
    choice, lost = write_tool_choice(conversation, names, tools)
    losses += [*tools.losses, *lost]
    contents, instruction, lost = _contents(conversation, names, target)
    if target.operation is Operation.COUNT_TOKENS:
        told = [*instruction, *({"text": dumps(tool).decode()} for tool in tools.entries)]
        counted = count_request({"contents": [*([{"role": "user", "parts": told}] if told else []), *contents]})
        return Written(body=counted, losses=tuple(lost), naming=names.naming())
    losses += lost
    extras, spelled = _sections(own(conversation.extras, NAME)), _sections(spelling(conversation.extras, NAME))
    output = conversation.output if not spelled["generationConfig"].keys() & _FORMS else None
    if tools.entries and not forms_beside_tools(target.model):
        told, lost = _in_words(output, target)
        output, instruction, losses = None, [*instruction, *told], [*losses, *lost]
    config, lost = _config(conversation, output, target, spelled["generationConfig"], said)
    losses += lost
    flagged = tools.mixed and NO_SERVER_SIDE_FLAG not in target.quirks
    tool_config: Object = {
        **({"functionCallingConfig": choice} if choice else {}),
        **({"includeServerSideToolInvocations": True} if flagged else {}),
        **extras["toolConfig"],
    }
    sections: Object = {
        "systemInstruction": {**spelled[""].get("systemInstruction", {}), "parts": instruction} if instruction else {},
        "tools": tools.entries,
        "toolConfig": tool_config,
        "generationConfig": {**config, **extras["generationConfig"]},
        "serviceTier": _TIERS.get((conversation.service_tier or "").lower()),
        "safetySettings": _OFF if SAFETY_OFF in target.quirks else [],
    }
    own_words = {**said.fields, **extras[""]}
    body: Object = {"contents": contents, **{name: value for name, value in sections.items() if value}, **own_words}
    stops = conversation.sampling.stop[MAX_STOPS:]
    return Written(body=body, losses=tuple(losses), naming=names.naming(), stops=stops)


def _contents(
    conversation: Conversation, names: ToolNames, target: WriteTarget
) -> tuple[list[Object], list[Object], list[Loss]]:
    """``contents``, the parts of ``systemInstruction``, and what neither can say."""
    writer = ContentsWriter(names, target)
    instruction = writer.instruction(conversation.system)
    for number, turn in enumerate(conversation.turns):
        writer.add(turn, f"turns[{number}]")
    contents = writer.contents()
    if instruction and not contents:
        lost = Loss("system", "Gemini answers no instruction alone: given as the user's words")
        return [{"role": "user", "parts": instruction}], [], [*writer.losses, lost]
    if not contents:
        raise ClientFault(
            ErrorKind.INVALID_REQUEST,
            "`messages` holds nothing a model could answer; send at least one.",
            param="messages",
        )
    losses = list(writer.losses)
    if contents[0]["role"] == "model":
        # Google: a conversation begins with the user, and a call comes right after the user's turn or a response.
        losses.append(Loss("messages", "Gemini's conversations begin with the user: an opening was put first"))
        contents = [{"role": "user", "parts": [{"text": _OPENING}]}, *contents]
    if contents[-1]["role"] == "model" and not continues_itself(target.model):
        losses.append(Loss("messages", f"{target.model} takes no beginning of its answer: it is asked to go on"))
        contents = [*contents, {"role": "user", "parts": [{"text": _GO_ON}]}]
    return contents, instruction, losses


def _config(
    conversation: Conversation, output: OutputFormat | None, target: WriteTarget, spelled: Object, said: Guest
) -> tuple[Object, list[Loss]]:
    """``generationConfig`` but for what only a Gemini client says. ``output`` is the form of the answer that is not spelled out there."""
    sampling, losses = _sampling(conversation.sampling, target)
    thinking, lost = write_thinking(conversation.reasoning, target)
    thinking = said.thought(thinking)
    config = {
        **sampling,
        **({} if said.config.keys() & _FORMS else _output(output)),
        **_modalities(conversation),
        **spelled,
        **said.config,
    }
    return config | ({"thinkingConfig": thinking} if thinking else {}), [*losses, *lost]


def _unsaid(conversation: Conversation) -> list[Loss]:
    """What the hub names and Gemini does not."""
    refuse_continuation(conversation)
    tier = conversation.service_tier
    unsaid = {
        "parallel_tools": conversation.parallel_tools is False,
        "user": conversation.user is not None,
        "metadata": bool(conversation.metadata),
        "cache_key": conversation.cache_key is not None,
        "verbosity": conversation.verbosity is not None,
        "service_tier": tier is not None and tier.lower() not in (*_TIERS, "auto"),
        "output.name": conversation.output is not None and conversation.output.name is not None,
        "output.description": conversation.output is not None and conversation.output.description is not None,
    }
    return [Loss(path, "Gemini has no word for it") for path, said in unsaid.items() if said]


def _sampling(sampling: Sampling, target: WriteTarget) -> tuple[Object, list[Loss]]:
    losses: list[Loss] = []
    most, asked = target.max_output_tokens, sampling.max_tokens
    if asked is not None and asked < 1:
        losses.append(Loss("sampling.max_tokens", "an answer of nothing can't be asked for: one token was"))
        asked = 1
    if most is not None and asked is not None and asked > most:
        losses.append(Loss("sampling.max_tokens", f"{target.model} writes {most} tokens at most"))
        asked = most
    if len(sampling.stop) > MAX_STOPS:
        losses.append(Loss("stop", f"Gemini takes {MAX_STOPS} stop sequences: at the others the answer is cut here"))
    fields = {
        "temperature": sampling.temperature,
        "topP": sampling.top_p,
        "topK": sampling.top_k,
        "maxOutputTokens": asked,
        "stopSequences": list(sampling.stop[:MAX_STOPS]) or None,
        "seed": sampling.seed,
        "presencePenalty": sampling.presence_penalty,
        "frequencyPenalty": sampling.frequency_penalty,
    }
    return {name: value for name, value in fields.items() if value is not None}, losses


def _in_words(output: OutputFormat | None, target: WriteTarget) -> tuple[list[Object], list[Loss]]:
    """The form of the answer as a part of the instruction."""
    if output is None or output.kind is OutputKind.TEXT:
        return [], []
    told = schema_instruction(output.schema) if output.schema is not None else JSON_INSTRUCTION
    lost = Loss("response_format", f"{target.model} can't be held to a form beside tools: it is told of it")
    return [{"text": told}], [lost]


def _output(output: OutputFormat | None) -> Object:
    if output is None or output.kind is OutputKind.TEXT:
        return {}
    form: Object = {"responseMimeType": "application/json"}
    if output.kind is OutputKind.JSON_SCHEMA and output.schema is not None:
        form["responseJsonSchema"] = clean_response(output.schema)
    return form


def _modalities(conversation: Conversation) -> Object:
    """What the answer may be made of, unless the client's own spelling of it is there."""
    asked = [each.upper() for each in conversation.modalities]
    return {"responseModalities": asked} if asked else {}


_FORMS = frozenset({"responseMimeType", "responseSchema", "responseJsonSchema", "responseFormat"})


def _sections(fields: Mapping[str, Any]) -> dict[str, Object]:
    """Fields by the object they belong in, "" for the request itself."""
    sections: dict[str, Object] = {"": {}, **{name: {} for name in _SECTIONS}}
    for name, value in fields.items():
        section, _, field = name.partition(".")
        if section in _SECTIONS and field:
            sections[section][field] = value
        else:
            sections[""][name] = value
    return sections
