"""Content parts of a client's messages: what is in them, and how they were spelled.

A part of a kind that OpenAI does not know becomes an essential :class:`~trioproxy.neutral.parts.Opaque`: it is part of the question, so that it
goes back to this protocol as it came and to no other.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs

from trioproxy.neutral.extras import own, packed, spelling
from trioproxy.neutral.parts import (
    Base64Source,
    CacheHint,
    Extras,
    FileIdSource,
    Media,
    MediaKind,
    MediaSource,
    Opaque,
    Reasoning,
    Refusal,
    Text,
    UrlSource,
)
from trioproxy.protocols.openai_chat.endpoints import NAME
from trioproxy.protocols.openai_chat.fields import Fields, fault
from trioproxy.protocols.openai_chat.media import (
    data_url,
    is_url,
    kind_of_mime,
    mime_of_filename,
    mime_of_sound,
    mime_of_sound_data,
    read_url,
)
from trioproxy.protocols.openai_chat.reasoning import thought_text
from trioproxy.wire.jsoncodec import JSON, Object

__all__ = ["KINDS", "ContentPart", "read_cache", "read_content"]

ContentPart = Text | Refusal | Media | Reasoning | Opaque


_UNTYPED = "application/octet-stream"


def read_content(value: JSON, path: str) -> tuple[list[ContentPart], str]:
    """The parts of a ``content``, and its spelling: ``string``, ``list`` or ``null`` (which is said of an absent one too)."""
    if value is None:
        return [], "null"
    if isinstance(value, str):
        return [Text(text=value)], "string"
    if not isinstance(value, list):
        raise fault(path, "must be a string or an array of content parts")
    return [_part(each, f"{path}[{position}]") for position, each in enumerate(value)], "list"


def read_cache(fields: Fields) -> tuple[CacheHint | None, Object]:
    """The cache breakpoint of a part or tool, and its spelling (OpenRouter's ``cache_control``, OpenAI's ``prompt_cache_breakpoint``)."""
    hint: CacheHint | None = None
    notes: Object = {}
    for name in ("cache_control", "prompt_cache_breakpoint"):
        value = fields.object(name)
        if value is None:
            continue
        notes[name] = value
        ttl = value.get("ttl")
        # OpenAI's own lifetimes mean nothing to the vendors whose breakpoint this may become.
        known = isinstance(ttl, str) and name == "cache_control"
        hint = hint or CacheHint(ttl=ttl if known else None)
    return hint, notes


def _part(value: JSON, path: str) -> ContentPart:
    if isinstance(value, str):
        return Text(text=value, extras=packed(NAME, {}, spelling={"bare": True}))
    fields = Fields(value, path)
    kind = fields.name("type")
    reader = _READERS.get(kind)
    if reader is None:
        return Opaque(protocol=NAME, kind=kind, payload=value, essential=True)
    return reader(fields, value)


def _extras(fields: Fields, notes: Object, inner: Fields | None = None) -> Extras:
    """What is left of a part, and of the object in it: own fields under the object's name, nulls as notes on spelling."""
    left = fields.rest()
    if inner is not None:
        name = inner.path.rpartition(".")[2]
        rest = inner.rest()
        if rest:
            left[name] = rest
        if inner.nulls:
            notes["inner_nulls"] = tuple(inner.nulls)
    if fields.nulls:
        notes["nulls"] = tuple(fields.nulls)
    return packed(NAME, left, spelling=notes)


def _text(fields: Fields, value: Object) -> ContentPart:
    text = fields.text("text")
    if text is None:
        raise fault(fields.at("text"), "must be a string")
    cache, notes = read_cache(fields)
    return Text(text=text, cache=cache, extras=_extras(fields, notes))


def _refusal(fields: Fields, value: Object) -> ContentPart:
    return Refusal(text=fields.text("refusal") or "", extras=_extras(fields, {"part": True}))


def _thinking(fields: Fields, value: Object) -> ContentPart:
    """Thoughts in history: Mistral's ``{type: thinking, thinking: [{type: text, text}]}``, Databricks' ``{type: reasoning, summary}``."""
    text = thought_text(fields.take("thinking") or fields.take("summary"))
    return Reasoning(text=text, extras=packed(NAME, {}, spelling={"part": value}))


def _image(fields: Fields, value: Object) -> ContentPart:
    return _linked(fields, MediaKind.IMAGE, "image_url")


def _video(fields: Fields, value: Object) -> ContentPart:
    """Not OpenAI's: OpenRouter, vLLM and Qwen."""
    return _linked(fields, MediaKind.VIDEO, "video_url")


def _input_video(fields: Fields, value: Object) -> ContentPart:
    """Not OpenAI's: OpenRouter, by its older name for the part."""
    part = _linked(fields, MediaKind.VIDEO, "video_url")
    return attrs.evolve(
        part,
        extras=packed(NAME, own(part.extras, NAME), spelling={**spelling(part.extras, NAME), "type": "input_video"}),
    )


def _audio_url(fields: Fields, value: Object) -> ContentPart:
    """Not OpenAI's: Together and vLLM."""
    return _linked(fields, MediaKind.AUDIO, "audio_url")


