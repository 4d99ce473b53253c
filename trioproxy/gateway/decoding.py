"""Answers that a provider compressed although it was asked not to: read all the same, as they come.

Every request asks for ``identity``, but some servers and the gates before them compress whatever is asked. Bytes that pass do so as they came;
what has to be read here, an answer to be translated or an error, is unpacked first.

Knows: which answers have to be unpacked, and how a body is while it comes. Refuses to know: the codings (``wire/encoding.py``), and what a
body means.
"""

from __future__ import annotations

import attrs

from trioproxy.errors import ErrorKind, UpstreamFault
from trioproxy.gateway.carriers import is_encoded
from trioproxy.upstream.base import Tap, UpstreamResponse
from trioproxy.wire.encoding import ContentDecoder, UnknownCoding, parse_codings
from trioproxy.wire.headers import Headers
from trioproxy.wire.machine import ProtocolViolation

__all__ = ["readable"]

_LONGEST = 1 << 30
"""The most bytes that one answer may stand for. It is never held as a whole; who gathers one has a bound of their own."""

_CODING = b"content-encoding"
_GONE = frozenset({_CODING, b"content-length"})


def readable(response: UpstreamResponse, *, translated: bool) -> UpstreamResponse:
    """``response``, unpacked where somebody here reads it and knows how."""
    if not (translated or response.status >= 400) or not is_encoded(response.headers):
        return response
    try:
        codings = parse_codings(value for name, value in response.headers if name == _CODING)
    except UnknownCoding:
        return response
    headers = tuple((name, value) for name, value in response.headers if name not in _GONE)
    return _Unpacked(response, ContentDecoder(codings, _LONGEST), headers)


@attrs.define(eq=False)
class _Unpacked:
    """See :class:`~trioproxy.upstream.base.UpstreamResponse`."""

    _packed: UpstreamResponse
    _decoder: ContentDecoder
    headers: Headers
    whole: bool = False
    tap: Tap | None = None

    @property
    def status(self) -> int:
        return self._packed.status

    async def receive_some(self) -> bytes:
        while True:
            data = await self._packed.receive_some()
            try:
                pieces = self._decoder.feed(data) if data else self._decoder.close()
            except ProtocolViolation as violation:
                raise UpstreamFault(
                    ErrorKind.MALFORMED, f"the provider's answer can't be unpacked: {violation}"
                ) from None
            if pieces or not data:
                return b"".join(pieces)

    async def aclose(self) -> None:
        await self._packed.aclose()
