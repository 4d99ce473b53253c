"""How an answer of ``POST /v1/responses`` is said on a socket: the data of each event is one text message, as it comes.

Knows: framing, and which messages an error becomes. What the response came to is noted on the way (:class:`Outcome`), so that it can be
continued.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import attrs

from trioproxy.protocols.openai_responses.outcome import Outcome
from trioproxy.protocols.openai_responses.socket import TURN_STATE, error_of_answer, in_lane, socket_error, whole_answer
from trioproxy.server.answer import Headers
from trioproxy.wire.frames import Frame
from trioproxy.wire.jsoncodec import JSON, JSONError, dumps, loads
from trioproxy.wire.sse import SSEDecoder

__all__ = ["EventTeller"]

_DONE = b"[DONE]"
_MOST_BODY = 64 * 1024 * 1024

# What clients of HTTP act on after an error (``wire/headers.py`` has let nothing else through).
_TOLD_OF_ERRORS = (b"retry-after", b"retry-after-ms", b"x-should-retry", b"x-request-id")
_TOLD_PREFIXES = (b"x-ratelimit-", b"x-codex-")


@attrs.define(eq=False)
class EventTeller:
    """Says one answer on a ``lane``. ``say_text`` sends a text message. ``outcome`` is what became of the response; ``keep`` is given id and
    output of one that can be continued, before the client can know of it."""

    _say_text: Callable[[str], Awaitable[None]]
    lane: str | None = None
    max_event: int = 16 * 1024 * 1024
    keep: Callable[[str, list[JSON]], None] | None = None
    outcome: Outcome = attrs.field(factory=Outcome, init=False)
    _status: int = attrs.field(default=0, init=False)
    _headers: Headers = attrs.field(default=(), init=False)
    _decoder: SSEDecoder | None = attrs.field(default=None, init=False)
    _body: bytearray = attrs.field(factory=bytearray, init=False)

    async def begin(self, status: int, headers: Headers) -> None:
        """See ``Teller.begin``. A sticky token of the answer's head is said as Codex expects it on a socket."""
        self._status, self._headers = status, headers
        said = {name.lower(): value for name, value in headers}
        media = said.get(b"content-type", b"").split(b";")[0].strip().lower()
        if status < 300 and media == b"text/event-stream":
            self._decoder = SSEDecoder(max_event=self.max_event)
        token = said.get(TURN_STATE.encode())
        if status < 300 and token is not None:
            event = {"type": "response.metadata", "headers": {TURN_STATE: token.decode("latin-1")}}
            await self._say_text(in_lane(dumps(event), self.lane))

    async def say(self, data: bytes) -> None:
        """See ``Teller.say``."""
        if self._decoder is None:
            if len(self._body) < _MOST_BODY:
                self._body += data
            return
        for frame in self._decoder.feed(data):
            await self._tell(frame)

    async def end(self) -> None:
        """See ``Teller.end``."""
        if self._decoder is not None:
            for frame in self._decoder.close():
                await self._tell(frame)
        elif self._status < 300:
            await self._whole(bytes(self._body))
        else:
            await self.tell(error_of_answer(self._status, bytes(self._body), self._worth_telling()))

    async def tell(self, data: bytes) -> None:
        """Send the data of one event, and note what it says."""
        self.outcome.see(data)
        if self.keep is not None and self.outcome.kept:
            assert self.outcome.response_id is not None
            self.keep(self.outcome.response_id, self.outcome.output)
            self.keep = None
        await self._say_text(in_lane(data, self.lane))

    async def _tell(self, frame: Frame) -> None:
        data = frame.data
        if data == _DONE or not _is_whole(data):
            return
        if frame.event == "error" or b'"error"' in data[:64]:
            data = socket_error(data)
        await self.tell(data)

    async def _whole(self, body: bytes) -> None:
        try:
            events = whole_answer(body)
        except JSONError:
            events = [error_of_answer(502, body, {})]
        for event in events:
            await self.tell(event)

    def _worth_telling(self) -> dict[str, str]:
        return {
            name.decode("latin-1"): value.decode("latin-1")
            for name, value in self._headers
            if name in _TOLD_OF_ERRORS or name.startswith(_TOLD_PREFIXES)
        }


def _is_whole(data: bytes) -> bool:
    """Whether an event can be a message. One that was torn is closed by its stream and followed by an error; here that one says it all."""
    try:
        loads(data)
    except JSONError:
        return False
    return True
