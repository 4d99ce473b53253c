"""Neutral media as ``inlineData`` and ``fileData`` parts."""

from __future__ import annotations

from typing import assert_never

from trioproxy.errors import ClientFault, ErrorKind
from trioproxy.neutral.extras import own, spelling
from trioproxy.neutral.loss import Loss
from trioproxy.neutral.mimes import of_address, registered
from trioproxy.neutral.parts import Base64Source, FileIdSource, Media, MediaKind, UrlSource
from trioproxy.protocols.gemini.endpoints import NAME
from trioproxy.wire.jsoncodec import Object

__all__ = ["write_media"]

# Google wants a type with each file. Where neither the client nor the address tells, it is what is most usual of the kind.
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
            field, datum = "fileData", {"fileUri": url, "mimeType": mime or of_address(url) or _USUAL[media.kind]}
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
