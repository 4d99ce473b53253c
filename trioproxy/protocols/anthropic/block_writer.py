"""Neutral parts to content blocks of a request.

Sources: platform.claude.com, "Vision", "PDF support", "Files API", "Tool use", "Extended thinking". What a block can't hold is a loss;
content that Claude can't read at all (sound, film, another vendor's file) is refused by name, because the answer would be about something
else.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from typing import assert_never

from trioproxy.neutral.extras import settled, spelling
from trioproxy.neutral.mimes import registered
from trioproxy.neutral.parts import (
    Base64Source,
    FileIdSource,
    Media,
    MediaKind,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    SignatureForm,
    Text,
    ToolCall,
    ToolKind,
    ToolResult,
    UrlSource,
)
from trioproxy.protocols.anthropic.caching import cache_written
from trioproxy.protocols.anthropic.call_ids import legal_id
from trioproxy.protocols.anthropic.carrying import given_back
from trioproxy.protocols.anthropic.citations import citation_written
from trioproxy.protocols.anthropic.draft import Draft
from trioproxy.protocols.anthropic.endpoints import NAME
from trioproxy.protocols.anthropic.fields import invalid
from trioproxy.wire.jsoncodec import JSONError, Object, dumps, loads

__all__ = ["UNSIGNED_THINKING", "write_parts"]

UNSIGNED_THINKING = "unsigned-thinking"
"""The quirk of providers that take, and want, thinking blocks back without a signature (MiniMax, DeepSeek)."""

_IMITATION = re.compile(r"[0-9a-f-]{16,}")
"""What servers that imitate the API sign with (MiniMax a digest, DeepSeek a UUID); Anthropic's own is base64 of hundreds of bytes."""

_IMAGES = ("image/jpeg", "image/png", "image/gif", "image/webp")
_PDF = "application/pdf"
_TEXTUAL = re.compile(r"text/|application/(json|xml|yaml|x-yaml|toml|javascript|sql|.*\+(json|xml))")


def write_parts(parts: Sequence[Part], path: str, draft: Draft) -> list[Object]:
    """The blocks of one message or tool result; ``path`` is where its content stands.

    Raises:
        ClientFault: a part has no place here and may not be dropped.
    """
    blocks: list[Object] = []
    for number, part in enumerate(parts):
        block = _write_part(part, f"{path}[{number}]", draft)
        if block is not None:
            blocks.append(block)
    return blocks


def _write_part(part: Part, path: str, draft: Draft) -> Object | None:
    match part:
        case Text():
            return _text(part, path, draft)
        case Refusal():
            draft.losses += settled(part.extras, NAME, path=path)
            return {"type": "text", "text": part.text} if part.text.strip() else None
        case Media():
            return _media(part, path, draft)
        case Reasoning():
            return _reasoning(part, path, draft)
        case ToolCall():
            return _call(part, path, draft)
        case ToolResult():
            return _result(part, path, draft)
        case Opaque():
            return _opaque(part, path, draft)
        case _:
            assert_never(part)


def _text(part: Text, path: str, draft: Draft) -> Object | None:
    draft.losses += settled(part.extras, NAME, path=path)
    notes = spelling(part.extras, NAME)
    if "block" in notes:
        return dict(notes["block"])
    if "covered" in notes:
        return None
    if not part.text.strip():
        # The API refuses empty text; a blank one says nothing either.
        if part.text:
            draft.lose(path, "text of white space alone is refused")
        return None
    if part.signature is not None:
        draft.lose(f"{path}.signature", "text carries no signature")
    block: Object = {"type": "text", "text": part.text, **cache_written(part.cache, notes)}
    citations = []
    for number, citation in enumerate(part.citations):
        draft.losses += settled(citation.extras, NAME, path=f"{path}.citations[{number}]")
        written = citation_written(citation)
        if written is None:
            draft.lose(f"{path}.citations[{number}]", "a citation that Anthropic did not make is refused")
        else:
            citations.append(written)
    if citations:
        block["citations"] = citations
    return {**block, **given_back(part.extras)}


def _media(part: Media, path: str, draft: Draft) -> Object | None:
    draft.losses += settled(part.extras, NAME, path=path)
    if part.detail not in (None, "auto"):
        draft.lose(f"{path}.detail", "images have no resolution hint")
    extras, notes = given_back(part.extras), spelling(part.extras, NAME)
    inner = extras.pop("source", {})
    if "covered" in notes:
        return None
    if "block" in notes:
        return dict(notes["block"])
    cached = cache_written(part.cache, notes)
    match part.kind:
        case MediaKind.IMAGE:
            if part.title is not None or part.filename is not None:
                draft.lose(f"{path}.filename", "images have no name")
            return {"type": "image", "source": {**_image_source(part, path), **inner}, **cached, **extras}
        case MediaKind.DOCUMENT:
            source = {**_document_source(part, path), **inner}
            title = part.title if part.title is not None else part.filename
            named = {} if title is None else {"title": title}
            return {"type": "document", "source": source, **named, **cached, **extras}
        case MediaKind.AUDIO | MediaKind.VIDEO:
            raise invalid(
                path, f"holds {part.kind.value}, which Claude models don't take; send text, images or documents"
            )
        case _:
            assert_never(part.kind)


