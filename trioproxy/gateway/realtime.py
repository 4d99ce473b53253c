"""The Realtime API (``GET /v1/realtime``): a WebSocket on either side, and messages carried between them as they are.

Who may ask, which credential is asked and what it came to are decided and written down as for every exchange. A provider is asked before the
client's handshake is answered, so until then the next candidate may be tried, and a refusal is an answer of HTTP. What follows is ``call.py``'s.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import parse_qsl, urlencode

import attrs
import trio

from trioproxy.config.model import ClientKey, Settings, Snapshot
from trioproxy.config.routed import Candidate, Routed
from trioproxy.config.routes import route
from trioproxy.credentials.meters import Demand
from trioproxy.errors import (
    FACTS,
    ClientFault,
    ErrorKind,
    Failure,
    Fault,
    ProxyError,
    UpstreamFault,
    kind_for_status,
)
from trioproxy.gateway.answers import refuse
from trioproxy.gateway.call import LAST_WORDS_TIME, Call
from trioproxy.gateway.choice import Barred, nobody_left
from trioproxy.gateway.entrance import let_in, settle, tokens_of
from trioproxy.gateway.exchange import Exchange, RequestHead
from trioproxy.gateway.failover import Failover
from trioproxy.gateway.grants import Grant
from trioproxy.gateway.limits import holders_before
from trioproxy.gateway.outlet import Outlet
from trioproxy.gateway.stages import ErrorAnswer
from trioproxy.gateway.subprotocols import offered
from trioproxy.ledger.entry import Entry, Ledger, Try
from trioproxy.protocols.table import protocol
from trioproxy.providers.auth import auth_headers, entry_headers
from trioproxy.providers.urls import forwarded_query, realtime_url
from trioproxy.upstream.base import Headers
from trioproxy.upstream.dialed import dial_link
from trioproxy.upstream.http import HttpUpstream
from trioproxy.websocket.handshake import NotAccepted
from trioproxy.websocket.link import GOING_AWAY, Link
from trioproxy.wire import headers as table

__all__ = ["Realtime"]

_SPOKEN = frozenset({"openai_responses", "openai_chat"})
_WHERE = "openai_responses"

Accept = Callable[[str | None], Awaitable[Link]]
"""Answer the client's handshake with this subprotocol; its end of the link."""


@attrs.frozen
class _Opened:
    link: Link
    candidate: Candidate
    grant: Grant


