"""Content parts of messages and tool outputs, in both directions.

``input_text``, ``input_image`` and ``input_file`` are what a client says; ``output_text`` and ``refusal`` what a model said. Images and
files come as a URL, a ``data:`` URL (RFC 2397) or the id of an upload.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, assert_never

from trioproxy.errors import ClientFault, ErrorKind
from trioproxy.neutral.extras import settled, spelling
from trioproxy.neutral.loss import Loss
from trioproxy.neutral.mimes import file_name, of_address, registered
from trioproxy.neutral.parts import (
    Base64Source,
    CacheHint,
    Extras,
    FileIdSource,
    Media,
    MediaKind,
    MediaSource,
    Opaque,
    Refusal,
    Text,
    UrlSource,
)
from trioproxy.protocols.openai_responses.annotations import read_annotations, write_annotation
from trioproxy.protocols.openai_responses.chat_parts import in_own_words
from trioproxy.protocols.openai_responses.fields import Fields, refusal, restore
from trioproxy.protocols.openai_responses.vocabulary import CACHES_ITSELF, CONTENT, NAME
from trioproxy.wire.jsoncodec import JSON, Object

__all__ = ["PARTS", "read_control", "read_part", "write_media", "write_refusal", "write_text"]

_TEXTS = frozenset({"input_text", "output_text", "text", "summary_text"})
PARTS = _TEXTS | {"input_image", "input_file", "image_url", "file"}
"""The types of parts that an output may hold, in this API's words and those of Chat Completions."""
_BREAKPOINT = "prompt_cache_breakpoint"
_CONTROL = "cache_control"
_SAID = "said"
_FILM = "video_url"
# The Files API is one for Responses and Chat Completions.
_OPENAI_FILES = frozenset({NAME, "openai_chat"})


def read_part(value: JSON, path: str, notes: Mapping[str, Any] | None = None) -> Text | Refusal | Media | Opaque:
    """One part of a message or a tool output. ``notes`` are the caller's own on the node's spelling.

    Raises:
        ClientFault: the part is malformed; ``param`` names the member.
    """
    ours = in_own_words(value)
    if ours is not None:
        return read_part(ours, path, {**(notes or {}), _SAID: value})
    fields = Fields(value, path)
    kind = fields.need("type")
    marks: dict[str, Any] = {**(notes or {}), "type": kind}
    if kind in _TEXTS:
        text = fields.need("text")
        citations = read_annotations(fields.list("annotations"), fields.at("annotations"))
        cache = _read_cache(fields, marks)
        return Text(text=text, citations=citations, cache=cache, extras=fields.extras(notes=marks))
    if kind == "refusal":
        return Refusal(text=fields.need("refusal"), extras=fields.extras(notes=marks))
    if kind == "input_image":
        return _read_image(fields, marks)
    if kind == "input_file":
        return _read_file(fields, marks)
    if kind == "input_audio":
        return _read_audio(fields, marks)
    if kind == "input_video" and _FILM in fields:
        return _read_film(fields, value, marks)
    return Opaque(protocol=NAME, kind=CONTENT + kind, payload=value, essential=True)


def _read_cache(fields: Fields, marks: dict[str, Any]) -> CacheHint | None:
    found = fields.object(_BREAKPOINT)
    if found is None:
        return read_control(fields)
    marks[_BREAKPOINT] = found
    return _hint(found)


def read_control(fields: Fields) -> CacheHint | None:
    """Anthropic's breakpoint, as clients of gateways put it on whatever they send. It says nothing to OpenAI."""
    found = fields.spelled(_CONTROL)
    return _hint(found) if isinstance(found, dict) else None


def _hint(found: Object) -> CacheHint:
    ttl = found.get("ttl")
    return CacheHint(ttl=ttl if isinstance(ttl, str) else None)


def _read_image(fields: Fields, marks: dict[str, Any]) -> Media:
    file_id, url = fields.text("file_id"), fields.text("image_url")
    if file_id:
        source: MediaSource = FileIdSource(file_id=file_id, protocol=NAME)
    elif url:
        source = _read_url(url, fields.at("image_url"), marks)
    else:
        raise refusal(fields.at("image_url"), "a URL, or `file_id` an id")
    detail = fields.text("detail")
    cache = _read_cache(fields, marks)
    extras = fields.extras(notes=marks)
    return Media(kind=MediaKind.IMAGE, source=source, detail=detail, cache=cache, extras=extras)


