"""The candidates of a request, asked one after another until one answers.

Legal until the first byte of an answer went to the client, and never after: everything here happens before it. What each candidate did is
entered in the account and in the credentials' health; a request that is wrong in itself is given up at the first candidate that says so.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable
from email.utils import parsedate_to_datetime

import attrs
import trio

from trioproxy.config.model import Candidate, Credential, Routed, Settings, Strategy
from trioproxy.credentials.health import Health
from trioproxy.credentials.selection import Counters
from trioproxy.credentials.sessions import Bindings, Session, session_names
from trioproxy.errors import FACTS, ClientFault, ErrorKind, Failure, Fault
from trioproxy.gateway.attempt import Opened, attempt
from trioproxy.gateway.carriers import Carrier, carrier_for
from trioproxy.gateway.choice import most_of_each, order, pool_of
from trioproxy.gateway.deadlines import DeadlineTracker
from trioproxy.gateway.needs import needs
from trioproxy.gateway.pairs import choose_lane
from trioproxy.gateway.prepare import prepare
from trioproxy.gateway.refusal import is_unrecorded, lacks_the_place
from trioproxy.gateway.stages import Admitted, Lane, Prepared, Rejected
from trioproxy.ledger.entry import Entry, Try
from trioproxy.protocols.base import WriteContext
from trioproxy.upstream.base import Headers, Upstream
from trioproxy.upstream.question import OPERATION
from trioproxy.wire.headers import header

__all__ = ["Failover"]

_log = logging.getLogger("trioproxy.gateway")

# Another round may mend these: they say nothing of the key, and nothing of the request.
_PASSING = frozenset(
    {
        ErrorKind.CLIENT_TIMEOUT,
        ErrorKind.INTERNAL,
        ErrorKind.UNREACHABLE,
        ErrorKind.TRUNCATED,
        ErrorKind.MALFORMED,
        ErrorKind.OVERLOADED,
        ErrorKind.RATE_LIMITED,
        ErrorKind.TIMEOUT,
    }
)
ROUND_PAUSE = 0.5


@attrs.frozen
class _Request:
    """What stays the same from candidate to candidate."""

    admitted: Admitted
    routed: Routed
    settings: Settings
    entry: Entry
    session: Session


@attrs.frozen
class _Again:
    """Another round may be worth its ``pause`` in seconds."""

    candidates: list[Candidate]
    pause: float


@attrs.define(eq=False, kw_only=True)
class Failover:
    """Finds the answer of one request after another. ``reach`` says by which upstream a credential is asked; ``wall`` is Unix time."""

    reach: Callable[[Credential], Upstream]
    wall: Callable[[], float]
    token: Callable[[], str]
    health: Health = attrs.field(factory=Health)
    counters: Counters = attrs.field(factory=Counters)
    bindings: Bindings = attrs.field(factory=Bindings)

    async def first_answer(
        self, admitted: Admitted, routed: Routed, settings: Settings, entry: Entry
    ) -> Opened | Rejected:
        """The first candidate's answer that is one, else the last one's error.

        Raises:
            ClientFault: no candidate can be asked this at all.
            UpstreamFault: MODEL_COOLDOWN, every candidate rests.
            ProxyFault: MISCONFIGURED, every candidate's weight is 0.
        """
        routed = _servable(admitted, routed)
        session = self._session(admitted, settings)
        queue = order(
            routed,
            settings.strategy,
            self.counters,
            self.health,
            trio.current_time(),
            needs=needs(admitted.asked) if settings.strategy is Strategy.CAPABILITY else frozenset(),
            session=session,
        )
        queue = most_of_each(queue, settings.max_retry_credentials)
        request = _Request(admitted, routed, settings, entry, session)
        for number in itertools.count():
            found = await self._round(queue, number, request)
            if not isinstance(found, _Again):
                return found
            await trio.sleep(found.pause)
            queue = found.candidates
        raise AssertionError("rounds end")

    async def _round(self, queue: list[Candidate], number: int, request: _Request) -> Opened | Rejected | _Again:
        """Ask each candidate once, until one answers or there is no point in asking more."""
        again: list[Candidate] = []
        unsaid: Rejected | None = None
        last: Rejected | None = None
        pause = 0.0
        while queue:
            candidate = queue.pop(0)
            prepared = self._prepared(candidate, request)
            if isinstance(prepared, Rejected):
                unsaid = unsaid or prepared
                continue
            result = await self._answer(prepared, request)
            failure = result.failure
            if failure is None:
                return result
            over = request.entry.outlasted(candidate.deadlines.total)
            if over or not FACTS[failure.kind].next_candidate:
                return await _final(result)
            pause = _pause(number, failure)
            if _worth_a_round(candidate, failure, number, pause, request.settings):
                again.append(candidate)
            queue = [each for each in queue if not self._rests_firmly(each)]
            if not queue and not again:
                return await _final(result)
            last = await _closed(result)
        if again:
            return _Again(again, pause)
        result_of_all = last or unsaid
        assert result_of_all is not None, "a round has at least one candidate"
        return result_of_all

    async def _answer(self, prepared: Prepared, request: _Request) -> Opened | Rejected:
        """What a candidate answers, asked in other words where it has nothing for the client's own."""
        result = await self._ask(prepared, request)
        if not isinstance(result, Rejected) or prepared.lane is not Lane.PASS:
            return result
        if lacks_the_place(result) and prepared.operation in request.admitted.protocol.emulations:
            instead = self._prepared(prepared.candidate, request, lane=Lane.TRANSLATE)
            return await self._ask(instead, request) if isinstance(instead, Prepared) else result
        if is_unrecorded(result):
            return await self._recorded_otherwise(prepared, result, request)
        return result

    async def _recorded_otherwise(self, prepared: Prepared, missed: Rejected, request: _Request) -> Opened | Rejected:
        """A recording that was made in another protocol; where there is none, the miss that came closest."""
        for wire in prepared.candidate.credential.wires:
            if wire is prepared.candidate.wire:
                continue
            instead = self._prepared(attrs.evolve(prepared.candidate, wire=wire), request)
            if not isinstance(instead, Prepared):
                continue
            result = await self._ask(instead, request)
            if not isinstance(result, Rejected) or not is_unrecorded(result):
                return result
            if missed.failure.param == OPERATION:
                missed = result
        return missed

    def _prepared(self, candidate: Candidate, request: _Request, lane: Lane | None = None) -> Prepared | Rejected:
        """The request for this candidate; what its protocol can't say, another's may."""
        try:
            return prepare(request.admitted, request.routed, candidate, now=self.wall(), token=self.token(), lane=lane)
        except ClientFault as fault:
            return Rejected(failure=fault.failure)

    async def _ask(self, prepared: Prepared, request: _Request) -> Opened | Rejected:
        admitted, settings, entry = request.admitted, request.settings, request.entry
        candidate = prepared.candidate
        credential = candidate.credential
        entry.asking(
            lane=prepared.lane.value,
            provider=prepared.provider,
            credential=credential.label,
            protocol=prepared.outbound.name,
            model=candidate.model,
            losses=len(prepared.losses),
            vendor=credential.provider.name,
            credential_id=credential.id,
        )
        for loss in prepared.losses:
            _log.debug("%s: not sent to %s: %s (%s)", entry.id, prepared.provider, loss.path, loss.reason)

        def carrier(headers: Headers) -> Carrier:
            return carrier_for(admitted, prepared, headers, settings, self._context(admitted, prepared))

        tracker = DeadlineTracker(candidate.deadlines, admitted.asked.stream, entry.opened_at)
        result = await attempt(prepared, self.reach(credential), tracker, carrier, entry)
        if isinstance(result, Rejected):
            result = _timed(result, self.wall())
        failure = result.failure
        entry.tried(
            Try(
                credential=credential.label,
                provider=prepared.provider,
                model=candidate.model,
                kind=failure.kind if failure else None,
                status=failure.status if failure else None,
            )
        )
        if failure is None:
            self.health.succeeded(credential.id, candidate.model)
            if request.session.names:
                request.session.worked(pool_of(request.routed, candidate), credential.id, trio.current_time())
        elif failure.kind is not ErrorKind.MODEL_NOT_FOUND or prepared.must_speak:
            # A path that is not there says nothing of the model: not every server counts tokens.
            self.note(candidate, failure, settings)
        return result

    def note(self, candidate: Candidate, failure: Failure, settings: Settings) -> None:
        """Hold a failure against its candidate, where it is the provider's."""
        credential = candidate.credential
        if failure.fault is Fault.UPSTREAM and not settings.disable_cooling and not credential.disable_cooling:
            self.health.failed(
                credential.id,
                candidate.model,
                failure,
                trio.current_time(),
                transient=settings.transient_cooldown,
                cap=settings.max_cooldown,
            )

    def _session(self, admitted: Admitted, settings: Settings) -> Session:
        names = session_names(admitted.headers, admitted.asked.document) if settings.session_affinity else ()
        return Session(bindings=self.bindings, names=names, ttl=settings.session_affinity_ttl)

    def _rests_firmly(self, candidate: Candidate) -> bool:
        rest = self.health.resting(candidate.credential.id, candidate.model, trio.current_time())
        return rest is not None and rest.firm

    def _context(self, admitted: Admitted, prepared: Prepared) -> WriteContext:
        conversation = prepared.conversation
        return WriteContext(
            model=admitted.asked.model,
            now=int(self.wall()),
            token=self.token(),
            conversation=conversation,
            include_usage=conversation.include_usage if conversation is not None else True,
        )


