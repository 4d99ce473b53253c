"""Media types and ``data:`` URLs (RFC 2397), as content parts of this protocol use them."""

from __future__ import annotations

import base64
import re
from urllib.parse import unquote_to_bytes

from trioproxy.neutral.mimes import ENDINGS, registered
from trioproxy.neutral.parts import Base64Source, MediaKind, UrlSource

__all__ = [
    "AUDIO_FORMATS",
    "data_url",
    "is_url",
    "kind_of_mime",
    "mime_of_filename",
    "mime_of_sound",
    "mime_of_sound_data",
    "read_url",
    "sound_of_mime",
]

_DATA_URL = re.compile(r"data:([a-zA-Z0-9.+-]+/[a-zA-Z0-9.+-]+);base64,")
_ANY_DATA_URL = re.compile(r"data:([^;,]*)[^,]*?(;base64)?,", re.IGNORECASE)

AUDIO_FORMATS = {"wav": "audio/wav", "mp3": "audio/mpeg"}
_SOUNDS = {mime: name for name, mime in AUDIO_FORMATS.items()}

# RIFF, OggS and fLaC in base64.
_BEGINNINGS = {"UklGR": "audio/wav", "T2dnU": "audio/ogg", "ZkxhQ": "audio/flac"}

_EXTENSIONS = {
    **ENDINGS,
    "xml": "application/xml",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def is_url(text: str) -> bool:
    """Whether this is a URL that files are given by, and not their bytes alone. The scheme's case says nothing (RFC 3986, 3.1)."""
    return text[:6].lower().startswith(("data:", "http:", "https:"))


def read_url(url: str) -> Base64Source | UrlSource:
    """The source behind a URL: the bytes themselves where it is a ``data:`` URL."""
    found = _DATA_URL.match(url) or _ANY_DATA_URL.match(url)
    if found is None:
        return UrlSource(url=url)
    data = url[found.end() :]
    if found.re is _ANY_DATA_URL and found.group(2) is None:
        data = base64.b64encode(unquote_to_bytes(data)).decode()
    return Base64Source(data=data, mime=found.group(1).lower() or "application/octet-stream")


def data_url(source: Base64Source) -> str:
    """The ``data:`` URL of a source."""
    return f"data:{source.mime};base64,{source.data}"


def kind_of_mime(mime: str) -> MediaKind:
    """What a model takes a file of this type for."""
    family = mime.partition("/")[0]
    kinds = {"image": MediaKind.IMAGE, "audio": MediaKind.AUDIO, "video": MediaKind.VIDEO}
    return kinds.get(family, MediaKind.DOCUMENT)


def mime_of_filename(filename: str | None) -> str:
    """The media type that a file name's extension stands for; PDF is what this protocol's files are by default."""
    extension = (filename or "").rpartition(".")[2].lower()
    return _EXTENSIONS.get(extension, "application/pdf")


def mime_of_sound(format_: str) -> str:
    """The media type of an ``input_audio.format``."""
    return AUDIO_FORMATS.get(format_, f"audio/{format_}")


def mime_of_sound_data(data: str) -> str:
    """The media type of bare base64 of a sound, by how the formats begin; MP3 where it begins otherwise."""
    return next((mime for start, mime in _BEGINNINGS.items() if data.startswith(start)), "audio/mpeg")


def sound_of_mime(mime: str) -> str:
    """The ``input_audio.format`` of a media type."""
    known = registered(mime)
    return _SOUNDS.get(known, known.partition("/")[2])