@attrs.define(eq=False, kw_only=True)
class Realtime:
    """Serves sockets of the Realtime API."""

    failover: Failover
    ledger: Ledger
    http: HttpUpstream
    token: Callable[[], str]

    async def serve(
        self, exchange: Exchange, head: RequestHead, snapshot: Snapshot, client: ClientKey | None, accept: Accept
    ) -> None:
        """Serve one client from its handshake, which is ``head``, to its end. Nothing escapes but cancellation."""
        settings = snapshot.settings
        with self.ledger.entry(method=head.method, path=head.path, peer=head.peer) as entry:
            entry.protocol, entry.operation, entry.stream = "openai_realtime", "realtime", True
            entry.client = (client.name or client.id) if client is not None else None
            outlet = Outlet(exchange, entry, settings.deadlines)
            try:
                way = holders_before(client, settings)
                passed = (
                    await let_in(self.failover.turnstile, way, Demand(), settings.deadlines.connect) if way else None
                )
                try:
                    opened = await self._open(head, snapshot, client, entry)
                    if isinstance(opened, _Opened):
                        await self._carry(opened, accept, settings, entry)
                    else:
                        await refuse(outlet, settings, opened[0], answer=opened[1])
                finally:
                    if passed is not None:
                        settle(passed, entry)
            except ProxyError as error:
                await refuse(outlet, settings, error.failure)

    # Until the client's handshake is answered.

    async def _open(
        self, head: RequestHead, snapshot: Snapshot, client: ClientKey | None, entry: Entry
    ) -> _Opened | tuple[Failure, ErrorAnswer | None]:
        """A socket to the first candidate that takes one; the last one's refusal where none does."""
        query = parse_qsl(head.query, keep_blank_values=True)
        model = next((value for name, value in query if name == "model"), "")
        entry.model = model or None
        routed = _fitting(route(snapshot, protocol=_WHERE, model=model, client=client))
        lineup = self.failover.line_up(routed, snapshot.settings)
        barred: list[Barred] = list(lineup.barred)
        refusal: tuple[Failure, ErrorAnswer | None] | None = None
        for candidate in lineup.queue:
            grant = self.failover.grants.take(candidate, Demand())
            if not isinstance(grant, Grant):
                barred += [grant] if grant is not None else []
                continue
            opened: Link | None = None
            try:
                opened, refusal = await self._ask(head, candidate, snapshot.settings, entry)
            finally:
                if opened is None:
                    grant.end(0)
            if opened is not None:
                grant.judged()
                return _Opened(opened, candidate, grant)
            if refusal is not None and not FACTS[refusal[0].kind].next_candidate:
                break
        if refusal is None:
            raise nobody_left(routed, barred, trio.current_time(), self.failover.wall())
        return refusal

    async def _ask(
        self, head: RequestHead, candidate: Candidate, settings: Settings, entry: Entry
    ) -> tuple[Link | None, tuple[Failure, ErrorAnswer | None] | None]:
        credential = candidate.credential
        provider = credential.group
        entry.asking(
            lane="pass",
            provider=provider,
            credential=credential.label,
            protocol="openai_realtime",
            model=candidate.model,
            losses=0,
            vendor=credential.provider.name,
            credential_id=credential.id,
        )
        asked_at, link = trio.current_time(), None
        failure: Failure | None = Failure(
            kind=ErrorKind.TIMEOUT,
            message=f"{provider} did not answer the handshake within {candidate.deadlines.connect:g} s",
            fault=Fault.UPSTREAM,
            provider=provider,
        )
        answer: ErrorAnswer | None = None
        try:
            with trio.move_on_after(candidate.deadlines.connect):
                link = await dial_link(
                    self.http.dialer,
                    realtime_url(candidate.wire, join=credential.join, query=_query(head, candidate.model)),
                    headers=self._headers(head, candidate),
                    proxy_url=credential.proxy_url,
                    limit=settings.max_body,
                    subprotocols=offered(head),
                )
                failure = None
        except NotAccepted as refusal:
            failure, answer = _refused(refusal, provider, candidate.model)
        except UpstreamFault as fault:
            failure = attrs.evolve(fault.failure, provider=provider)
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
            self.failover.health.succeeded(credential.id, candidate.model, asked_at)
            return link, None
        self.failover.note(candidate, failure, settings)
        return None, (failure, answer)

    def _headers(self, head: RequestHead, candidate: Candidate) -> Headers:
        credential = candidate.credential
        style = candidate.wire.auth or credential.provider.auth
        key = credential.key.reveal() if credential.key is not None else None
        client = {name.decode("latin-1"): value.decode("latin-1") for name, value in reversed(head.headers)}
        over = {
            **entry_headers(credential.headers, client),
            **auth_headers(
                style, key, custom_base=credential.custom_base, now=self.failover.wall(), token=self.token()
            ),
        }
        kept = [field for field in table.request(head.headers) if field[0].decode("latin-1") not in over]
        return (*kept, *((name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in over.items()))

    # From then on.

    async def _carry(self, opened: _Opened, accept: Accept, settings: Settings, entry: Entry) -> None:
        try:
            try:
                near = await accept(opened.link.subprotocol)
            except (NotAccepted, OSError, trio.BrokenResourceError, trio.ClosedResourceError):
                entry.client_gone()
                await opened.link.close(GOING_AWAY)
                return
            entry.answered(101)
            total = opened.candidate.deadlines.total
            await Call(near, opened.link, settings, total, entry).run()
        finally:
            with trio.CancelScope(shield=True):
                await opened.link.close(GOING_AWAY, patience=LAST_WORDS_TIME)
            opened.grant.end(tokens_of(entry))


def _fitting(routed: Routed) -> Routed:
    """Where a socket of this API may go."""
    fitting = tuple(each for each in routed.candidates if each.wire.protocol in _SPOKEN)
    if not fitting:
        model = routed.asked[:80]
        raise ClientFault(ErrorKind.UNSUPPORTED, f"no provider of {model} has the Realtime API", model=routed.asked)
    return attrs.evolve(routed, candidates=fitting)


def _query(head: RequestHead, model: str) -> str:
    """The client's query without its key, with the provider's name for the model."""
    members = parse_qsl(forwarded_query(head.query), keep_blank_values=True)
    return urlencode([(name, model if name == "model" else value) for name, value in members])


def _refused(refusal: NotAccepted, provider: str, model: str) -> tuple[Failure, ErrorAnswer | None]:
    said = refusal.answer
    if said is None or said.status < 400:
        message = f"{provider} did not open a WebSocket: {refusal}"
        return Failure(
            kind=ErrorKind.MALFORMED, message=message, fault=Fault.UPSTREAM, provider=provider, model=model
        ), None
    names = {name.decode("latin-1"): value.decode("latin-1") for name, value in said.headers}
    failure = protocol(_WHERE).read_error(said.status, names, said.body)
    failure = attrs.evolve(failure, provider=provider, model=model)
    if said.status in (404, 405, 426):
        message = f"{provider} has no Realtime API ({said.status})"
        return attrs.evolve(failure, kind=kind_for_status(501), message=message, status=501), None
    return failure, ErrorAnswer(status=said.status, headers=said.headers, body=said.body, protocol=_WHERE)