def _servable(admitted: Admitted, routed: Routed) -> Routed:
    """``routed`` with those candidates only that can serve the request.

    Raises:
        ClientFault: none can; the first one's reason.
    """
    servable: list[Candidate] = []
    reason: ClientFault | None = None
    for candidate in routed.candidates:
        try:
            choose_lane(admitted.asked, candidate)
        except ClientFault as fault:
            reason = reason or fault
        else:
            servable.append(candidate)
    if not servable and reason is not None:
        raise reason
    return routed if len(servable) == len(routed.candidates) else attrs.evolve(routed, candidates=tuple(servable))


def _timed(rejected: Rejected, wall: float) -> Rejected:
    """A ``retry-after`` that is a date (RFC 9110 section 10.2.3) as seconds from now."""
    failure, answer = rejected.failure, rejected.answer
    if failure.retry_after is not None or answer is None:
        return rejected
    value = header(answer.headers, b"retry-after")
    try:
        at = parsedate_to_datetime((value or b"").decode("latin-1")).timestamp()
    except (ValueError, TypeError, OverflowError):
        return rejected
    return attrs.evolve(rejected, failure=attrs.evolve(failure, retry_after=max(at - wall, 0.0)))


async def _final(result: Opened | Rejected) -> Opened | Rejected:
    """The result that nothing better follows. A provider's own error in a stream of the client's protocol is passed on as it came."""
    if isinstance(result, Rejected):
        return result
    if result.prepared.lane is Lane.PASS and result.carrier.streams and result.carrier.over:
        return result
    return await _closed(result)


async def _closed(result: Opened | Rejected) -> Rejected:
    """What is left of a failed attempt when nothing of it will be sent."""
    if isinstance(result, Rejected):
        return result
    assert result.failure is not None
    await result.aclose()
    return Rejected(failure=result.failure)


def _worth_a_round(candidate: Candidate, failure: Failure, number: int, pause: float, settings: Settings) -> bool:
    own = candidate.credential.request_retry
    rounds = settings.request_retry if own is None else own
    return number < rounds and failure.kind in _PASSING and pause <= settings.max_retry_interval


def _pause(number: int, failure: Failure) -> float:
    """Seconds before the next round: what the provider asked for, else a little more each time."""
    return failure.retry_after if failure.retry_after is not None else ROUND_PAUSE * 2.0 ** min(number, 16)
