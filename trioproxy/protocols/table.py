"""All protocols by name, and which of them a path belongs to.

Knows: the four folders, the mounts under which some clients expect them, and how a path template is compared with what was sent. A folder is
imported when it is first asked for. Refuses to know: what a request or an answer means.

Paths are compared as they were sent. Nothing is normalised: ``//``, dot segments and encoded slashes in the fixed part of a path match nothing,
so no two readers of one path can disagree on what it names.
"""

from __future__ import annotations

import functools
import importlib
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import cast
from urllib.parse import unquote_to_bytes

import attrs

from trioproxy.protocols.base import Endpoint, Protocol

__all__ = [
    "MOUNTS",
    "NAMES",
    "SPELLINGS",
    "Match",
    "Mount",
    "Mounted",
    "Template",
    "match",
    "mounted",
    "protocol",
    "protocols",
]

NAMES = ("openai_chat", "openai_responses", "anthropic", "gemini")

SPELLINGS: Mapping[str, str] = MappingProxyType(
    {
        **{name: name for name in NAMES},
        "openai_chat_completions": "openai_chat",
        "anthropic_messages": "anthropic",
        "chat": "openai_chat",
        "responses": "openai_responses",
        "messages": "anthropic",
    }
)
"""How people spell a protocol, in a configuration, a query or a command line, and which one they mean."""


@functools.cache
def protocol(name: str) -> Protocol:
    """The protocol of this name.

    Raises:
        KeyError: there is none.
    """
    if name not in NAMES:
        raise KeyError(name)
    return cast("Protocol", importlib.import_module(f"trioproxy.protocols.{name}").PROTOCOL)


@functools.cache
def protocols() -> Mapping[str, Protocol]:
    """Every protocol by name."""
    return MappingProxyType({name: protocol(name) for name in NAMES})


@attrs.frozen
class Mount:
    """A path prefix under which some client expects our endpoints. ``names`` are the protocols served there; the prefix is replaced by
    ``onto`` before the rest is compared."""

    prefix: str
    names: tuple[str, ...]
    onto: str = ""


# Codex signed in with ChatGPT knows one base path; Amp has one base path a vendor, Google's in the manner of Vertex.
MOUNTS = (
    Mount("/backend-api/codex", ("openai_responses",)),
    Mount("/api/provider/openai", ("openai_chat", "openai_responses")),
    Mount("/api/provider/anthropic", ("anthropic",)),
    Mount("/api/provider/google/v1beta1/publishers/google", ("gemini",), "/v1beta"),
    Mount("/api/provider/google/v1beta1", ("gemini",), "/v1beta"),
    Mount("/api/provider/google", ("gemini",)),
)


@attrs.frozen
class Mounted:
    """A path without its mount, and the protocols that may be meant by it."""

    path: str
    names: tuple[str, ...]

    @property
    def spellings(self) -> tuple[str, ...]:
        """The path as templates may spell it: ``/x`` is also ``/v1/x``."""
        return (self.path,) if self.path.startswith(("/v1/", "/v1beta/")) else (self.path, f"/v1{self.path}")


def mounted(path: str) -> Mounted:
    """``path`` without the mount it begins with, if any."""
    for mount in MOUNTS:
        if path.startswith(f"{mount.prefix}/"):
            return Mounted(mount.onto + path[len(mount.prefix) :], mount.names)
    return Mounted(path, NAMES)


class Template:
    """A path template such as ``/v1beta/models/{model}:generateContent``. A parameter may hold slashes, encoded or not; the colon before a
    verb may be encoded too, as some HTTP libraries do."""

    def __init__(self, text: str) -> None:
        pieces = re.split(r"\{(\w+)\}", text)
        self._pattern = re.compile(
            "".join(
                f"(?P<{piece}>.+)" if n % 2 else re.escape(piece).replace(":", "(?::|%3[Aa])")
                for n, piece in enumerate(pieces)
            ),
            re.DOTALL,
        )

    def match(self, path: str) -> dict[str, str] | None:
        """The parameters, percent-decoded; None where the path is not of this form or a parameter is no plain text."""
        found = self._pattern.fullmatch(path)
        if found is None:
            return None
        params: dict[str, str] = {}
        for name, raw in found.groupdict().items():
            value = _decoded(raw)
            if value is None:
                return None
            params[name] = value
        return params


@attrs.frozen(kw_only=True)
class Match:
    """An endpoint that a path names."""

    protocol: Protocol
    endpoint: Endpoint
    params: Mapping[str, str]


@functools.lru_cache(maxsize=256)
def match(path: str) -> tuple[Match, ...]:
    """The endpoints that ``path`` (raw, without its query) names, whatever the method: of a protocol's with one method the first that fits."""
    place = mounted(path)
    found: dict[tuple[str, str], Match] = {}
    for name in place.names:
        for endpoint, template in _templates(name):
            fits = (template.match(spelling) for spelling in place.spellings)
            params = next((each for each in fits if each is not None), None)
            if params is not None:
                found.setdefault(
                    (name, endpoint.method), Match(protocol=protocol(name), endpoint=endpoint, params=params)
                )
    return tuple(found.values())


@functools.cache
def _templates(name: str) -> tuple[tuple[Endpoint, Template], ...]:
    return tuple((endpoint, Template(endpoint.path)) for endpoint in protocol(name).endpoints)


_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


def _decoded(raw: str) -> str | None:
    if _BROKEN_ESCAPE.search(raw):
        return None
    try:
        text = unquote_to_bytes(raw).decode("utf-8")
    except UnicodeDecodeError:
        return None
    if "\\" in text or any(ord(char) < 0x20 or ord(char) == 0x7F for char in text):
        return None
    if any(segment in {"", ".", ".."} for segment in text.split("/")):
        return None
    return text
