"""Content parts of a message for an upstream."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Sequence
from typing import assert_never

from trioproxy.neutral.extras import spelling
from trioproxy.neutral.mimes import file_name
from trioproxy.neutral.parts import (
    Base64Source,
    FileIdSource,
    Media,
    MediaKind,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Text,
    UrlSource,
)
from trioproxy.protocols.openai_chat.draft import Draft, nulls
from trioproxy.protocols.openai_chat.endpoints import NAME
from trioproxy.protocols.openai_chat.media import data_url, sound_of_mime
from trioproxy.protocols.openai_chat.quirks import MEDIA_URLS, OPENAI_FIELDS
from trioproxy.wire.jsoncodec import JSON, Object

__all__ = ["joined_text", "write_content", "write_part"]

_DETAILS = frozenset({"auto", "low", "high"})
# The Files API is one for Chat Completions and Responses.
_OPENAI_FILES = frozenset({NAME, "openai_responses"})
_NAMED = {"document_url": "document_name", "file_url": "file_name"}
"""Parts of vendors that tell a file's name beside it, and the member that does."""
_NOTHING = Text(text="")


def joined_text(parts: Iterable[Part], between: str) -> str:
    """The text of the parts that are text."""
    return between.join(part.text for part in parts if isinstance(part, Text))


def write_content(
    parts: Sequence[Part], draft: Draft, path: str, *, form: str | None = None, places: Sequence[str] | None = None
) -> JSON:
    """``content``: a string for one plain text, a list else, or what ``form`` says (``list``). ``places`` are those of the parts in their
    turn, where they are some of it. Texts without a word beside others say nothing, and some servers refuse them."""
    kept = draft.native or all(part == _NOTHING for part in parts)
    written = [
        document
        for position, part in enumerate(parts)
        if (kept or part != _NOTHING)
        and (document := write_part(part, draft, places[position] if places else f"{path}.content[{position}]"))
        is not None
    ]
    if form != "list" and len(written) == 1 and isinstance(written[0], dict) and written[0].keys() == {"type", "text"}:
        return written[0]["text"]
    return written


def write_part(part: Part, draft: Draft, path: str) -> JSON:
    """One content part, None where it is lost.

    Raises:
        ClientFault: a medium that this protocol can't carry, or another protocol's essential part.
    """
    match part:
        case Text():
            return _text(part, draft, path)
        case Media():
            own = draft.own(part.extras, path)
            body, members = _media(part, draft, path)
            # A member that stands in the part's inner object is merged into it.
            for name, inner in body.items():
                if isinstance(inner, dict):
                    inner.update(own.pop(name, {}))
                    inner.update(nulls(part.extras, "inner_nulls"))
            return {**members, **body, **own, **draft.cache(part.cache, part.extras, path), **nulls(part.extras)}
        case Refusal():
            if spelling(part.extras, NAME).get("part"):
                return {"type": "refusal", "refusal": part.text, **draft.own(part.extras, path), **nulls(part.extras)}
            return {"type": "text", "text": part.text}
        case Reasoning():
            own_part = spelling(part.extras, NAME).get("part")
            if own_part is None:
                draft.lose(path, "only the model thinks")
            return own_part
        case Opaque():
            payload = draft.opaque(part, path)
            # A medium in a leading system message has no other place in the hub.
            return write_part(payload, draft, path) if isinstance(payload, Media | Refusal | Reasoning) else payload
        case _:
            raise draft.refusal(path, f"is a {type(part).__name__}, which has no place in this message")


def _text(part: Text, draft: Draft, path: str) -> JSON:
    if part.citations:
        draft.lose(f"{path}.citations", "the target takes no citations back")
    own = draft.own(part.extras, path)
    own.pop("message", None)
    if spelling(part.extras, NAME).get("bare"):
        return part.text
    cache = draft.cache(part.cache, part.extras, path)
    return {"type": "text", "text": part.text, **own, **cache, **nulls(part.extras)}


