"""A token file that holds a key: JSON with a member of a known name, or the key alone.

Knows: the forms such files have. Refuses to know: refreshing; a file whose token has run out is the provider's to refuse.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import attrs

from trioproxy.config.model import Secret
from trioproxy.wire.jsoncodec import JSONError, Object, loads

__all__ = ["ReadFile", "Token", "TokenUnusable", "expand_home", "read_text", "token_of"]

ReadFile = Callable[[str], str]
"""The text of a file.

Raises:
    OSError: it can't be read.
    UnicodeDecodeError: it is not UTF-8.
"""

_LARGEST = 1024 * 1024


class TokenUnusable(Exception):
    """No key can be had from the file; the message says why, for a person, and quotes nothing of it."""


@attrs.frozen(kw_only=True)
class Token:
    """What a file gave: a key, and the provider's own host where the file names one (Qwen's ``resource_url``)."""

    key: Secret
    host: str | None = None


def read_text(path: str) -> str:
    """The text of the file at ``path``; :data:`ReadFile` over the real file system."""
    with Path(path).open("rb") as file:
        return file.read(_LARGEST).decode()


def expand_home(path: str, env: Mapping[str, str]) -> str:
    """``path`` with a leading ``~`` replaced by the environment's HOME."""
    if path == "~" or path.startswith("~/"):
        return (env.get("HOME") or str(Path.home())) + path[1:]
    return path


def token_of(path: str, fields: tuple[str, ...], read: ReadFile) -> Token:
    """The key in the file at ``path``; ``fields`` are the members that may hold it, best first.

    Raises:
        TokenUnusable: the file can't be read or holds no key.
    """
    text = _text(path, read)
    try:
        document = loads(text)
    except JSONError:
        document = text
    if isinstance(document, dict):
        return _from_members(document, path, fields)
    key = document if isinstance(document, str) else text
    if not key or any(char.isspace() for char in key):
        raise TokenUnusable(f"{path} is neither JSON nor one key")
    return Token(key=Secret(key))


def _text(path: str, read: ReadFile) -> str:
    try:
        return read(path).strip()
    except OSError as exc:
        raise TokenUnusable(f"{path} can't be read: {exc.strerror or exc}") from None
    except UnicodeDecodeError:
        raise TokenUnusable(f"{path} is not text") from None


def _from_members(document: Object, path: str, fields: tuple[str, ...]) -> Token:
    key = next((value for field in fields if isinstance(value := document.get(field), str) and value), None)
    if key is None:
        raise TokenUnusable(f"{path} has none of the members {', '.join(fields)}")
    host = document.get("resource_url")
    return Token(key=Secret(key.strip()), host=host if isinstance(host, str) and host else None)