def _read_file(fields: Fields, marks: dict[str, Any]) -> Media:
    file_id, data, url = fields.text("file_id"), fields.text("file_data"), fields.text("file_url")
    if file_id:
        source: MediaSource = FileIdSource(file_id=file_id, protocol=NAME)
    elif data:
        source = _read_data(data, fields.at("file_data"), marks)
    elif url:
        source = UrlSource(url=url)
    else:
        raise refusal(fields.at("file_data"), "the file's data, or `file_url` a URL, or `file_id` an id")
    name, detail = fields.text("filename"), fields.text("detail")
    cache = _read_cache(fields, marks)
    extras = fields.extras(notes=marks)
    return Media(kind=_kind_of(source), source=source, filename=name, detail=detail, cache=cache, extras=extras)


def _read_audio(fields: Fields, marks: dict[str, Any]) -> Media:
    """Sound, as Chat Completions spells it; by a URL, as Codex does."""
    url = fields.text("audio_url")
    if url:
        marks["audio"] = {"audio_url": url}
        return Media(
            kind=MediaKind.AUDIO,
            source=_read_url(url, fields.at("audio_url"), marks),
            extras=fields.extras(notes=marks),
        )
    inner = fields.object("input_audio") or {}
    data, spelled = inner.get("data"), inner.get("format")
    if not isinstance(data, str) or not isinstance(spelled, str):
        raise refusal(fields.at("input_audio"), "an object with `data` and `format`")
    marks["audio"] = {"input_audio": inner}
    source = Base64Source(data=data, mime=registered(f"audio/{spelled}"))
    return Media(kind=MediaKind.AUDIO, source=source, extras=fields.extras(notes=marks))


def _read_film(fields: Fields, value: JSON, marks: dict[str, Any]) -> Media:
    """A film by its URL, as Open Responses has it, or in an object, as Chat Completions spells it."""
    said = fields.take(_FILM)
    url = said.get("url") if isinstance(said, dict) else said
    if not isinstance(url, str) or not url:
        raise refusal(fields.at(_FILM), "a URL")
    marks[_SAID] = value
    source = _read_url(url, fields.at(_FILM), marks)
    return Media(kind=MediaKind.VIDEO, source=source, extras=fields.extras(notes=marks))


def _read_data(data: str, path: str, marks: dict[str, Any]) -> MediaSource:
    if _is_data(data):
        return _read_url(data, path, marks)
    # Base64 without the data: wrapping; the reference shows PDFs so.
    marks["prefix"] = ""
    return Base64Source(data=data, mime="application/pdf")


def _kind_of(source: MediaSource) -> MediaKind:
    """What a file is: its type says it, or the ending of its address."""
    match source:
        case Base64Source(mime=mime):
            told: str | None = mime
        case UrlSource(url=url):
            told = of_address(url)
        case _:
            told = None
    return MediaKind.IMAGE if told is not None and told.startswith("image/") else MediaKind.DOCUMENT


def _is_data(url: str) -> bool:
    """Whether the bytes are in the URL. The scheme's case says nothing (RFC 3986, 3.1)."""
    return url[: len("data:")].lower() == "data:"


def _read_url(url: str, path: str, marks: dict[str, Any]) -> Base64Source | UrlSource:
    if not _is_data(url):
        return UrlSource(url=url)
    head, comma, data = url.partition(",")
    mime, *parameters = head[len("data:") :].lower().split(";")
    if not comma or "base64" not in parameters:
        raise refusal(path, "a URL, or a data: URL in base64 (`data:<type>;base64,<data>`)")
    marks["prefix"] = f"{head},"
    return Base64Source(data=data, mime=mime or "application/octet-stream")


