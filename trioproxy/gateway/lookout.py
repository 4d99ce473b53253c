"""Looks at credentials before anybody asks, where ``health-check`` says so: a cheap GET now and then, and what follows for the whole account.

===========================  ==================================================================================
what comes of it             what follows
===========================  ==================================================================================
no answer, a server's error  a soft rest of the whole credential until the next look: it is asked last
401                          it rests as after a refused request
anything else                it answers: what earlier looks found out is forgotten
===========================  ==================================================================================

A quota and a single model are none of a look's business: neither begins nor ends a rest of theirs. Off unless the configuration asks for it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import attrs
import trio

from trioproxy import __version__
from trioproxy.config.model import Credential, HealthCheck, Snapshot
from trioproxy.credentials.health import Health
from trioproxy.errors import ErrorKind, Failure, Fault, UpstreamFault, kind_for_status
from trioproxy.gateway.prepare import ANTHROPIC_VERSION
from trioproxy.providers.auth import auth_headers, entry_headers
from trioproxy.providers.urls import join_base, models_url
from trioproxy.upstream.base import Headers, Upstream, UpstreamRequest

__all__ = ["Lookout"]

_log = logging.getLogger("trioproxy.gateway")

PAUSE = 1.0
MOST_BODY = 64 * 1024
CLOSING_TIME = 2.0


class _Unheard:
    """Nobody waits for the request to be sent."""

    def request_sent(self) -> None:
        """See ``Progress.request_sent``."""


@attrs.define(eq=False, kw_only=True)
class Lookout:
    """One task that looks at every credential that wants it. ``reach`` says by which upstream a credential is asked."""

    current: Callable[[], Snapshot]
    reach: Callable[[Credential], Upstream]
    health: Health
    wall: Callable[[], float]
    token: Callable[[], str]
    _next: dict[str, float] = attrs.field(factory=dict, init=False)
    _trouble: dict[str, str] = attrs.field(factory=dict, init=False)

    async def run(self) -> None:
        """Look until cancelled. A reload is heeded at once."""
        async with trio.open_nursery() as nursery:
            while True:
                for credential, check in self._due():
                    nursery.start_soon(self._look, credential, check)
                await trio.sleep(PAUSE)

    def _due(self) -> list[tuple[Credential, HealthCheck]]:
        now = trio.current_time()
        wanted = {
            each.id: (each, each.health_check)
            for each in self.current().credentials
            if each.health_check is not None and each.enabled and each.wires and each.replay is None
        }
        for gone in self._next.keys() - wanted.keys():
            del self._next[gone]
            self._trouble.pop(gone, None)
        due = [(each, check) for each, check in wanted.values() if self._next.get(each.id, now) <= now]
        for credential, check in due:
            # The next look begins when this one is over, at the earliest.
            self._next[credential.id] = now + max(check.interval, check.timeout)
        return due

    async def _look(self, credential: Credential, check: HealthCheck) -> None:
        failure = await self._failure(credential, check)
        if failure is None:
            self.health.answered(credential.id)
        elif not credential.disable_cooling:
            rest = max(check.interval, check.timeout) + check.timeout
            self.health.failed(credential.id, "", failure, trio.current_time(), transient=rest)
        self._tell(credential, failure)

    async def _failure(self, credential: Credential, check: HealthCheck) -> Failure | None:
        """What is wrong with the whole account, None where it answers."""
        status: int | None = None
        try:
            with trio.move_on_after(check.timeout):
                status = await self._status(credential, check)
        except UpstreamFault as fault:
            return attrs.evolve(fault.failure, account_wide=True, retry_after=None)
        if status is None:
            return _failure(ErrorKind.TIMEOUT, f"no answer within {check.timeout:g} s")
        if status >= 500 or status == 401:
            return _failure(kind_for_status(status), f"it answered {status}")
        return None

    async def _status(self, credential: Credential, check: HealthCheck) -> int:
        response = await self.reach(credential).open(self._request(credential, check), _Unheard())
        try:
            size = 0
            while size < MOST_BODY and (data := await response.receive_some()):
                size += len(data)
            return response.status
        finally:
            with trio.CancelScope(shield=True, deadline=trio.current_time() + CLOSING_TIME):
                await response.aclose()

    def _request(self, credential: Credential, check: HealthCheck) -> UpstreamRequest:
        wire = credential.wires[0]
        url = models_url(wire, join=credential.join)
        if check.path is not None:
            url = join_base(wire.base_url, check.path)
        key = credential.key.reveal() if credential.key is not None else None
        lines = {
            "accept": "application/json",
            "user-agent": f"trioproxy/{__version__}",
            **({"anthropic-version": ANTHROPIC_VERSION} if wire.protocol == "anthropic" else {}),
            **{name.lower(): value for name, value in credential.provider.headers.items()},
            **{name.lower(): value for name, value in wire.headers.items()},
            **entry_headers(credential.headers, {}),
            **auth_headers(
                wire.auth or credential.provider.auth,
                key,
                custom_base=credential.custom_base,
                now=self.wall(),
                token=self.token(),
            ),
        }
        headers: Headers = tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in lines.items())
        return UpstreamRequest(
            method="GET",
            url=url,
            headers=headers,
            body=b"",
            proxy_url=credential.proxy_url,
            max_connections=credential.max_connections,
            keep_alive_connections=credential.keep_alive_connections,
            credential_id=credential.id,
            protocol=wire.protocol,
        )

    def _tell(self, credential: Credential, failure: Failure | None) -> None:
        """One line when it begins, one when it is over."""
        before = self._trouble.pop(credential.id, None)
        if failure is not None:
            self._trouble[credential.id] = failure.kind.value
            if before != failure.kind.value:
                _log.warning("%s does not answer its health check: %s", credential.label, failure.message)
        elif before is not None:
            _log.info("%s answers its health check again", credential.label)


def _failure(kind: ErrorKind, message: str) -> Failure:
    return Failure(kind=kind, message=message, fault=Fault.UPSTREAM, account_wide=True)
