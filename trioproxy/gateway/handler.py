"""One exchange, from its head to its settlement: admit, route, attempt, relay, settle.

The order of things is here and nowhere else; what each of them means is in the file of its name. The client's leaving cancels the
exchange, and with it everything that was under way for that client.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import attrs
import trio

from trioproxy.config.model import Snapshot
from trioproxy.config.routes import route
from trioproxy.errors import ErrorKind, Failure, ProxyError
from trioproxy.gateway.admission import admit
from trioproxy.gateway.answers import answer_head, head_for_failure, refuse
from trioproxy.gateway.attendants import Attendants
from trioproxy.gateway.control import ControlCall, House
from trioproxy.gateway.counts import estimated, is_counted, was_not_counted
from trioproxy.gateway.doors import Refused, find_door
from trioproxy.gateway.entrance import let_in, settle
from trioproxy.gateway.exchange import Exchange
from trioproxy.gateway.failover import Failover
from trioproxy.gateway.limits import demand_of, holders_before
from trioproxy.gateway.outlet import Outlet
from trioproxy.gateway.receive import receive
from trioproxy.gateway.refusal import Reply
from trioproxy.gateway.relay import LAST_WORDS_TIME, SHUTTING_DOWN, relay
from trioproxy.gateway.remembering import remembered
from trioproxy.gateway.stages import Admitted, Rejected
from trioproxy.gateway.timekeeper import Timekeeper
from trioproxy.gateway.warden import Warden
from trioproxy.ledger.entry import Ledger
from trioproxy.protocols.openai_responses.conversations import Conversations

__all__ = ["Gateway"]

_log = logging.getLogger("trioproxy.gateway")

MOST_CONTROL_BODY = 64 * 1024

NOT_BEGUN = attrs.evolve(SHUTTING_DOWN, message="the proxy is shutting down; ask again", retry_after=1.0)
BUG = Failure(kind=ErrorKind.INTERNAL, message="a bug in the proxy itself; its log has the traceback")


@attrs.define(eq=False, kw_only=True)
class Gateway:
    """Serves exchanges. ``current`` gives the snapshot of the moment; an exchange keeps the one it began with."""

    current: Callable[[], Snapshot]
    failover: Failover
    ledger: Ledger
    house: House = attrs.field(factory=House)
    warden: Warden = attrs.field(factory=Warden)
    keeper: Timekeeper = attrs.field(factory=Timekeeper)
    """Looks at the clock for all exchanges, once somebody runs it."""
    conversations: Conversations | None = None
    """What is kept for clients that ask over HTTP, where the configuration wants that."""

    async def handle(self, exchange: Exchange) -> None:
        """Serve one exchange. Nothing escapes but cancellation."""
        snapshot, head = self.current(), exchange.head
        exchange = remembered(exchange, snapshot, self.conversations)
        with self.ledger.entry(method=head.method, path=head.path, peer=head.peer) as entry:
            outlet = Outlet(exchange, entry, snapshot.settings.deadlines)
            attendants = Attendants(outlet, self.keeper)
            try:
                if attendants.stand_ready():
                    await self._serve(snapshot, outlet, attendants)
                else:
                    async with trio.open_nursery() as nursery:
                        attendants.have_tasks(nursery)
                        await self._serve(snapshot, outlet, attendants)
                        nursery.cancel_scope.cancel(reason="the exchange is over")
            except (trio.Cancelled, BaseExceptionGroup):  # where there are tasks, each of them says so
                if entry.outcome is None:
                    with trio.CancelScope(shield=True, deadline=trio.current_time() + LAST_WORDS_TIME):
                        await refuse(outlet, snapshot.settings, NOT_BEGUN)
                raise
            finally:
                attendants.dismiss()

    async def turn_away(self, exchange: Exchange, error: ProxyError) -> None:
        """Refuse an exchange that somebody else had a look at, in the words of the protocol spoken at its path."""
        settings, head = self.current().settings, exchange.head
        with self.ledger.entry(method=head.method, path=head.path, peer=head.peer) as entry:
            await refuse(Outlet(exchange, entry, settings.deadlines), settings, error.failure)

    async def _serve(self, snapshot: Snapshot, outlet: Outlet, attendants: Attendants) -> None:
        settings, head = snapshot.settings, outlet.exchange.head
        try:
            await self._admit(snapshot, outlet, attendants)
        except Refused as error:
            await refuse(outlet, settings, error.failure, headers=error.headers)
        except ProxyError as error:
            await refuse(outlet, settings, error.failure)
        except Exception:
            _log.exception("%s %s failed", head.method, head.path)
            await refuse(outlet, settings, BUG)

    async def _admit(self, snapshot: Snapshot, outlet: Outlet, attendants: Attendants) -> None:
        exchange, entry, settings = outlet.exchange, outlet.entry, snapshot.settings
        door = find_door(exchange.head)
        if isinstance(door, ControlCall):
            return await self._answer_here(attrs.evolve(door, house=self.house), snapshot, outlet)
        client = admit(snapshot, exchange.head)
        admitted = await receive(exchange, door, client, settings.max_body, entry, self.failover.references)
        attendants.watch_client()
        way = holders_before(client, settings)
        if not way:
            return await self._answer(snapshot, admitted, outlet, attendants)
        passed = await let_in(self.failover.turnstile, way, demand_of(admitted.asked), settings.deadlines.connect)
        try:
            return await self._answer(snapshot, admitted, outlet, attendants)
        finally:
            settle(passed, entry)

    async def _answer(self, snapshot: Snapshot, admitted: Admitted, outlet: Outlet, attendants: Attendants) -> None:
        entry, settings, asked, client = outlet.entry, snapshot.settings, admitted.asked, admitted.client
        routed = route(snapshot, protocol=asked.protocol, operation=asked.operation, model=asked.model, client=client)
        if not is_counted(asked, routed):
            return await self._estimate(admitted, outlet)
        sentry = attendants.keep_watch(admitted, settings)
        answer = await self.failover.first_answer(admitted, routed, settings, entry, sentry)
        if isinstance(answer, Rejected):
            if was_not_counted(asked, answer) and not outlet.started:
                return await self._estimate(admitted, outlet)
            begin = head_for_failure(admitted, answer, entry.id)
            return await refuse(outlet, settings, answer.failure, answer=answer.answer, begin=begin)
        ended = await relay(answer, outlet, sentry, *answer_head(answer, admitted, settings, entry.id))
        if ended.failure is not None:
            self.failover.note(answer.prepared.candidate, ended.failure, settings)
            if not ended.told:
                await refuse(outlet, settings, ended.failure)
        return None

    async def _answer_here(self, call: ControlCall, snapshot: Snapshot, outlet: Outlet) -> None:
        client = self.warden.admit(call, snapshot)
        if call.control.takes_body:
            call = attrs.evolve(call, body=await outlet.exchange.receive_body(MOST_CONTROL_BODY))
        answer = call.answer(snapshot, client)
        await outlet.reply(answer if isinstance(answer, Reply) else await answer)
        outlet.entry.complete()

    @staticmethod
    async def _estimate(admitted: Admitted, outlet: Outlet) -> None:
        outlet.entry.lane = "estimate"
        await outlet.reply(await estimated(admitted))
        outlet.entry.complete()
