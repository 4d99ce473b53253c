"""A request in no protocol's words: :class:`Conversation` and what it is made of.

Invariants: ``turns`` keep the client's order; consecutive turns of one role are legal (writers merge where their protocol
demands alternation). What leads the conversation as instruction is in ``system``; an instruction in the middle is a turn with
role SYSTEM. Fields that the client left out are None: writers never invent a value that changes the answer, except where
their protocol makes it compulsory (Anthropic's ``max_tokens``).
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

import attrs

from trioproxy.neutral.parts import NO_EXTRAS, CacheHint, Extras, Opaque, Part, Text, ToolKind

__all__ = [
    "Conversation",
    "Effort",
    "OutputFormat",
    "OutputKind",
    "ReasoningAsk",
    "Role",
    "Sampling",
    "ServerTool",
    "Tool",
    "ToolChoice",
    "ToolChoiceMode",
    "ToolSpec",
    "Turn",
]


class Role(enum.Enum):
    """Who speaks. SYSTEM covers OpenAI's developer role; the spelling is kept in the turn's extras."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


@attrs.frozen(kw_only=True)
class Turn:
    """One message. Tool calls are parts of ASSISTANT turns, tool results parts of USER turns. ``places`` are where the parts stood in the
    client's request (``messages[2].content[0]``), for whoever has to name one; empty where nobody knows."""

    role: Role
    parts: tuple[Part, ...]
    name: str | None = None
    extras: Extras = NO_EXTRAS
    places: tuple[str, ...] = attrs.field(default=(), eq=False, repr=False)


@attrs.frozen(kw_only=True)
class Tool:
    """A tool the client runs. ``schema`` is JSON Schema for FUNCTION; ``grammar`` the format object of a CUSTOM tool. ``place`` is where it
    stood in the client's request, where that is not its place among the tools; for whoever has to name it."""

    name: str
    description: str | None = None
    schema: Mapping[str, Any] | None = None
    strict: bool | None = None
    kind: ToolKind = ToolKind.FUNCTION
    grammar: Mapping[str, Any] | None = None
    namespace: str | None = None
    cache: CacheHint | None = None
    extras: Extras = NO_EXTRAS
    place: str = attrs.field(default="", eq=False, repr=False)


@attrs.frozen(kw_only=True)
class ServerTool:
    """A tool the provider runs. ``family`` is the neutral name where there is one (``web_search``, ``code_execution``,
    ``web_fetch``, ``image_generation``), else None; ``payload`` the declaration as ``protocol`` spells it. ``place`` as of a :class:`Tool`."""

    family: str | None
    protocol: str
    payload: Mapping[str, Any]
    cache: CacheHint | None = None
    place: str = attrs.field(default="", eq=False, repr=False)


ToolSpec: TypeAlias = Tool | ServerTool


class ToolChoiceMode(enum.Enum):
    """AUTO: the model decides; NONE: no tool; REQUIRED: some tool; NAMED: the tool(s) in ``names``."""

    AUTO = "auto"
    NONE = "none"
    REQUIRED = "required"
    NAMED = "named"


@attrs.frozen(kw_only=True)
class ToolChoice:
    """``names`` with AUTO or REQUIRED restricts the choice to these tools (OpenAI's allowed_tools, Gemini's
    allowedFunctionNames); with NAMED it holds exactly one."""

    mode: ToolChoiceMode
    names: tuple[str, ...] = ()
    kind: ToolKind = ToolKind.FUNCTION
    extras: Extras = NO_EXTRAS


def _stopping(sequences: Iterable[str]) -> tuple[str, ...]:
    """The sequences that can stop anything: an empty one is none, and vendors refuse it."""
    return tuple(each for each in sequences if each)


@attrs.frozen(kw_only=True)
class Sampling:
    """How tokens are drawn and when the answer stops."""

    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop: tuple[str, ...] = attrs.field(default=(), converter=_stopping)
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None


class Effort(enum.Enum):
    """Reasoning levels from least to most; AUTO leaves the amount to the model."""

    NONE = "none"
    MINIMAL = "minimal"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    XHIGH = "xhigh"
    MAX = "max"
    AUTO = "auto"


@attrs.frozen(kw_only=True)
class ReasoningAsk:
    """How much the model is to think: an ``effort`` or a ``budget`` in tokens (-1: dynamic, 0: none), as the client said it.

    ``visible`` asks for the thoughts in the answer; ``summary`` is the Responses spelling of how (``auto``, ``concise``,
    ``detailed``).
    """

    effort: Effort | None = None
    budget: int | None = None
    visible: bool | None = None
    summary: str | None = None
    extras: Extras = NO_EXTRAS


class OutputKind(enum.Enum):
    """The form of the answer."""

    TEXT = "text"
    JSON = "json"
    JSON_SCHEMA = "json_schema"


@attrs.frozen(kw_only=True)
class OutputFormat:
    """The form of the answer; ``schema`` with JSON_SCHEMA only. ``bare`` says that the answer is a string which is wanted as it is, not in
    JSON (``neutral/bare.py``)."""

    kind: OutputKind
    schema: Mapping[str, Any] | None = None
    name: str | None = None
    description: str | None = None
    strict: bool | None = None
    bare: bool = False


@attrs.frozen(kw_only=True)
class Conversation:
    """One request, whole. ``model`` is the name the client used. ``modalities`` are what the answer may be made of, in the client's order,
    where images are among it (``text``, ``image``); empty where text alone is asked for. ``system_places`` are where the parts of ``system``
    stood in the client's request, as a turn's places; empty where nobody knows."""

    model: str
    system: tuple[Text | Opaque, ...] = ()
    turns: tuple[Turn, ...] = ()
    tools: tuple[ToolSpec, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_tools: bool | None = None
    sampling: Sampling = Sampling()
    reasoning: ReasoningAsk | None = None
    output: OutputFormat | None = None
    modalities: tuple[str, ...] = ()
    verbosity: str | None = None
    stream: bool = False
    include_usage: bool = True
    user: str | None = None
    metadata: Mapping[str, Any] = MappingProxyType({})
    cache_key: str | None = None
    previous_response_id: str | None = None
    service_tier: str | None = None
    extras: Extras = NO_EXTRAS
    system_places: tuple[str, ...] = attrs.field(default=(), eq=False, repr=False)