def _image_source(part: Media, path: str) -> Object:
    source = part.source
    match source:
        case Base64Source():
            mime = registered(source.mime)
            if mime not in _IMAGES:
                raise invalid(path, f"is an image of type {source.mime}; Claude models take {', '.join(_IMAGES)}")
            return {"type": "base64", "media_type": mime, "data": source.data}
        case UrlSource() | FileIdSource():
            return _elsewhere(source, path)
        case _:
            assert_never(source)


def _document_source(part: Media, path: str) -> Object:
    source = part.source
    match source:
        case Base64Source(mime=mime) if registered(mime) == _PDF:
            return {"type": "base64", "media_type": _PDF, "data": source.data}
        case Base64Source(mime=mime) if _TEXTUAL.match(registered(mime)):
            return {"type": "text", "media_type": "text/plain", "data": _decoded(source.data, path)}
        case Base64Source(mime=mime):
            raise invalid(path, f"is a document of type {mime}; Claude models take PDF and plain text")
        case UrlSource() | FileIdSource():
            return _elsewhere(source, path)
        case _:
            assert_never(source)


def _decoded(data: str, path: str) -> str:
    try:
        return base64.b64decode(data, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError) as exc:
        raise invalid(path, "says it is text, but is not base64 of UTF-8 text") from exc


def _elsewhere(source: UrlSource | FileIdSource, path: str) -> Object:
    if isinstance(source, UrlSource):
        return {"type": "url", "url": source.url}
    if source.protocol != NAME:
        raise invalid(path, "is a file that was uploaded to another provider; send its content or a URL")
    return {"type": "file", "file_id": source.file_id}


def _reasoning(part: Reasoning, path: str, draft: Draft) -> Object | None:
    draft.losses += settled(part.extras, NAME, path=path)
    text = part.text or "\n\n".join(part.summary)
    extras = given_back(part.extras)
    form = part.signature.form if part.signature is not None else None
    imitates = UNSIGNED_THINKING in draft.target.quirks
    if part.signature is not None and form is SignatureForm.ANTHROPIC_REDACTED:
        return {"type": "redacted_thinking", "data": part.signature.value, **extras}
    signed = part.signature is not None and form is SignatureForm.ANTHROPIC_SIGNATURE
    if part.signature is not None and signed and (imitates or not _IMITATION.fullmatch(part.signature.value)):
        return {"type": "thinking", "thinking": text, "signature": part.signature.value, **extras}
    if imitates and text:
        return {"type": "thinking", "thinking": text, "signature": "", **extras}
    draft.lose(path, "thinking without a signature of Anthropic's own is refused")
    return None


def _call(part: ToolCall, path: str, draft: Draft) -> Object:
    draft.losses += settled(part.extras, NAME, path=path)
    if part.signature is not None:
        draft.lose(f"{path}.signature", "tool calls carry no signature")
    notes = spelling(part.extras, NAME)
    return {
        "type": "tool_use",
        "id": legal_id(part.call_id),
        "name": draft.names.of(part.name, namespace=part.namespace),
        "input": _input(part, path, draft),
        **cache_written(part.cache, notes),
        **({"caller": notes["caller"]} if "caller" in notes else {}),
        **given_back(part.extras),
    }


def _input(part: ToolCall, path: str, draft: Draft) -> Object:
    """The arguments as the object they must be; text that is none is kept under a name of its own, so that the model still sees it."""
    if part.kind is ToolKind.CUSTOM:
        return {"input": part.arguments}
    if not part.arguments.strip():
        return {}
    try:
        value = loads(part.arguments)
    except JSONError:
        value = part.arguments
    if isinstance(value, dict):
        return value
    if value is None:
        return {}
    draft.lose(f"{path}.arguments", "arguments that are no JSON object are sent as the text they are, under `_raw`")
    return {"_raw": value if isinstance(value, str) else dumps(value).decode()}


def _result(part: ToolResult, path: str, draft: Draft) -> Object:
    draft.losses += settled(part.extras, NAME, path=path)
    notes = spelling(part.extras, NAME)
    blocks = write_parts(part.content, f"{path}.content", draft)
    block: Object = {"type": "tool_result", "tool_use_id": legal_id(part.call_id)}
    plain = len(blocks) == 1 and blocks[0].keys() == {"type", "text"}
    if plain and notes.get("content") != "blocks":
        block["content"] = blocks[0]["text"]
    elif blocks or notes.get("content") == "blocks":
        block["content"] = blocks
    elif notes.get("content") == "string":
        block["content"] = "".join(each.text for each in part.content if isinstance(each, Text))
    if part.is_error or "is_error" in notes:
        block["is_error"] = part.is_error
    return {**block, **cache_written(part.cache, notes), **given_back(part.extras)}


def _opaque(part: Opaque, path: str, draft: Draft) -> Object | None:
    if part.protocol == NAME:
        return dict(part.payload)
    if part.essential:
        raise invalid(path, f"is a `{part.kind}`, which Claude models don't take, and the answer would depend on it")
    draft.lose(path, f"{part.kind} is known to {part.protocol} only")
    return None
