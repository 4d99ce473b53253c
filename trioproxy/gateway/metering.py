"""Usage of passing chat streams: asked for where the client did not ask, and taken out of the answer again. Pure.

Chat Completions tells the usage of a stream only to those who ask (``stream_options.include_usage``,
https://platform.openai.com/docs/api-reference/chat/create): then one chunk without choices follows the last one with a finish reason. The rule
:data:`ASK_FOR_USAGE` asks in the client's place, by one member spliced into the body, and drops that one chunk, whole and alone. A client
that asked, or said that it does not want to be told, is left alone.

Until a chunk brings a finish reason no byte waits here. From then on an event is held until it is whole.
"""

from __future__ import annotations

import re

from trioproxy.protocols.base import Asked, Operation
from trioproxy.providers.quirk import CHAT
from trioproxy.providers.quirks import ASK_FOR_USAGE
from trioproxy.wire.jsoncodec import JSONError, loads_object
from trioproxy.wire.splice import DuplicateMember, inserted, member_span, replace

__all__ = ["ASK_FOR_USAGE", "UsageDropper", "asking_for_usage"]

_WANTED = b'{"include_usage":true}'


def asking_for_usage(asked: Asked, body: bytes) -> bytes | None:
    """``body`` (what goes to the provider) with the usage asked for; None where it is not to be asked for."""
    document = asked.document
    if asked.protocol != CHAT or asked.operation is not Operation.GENERATE or not asked.stream or document is None:
        return None
    options = document.get("stream_options")
    if options is not None and (not isinstance(options, dict) or "include_usage" in options):
        return None
    if "stream_options" not in document:
        return inserted(body, "stream_options", _WANTED)
    try:
        span = member_span(body, "stream_options")
        assert span is not None, "the document has it"
        if options is None:
            return replace(body, span, _WANTED)
        return replace(body, span, inserted(body[span[0] : span[1]], "include_usage", b"true"))
    except DuplicateMember:
        return None  # somebody else's business: the provider's answer will say what it thinks of it


# A finish reason is a word; until there is one it is null. Inside a text the quotes would be escaped.
_LAST_WORDS = re.compile(rb'"finish_reason"\s*:\s*"|"usage"\s*:\s*\{')
_OVERLAP = 48
# Two line ends (https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream).
_BORDER = re.compile(rb"(?:\r\n|\n|\r(?!\n)){2}")
_LONGEST_BORDER = 4


class UsageDropper:
    """A machine from bytes to bytes that drops the chunk that tells the usage and nothing else."""

    def __init__(self) -> None:
        self._armed = False
        self._last = b""
        """The latest bytes that went by: all of what is needed to find a word or a border across two pieces."""
        self._begun = False
        """Some of the event under way went by."""
        self._held = b""
        self._half_end: bool | None = None
        """The last border may be followed by the LF of its CRLF; whether that goes by too."""

    def feed(self, item: bytes) -> bytes:
        """The bytes to pass on."""
        if self._armed:
            return self._sifted(item)
        seen = self._last + item
        if _LAST_WORDS.search(seen) is None:
            self._last = seen[-_OVERLAP:]
            return item
        self._armed = True
        self._begun = bool(self._last) and not self._last.endswith((b"\n\n", b"\r\r", b"\n\r\n", b"\n\r"))
        self._half_end = True if not self._begun and self._last.endswith(b"\r") else None
        return self._sifted(item)

    def close(self) -> bytes:
        """An event that the end of the stream left without its blank line."""
        held, self._held = self._held, b""
        return b"" if _tells_usage(held) else held

    def _sifted(self, item: bytes) -> bytes:
        kept: list[bytes] = []
        if self._half_end is not None and item:
            if item.startswith(b"\n"):
                kept.append(item[:1] if self._half_end else b"")
                item = item[1:]
            self._half_end = None
        edge = self._last[1 - _LONGEST_BORDER :] if self._begun else self._held
        text = edge + item
        at = len(edge) if self._begun else 0
        for border in _BORDER.finditer(text):
            if border.end() <= at:
                continue  # that of the event before, which went by
            event = text[at : border.end()]
            goes_by = self._begun or not _tells_usage(event)
            if goes_by:
                kept.append(event)
            self._begun = False
            at = border.end()
            self._half_end = goes_by if at == len(text) and event.endswith(b"\r") else None
        rest = text[at:]
        if self._begun:
            kept.append(rest)
            self._last, self._held = text[1 - _LONGEST_BORDER :], b""
        else:
            self._held = rest
        return b"".join(kept)


def _tells_usage(event: bytes) -> bool:
    """Whether this is the chunk that has no choices and tells the usage."""
    if b'"usage"' not in event:
        return False
    lines = event.splitlines()
    data = b"\n".join(line[5:].removeprefix(b" ") for line in lines if line.startswith(b"data:"))
    try:
        chunk = loads_object(data)
    except JSONError:
        return False
    return chunk.get("choices") == [] and isinstance(chunk.get("usage"), dict)
