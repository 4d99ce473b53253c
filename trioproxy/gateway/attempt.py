"""One candidate asked: open, look at the status, hold the first bytes back until it is clear that this is an answer.

Nothing is sent to the client here, so whatever goes wrong leaves every other candidate open. Expected failures come back as values.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs
import trio

from trioproxy.errors import ErrorKind, Failure, Fault, ProxyError, UpstreamFault
from trioproxy.gateway.carriers import Carrier, is_encoded
from trioproxy.gateway.deadlines import DeadlineTracker
from trioproxy.gateway.decoding import readable
from trioproxy.gateway.error_shapes import challenged, typed, unserved
from trioproxy.gateway.grants import NOTHING_HELD, Grant
from trioproxy.gateway.pulse import Pulse
from trioproxy.gateway.stages import ErrorAnswer, Lane, Prepared, Rejected
from trioproxy.ledger.entry import Entry
from trioproxy.neutral.events import Event, Foreign, PartStarted, ToolCallStarted, UsageReported
from trioproxy.upstream.base import Headers, Upstream, UpstreamResponse
from trioproxy.wire.headers import header

__all__ = ["ChooseCarrier", "Opened", "attempt"]

MOST_ERROR_BODY = 1024 * 1024
MOST_HELD = 256 * 1024
"""A first frame longer than this is not waited for: it is sent as it comes, and failover is over."""
CLOSING_TIME = 2.0
SHORTEST_SECRET = 8
"""A key shorter than this is a placeholder, and may well be a word of a message."""

_NOTED = frozenset({UsageReported, PartStarted, ToolCallStarted, Foreign})

ChooseCarrier = Callable[[Headers], Carrier]
"""Given an answer's headers, what carries its body."""


@attrs.define(eq=False, kw_only=True)
class Opened:
    """An answer under way: ``held`` is what its first bytes became for the client. Whoever has it closes it."""

    prepared: Prepared
    response: UpstreamResponse
    carrier: Carrier
    entry: Entry
    tracker: DeadlineTracker
    held: bytes = b""
    last: bytes = b""
    """The client's last bytes of an answer that is whole: they are handed on with its end."""
    ended: bool = False
    spoken: bool = False
    """Content came before whatever failure there is."""
    grant: Grant = NOTHING_HELD
    """Ended when this is closed."""

    @property
    def failure(self) -> Failure | None:
        """Why this is no answer; None where it is one, or where it begins as one and its end is still to be told."""
        return None if self.spoken and self.held else self.carrier.failure

    async def receive(self, pulse: Pulse) -> bytes:
        """The next bytes for the client, which may be none; sets ``ended`` at the provider's clean end.

        Raises:
            UpstreamFault: the transfer broke.
        """
        try:
            data = await self.response.receive_some()
        except UpstreamFault:
            if not self.carrier.complete:
                raise
            return self.conclude()
        return self.take(data, pulse)

    def take(self, data: bytes, pulse: Pulse) -> bytes:
        """What these bytes of the answer become for the client; ``b""`` is the provider's clean end, and sets ``ended``."""
        if data:
            out, events = self.carrier.feed(data)
        else:
            self.ended = True
            out, events = self.carrier.close()
        pulse.received(events)
        if events:
            self.note(events)
        return out

    @property
    def whole(self) -> bool:
        """Whether all of the answer is here, and is one."""
        return self.ended and self.carrier.failure is None

    def close_early(self) -> bytes:
        """The rest for the client where it is known that the provider has nothing more to say; sets ``ended`` then. Not before it is clear that
        this is the answer: what a whole body says of itself must not call it in question."""
        if self.ended or not self.response.whole:
            return b""
        self.ended = True
        return self.conclude()

    def hear(self, events: Sequence[Event], pulse: Pulse) -> None:
        """These were in bytes that were handed on before they were understood."""
        pulse.seen(events)
        self.note(events)

    def conclude(self) -> bytes:
        """The rest for the client of an answer that its provider called whole, whatever became of the transfer afterwards."""
        out, events = self.carrier.close()
        self.note(events)
        return out

    def note(self, events: Sequence[Event]) -> None:
        """These were understood."""
        for event in events:
            if type(event) not in _NOTED:
                continue
            match event:
                case UsageReported(usage=usage):
                    self.entry.used(usage)
                case PartStarted() | ToolCallStarted() | Foreign():
                    self.spoken = True
                case _:
                    pass

    async def aclose(self) -> None:
        """Close the way to the provider, whatever state it is in, and give back the right to ask it."""
        try:
            if self.ended:
                await self.response.aclose()
                return
            with trio.CancelScope(shield=True, deadline=trio.current_time() + CLOSING_TIME):
                await self.response.aclose()
        finally:
            if self.grant is not NOTHING_HELD:
                used, failed = self.entry.usage, self.failure is not None
                self.grant.end(used.total if used is not None else 0 if failed else None)


