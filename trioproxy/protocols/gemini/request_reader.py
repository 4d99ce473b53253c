"""A Gemini request as a neutral :class:`~trioproxy.neutral.request.Conversation`."""

from __future__ import annotations

from trioproxy.errors import ClientFault, ErrorKind
from trioproxy.neutral.extras import packed
from trioproxy.neutral.request import Conversation
from trioproxy.protocols.base import Asked, Operation
from trioproxy.protocols.gemini.config_reader import (
    Leftover,
    read_modalities,
    read_output,
    read_reasoning,
    read_rest_of_config,
    read_sampling,
    read_tool_choice,
    read_tools,
)
from trioproxy.protocols.gemini.contents_reader import ContentsReader
from trioproxy.protocols.gemini.endpoints import NAME
from trioproxy.protocols.gemini.fields import Fields
from trioproxy.wire.jsoncodec import Object

__all__ = ["read_request"]

# In the hub's words; unspecified is what none is.
_TIERS = {"standard": "default", "unspecified": None}
_TIER = "service_tier_"

# Without what lies in the cache, the conversation is another one.
_ESSENTIAL = frozenset({"cachedContent"})


def read_request(document: Object, asked: Asked) -> Conversation:
    """The request of ``generateContent``, ``streamGenerateContent`` or ``countTokens``.

    Raises:
        ClientFault: INVALID_REQUEST, ``param`` names the field that can't be read.
    """
    request = Fields(document, "")
    if asked.operation is Operation.COUNT_TOKENS and "generateContentRequest" in request:
        request = Fields(request.take("generateContentRequest"), "generateContentRequest")
    # The path names the model; a request that names it again says nothing new.
    request.take("model")
    left = Leftover()
    reader = ContentsReader()
    contents = request.take("contents")
    if not isinstance(contents, list):
        contents = [contents] if isinstance(contents, dict | str) else None
    if contents is None:
        raise ClientFault(
            ErrorKind.INVALID_REQUEST,
            f"`{request.at('contents')}` must be a list of contents, each with a role and parts.",
            param=request.at("contents"),
        )
    instruction = request.take("systemInstruction")
    system, beside = ((), {}) if instruction is None else reader.system(instruction, request.at("systemInstruction"))
    if beside:
        left.spelled["systemInstruction"] = beside
    config = request.fields("generationConfig") or Fields({}, request.at("generationConfig"))
    sampling, reasoning, output = read_sampling(config), read_reasoning(config), read_output(config, left)
    modalities = read_modalities(config, left)
    read_rest_of_config(config, left)
    tool_config = request.fields("toolConfig")
    choice = read_tool_choice(tool_config, left) if tool_config is not None else None
    tools = read_tools(request.list("tools") or [], request.at("tools"))
    service_tier = _tier(request.text("serviceTier"))
    for name, value in request.rest().items():
        left.keep(name, value, essential=name in _ESSENTIAL)
    return Conversation(
        model=asked.model,
        system=system,
        system_places=reader.system_places,
        turns=reader.turns(contents, request.at("contents")),
        tools=tools,
        tool_choice=choice,
        sampling=sampling,
        reasoning=reasoning,
        output=output,
        modalities=modalities,
        stream=asked.stream,
        service_tier=service_tier,
        extras=packed(NAME, left.fields, essential=left.essential, spelling=left.spelled),
    )


def _tier(said: str | None) -> str | None:
    """``serviceTier``, whose case says nothing to Google; by its proto name too."""
    if said is None:
        return None
    word = said.lower().removeprefix(_TIER)
    return _TIERS.get(word, word)