def _document(fields: Fields, value: Object) -> ContentPart:
    """Not OpenAI's: Mistral."""
    name = fields.text("document_name")
    return attrs.evolve(_linked(fields, MediaKind.DOCUMENT, "document_url"), filename=name)


def _file_url(fields: Fields, value: Object) -> ContentPart:
    """Not OpenAI's: Perplexity, whose URL may be bare base64, and Zhipu."""
    name = fields.text("file_name")
    part = _linked(fields, MediaKind.DOCUMENT, "file_url")
    if isinstance(part.source, UrlSource) and "://" not in part.source.url:
        data = part.source.url
        noted = {**spelling(part.extras, NAME), "url": data}
        source = Base64Source(data=data, mime=mime_of_filename(name))
        part = attrs.evolve(part, source=source, extras=packed(NAME, own(part.extras, NAME), spelling=noted))
    return attrs.evolve(part, filename=name)


def _linked(fields: Fields, kind: MediaKind, name: str) -> Media:
    given = fields.take(name)
    inner = Fields({"url": given} if isinstance(given, str) else given, fields.at(name))
    url = inner.name("url")
    detail = inner.text("detail")
    source = read_url(url)
    cache, notes = read_cache(fields)
    notes["part"] = name
    if isinstance(source, UrlSource):
        source, spelled = _typed(source, inner)
        notes |= spelled
        kind = kind_of_mime(source.mime) if source.mime is not None else kind
    if isinstance(given, str):
        notes["bare"] = True
    if isinstance(source, Base64Source):
        # Many clients put every file they have into an image's place; what it is, its media type says.
        kind = kind if source.mime == _UNTYPED else kind_of_mime(source.mime)
        if data_url(source) != url:
            notes["url"] = url
    return Media(kind=kind, source=source, detail=detail, cache=cache, extras=_extras(fields, notes, inner))


def _audio(fields: Fields, value: Object) -> ContentPart:
    if isinstance(value["input_audio"], str):
        return _sound(_linked(fields, MediaKind.AUDIO, "input_audio"))
    inner = Fields(fields.take("input_audio"), fields.at("input_audio"))
    format_ = inner.name("format")
    source = Base64Source(data=inner.name("data"), mime=mime_of_sound(format_))
    cache, notes = read_cache(fields)
    notes["format"] = format_
    return Media(kind=MediaKind.AUDIO, source=source, cache=cache, extras=_extras(fields, notes, inner))


def _sound(part: Media) -> Media:
    """Not OpenAI's: Mistral, whose sound is a URL or bare base64."""
    if not isinstance(part.source, UrlSource) or "://" in part.source.url:
        return part
    data = part.source.url
    noted = {**spelling(part.extras, NAME), "url": data}
    source = Base64Source(data=data, mime=mime_of_sound_data(data))
    return attrs.evolve(part, source=source, extras=packed(NAME, own(part.extras, NAME), spelling=noted))


def _file(fields: Fields, value: Object) -> ContentPart:
    inner = Fields(fields.take("file"), fields.at("file"))
    filename, data, url = inner.text("filename"), inner.text("file_data"), inner.text("file_url")
    cache, notes = read_cache(fields)
    notes["part"] = "file"
    source: MediaSource
    kind = MediaKind.DOCUMENT
    if data is not None:
        source = read_url(data) if is_url(data) else _bare(data, filename, notes)
        if isinstance(source, Base64Source):
            kind = kind_of_mime(source.mime)
            if "bare" not in notes and data_url(source) != data:
                notes["url"] = data
    else:
        file_id = url or inner.text("file_id")
        if not file_id:
            raise fault(fields.at("file"), "must have `file_data` or `file_id`")
        source = FileIdSource(file_id=file_id, protocol=NAME)
        if "://" in file_id:
            # What has an address lies with no provider, or with the one the address names: Google's files, as LiteLLM's clients name them.
            notes["address"] = "file_url" if url else "file_id"
            source, spelled = _typed(UrlSource(url=file_id), inner)
            notes |= spelled
            kind = kind_of_mime(source.mime or "")
    return Media(kind=kind, source=source, filename=filename, cache=cache, extras=_extras(fields, notes, inner))


def _typed(source: UrlSource, inner: Fields) -> tuple[UrlSource, Object]:
    """The source with the media type that clients of gateways name beside an address (LiteLLM's ``format``, Portkey's ``mime_type``), and how
    they named it."""
    for name in ("format", "mime_type"):
        mime = inner.text(name)
        if mime is not None:
            return attrs.evolve(source, mime=mime), {"mime": {name: mime}}
    return source, {}


def _bare(data: str, filename: str | None, notes: Object) -> Base64Source:
    notes["bare"] = True
    return Base64Source(data=data, mime=mime_of_filename(filename))


_READERS: dict[str, Callable[[Fields, Object], ContentPart]] = {
    "text": _text,
    "refusal": _refusal,
    "thinking": _thinking,
    "reasoning": _thinking,
    "image_url": _image,
    "video_url": _video,
    "input_video": _input_video,
    "audio_url": _audio_url,
    "document_url": _document,
    "file_url": _file_url,
    "input_audio": _audio,
    "file": _file,
}

KINDS = frozenset(_READERS)
"""The types of parts that this protocol and its servers know."""
