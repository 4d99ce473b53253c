"""What clients of other protocols say to Google in Google's own words.

Clients that reach Gemini through Chat Completions put ``generationConfig`` and its neighbours into the body as Google's own API has them, or
use the form of its compatible endpoint, ``extra_body: {"google": {"thinking_config": ...}}`` (https://ai.google.dev/gemini-api/docs/openai),
or OpenRouter's ``image_config`` (https://openrouter.ai/docs/guides/overview/multimodal/image-generation). For any other provider these
members are a loss like every unknown one; here they are understood.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from trioproxy.errors import ClientFault, ErrorKind
from trioproxy.neutral.parts import Extras
from trioproxy.protocols.gemini.endpoints import NAME
from trioproxy.protocols.gemini.fields import Fields, camel
from trioproxy.wire.jsoncodec import Object

__all__ = ["Guest", "guest"]

_SECTIONS = frozenset(
    {"generationConfig", "safetySettings", "cachedContent", "thinkingConfig", "imageConfig", "labels"}
)
_WRAPPERS = ("extraBody", "google")
_AMOUNTS = ("thinkingBudget", "thinkingLevel")


@attrs.frozen(kw_only=True)
class Guest:
    """What was said so. ``config`` are members of ``generationConfig`` but for ``thinking``, which are those of its ``thinkingConfig``;
    ``fields`` are members of the body; ``extras`` what is left of the conversation's extras, for others to lose."""

    config: Object
    thinking: Object
    fields: Object
    extras: Extras

    def thought(self, asked: Object) -> Object:
        """``asked``, the thinking that the client's own protocol asked for, under what it said in Google's words: never two amounts."""
        kept = asked
        if any(name in self.thinking for name in _AMOUNTS):
            kept = {name: value for name, value in asked.items() if name not in _AMOUNTS}
        return {**kept, **self.thinking}


def guest(extras: Extras) -> Guest:
    """Take Google's words out of what other protocols carry.

    Raises:
        ClientFault: INVALID_REQUEST, several answers are asked for; or a member is not of its type.
    """
    said: Object = {}
    left: dict[str, Mapping[str, Any]] = {}
    for protocol, fields in extras.items():
        if protocol == NAME:
            left[protocol] = fields
            continue
        taken, rest = _taken(fields)
        said |= taken
        if rest:
            left[protocol] = rest
    if not said:
        return Guest(config={}, thinking={}, fields={}, extras=extras)
    config = dict(Fields(said.pop("generationConfig", {}), "generationConfig").rest())
    thinking = Fields(
        said.pop("thinkingConfig", config.pop("thinkingConfig", {})), "generationConfig.thinkingConfig"
    ).rest()
    image = said.pop("imageConfig", None)
    if image is not None:
        config.setdefault("imageConfig", Fields(image, "imageConfig").rest())
    count = config.pop("candidateCount", 1)
    if count != 1:
        raise ClientFault(
            ErrorKind.INVALID_REQUEST,
            "`generationConfig.candidateCount` asks for several answers, which the client's protocol can't be told here. Ask for one.",
            param="generationConfig.candidateCount",
        )
    return Guest(config=config, thinking=thinking, fields=said, extras=left)


def _taken(fields: Mapping[str, Any]) -> tuple[Object, Mapping[str, Any]]:
    """Google's members among ``fields``, wrapped ones unwrapped, and the others."""
    said: Object = {}
    rest = dict(fields)
    for name, value in fields.items():
        if camel(name) in _SECTIONS:
            said[camel(name)] = value
            del rest[name]
        elif camel(name) in _WRAPPERS and isinstance(value, dict):
            inner, others = _taken(value)
            said |= inner
            if inner and others:
                rest[name] = others
            elif inner:
                del rest[name]
    return said, rest
