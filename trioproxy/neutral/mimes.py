"""Media types by the names their registry has: clients write some by others, and vendors refuse those.

A file's name says its type once more, and vendors read it there.

Source: IANA media types; the WHATWG MIME Sniffing standard for what browsers and SDKs write in their place.
"""

from __future__ import annotations

from urllib.parse import urlsplit

__all__ = ["ENDINGS", "file_name", "of_address", "registered"]

_REGISTERED = {
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/x-png": "image/png",
    "audio/mp3": "audio/mpeg",
    "audio/x-mp3": "audio/mpeg",
    "audio/x-wav": "audio/wav",
    "audio/wave": "audio/wav",
    "audio/vnd.wave": "audio/wav",
    "audio/x-m4a": "audio/mp4",
    "audio/m4a": "audio/mp4",
    "audio/x-flac": "audio/flac",
    "application/x-pdf": "application/pdf",
    "text/x-markdown": "text/markdown",
}


def registered(mime: str) -> str:
    """The registered name of a media type, without its parameters; a type nobody knows stays as it is, in lower case."""
    name = mime.partition(";")[0].strip().lower()
    return _REGISTERED.get(name, name)


ENDINGS = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "pdf": "application/pdf",
    "txt": "text/plain",
    "md": "text/markdown",
    "html": "text/html",
    "csv": "text/csv",
    "json": "application/json",
}
"""What the ending of a name stands for, wherever files are named."""

_ENDINGS_OF_ADDRESSES = {
    **ENDINGS,
    "gif": "image/gif",
    "webp": "image/webp",
    "heic": "image/heic",
    "heif": "image/heif",
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "ogg": "audio/ogg",
    "flac": "audio/flac",
    "mp4": "video/mp4",
    "webm": "video/webm",
    "mov": "video/quicktime",
}


def of_address(url: str) -> str | None:
    """The media type that the ending of an address stands for."""
    try:
        ending = urlsplit(url).path.rpartition(".")[2].lower()
    except ValueError:
        return None
    return _ENDINGS_OF_ADDRESSES.get(ending)


_SUFFIXES = {
    "application/pdf": "pdf",
    "text/plain": "txt",
    "text/markdown": "md",
    "text/csv": "csv",
    "text/html": "html",
}
_LONGEST_SUFFIX = 5


def file_name(name: str, mime: str) -> str:
    """``name`` with an ending that fits the type: a document's title has none, and OpenAI answers 400 to a file whose name does not say
    what it is ("Expected context stuffing file type to be a supported format: .pdf but got none")."""
    told = registered(mime)
    suffix = _SUFFIXES.get(told) or told.rpartition("/")[2]
    if not (suffix.isalnum() and len(suffix) <= _LONGEST_SUFFIX):
        suffix = "bin"
    _, dot, ending = name.rpartition(".")
    fits = ending.lower() == suffix if suffix == "pdf" else ending.isalpha() and len(ending) <= _LONGEST_SUFFIX
    return name if dot and fits else f"{name}.{suffix}"
