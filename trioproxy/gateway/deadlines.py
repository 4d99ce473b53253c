"""When an exchange has waited long enough: the tracker of one attempt, pure.

It is told facts with the time they happened at (seconds of any one clock) and says when the next deadline falls and what it means.

============  ==========================================  =======================  =====================================
phase         armed                                       re-armed                 ends
============  ==========================================  =======================  =====================================
connect       the attempt starts                          never                    the request is going out
first_byte    the request is out (streams)                never                    the first byte of the body
response      the request is out (whole answers)          never                    the answer is whole
idle          the first byte of the body                  by any byte of the body  the answer is whole
tool_call     a tool call starts, one a call              by its own arguments     that call ends, or the answer does
total         the exchange started                        never                    the exchange ends
client_send   bytes are handed to the client              never                    they are with the kernel
============  ==========================================  =======================  =====================================

A provider's clock stands while we wait for a slow client: it is not silent, we are not listening. Only ``total`` and ``client_send`` run then.
Comments and pings re-arm ``idle`` and nothing else, which is why a tool call that stalls amid pings is still noticed.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from math import inf

import attrs

from trioproxy.config.model import Deadlines
from trioproxy.errors import ErrorKind, Failure, Fault
from trioproxy.neutral.events import Event, Failed, Finished, PartFinished, ToolArgsDelta, ToolCallStarted

__all__ = ["DeadlineTracker", "Phase", "failure_of"]


class Phase(enum.Enum):
    """Which wait was too long. The values are the keys of the ``timeouts`` map."""

    CONNECT = "connect"
    FIRST_BYTE = "first-byte"
    RESPONSE = "response"
    IDLE = "idle"
    TOOL_CALL = "tool-call"
    TOTAL = "total"
    CLIENT_SEND = "client-send"


_MESSAGES: dict[Phase, str] = {
    Phase.CONNECT: "no connection to {provider} could be had within {seconds:g} s",
    Phase.FIRST_BYTE: "{provider} sent no byte of its answer within {seconds:g} s",
    Phase.RESPONSE: "{provider} did not finish its answer within {seconds:g} s",
    Phase.IDLE: "{provider} sent nothing for {seconds:g} s in the middle of its answer",
    Phase.TOOL_CALL: "{provider} stalled while streaming tool arguments: none came for {seconds:g} s",
    Phase.TOTAL: "the whole exchange took longer than {seconds:g} s",
    Phase.CLIENT_SEND: "the client took no byte for {seconds:g} s",
}


def failure_of(phase: Phase, deadlines: Deadlines, *, provider: str) -> Failure:
    """The failure that an expired ``phase`` is."""
    seconds: float = getattr(deadlines, phase.value.replace("-", "_"))
    message = _MESSAGES[phase].format(provider=provider, seconds=seconds)
    fault = Fault.CLIENT if phase is Phase.CLIENT_SEND else Fault.UPSTREAM
    also = ", and max-connections how many there may be" if phase is Phase.CONNECT else ""
    hint = f" (timeouts.{phase.value} sets the limit{also})"
    return Failure(kind=ErrorKind.TIMEOUT, message=message + hint, fault=fault, provider=provider)


_TIMED = frozenset({ToolCallStarted, ToolArgsDelta, PartFinished, Finished, Failed})


@attrs.define(eq=False)
class DeadlineTracker:
    """One attempt's deadlines. ``began`` is when the exchange started, ``streaming`` whether the client asked for a stream."""

    deadlines: Deadlines
    streaming: bool
    began: float

    heard_at: float = attrs.field(default=inf, init=False)
    """When bytes of the body came last, whatever they are; ``inf`` before the first. To be set: it is the one fact that every chunk brings."""

    _connect: float = attrs.field(default=inf, init=False)
    _answer: float = attrs.field(default=inf, init=False)
    _calls: dict[int, float] = attrs.field(factory=dict, init=False)
    _send: float = attrs.field(default=inf, init=False)
    _send_began: float = attrs.field(default=0.0, init=False)
    _held_up: float = attrs.field(default=0.0, init=False)
    """Seconds that went into waiting for the client. The answer's own deadlines are kept without them."""

    def attempt_started(self, now: float) -> None:
        """A connection is being looked for."""
        self._connect = now + self.deadlines.connect

    def request_sent(self, now: float) -> None:
        """The request is going out."""
        self._connect = inf
        self._answer = now + (self.deadlines.first_byte if self.streaming else self.deadlines.response)

    def events_seen(self, events: Iterable[Event], now: float) -> None:
        """These events were in the bytes that came."""
        for event in events:
            # Most events are text and time nothing: they are told apart first, and cheaply.
            if type(event) not in _TIMED:
                continue
            match event:
                case ToolCallStarted(index=index):
                    self._calls[index] = now - self._held_up + self.deadlines.tool_call
                case ToolArgsDelta(index=index) if index in self._calls:
                    self._calls[index] = now - self._held_up + self.deadlines.tool_call
                case PartFinished(index=index):
                    self._calls.pop(index, None)
                case Finished() | Failed():
                    self._calls.clear()
                case _:
                    pass

    @property
    def shortest(self) -> float:
        """The shortest limit in seconds: what is armed from now on does not fall due any sooner."""
        limits = self.deadlines
        return min(
            limits.connect, limits.first_byte, limits.response, limits.idle, limits.tool_call, limits.client_send
        )

    def send_started(self, now: float) -> None:
        """Bytes are being handed to the client."""
        self._send = now + self.deadlines.client_send
        self._send_began = now

    def send_finished(self, now: float) -> None:
        """The client's kernel took them."""
        self._send = inf
        self._held_up += now - self._send_began
        self.heard_at += now - self._send_began  # nobody listened since

    def due(self) -> float:
        """When the next deadline falls, ``inf`` for never."""
        total = self.began + self.deadlines.total
        if self._send != inf:
            return min(self._send, total)
        begun = min(self._begin, *self._calls.values()) if self._calls else self._begin
        return min(begun + self._held_up, self._idle, self._connect, total)

    def phase(self) -> Phase:
        """What the deadline that falls next means."""
        total = (self.began + self.deadlines.total, Phase.TOTAL)
        if self._send != inf:
            return _first((self._send, Phase.CLIENT_SEND), total)
        return _first(
            (self._connect, Phase.CONNECT),
            (self._begin + self._held_up, Phase.FIRST_BYTE if self.streaming else Phase.RESPONSE),
            *((at + self._held_up, Phase.TOOL_CALL) for at in self._calls.values()),
            (self._idle, Phase.IDLE),
            total,
        )

    @property
    def _begin(self) -> float:
        """When the answer's own deadline falls, as if nothing was held up."""
        return inf if self.streaming and self.heard_at != inf else self._answer

    @property
    def _idle(self) -> float:
        return self.heard_at + self.deadlines.idle


def _first(*pending: tuple[float, Phase]) -> Phase:
    return min(pending, key=lambda each: each[0])[1]
