"""Neutral media as ``inlineData`` and ``fileData`` parts."""

from __future__ import annotations

from typing import assert_never
from urllib.parse import urlsplit

from trioproxy.errors import ClientFault, ErrorKind
from trioproxy.neutral.extras import own, spelling
from trioproxy.neutral.loss import Loss
from trioproxy.neutral.mimes import registered
from trioproxy.neutral.parts import Base64Source, FileIdSource, Media, MediaKind, UrlSource
from trioproxy.protocols.gemini.endpoints import NAME
from trioproxy.wire.jsoncodec import Object

__all__ = ["write_media"]

# Google wants a type with each file. Where the client named none, the address's ending tells, else what is most usual of the kind.
_ENDINGS = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "heic": "image/heic",
    "heif": "image/heif",
    "pdf": "application/pdf",
    "txt": "text/plain",
    "md": "text/markdown",
    "html": "text/html",
    "csv": "text/csv",
    "json": "application/json",
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "ogg": "audio/ogg",
    "flac": "audio/flac",
    "mp4": "video/mp4",
    "webm": "video/webm",
    "mov": "video/quicktime",
}
_USUAL = {
    MediaKind.IMAGE: "image/jpeg",
    MediaKind.DOCUMENT: "application/pdf",
    MediaKind.AUDIO: "audio/mpeg",
    MediaKind.VIDEO: "video/mp4",
}


def write_media(media: Media, path: str) -> tuple[Object, list[Loss]]:
    """The part, and what of the medium it can't say.

    Raises:
        ClientFault: INVALID_REQUEST, the medium is a file that lies with another provider.
    """
    spelled, extras = spelling(media.extras, NAME), own(media.extras, NAME)
    losses: list[Loss] = []
    for name, value in (("title", media.title), ("detail", media.detail if media.detail != "auto" else None)):
        if value is not None:
            losses.append(Loss(f"{path}.{name}", f"Gemini takes no {name} with a medium"))
    named: Object = {}
    if "displayName" in spelled:
        named["displayName"] = spelled["displayName"]
    elif media.filename is not None:
        losses.append(Loss(f"{path}.filename", "Gemini takes no name with a medium"))
    match media.source:
        case Base64Source(data=data, mime=mime):
            field, datum = "inlineData", {"mimeType": registered(mime), "data": data}
        case UrlSource(url=url, mime=mime):
            field, datum = "fileData", {"fileUri": url, "mimeType": mime or _guess(url, media.kind)}
        case FileIdSource(file_id=file_id, protocol=protocol):
            if protocol != NAME:
                raise ClientFault(
                    ErrorKind.INVALID_REQUEST,
                    f"`{path}`: the file {file_id} lies with another provider ({protocol}), where Gemini can't read it. Send its "
                    "contents instead.",
                    param=path,
                )
            mime = spelled.get("mimeType")
            field, datum = "fileData", {"fileUri": file_id, **({"mimeType": mime} if mime is not None else {})}
        case _:
            assert_never(media.source)
    return {field: {**datum, **named, **extras.pop(field, {})}, **extras}, losses


def _guess(url: str, kind: MediaKind) -> str:
    try:
        ending = urlsplit(url).path.rpartition(".")[2].lower()
    except ValueError:
        ending = ""
    return _ENDINGS.get(ending, _USUAL[kind])
