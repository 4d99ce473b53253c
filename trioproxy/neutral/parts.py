"""What turns and answers are made of.

Parts are pure values; who said them and when is the business of turns (``request.py``) and events (``events.py``).
``extras`` maps a protocol name to fields of that protocol that the hub has no word for, on the nearest node: the writer of
the same protocol restores them, any other writer records a :class:`~trioproxy.neutral.loss.Loss`.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

import attrs

__all__ = [
    "NO_EXTRAS",
    "Base64Source",
    "CacheHint",
    "Citation",
    "Extras",
    "FileIdSource",
    "Media",
    "MediaKind",
    "MediaSource",
    "Opaque",
    "Part",
    "Reasoning",
    "Refusal",
    "Search",
    "Signature",
    "SignatureForm",
    "Text",
    "ToolCall",
    "ToolKind",
    "ToolResult",
    "UrlSource",
]

Extras: TypeAlias = Mapping[str, Mapping[str, Any]]
NO_EXTRAS: Extras = MappingProxyType({})


@attrs.frozen(kw_only=True)
class CacheHint:
    """A breakpoint for the provider's prompt cache after this part; ``ttl`` as the client spelled it (``5m``, ``1h``)."""

    ttl: str | None = None


@attrs.frozen(kw_only=True)
class Citation:
    """A source that a text names. ``start`` and ``end`` are character offsets into that text, where known."""

    url: str | None = None
    title: str | None = None
    cited_text: str | None = None
    start: int | None = None
    end: int | None = None
    extras: Extras = NO_EXTRAS


@attrs.frozen(kw_only=True)
class Text:
    """Plain text."""

    text: str
    citations: tuple[Citation, ...] = ()
    signature: Signature | None = None
    cache: CacheHint | None = None
    extras: Extras = NO_EXTRAS


@attrs.frozen(kw_only=True)
class Refusal:
    """The model's own words for why it does not answer."""

    text: str
    extras: Extras = NO_EXTRAS


class MediaKind(enum.Enum):
    """What a medium is to a model."""

    IMAGE = "image"
    DOCUMENT = "document"
    AUDIO = "audio"
    VIDEO = "video"


@attrs.frozen(kw_only=True)
class Base64Source:
    """The bytes themselves, base64 (RFC 4648 section 4) as the client sent them."""

    data: str
    mime: str


@attrs.frozen(kw_only=True)
class UrlSource:
    """A URL the provider is to fetch (never a ``data:`` URL: those become :class:`Base64Source`)."""

    url: str
    mime: str | None = None


@attrs.frozen(kw_only=True)
class FileIdSource:
    """A file that was uploaded to one provider; ``protocol`` says whose id it is."""

    file_id: str
    protocol: str


MediaSource: TypeAlias = Base64Source | UrlSource | FileIdSource


@attrs.frozen(kw_only=True)
class Media:
    """An image, document, sound or film. ``detail`` is OpenAI's resolution hint."""

    kind: MediaKind
    source: MediaSource
    filename: str | None = None
    title: str | None = None
    detail: str | None = None
    cache: CacheHint | None = None
    extras: Extras = NO_EXTRAS


class SignatureForm(enum.Enum):
    """Which vendor's opaque token a signature is: only the same kind of target may get it back."""

    ANTHROPIC_SIGNATURE = "anthropic_signature"
    ANTHROPIC_REDACTED = "anthropic_redacted"
    OPENAI_ENCRYPTED = "openai_encrypted"
    GEMINI_THOUGHT = "gemini_thought"
    OPENROUTER_DETAILS = "openrouter_details"


@attrs.frozen(kw_only=True)
class Signature:
    """An opaque token that proves or hides reasoning. Carried, never rebuilt. ``item_id`` is the id of the item it stood on."""

    value: str
    form: SignatureForm
    item_id: str | None = None


@attrs.frozen(kw_only=True)
class Reasoning:
    """What the model thought: full ``text``, or the ``summary`` parts a provider shows instead, or only a signature."""

    text: str = ""
    summary: tuple[str, ...] = ()
    signature: Signature | None = None
    extras: Extras = NO_EXTRAS


class ToolKind(enum.Enum):
    """FUNCTION has JSON arguments by a schema; CUSTOM has one free text as its argument."""

    FUNCTION = "function"
    CUSTOM = "custom"


@attrs.frozen(kw_only=True)
class ToolCall:
    """The model asks for a tool. ``arguments`` is the text as it came: JSON for FUNCTION, free text for CUSTOM.

    ``namespace`` is the Responses tool namespace the tool was declared in, None elsewhere.
    """

    call_id: str
    name: str
    arguments: str
    kind: ToolKind = ToolKind.FUNCTION
    namespace: str | None = None
    signature: Signature | None = None
    cache: CacheHint | None = None
    extras: Extras = NO_EXTRAS


@attrs.frozen(kw_only=True)
class ToolResult:
    """The answer to the call with the same ``call_id``. ``name`` is the tool's name where the client gave it."""

    call_id: str
    content: tuple[Text | Media | Opaque, ...]
    is_error: bool = False
    name: str | None = None
    kind: ToolKind = ToolKind.FUNCTION
    cache: CacheHint | None = None
    extras: Extras = NO_EXTRAS


@attrs.frozen(kw_only=True)
class Search:
    """A search of the web that the provider made by itself for its answer, and what it found where the provider says so."""

    query: str
    found: tuple[Citation, ...] = ()


@attrs.frozen(kw_only=True)
class Opaque:
    """Something only ``protocol`` has a word for (``kind``, for example ``server_tool_use``): carried for its own writer,
    a Loss, or a refusal where ``essential``, for any other. ``shown`` is what of it other protocols may have a word for all the same."""

    protocol: str
    kind: str
    payload: Any
    essential: bool = False
    shown: Media | Search | None = None


Part: TypeAlias = Text | Refusal | Media | Reasoning | ToolCall | ToolResult | Opaque
