"""What clients sent, seen at the exchange itself: its own path, model and protocol, whatever a provider was asked in.

Knows: how a request is kept for a test to look at. Refuses to know: who answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any

import attrs

from trioproxy.gateway.exchange import RequestHead
from trioproxy.gateway.wrapped import WrappedExchange
from trioproxy.protocols.table import match
from trioproxy.upstream.base import Headers
from trioproxy.upstream.fixture import Fixture, RecordedRequest
from trioproxy.upstream.redact import MARK, Redactor, secrets_of
from trioproxy.wire.jsoncodec import JSONError, loads

__all__ = ["CURRENT", "Call", "Witnessed"]


@attrs.define(eq=False, kw_only=True)
class Call:
    """One request of a client. ``headers`` by lower-case name, keys and cookies replaced; ``body`` is parsed JSON, else text, None where
    none was read. ``status`` is None until the answer began.

    ``recording`` names the recording that answered, ``miss`` says why none did; both are "" where that is not so.
    """

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = MappingProxyType({})
    body: Any = None
    status: int | None = None
    recording: str = ""
    miss: str = ""
    miss_place: str = attrs.field(default="", repr=False)
    """Where the request first differs from the nearest recording."""

    @classmethod
    def of(cls, head: RequestHead) -> Call:
        """The call that a request begins."""
        redacted = Redactor().redact(Fixture(request=RecordedRequest(path=head.path, query=head.query)))
        headers: dict[str, str] = {}
        for name, value in head.headers:
            shown = MARK if secrets_of(((name, value),), "") else value.decode("latin-1")
            key = name.decode("latin-1")
            headers[key] = f"{headers[key]}, {shown}" if key in headers else shown
        return cls(
            method=head.method,
            path=head.path,
            query=redacted.request.query,
            headers=MappingProxyType(headers),
        )

    def __str__(self) -> str:
        outcome = self.miss or (f"answered by {self.recording}" if self.recording else f"status {self.status}")
        return f"{self.method} {self.path}: {outcome}"


CURRENT: ContextVar[Call] = ContextVar("trioproxy_testing_call")
"""The call that the running task serves, for those who answer it further down."""


@attrs.define(eq=False)
class Witnessed(WrappedExchange):
    """See :class:`~trioproxy.gateway.exchange.Exchange`. Passes everything on and notes at ``call`` what was asked and how it was answered."""

    call: Call
    recorded: bool = False

    @property
    def head(self) -> RequestHead:
        """See ``Exchange.head``. A recording is to be read by people: it is asked for without a content coding. A replayed path may have
        any mount before what a protocol serves, as it had where it was recorded."""
        if not self.recorded:
            return _remounted(self._inner.head)
        kept = tuple(pair for pair in self._inner.head.headers if pair[0] != b"accept-encoding")
        return attrs.evolve(self._inner.head, headers=kept)

    async def receive_body(self, limit: int) -> bytes:
        """See ``Exchange.receive_body``."""
        body = await self._inner.receive_body(limit)
        try:
            self.call.body = loads(body) if body else None
        except JSONError:
            self.call.body = body.decode("utf-8", "replace")
        return body

    async def start(self, status: int, headers: Headers, *, flush: bool = True) -> None:
        """See ``Exchange.start``."""
        await self._inner.start(status, headers, flush=flush)
        self.call.status = status


def _remounted(head: RequestHead) -> RequestHead:
    """The head with the longest end of its path that names an endpoint, where the whole names none."""
    path = head.path
    if head.method != "POST" or match(path):
        return head
    for start, character in enumerate(path):
        if character == "/" and match(path[start:]):
            return attrs.evolve(head, target=head.target[start:])
    return head
