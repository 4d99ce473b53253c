"""Upstreams for tests: :class:`ScriptedUpstream` answers from a script, by the clock of the test (use ``autojump_clock``).

    upstream = ScriptedUpstream(Script(200, chunks=[b"data: 1\\n\\n", Delay(5), b"data: 2\\n\\n", Fault()]))

Each ``open`` takes the next script. What was asked lies in ``requests``, what was answered in ``responses`` (look at ``closed``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf

import attrs
import trio

from trioproxy.errors import ErrorKind, UpstreamFault
from trioproxy.upstream.base import Headers, Heedless, Progress, UpstreamRequest

__all__ = ["SSE_HEADERS", "Delay", "Fault", "RecordedProgress", "Script", "ScriptedResponse", "ScriptedUpstream"]

SSE_HEADERS: Headers = ((b"content-type", b"text/event-stream"),)


@attrs.frozen
class Delay:
    """Silence, in seconds of the test's clock. ``inf`` is for ever."""

    seconds: float = inf


@attrs.frozen
class Fault:
    """The transfer breaks here."""

    kind: ErrorKind = ErrorKind.TRUNCATED
    message: str = "the scripted upstream broke off"


@attrs.frozen
class Script:
    """One answer. ``connect_delay`` passes and ``connect_error`` is raised before the request counts as sent, ``head_delay`` and
    ``open_error`` after it, in place of the head."""

    status: int = 200
    headers: Headers = SSE_HEADERS
    chunks: Sequence[bytes | Delay | Fault] = ()
    open_error: Exception | Fault | None = None
    head_delay: float = 0.0
    connect_error: Exception | Fault | None = None
    connect_delay: float = 0.0


def _raise(error: Exception | Fault | None) -> None:
    if isinstance(error, Fault):
        raise UpstreamFault(error.kind, error.message)
    if error is not None:
        raise error


@attrs.define(eq=False)
class RecordedProgress(Heedless):
    """A ``Progress`` that counts."""

    sent: int = 0

    def request_sent(self) -> None:
        """See ``Progress.request_sent``."""
        self.sent += 1


@attrs.define(eq=False)
class ScriptedResponse:
    """The answer to one request."""

    tells_its_end = False
    """Whether an end is known with the last chunk, as with a length that was declared."""
    script: Script
    closed: bool = False
    reads: int = 0
    _position: int = 0
    _broken: bool = False

    @property
    def status(self) -> int:
        """See ``UpstreamResponse.status``."""
        return self.script.status

    @property
    def headers(self) -> Headers:
        """See ``UpstreamResponse.headers``."""
        return self.script.headers

    @property
    def tap(self) -> None:
        """See ``UpstreamResponse.tap``."""

    @property
    def whole(self) -> bool:
        """See ``UpstreamResponse.whole``."""
        return self.tells_its_end and self.exhausted and not self._broken

    @property
    def exhausted(self) -> bool:
        """Whether every chunk of the script was read."""
        return self._position >= len(self.script.chunks)

    async def receive_some(self) -> bytes:
        """See ``UpstreamResponse.receive_some``. A delay that was cancelled starts anew at the next call."""
        self.reads += 1
        if self._broken or (self.closed and not self.exhausted):
            raise UpstreamFault(ErrorKind.TRUNCATED, "the scripted response is closed")
        while self._position < len(self.script.chunks):
            step = self.script.chunks[self._position]
            match step:
                case Delay(seconds):
                    await trio.sleep(seconds)
                case Fault(kind, message):
                    await trio.lowlevel.checkpoint()
                    self._broken = True
                    raise UpstreamFault(kind, message)
                case _:
                    await trio.lowlevel.checkpoint()
                    self._position += 1
                    if step:
                        return step
                    continue
            self._position += 1
        await trio.lowlevel.checkpoint()
        return b""

    async def aclose(self) -> None:
        """See ``UpstreamResponse.aclose``."""
        self.closed = True


@attrs.define(eq=False, init=False)
class ScriptedUpstream:
    """Answers request n with script n; a callable in the place of a script is given the request and returns its script.

    With ``repeat_last`` the last script serves all further requests; without it one request too many is an ``AssertionError``.
    """

    scripts: list[Script | Callable[[UpstreamRequest], Script]]
    repeat_last: bool
    requests: list[UpstreamRequest]
    responses: list[ScriptedResponse]
    opening: int

    def __init__(self, *scripts: Script | Callable[[UpstreamRequest], Script], repeat_last: bool = False) -> None:
        self.scripts = list(scripts)
        self.repeat_last = repeat_last
        self.requests = []
        self.responses = []
        self.opening = 0

    @property
    def closed(self) -> list[bool]:
        """For each answer, in order, whether it was closed."""
        return [response.closed for response in self.responses]

    @property
    def all_closed(self) -> bool:
        """Whether nothing is left open, no half-made ``open`` either."""
        return self.opening == 0 and all(self.closed)

    async def open(self, request: UpstreamRequest, progress: Progress) -> ScriptedResponse:
        """See ``Upstream.open``."""
        number = len(self.requests)
        self.requests.append(request)
        if self.repeat_last:
            number = min(number, len(self.scripts) - 1)
        if number >= len(self.scripts):
            raise AssertionError(f"request {number + 1} came, the script has {len(self.scripts)}")
        entry = self.scripts[number]
        script = entry if isinstance(entry, Script) else entry(request)
        self.opening += 1
        try:
            await trio.sleep(script.connect_delay)
            _raise(script.connect_error)
            progress.request_sent()
            await trio.sleep(script.head_delay)
            _raise(script.open_error)
        finally:
            self.opening -= 1
        response = ScriptedResponse(script)
        self.responses.append(response)
        return response
