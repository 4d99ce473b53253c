"""The candidates of a request, asked one after another until one answers.

Legal until the first byte of an answer went to the client, and never after: everything here happens before it. What each candidate did is
entered in the account and in the credentials' health; a request that is wrong in itself is given up at the first candidate that says so.
"""

from __future__ import annotations

import itertools
import logging
from collections import Counter
from collections.abc import Callable, Iterable

import attrs
import trio

from trioproxy.config.model import Candidate, Credential, Routed, Settings, Strategy
from trioproxy.credentials.health import Health
from trioproxy.credentials.hints import hinted
from trioproxy.credentials.meters import Demand
from trioproxy.credentials.selection import Counters
from trioproxy.credentials.sessions import Bindings, Session, session_names
from trioproxy.errors import FACTS, ClientFault, ErrorKind, Failure, Fault
from trioproxy.gateway.attempt import Opened, attempt
from trioproxy.gateway.carriers import Carrier, carrier_for
from trioproxy.gateway.choice import Barred, Lineup, line_up, nobody_left, pool_of, soonest
from trioproxy.gateway.deadlines import DeadlineTracker
from trioproxy.gateway.grants import Grant, Grants
from trioproxy.gateway.limits import demand_of, holders_at, is_limited
from trioproxy.gateway.needs import needs
from trioproxy.gateway.outlook import Outlook, outlook
from trioproxy.gateway.pairs import choose_lane
from trioproxy.gateway.prepare import prepare
from trioproxy.gateway.refusal import is_unrecorded, lacks_the_place
from trioproxy.gateway.stages import Admitted, Lane, Prepared, Rejected
from trioproxy.gateway.turnstile import Turnstile
from trioproxy.ledger.entry import Entry, Try
from trioproxy.protocols.base import WriteContext
from trioproxy.upstream.base import Headers, Upstream
from trioproxy.upstream.question import OPERATION

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


