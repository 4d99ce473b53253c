"""Media types by the names their registry has: clients write some by others, and vendors refuse those.

Source: IANA media types; the WHATWG MIME Sniffing standard for what browsers and SDKs write in their place.
"""

from __future__ import annotations

__all__ = ["registered"]

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
