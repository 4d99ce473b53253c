"""Content blocks of a request to neutral parts.

Each block type has one reader in :data:`READERS`; a type without one is carried whole as :class:`~trioproxy.neutral.parts.Opaque`. A block
that the hub can say in plain text, but not exactly, becomes text with the block itself as its spelling, so that Anthropic gets the block
back and everyone else the text. Source: platform.claude.com, API reference, Messages; anthropic SDK 2.11 ``types/beta/*_param.py``.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from types import MappingProxyType

import attrs

from trioproxy.neutral.extras import own
from trioproxy.neutral.parts import (
    Base64Source,
    Citation,
    Extras,
    FileIdSource,
    Media,
    MediaKind,
    MediaSource,
    Opaque,
    Part,
    Reasoning,
    Signature,
    SignatureForm,
    Text,
    ToolCall,
    ToolResult,
    UrlSource,
)
from trioproxy.protocols.anthropic.caching import cache_read
from trioproxy.protocols.anthropic.call_ids import meant_id
from trioproxy.protocols.anthropic.carrying import carried
from trioproxy.protocols.anthropic.citations import citation_read
from trioproxy.protocols.anthropic.endpoints import DIRECT_CALLER, NAME
from trioproxy.protocols.anthropic.fields import Fields, invalid
from trioproxy.protocols.anthropic.seals import sealed_call, unseal
from trioproxy.protocols.outcomes import as_content
from trioproxy.wire.jsoncodec import JSON, Object, dumps

__all__ = ["ESSENTIAL_BLOCKS", "READERS", "plain_parts", "read_parts", "read_placed"]

ESSENTIAL_BLOCKS = frozenset({"container_upload"})
"""Block types without which the request would ask for something else; other protocols refuse them."""

_UNCITED: Object = {"citations": {"enabled": False}}

_IN_RESULTS = frozenset({"text", "image", "document", "search_result", "tool_reference"})


def read_parts(content: JSON, path: str) -> tuple[Part, ...]:
    """The parts of a message whose content is a list of blocks or a string.

    Raises:
        ClientFault: a block is not what its type must be; ``param`` is its path.
    """
    return tuple(part for _, part in read_placed(content, path))


def read_placed(content: JSON, path: str) -> list[tuple[str, Part]]:
    """:func:`read_parts`, each part with the path of its block: a document of blocks is several, and one that is ours alone is none."""
    if isinstance(content, str):
        return [(path, Text(text=content))]
    if not isinstance(content, list):
        raise invalid(path, "must be a string or an array of content blocks")
    placed: list[tuple[str, Part]] = []
    sealed: dict[str, Signature] = {}
    for number, block in enumerate(content):
        where = f"{path}[{number}]"
        placed += ((where, part) for part in _read_block(block, where, sealed))
    return [(where, _signed(part, sealed)) for where, part in placed]


def plain_parts(content: JSON, path: str) -> tuple[Text | Media | Opaque, ...]:
    """The parts of a tool result or a system prompt, where no calls and no thinking may stand."""
    parts: list[Text | Media | Opaque] = []
    for where, part in read_placed(content, path):
        if not isinstance(part, Text | Media | Opaque):
            raise invalid(where, "can't hold a block of this type")
        parts.append(part)
    return tuple(parts)


def _read_block(block: JSON, path: str, sealed: dict[str, Signature]) -> Sequence[Part]:
    """The parts, none for a block that only carries the signature of a call."""
    fields = Fields(block, path)
    kind = fields.need("type")
    if kind == "redacted_thinking":
        found = sealed_call(str(block.get("data")))
        if found is not None:
            sealed[meant_id(found[0])] = found[1]
            return ()
    if kind == "document":
        return _document(fields, block)
    reader = READERS.get(kind)
    if reader is None:
        return (Opaque(protocol=NAME, kind=kind, payload=block, essential=kind in ESSENTIAL_BLOCKS),)
    return (reader(fields, block),)


def _signed(part: Part, sealed: dict[str, Signature]) -> Part:
    if isinstance(part, ToolCall) and part.call_id in sealed:
        return attrs.evolve(part, signature=sealed[part.call_id])
    return part


def _text(fields: Fields, block: Object) -> Part:
    text = fields.need("text")
    cache, notes = cache_read(fields)
    citations = _citations(fields)
    return Text(text=text, citations=citations, cache=cache, extras=carried(fields.rest(), notes=notes))


def _citations(fields: Fields) -> tuple[Citation, ...]:
    found = fields.items("citations") or []
    for path, raw in found:
        if not isinstance(raw, dict):
            raise invalid(path, "must be a JSON object")
    return tuple(citation_read(raw) for _, raw in found)


def _image(fields: Fields, block: Object) -> Part:
    source = fields.inner("source")
    if source is None:
        raise invalid(fields.at("source"), "is required")
    kind = source.need("type")
    read = _SOURCES.get(kind)
    if read is None:
        return Opaque(protocol=NAME, kind="image", payload=block, essential=True)
    media = read(source)
    cache, notes = cache_read(fields)
    extras = carried(_rest(fields, source), notes=notes)
    return Media(kind=MediaKind.IMAGE, source=media, cache=cache, extras=extras)


def _document(fields: Fields, block: Object) -> Sequence[Part]:
    """A document; what the model is told of it (``context``) and one with pictures among its text are parts of their own."""
    source = fields.inner("source")
    if source is None:
        raise invalid(fields.at("source"), "is required")
    kind = source.need("type")
    title, context = fields.text("title"), fields.text("context")
    cache, notes = cache_read(fields)
    if kind == "content":
        inner = read_parts(source.take("content"), source.at("content"))
        media: MediaSource | None = _inline_text(inner)
    else:
        inner, media = (), _source(kind, source)
    extras = carried(_rest(fields, source), notes={**notes, "block": block}, defaults=_UNCITED)
    told = [Text(text=context)] if context else []
    if media is not None:
        document = Media(kind=MediaKind.DOCUMENT, source=media, title=title, cache=cache)
        return _as_one((*told, document), extras)
    shown = [part for part in inner if isinstance(part, Text | Media)]
    if shown and len(shown) == len(inner):
        named = [Text(text=f"{title}:")] if title else []
        return _as_one((*named, *told, *shown), extras)
    return (Opaque(protocol=NAME, kind="document", payload=block, essential=True),)


def _as_one(parts: Sequence[Text | Media], extras: Extras) -> Sequence[Part]:
    """Parts that are one block here: the last has what the block has, and is written in the place of all."""
    before = [
        attrs.evolve(part, extras=carried(own(part.extras, NAME), notes={"covered": True})) for part in parts[:-1]
    ]
    return (*before, attrs.evolve(parts[-1], extras=extras))


def _rest(fields: Fields, source: Fields) -> Object:
    """What nobody took of a block, and under ``source`` what nobody took of that."""
    inner = source.rest()
    return {**fields.rest(), **({"source": inner} if inner else {})}


def _source(kind: str, source: Fields) -> MediaSource | None:
    read = _SOURCES.get(kind)
    return read(source) if read else None


def _base64(source: Fields) -> MediaSource:
    return Base64Source(data=source.need("data"), mime=source.need("media_type"))


def _url(source: Fields) -> MediaSource:
    return UrlSource(url=source.need("url"))


def _file(source: Fields) -> MediaSource:
    return FileIdSource(file_id=source.need("file_id"), protocol=NAME)


def _plain_text(source: Fields) -> MediaSource:
    source.take("media_type")
    return _encoded(source.need("data"))


_SOURCES: dict[str, Callable[[Fields], MediaSource]] = {
    "base64": _base64,
    "url": _url,
    "file": _file,
    "text": _plain_text,
}


def _inline_text(parts: Sequence[Part]) -> MediaSource | None:
    """A document given as blocks, where all of them are text; None where pictures are among them."""
    texts = [part.text for part in parts if isinstance(part, Text)]
    return _encoded("\n\n".join(texts)) if len(texts) == len(parts) else None


def _encoded(text: str) -> Base64Source:
    return Base64Source(data=base64.b64encode(text.encode()).decode(), mime="text/plain")


def _thinking(fields: Fields, block: Object) -> Part:
    text = fields.text("thinking") or ""
    signature = unseal(fields.text("signature") or "", own=SignatureForm.ANTHROPIC_SIGNATURE)
    return _thought(text, signature, fields)


def _redacted(fields: Fields, block: Object) -> Part:
    signature = unseal(fields.need("data"), own=SignatureForm.ANTHROPIC_REDACTED)
    return _thought("", signature, fields)


def _thought(text: str, signature: Signature | None, fields: Fields) -> Part:
    extras = carried(fields.rest())
    if signature is not None and signature.form is SignatureForm.OPENAI_ENCRYPTED and text:
        # What OpenAI shows beside its encrypted reasoning is a summary of it.
        return Reasoning(summary=(text,), signature=signature, extras=extras)
    return Reasoning(text=text, signature=signature, extras=extras)


def _tool_use(fields: Fields, block: Object) -> Part:
    call_id, name = meant_id(fields.need("id")), fields.need("name")
    given = fields.take("input")
    cache, notes = cache_read(fields)
    caller = fields.take("caller")
    rest = fields.rest()
    if caller == DIRECT_CALLER:
        notes["caller"] = caller
    elif caller is not None:
        rest["caller"] = caller
    return ToolCall(
        call_id=call_id,
        name=name,
        # An input that is its own text (gateways that never parsed it) is what the model wrote.
        arguments=given if isinstance(given, str) and given else dumps(given or {}).decode(),
        cache=cache,
        extras=carried(rest, notes=notes),
    )


def _tool_result(fields: Fields, block: Object) -> Part:
    call_id = meant_id(fields.need("tool_use_id"))
    content = as_content(fields.take("content"), _IN_RESULTS)
    failed = fields.flag("is_error")
    cache, notes = cache_read(fields)
    if isinstance(content, list):
        notes["content"] = "blocks"
    elif content is not None:
        notes["content"] = "string"
    if failed is False:
        notes["is_error"] = False
    return ToolResult(
        call_id=call_id,
        content=() if content is None else plain_parts(content, fields.at("content")),
        is_error=bool(failed),
        cache=cache,
        extras=carried(fields.rest(), notes=notes),
    )


def _search_result(fields: Fields, block: Object) -> Part:
    title, source = fields.text("title"), fields.text("source")
    inner = plain_parts(fields.take("content") or [], fields.at("content"))
    texts = [part.text for part in inner if isinstance(part, Text)]
    return _told("\n".join(filter(None, (title, source, *texts))), fields, block)


def _compaction(fields: Fields, block: Object) -> Part:
    summary = fields.text("content")
    if summary is None:
        # A summary that came to nothing says nothing; one that only the provider can read stands for everything before it.
        hidden = block.get("encrypted_content") is not None
        return Opaque(protocol=NAME, kind="compaction", payload=block, essential=hidden)
    return _told(summary, fields, block)


def _tool_reference(fields: Fields, block: Object) -> Part:
    return _told(f"The tool {fields.need('tool_name')} is available.", fields, block)


def _browser_state(fields: Fields, block: Object) -> Part:
    state = {name: fields.take(name) for name in ("tabs", "state_changes")}
    return _told(dumps({name: said for name, said in state.items() if said is not None}).decode(), fields, block)


def _told(text: str, fields: Fields, block: Object) -> Text:
    """A block in plain words, with the block itself as its spelling."""
    cache, _ = cache_read(fields)
    rest = fields.rest()
    return Text(
        text=text, cache=cache, extras=carried(rest, notes={"block": MappingProxyType(block)}, defaults=_UNCITED)
    )


READERS: dict[str, Callable[[Fields, Object], Part]] = {
    "text": _text,
    "image": _image,
    "thinking": _thinking,
    "redacted_thinking": _redacted,
    "tool_use": _tool_use,
    "tool_result": _tool_result,
    "search_result": _search_result,
    "compaction": _compaction,
    "tool_reference": _tool_reference,
    "browser_state": _browser_state,
}