@attrs.define(eq=False)
class _Request:
    """What stays the same from candidate to candidate, and what happened so far: who was left out, how many were asked of each model in this
    round, the last error. ``patience`` is until when it waits in line, once it has begun to."""

    admitted: Admitted
    routed: Routed
    settings: Settings
    entry: Entry
    session: Session
    demand: Demand
    barred: dict[str, Barred] = attrs.field(factory=dict)
    asked: Counter[str | None] = attrs.field(factory=Counter)
    last: Rejected | None = None
    patience: float | None = None

    def leave_out(self, barred: Iterable[Barred]) -> None:
        """Remember who can't be asked now, and why."""
        self.barred.update({f"{each.candidate.credential.id} {each.candidate.model}": each for each in barred})

    def has_enough_of(self, candidate: Candidate) -> bool:
        """Whether as many credentials of this candidate's model were asked in this round as may be."""
        most = self.settings.max_retry_credentials
        return 0 < most <= self.asked[candidate.fallback]


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
    turnstile: Turnstile = attrs.field(default=attrs.Factory(lambda self: Turnstile(self.wall), takes_self=True))
    grants: Grants = attrs.field(
        default=attrs.Factory(lambda self: Grants(self.health, self.turnstile), takes_self=True), init=False
    )

    async def first_answer(
        self, admitted: Admitted, routed: Routed, settings: Settings, entry: Entry
    ) -> Opened | Rejected:
        """The first candidate's answer that is one, else the last one's error.

        Raises:
            ClientFault: no candidate can be asked this at all; INVALID_REQUEST, it asks for more output than any of them may give.
            UpstreamFault: MODEL_COOLDOWN, every candidate rests or is over its limits.
            ProxyFault: MISCONFIGURED, every candidate's weight is 0.
        """
        routed = _servable(admitted, routed)
        session = self._session(admitted, settings)
        request = _Request(admitted, routed, settings, entry, session, demand_of(admitted.asked))
        rounds = _rounds(routed.candidates, settings)
        queue: list[Candidate] | None = None
        for number in itertools.count():
            if queue is None:
                lineup = self.line_up(routed, settings, admitted, session, request.demand)
                request.leave_out(lineup.barred)
                queue = lineup.queue
            found = await self._round(queue, number, request)
            if found is None:
                now = trio.current_time()
                pause = soonest(request.barred.values(), now)
                if number >= rounds or not self._worth_waiting(pause, request):
                    raise nobody_left(routed, list(request.barred.values()), now, self.wall())
                found = _Again([], pause)
            if not isinstance(found, _Again):
                return found
            await trio.sleep(found.pause)
            queue = found.candidates or None
        raise AssertionError("rounds end")

    def line_up_plainly(self, routed: Routed, settings: Settings) -> Lineup:
        """As :meth:`line_up`, for what is no exchange of a body: nothing is known of its needs, its size or its conversation.

        Raises:
            ProxyFault: MISCONFIGURED, every candidate's weight is 0.
        """
        limited = any(is_limited(candidate) for candidate in routed.candidates)
        return line_up(
            routed,
            settings.strategy,
            self.counters,
            self.health,
            trio.current_time(),
            over=(lambda candidate: self.turnstile.over(holders_at(candidate), Demand())) if limited else None,
        )

    def line_up(
        self, routed: Routed, settings: Settings, admitted: Admitted, session: Session, demand: Demand
    ) -> Lineup:
        """Who of ``routed`` is asked, in which order, and who is left out. It takes a turn of each tier's.

        Raises:
            ProxyFault: MISCONFIGURED, every candidate's weight is 0.
        """
        capability = settings.strategy is Strategy.CAPABILITY
        limited = any(is_limited(candidate) for candidate in routed.candidates)
        return line_up(
            routed,
            settings.strategy,
            self.counters,
            self.health,
            trio.current_time(),
            needs=needs(admitted.asked) if capability else frozenset(),
            session=session,
            over=(lambda candidate: self.turnstile.over(holders_at(candidate), demand)) if limited else None,
        )

    def outlook(self, routed: Routed, settings: Settings) -> list[Outlook]:
        """Who of ``routed`` a request would ask now, in which order, and why not the others."""
        return outlook(
            routed,
            settings,
            self.counters,
            self.health,
            trio.current_time(),
            over=lambda candidate: self.turnstile.over(holders_at(candidate), Demand()),
        )

    async def _round(self, queue: list[Candidate], number: int, request: _Request) -> Opened | Rejected | _Again | None:
        """Ask each candidate once, until one answers or there is no point in asking more; None where nobody could be asked."""
        again: list[tuple[float, Candidate]] = []
        held: list[Candidate] = []
        unsaid: Rejected | None = None
        request.asked.clear()
        while (taken := await self._next(queue, held, request)) is not None:
            candidate, grant = taken
            prepared = self._prepared(candidate, request)
            if isinstance(prepared, Rejected):
                grant.undo()
                unsaid = unsaid or prepared
                continue
            request.asked[candidate.fallback] += 1
            result = await self._granted(prepared, grant, request)
            failure = result.failure
            if failure is None:
                return result
            over = request.entry.outlasted(candidate.deadlines.total)
            if over or not FACTS[failure.kind].next_candidate:
                return await _final(result)
            pause = self._pause(candidate, number, failure)
            if _worth_a_round(candidate, failure, number, pause, request.settings):
                again.append((pause, candidate))
            queue[:] = [each for each in queue if not self.grants.bars(each)]
            if not queue and not held and not again:
                return await _final(result)
            request.last = await _closed(result)
        if again:
            return _Again([candidate for _, candidate in again], min(pause for pause, _ in again))
        return request.last or unsaid

    async def _next(
        self, queue: list[Candidate], held: list[Candidate], request: _Request
    ) -> tuple[Candidate, Grant] | None:
        """The next candidate that may be asked: the first of ``queue``, else the first of those ``held`` until now that gets free in time."""
        while queue:
            candidate = queue.pop(0)
            if request.has_enough_of(candidate):
                continue
            grant = self.grants.take(candidate, request.demand)
            if isinstance(grant, Grant):
                return candidate, grant
            if grant is None:
                held.append(candidate)
            else:
                request.leave_out((grant,))
        held[:] = [each for each in held if not request.has_enough_of(each)]
        if not held:
            return None
        if request.patience is None:
            request.patience = trio.current_time() + held[0].deadlines.connect
        taken = await self.grants.wait(held, request.demand, request.patience)
        if taken is None:
            now = trio.current_time()
            overs = ((each, self.turnstile.over(holders_at(each), request.demand)) for each in held)
            rests = ((each, self.health.standing(each.credential.id, each.model, now).rest) for each in held)
            request.leave_out(Barred(each, why) for each, why in (*overs, *rests) if why is not None)
            held.clear()
        else:
            held.remove(taken[0])
        return taken

    async def _granted(self, prepared: Prepared, grant: Grant, request: _Request) -> Opened | Rejected:
        """What a candidate answers; the grant goes with an answer and ends with anything else."""
        result: Opened | Rejected | None = None
        try:
            result = await self._answer(prepared, request)
        finally:
            if isinstance(result, Opened):
                grant.judged()
                result.grant = grant
            else:
                grant.end(0)
        return result

    def _pause(self, candidate: Candidate, number: int, failure: Failure) -> float:
        """Seconds until ``candidate`` may be asked in another round: its rest, else what the provider asked for, else more each time."""
        now = trio.current_time()
        rest = self.health.resting(candidate.credential.id, candidate.model, now)
        if rest is not None and rest.firm:
            return rest.try_at - now
        return failure.retry_after or ROUND_PAUSE * 2.0 ** min(number, 16)

    def _worth_waiting(self, pause: float, request: _Request) -> bool:
        """Whether a request that nobody can be asked waits until somebody can."""
        total = request.routed.candidates[0].deadlines.total
        return pause <= request.settings.max_retry_interval and not request.entry.outlasted(total - pause)

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
            return carrier_for(admitted, prepared, headers, settings, lambda: self._context(admitted, prepared))

        asked_at = trio.current_time()
        tracker = DeadlineTracker(candidate.deadlines, admitted.asked.stream, entry.opened_at)
        result = await attempt(prepared, self.reach(credential), tracker, carrier, entry)
        if isinstance(result, Rejected):
            headers, body = (result.answer.headers, result.answer.body) if result.answer is not None else ((), b"")
            result = attrs.evolve(result, failure=hinted(result.failure, headers, body, self.wall()))
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
            self.health.succeeded(credential.id, candidate.model, asked_at)
            if request.session.names:
                request.session.worked(pool_of(request.routed, candidate), credential.id, trio.current_time())
        elif failure.kind is not ErrorKind.MODEL_NOT_FOUND or prepared.must_speak:
            # A path that is not there says nothing of the model: not every server counts tokens.
            self.note(candidate, failure, settings)
        return result

    def note(self, candidate: Candidate, failure: Failure, settings: Settings) -> None:
        """Hold a failure against its candidate, where it is the provider's."""
        credential = candidate.credential
        if failure.fault is Fault.UPSTREAM and not credential.disable_cooling:
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


def _rounds(candidates: Iterable[Candidate], settings: Settings) -> int:
    """How many further rounds there may be over these candidates."""
    return max(_rounds_of(candidate, settings) for candidate in candidates)


def _rounds_of(candidate: Candidate, settings: Settings) -> int:
    own = candidate.credential.request_retry
    return settings.request_retry if own is None else own


def _worth_a_round(candidate: Candidate, failure: Failure, number: int, pause: float, settings: Settings) -> bool:
    return (
        number < _rounds_of(candidate, settings) and failure.kind in _PASSING and pause <= settings.max_retry_interval
    )