def _media(part: Media, draft: Draft, path: str) -> tuple[Object, Object]:
    """The inner object under its name, and the part's type."""
    form = spelling(part.extras, NAME).get("part")
    if form == "file" or (part.kind is MediaKind.DOCUMENT and form is None):
        return _file(part, draft, path)
    match part.kind, part.source:
        case _, (UrlSource() | Base64Source()) as source if form is not None:
            return _linked(form, part, source, part.detail)
        case MediaKind.IMAGE, (UrlSource() | Base64Source()) as source:
            return _linked("image_url", part, source, _detail(part, draft, path))
        case MediaKind.IMAGE, FileIdSource():
            return _file(part, draft, path)
        case MediaKind.VIDEO, (UrlSource() | Base64Source()) as source if draft.has(MEDIA_URLS):
            return _linked("video_url", part, source, _detail(part, draft, path))
        case MediaKind.AUDIO, Base64Source(data=data, mime=mime):
            format_ = spelling(part.extras, NAME).get("format") or sound_of_mime(mime)
            return {"input_audio": {"data": data, "format": format_}}, {"type": "input_audio"}
        case _:
            how = type(part.source).__name__.removesuffix("Source").lower()
            raise draft.refusal(path, f"is {part.kind.value} content ({how}), which the target can't take")


def _detail(part: Media, draft: Draft, path: str) -> str | None:
    """How closely an image is to be looked at. OpenAI alone knows ``original``, and servers that check refuse a word they don't know."""
    if part.detail is None or part.detail in _DETAILS or (part.detail == "original" and draft.has(OPENAI_FIELDS)):
        return part.detail
    draft.lose(f"{path}.detail", f"there is no detail {part.detail}")
    return "high" if part.detail == "original" else None


def _linked(name: str, part: Media, source: UrlSource | Base64Source, detail: str | None) -> tuple[Object, Object]:
    notes = spelling(part.extras, NAME)
    url = notes.get("url") or (data_url(source) if isinstance(source, Base64Source) else source.url)
    called = _NAMED.get(name) if part.filename is not None else None
    members: Object = {"type": notes.get("type", name), **({called: part.filename} if called is not None else {})}
    if notes.get("bare"):
        return {name: url}, members
    return {name: {"url": url, **({"detail": detail} if detail is not None else {}), **notes.get("mime", {})}}, members


def _file(part: Media, draft: Draft, path: str) -> tuple[Object, Object]:
    notes = spelling(part.extras, NAME)
    filename = part.filename or part.title
    named = {"filename": filename} if filename is not None else {}
    match part.source:
        case FileIdSource(file_id=file_id, protocol=protocol) if protocol in _OPENAI_FILES:
            return {"file": {**named, "file_id": file_id}}, {"type": "file"}
        case Base64Source(data=data) as source if notes:
            given = data if notes.get("bare") else notes.get("url") or data_url(source)
            return {"file": {**named, "file_data": given}}, {"type": "file"}
        case Base64Source(data=data, mime=mime) as source:
            text = _decoded(data) if mime.startswith("text/") else None
            if text is not None:
                # Only PDF is sure to be taken as a file; plain text is text anywhere.
                title = f"{filename}:\n" if filename else ""
                return {"text": f"{title}{text}"}, {"type": "text"}
            named = {"filename": file_name(filename or "document", mime)}
            return {"file": {**named, "file_data": data_url(source)}}, {"type": "file"}
        case UrlSource(url=url) if notes.get("address"):
            return {"file": {**named, notes["address"]: url, **notes.get("mime", {})}}, {"type": "file"}
        case UrlSource(url=url) if notes or draft.has(MEDIA_URLS):
            return {"file": {**named, "file_data": url}}, {"type": "file"}
        case UrlSource():
            raise draft.refusal(path, "is a file by URL, which the target can't fetch")
        case FileIdSource(protocol=protocol):
            raise draft.refusal(path, f"is a file that was uploaded elsewhere ({protocol})")
        case _:
            assert_never(part.source)


def _decoded(data: str) -> str | None:
    try:
        return base64.b64decode(data, validate=True).decode()
    except (binascii.Error, ValueError):
        return None