async def attempt(
    prepared: Prepared, upstream: Upstream, pulse: Pulse, choose: ChooseCarrier, entry: Entry
) -> Opened | Rejected:
    """Ask one candidate, as long as ``pulse`` lets it. An :class:`Opened` that has a ``failure`` is an answer that is itself an error."""
    response: UpstreamResponse | None = None
    outcome: Opened | Rejected | None = None
    try:
        with pulse:
            pulse.tracker.attempt_started(pulse.at)
            response = await upstream.open(prepared.request, pulse)
            response = readable(response, translated=prepared.lane is Lane.TRANSLATE)
            outcome = await _head(prepared, response, pulse, choose, entry)
            if isinstance(outcome, Opened):
                await _hold(outcome, pulse)
        if isinstance(outcome, Opened):
            outcome = _settled(outcome, pulse)
    except ProxyError as error:
        outcome = Rejected(failure=_placed(_with_way(error.failure, prepared), prepared))
    except BaseException:
        outcome = None  # nobody gets to close it
        raise
    finally:
        if response is not None and not isinstance(outcome, Opened):
            with trio.CancelScope(shield=True, deadline=trio.current_time() + CLOSING_TIME):
                await response.aclose()
    return outcome if outcome is not None else Rejected(failure=pulse.failure())


async def _head(
    prepared: Prepared, response: UpstreamResponse, pulse: Pulse, choose: ChooseCarrier, entry: Entry
) -> Opened | Rejected:
    if response.status >= 400:
        return await _error(prepared, response, pulse)
    problem = _problem(prepared, response)
    if problem is not None:
        return Rejected(failure=problem)
    return Opened(
        prepared=prepared, response=response, carrier=choose(response.headers), entry=entry, tracker=pulse.tracker
    )


async def _hold(opened: Opened, pulse: Pulse) -> None:
    """Read until it is clear what the answer is."""
    while not opened.ended and not opened.carrier.done:
        opened.held += await opened.receive(pulse)
        if (opened.held and opened.carrier.ready) or len(opened.held) > MOST_HELD:
            break


def _settled(opened: Opened, pulse: Pulse) -> Opened | Rejected:
    """What the bytes that were held came to."""
    if pulse.expired is not None:
        if not opened.carrier.complete:
            return Rejected(failure=pulse.failure())
        opened.held += opened.conclude()
    if opened.ended and not opened.held and opened.failure is None and opened.prepared.must_speak:
        return Rejected(failure=_fault(opened.prepared, ErrorKind.TRUNCATED, "{provider} sent an empty answer"))
    return opened


def _problem(prepared: Prepared, response: UpstreamResponse) -> Failure | None:
    """What is wrong with the head of an answer that claims to be a good one."""
    if response.status >= 300 or response.status < 200:
        return _fault(
            prepared,
            ErrorKind.MALFORMED,
            f"{{provider}} answered with status {response.status}, which is neither an answer nor an error; is its base-url right?",
        )
    if prepared.lane is Lane.TRANSLATE and is_encoded(response.headers):
        return _fault(
            prepared,
            ErrorKind.MALFORMED,
            "{provider} compressed its answer, which it was asked not to do, and nobody here can unpack it",
        )
    media = (header(response.headers, b"content-type") or b"").split(b";")[0].strip().lower()
    if media == b"text/html" and prepared.must_speak:
        return _fault(
            prepared,
            ErrorKind.MALFORMED,
            "{provider} answered with a web page instead of an API's answer; is its base-url right?",
        )
    return None


async def _error(prepared: Prepared, response: UpstreamResponse, pulse: Pulse) -> Rejected:
    body = b""
    try:
        while len(body) <= MOST_ERROR_BODY and (data := await response.receive_some()):
            pulse.received(())
            body += data
    except UpstreamFault:
        pass  # the status was heard, and says more than the broken rest
    if is_encoded(response.headers):
        body = b"(a compressed body)"
    body = _without_key(body, prepared)
    names = {name.decode("latin-1"): value.decode("latin-1") for name, value in response.headers}
    read = prepared.outbound.read_error(response.status, names, body)
    failure = _placed(unserved(challenged(typed(read, body), response.headers, body)), prepared)
    if len(body) > MOST_ERROR_BODY:
        return Rejected(failure=failure)
    answer = ErrorAnswer(status=response.status, headers=response.headers, body=body, protocol=prepared.outbound.name)
    return Rejected(failure=failure, answer=answer)


def _without_key(body: bytes, prepared: Prepared) -> bytes:
    """``body`` without the provider's key: servers that refuse one like to quote it, and it is not the client's."""
    key = prepared.candidate.credential.key
    secret = key.reveal().encode() if key is not None else b""
    return body.replace(secret, b"***") if len(secret) >= SHORTEST_SECRET else body


def _fault(prepared: Prepared, kind: ErrorKind, message: str) -> Failure:
    provider = prepared.provider
    return Failure(kind=kind, message=message.format(provider=provider), fault=Fault.UPSTREAM, provider=provider)


def _with_way(failure: Failure, prepared: Prepared) -> Failure:
    """``failure``, where the provider was not reached, with whose address that is and what to look at: who connects knows hosts alone."""
    if failure.kind is not ErrorKind.UNREACHABLE:
        return failure
    return attrs.evolve(failure, message=f"{failure.message} ({prepared.provider}; is its base-url right?)")


def _placed(failure: Failure, prepared: Prepared) -> Failure:
    """The failure with the place where it happened."""
    return attrs.evolve(
        failure, provider=failure.provider or prepared.provider, model=failure.model or prepared.candidate.model
    )