def write_text(part: Text, kind: str, losses: list[Loss], path: str) -> Object:
    """A text part. ``kind`` is its type where the client did not spell another."""
    losses += settled(part.extras, NAME, path=path)
    notes = spelling(part.extras, NAME)
    document: Object = {"type": notes.get("type", kind), "text": part.text}
    annotated = part.citations
    if annotated and document["type"] == "input_text" and not notes:
        losses.append(Loss(f"{path}.citations", "only what the model said has annotations here"))
        annotated = ()
    annotations = [write_annotation(each, len(part.text), losses, path) for each in annotated]
    annotations = [each for each in annotations if each is not None]
    # The member is compulsory; a client of this protocol that left it out gets its own spelling back.
    if annotations or (document["type"] == "output_text" and not notes):
        document["annotations"] = annotations
    _write_cache(document, part.cache, notes, losses, path)
    if part.signature is not None:
        losses.append(Loss(f"{path}.signature", "a text part has no signature here"))
    return restore(document, part_extras(part.extras))


def write_refusal(part: Refusal, losses: list[Loss], path: str) -> Object:
    """A refusal part."""
    losses += settled(part.extras, NAME, path=path)
    return restore({"type": "refusal", "refusal": part.text}, part_extras(part.extras))


def write_media(part: Media, losses: list[Loss], path: str) -> Object:
    """An image or file part.

    Raises:
        ClientFault: sound, film, or an upload that another provider holds: the request would not mean the same without them.
    """
    spelled = spelling(part.extras, NAME)
    if _SAID in spelled:
        return dict(spelled[_SAID])
    if "audio" in spelled:
        return restore({"type": "input_audio", **spelled["audio"]}, part.extras)
    if part.kind in {MediaKind.AUDIO, MediaKind.VIDEO}:
        raise _unsaid(
            path, f"{part.kind.value} input has no place in the Responses API. Send it to a model that hears it."
        )
    if isinstance(part.source, FileIdSource) and part.source.protocol not in _OPENAI_FILES:
        raise _unsaid(path, "this file was uploaded to another provider. Send its bytes or a URL instead of its id.")
    losses += settled(part.extras, NAME, path=path)
    notes = spelling(part.extras, NAME)
    kind = notes.get("type", "input_image" if part.kind is MediaKind.IMAGE else "input_file")
    document: Object = {"type": kind, **_source_members(part, kind, notes)}
    if part.detail is not None:
        document["detail"] = part.detail
    elif kind == "input_image" and not notes:
        document["detail"] = "auto"
    if part.title is not None and not str(document.get("filename", "")).startswith(part.title):
        losses.append(Loss(f"{path}.title", "a file has a name here and no title"))
    _write_cache(document, part.cache, notes, losses, path)
    return restore(document, part.extras)


def _source_members(part: Media, kind: str, notes: Mapping[str, Any]) -> Object:
    image = kind == "input_image"
    named: Object = {} if image or part.filename is None else {"filename": part.filename}
    match part.source:
        case FileIdSource(file_id=file_id):
            return {"file_id": file_id, **named}
        case UrlSource(url=url):
            return {"image_url" if image else "file_url": url, **named}
        case Base64Source(data=data, mime=mime):
            url = notes.get("prefix", f"data:{mime};base64,") + data
            if image:
                return {"image_url": url}
            # The API refuses data without a file name, so a part that was not a client's of this protocol gets one.
            if notes:
                return {"file_data": url, **named}
            return {"filename": file_name(part.filename or part.title or "file", mime), "file_data": url}
        case _:
            assert_never(part.source)


def _write_cache(
    document: Object, cache: CacheHint | None, notes: Mapping[str, Any], losses: list[Loss], path: str
) -> None:
    if cache is None:
        return
    if "whole" in notes or _CONTROL in notes.get("blank", ()):
        return
    if _BREAKPOINT in notes:
        document[_BREAKPOINT] = notes[_BREAKPOINT]
    else:
        losses.append(Loss(f"{path}.cache", CACHES_ITSELF))


def part_extras(extras: Extras) -> Extras:
    """A part's extras without those that belong to the message around it."""
    note = spelling(extras, NAME).get("message")
    if not note or not note["fields"]:
        return extras
    kept = {name: value for name, value in extras[NAME].items() if name not in note["fields"]}
    return {**extras, NAME: kept}


def _unsaid(path: str, message: str) -> ClientFault:
    return ClientFault(ErrorKind.INVALID_REQUEST, f"`{path}`: {message}", param=path)
