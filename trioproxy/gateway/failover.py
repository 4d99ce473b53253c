"""The candidates of a request, asked one after another until one answers.

Legal until the first byte of an answer went to the client, and never after: everything here happens before it. What each candidate did is
entered in the account and in the credentials' health; a request that is wrong in itself is given up at the first candidate that says so.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

import attrs
import trio

from trioproxy.config.model import Credential, Settings, Strategy
from trioproxy.config.routed import Candidate, Routed
from trioproxy.credentials.health import Health
from trioproxy.credentials.hints import hinted
from trioproxy.credentials.meters import NO_DEMAND, Demand, Over
from trioproxy.credentials.selection import Counters
from trioproxy.credentials.sessions import Bindings, Session, session_names
from trioproxy.errors import ClientFault, ErrorKind, Failure, Fault
from trioproxy.gateway.attempt import Opened, attempt
from trioproxy.gateway.carriers import Carrier, carrier_for
from trioproxy.gateway.choice import NO_SESSION, Barred, Lineup, line_up, nobody_left, pool_of, soonest
from trioproxy.gateway.deadlines import DeadlineTracker
from trioproxy.gateway.grants import Grant, Grants
from trioproxy.gateway.limits import holders_at
from trioproxy.gateway.needs import needs
from trioproxy.gateway.outlook import Outlook, outlook
from trioproxy.gateway.passages import StreamPassage
from trioproxy.gateway.prepare import prepare
from trioproxy.gateway.references import References
from trioproxy.gateway.refusal import is_unrecorded, lacks_the_place
from trioproxy.gateway.search import Search, servable
from trioproxy.gateway.sentry import Sentry
from trioproxy.gateway.stages import Admitted, Lane, Prepared, Rejected
from trioproxy.gateway.turnstile import Turnstile
from trioproxy.ledger.entry import Entry, Try
from trioproxy.neutral.request import Conversation
from trioproxy.protocols.base import WriteContext
from trioproxy.upstream.base import Headers, Upstream
from trioproxy.upstream.question import OPERATION

__all__ = ["Failover"]

_log = logging.getLogger("trioproxy.gateway")

ROUND_PAUSE = 0.5

_LANES = {lane: lane.value for lane in Lane}  # which takes two functions to tell its value


@attrs.define(eq=False)
class _Again:
    """Another round, over these candidates (none: over all), may be worth its ``pause`` in seconds."""

    candidates: list[Candidate]
    pause: float


@attrs.define(eq=False)
class _Round:
    """One round over the candidates: ``queue`` are still to be asked, ``held`` wait until they may be, ``again`` is the round that those are for
    whose failure may pass. ``unsaid`` is the first refusal of who could not even be asked."""

    queue: list[Candidate]
    held: list[Candidate] = attrs.field(factory=list, init=False)
    again: _Again | None = attrs.field(default=None, init=False)
    unsaid: Rejected | None = attrs.field(default=None, init=False)

    def returns(self, candidate: Candidate, pause: float) -> None:
        """``candidate`` may be asked once more, ``pause`` seconds from now."""
        if self.again is None:
            self.again = _Again([], pause)
        self.again.candidates.append(candidate)
        self.again.pause = min(self.again.pause, pause)


@attrs.define(eq=False)
class _Watched(Search):
    """A search whose attempts end in time: ``sentry`` sees to that."""

    sentry: Sentry = attrs.field(kw_only=True)


@attrs.define(eq=False, kw_only=True)
class Failover:
    """Finds the answer of one request after another. ``reach`` says by which upstream a credential is asked; ``wall`` is Unix time."""

    reach: Callable[[Credential], Upstream]
    wall: Callable[[], float]
    token: Callable[[], str]
    health: Health = attrs.field(factory=Health)
    counters: Counters = attrs.field(factory=Counters)
    bindings: Bindings = attrs.field(factory=Bindings)
    references: References = attrs.field(factory=References)
    """What was answered, for clients that name its items by their ids."""
    turnstile: Turnstile = attrs.field(default=attrs.Factory(lambda self: Turnstile(self.wall), takes_self=True))
    grants: Grants = attrs.field(
        default=attrs.Factory(lambda self: Grants(self.health, self.turnstile), takes_self=True), init=False
    )

    async def first_answer(
        self, admitted: Admitted, routed: Routed, settings: Settings, entry: Entry, sentry: Sentry
    ) -> Opened | Rejected:
        """The first candidate's answer that is one, else the last one's error.

        Raises:
            ClientFault: no candidate can be asked this at all; INVALID_REQUEST, it asks for more output than any of them may give.
            UpstreamFault: MODEL_COOLDOWN, every candidate rests or is over its limits.
            ProxyFault: MISCONFIGURED, every candidate's weight is 0.
        """
        session = self._session(admitted, settings)
        search = _Watched(admitted, servable(admitted, routed), settings, entry, session, sentry=sentry)
        queue: list[Candidate] | None = None
        while True:
            if queue is None:
                lineup = self.line_up(search.routed, settings, search)
                search.leave_out(lineup.barred)
                queue = lineup.queue
            found = await self._round(queue, search)
            if found is None:
                now = trio.current_time()
                pause = soonest(search.barred.values(), now)
                if not search.may_wait(pause):
                    raise nobody_left(search.routed, list(search.barred.values()), now, self.wall())
                found = _Again([], pause)
            if not isinstance(found, _Again):
                return found
            await trio.sleep(found.pause)
            queue = found.candidates or None
            search.number += 1

    def line_up(self, routed: Routed, settings: Settings, search: Search | None = None) -> Lineup:
        """Who of ``routed`` is asked, in which order, and who is left out. It takes a turn of each tier's. Without a ``search`` nothing is known
        of what is asked: neither its needs, nor its size, nor its conversation.

        Raises:
            ProxyFault: MISCONFIGURED, every candidate's weight is 0.
        """
        demand = NO_DEMAND if search is None else search.demand
        by_capability = search is not None and settings.strategy is Strategy.CAPABILITY
        return line_up(
            routed,
            settings.strategy,
            self.counters,
            self.health,
            trio.current_time(),
            needs=needs(search.admitted.asked) if search is not None and by_capability else frozenset(),
            session=search.session if search is not None else NO_SESSION,
            over=partial(self._over, demand) if search is None or search.limited else None,
        )

    def outlook(self, routed: Routed, settings: Settings) -> list[Outlook]:
        """Who of ``routed`` a request would ask now, in which order, and why not the others."""
        return outlook(
            routed,
            settings,
            self.counters,
            self.health,
            trio.current_time(),
            over=partial(self._over, NO_DEMAND),
        )

    def _over(self, demand: Demand, candidate: Candidate) -> Over | None:
        return self.turnstile.over(holders_at(candidate), demand)

    async def _round(self, queue: list[Candidate], search: _Watched) -> Opened | Rejected | _Again | None:
        """Ask each candidate once, until one answers or there is no point in asking more; None where nobody could be asked."""
        this = _Round(queue)
        search.asked.clear()
        while (taken := await self._next(this, search)) is not None:
            candidate, grant = taken
            prepared = self._prepared(candidate, search)
            if isinstance(prepared, Rejected):
                grant.undo()
                this.unsaid = this.unsaid or prepared
                continue
            search.asked[candidate.fallback] += 1
            result = await self._granted(prepared, grant, search)
            failure = result.failure
            if failure is None:
                return result
            if search.ends_with(candidate, failure) or not self._goes_on(this, candidate, failure, search):
                return await _final(result)
            search.last = await _closed(result)
        return this.again or search.last or this.unsaid

    def _goes_on(self, this: _Round, candidate: Candidate, failure: Failure, search: _Watched) -> bool:
        """Whether anybody is left for this round or another one, now that ``candidate`` failed so."""
        pause = self._pause(candidate, search.number, failure)
        if search.may_go_round(candidate, failure, pause):
            this.returns(candidate, pause)
        this.queue[:] = [each for each in this.queue if not self.grants.bars(each)]
        return bool(this.queue or this.held or this.again)

    async def _next(self, this: _Round, search: _Watched) -> tuple[Candidate, Grant] | None:
        """The next candidate that may be asked: the first in the queue, else the first of those held back until now that gets free in time."""
        while this.queue:
            candidate = this.queue.pop(0)
            if search.has_enough_of(candidate):
                continue
            grant = self.grants.take(candidate, search.demand)
            if isinstance(grant, Grant):
                return candidate, grant
            if grant is None:
                this.held.append(candidate)
            else:
                search.leave_out((grant,))
        this.held = [each for each in this.held if not search.has_enough_of(each)]
        return await self._first_free(this, search) if this.held else None

    async def _first_free(self, this: _Round, search: _Watched) -> tuple[Candidate, Grant] | None:
        """The first of those held back that gets free while the request's patience lasts. Nobody is held back any more where none does."""
        held = this.held
        if search.patience is None:
            search.patience = trio.current_time() + held[0].deadlines.connect
        taken = await self.grants.wait(held, search.demand, search.patience)
        if taken is not None:
            held.remove(taken[0])
            return taken
        now = trio.current_time()
        overs = ((each, self.turnstile.over(holders_at(each), search.demand)) for each in held)
        rests = ((each, self.health.standing(each.credential.id, each.model, now).rest) for each in held)
        search.leave_out(Barred(each, why) for each, why in (*overs, *rests) if why is not None)
        this.held = []
        return None

    async def _granted(self, prepared: Prepared, grant: Grant, search: _Watched) -> Opened | Rejected:
        """What a candidate answers; the grant goes with an answer and ends with anything else."""
        result: Opened | Rejected | None = None
        try:
            result = await self._answer(prepared, search)
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

    async def _answer(self, prepared: Prepared, search: _Watched) -> Opened | Rejected:
        """What a candidate answers, asked in other words where it has nothing for the client's own."""
        result = await self._ask(prepared, search)
        if result.failure is not None and prepared.candidate.credential.replay is None:
            result = await self._asked_otherwise(prepared, result, search)
        if not isinstance(result, Rejected) or prepared.lane is not Lane.PASS:
            return result
        if lacks_the_place(result) and prepared.operation in search.admitted.protocol.emulations:
            instead = self._prepared(prepared.candidate, search, lane=Lane.TRANSLATE)
            return await self._ask(instead, search) if isinstance(instead, Prepared) else result
        if is_unrecorded(result):
            return await self._recorded_otherwise(prepared, result, search)
        return result

    async def _asked_otherwise(
        self, prepared: Prepared, result: Opened | Rejected, search: _Watched
    ) -> Opened | Rejected:
        """What a candidate that has failed answers to the same without what it says it can't read of it, where that is known to help."""
        from trioproxy.gateway.second_asking import asked_otherwise  # most processes are refused nothing

        tried: set[str] = set()
        while (failure := result.failure) is not None:
            otherwise = asked_otherwise(prepared, failure, tried)
            if otherwise is None:
                break
            await _closed(result)
            prepared = otherwise
            result = await self._ask(prepared, search)
        return result

    async def _recorded_otherwise(self, prepared: Prepared, missed: Rejected, search: _Watched) -> Opened | Rejected:
        """A recording that was made in another protocol; where there is none, the miss that came closest."""
        for wire in prepared.candidate.credential.wires:
            if wire is prepared.candidate.wire:
                continue
            instead = self._prepared(attrs.evolve(prepared.candidate, wire=wire), search)
            if not isinstance(instead, Prepared):
                continue
            result = await self._ask(instead, search)
            if not isinstance(result, Rejected) or not is_unrecorded(result):
                return result
            if missed.failure.param == OPERATION:
                missed = result
        return missed

    def _prepared(self, candidate: Candidate, search: _Watched, lane: Lane | None = None) -> Prepared | Rejected:
        """The request for this candidate; what its protocol can't say, another's may."""
        try:
            return prepare(search.admitted, search.routed, candidate, now=self.wall(), token=self.token(), lane=lane)
        except ClientFault as fault:
            return Rejected(failure=fault.failure)

    async def _ask(self, prepared: Prepared, search: _Watched) -> Opened | Rejected:
        admitted, settings, entry = search.admitted, search.settings, search.entry
        candidate, provider, losses = prepared.candidate, prepared.provider, prepared.losses
        credential = candidate.credential
        entry.asking(
            lane=_LANES[prepared.lane],
            provider=provider,
            credential=credential.label,
            protocol=prepared.outbound.name,
            model=candidate.model,
            losses=len(losses),
            lost=tuple([loss.path for loss in losses]) if losses else (),
            vendor=credential.provider.name,
            credential_id=credential.id,
        )
        for loss in losses:
            _log.debug("%s: not sent to %s: %s (%s)", entry.id, provider, loss.path, loss.reason)

        def carrier(headers: Headers) -> Carrier:
            return carrier_for(admitted, prepared, headers, settings, lambda: self._context(admitted, prepared))

        asked_at = trio.current_time()
        tracker = DeadlineTracker(candidate.deadlines, admitted.asked.stream, entry.opened_at)
        upstream = self.reach(credential)
        pulse = search.sentry.watch(tracker, provider, cuttable=getattr(upstream, "CUTTABLE", False))
        result = await attempt(prepared, upstream, pulse, carrier, entry)
        if isinstance(result, Rejected):
            headers, body = (result.answer.headers, result.answer.body) if result.answer is not None else ((), b"")
            result = attrs.evolve(result, failure=hinted(result.failure, headers, body, self.wall()))
        failure = result.failure
        entry.tried(
            Try(
                credential=credential.label,
                provider=provider,
                model=candidate.model,
                kind=failure.kind if failure else None,
                status=failure.status if failure else None,
            )
        )
        if failure is None:
            self.health.succeeded(credential.id, candidate.model, asked_at)
            if search.session.names:
                search.session.worked(pool_of(search.routed, candidate), credential.id, trio.current_time())
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
        if not settings.session_affinity:
            return NO_SESSION
        names = session_names(admitted.headers, admitted.asked.document)
        return Session(bindings=self.bindings, names=names, ttl=settings.session_affinity_ttl)

    def _context(self, admitted: Admitted, prepared: Prepared) -> WriteContext:
        conversation = prepared.conversation or _said(admitted)
        if conversation is not None and admitted.follows is not None:
            conversation = attrs.evolve(conversation, previous_response_id=admitted.follows)
        return WriteContext(
            model=admitted.asked.model,
            now=int(self.wall()),
            token=self.token(),
            conversation=conversation,
            include_usage=conversation.include_usage if conversation is not None else True,
            keep=self.references.keeper(admitted),
        )


def _said(admitted: Admitted) -> Conversation | None:
    """What was asked, for an answer that was to pass and is written anew; None where nobody here understands it."""
    try:
        return admitted.protocol.read_request(admitted.asked.document or {}, admitted.asked)
    except ClientFault:
        return None


async def _final(result: Opened | Rejected) -> Opened | Rejected:
    """The result that nothing better follows. A provider's own error in a stream of the client's protocol is passed on as it came."""
    if isinstance(result, Rejected):
        return result
    if isinstance(result.carrier, StreamPassage) and result.carrier.over:
        return result
    return await _closed(result)


async def _closed(result: Opened | Rejected) -> Rejected:
    """What is left of a failed attempt when nothing of it will be sent."""
    if isinstance(result, Rejected):
        return result
    assert result.failure is not None
    await result.aclose()
    return Rejected(failure=result.failure)
