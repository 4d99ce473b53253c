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
from math import inf

import attrs
import trio

from trioproxy.config.model import Credential, HealthCheck
from trioproxy.config.snapshot import SnapshotCell
from trioproxy.credentials.health import Health
from trioproxy.errors import ErrorKind, Failure, Fault, UpstreamFault, kind_for_status
from trioproxy.gateway.inquiry import Inquiry
from trioproxy.gateway.nap import Nap

__all__ = ["Lookout"]

_log = logging.getLogger("trioproxy.gateway")

MOST_BODY = 64 * 1024


@attrs.define(eq=False, kw_only=True)
class Lookout:
    """One task that looks at every credential that wants it."""

    cell: SnapshotCell
    inquiry: Inquiry
    health: Health
    _next: dict[str, float] = attrs.field(factory=dict, init=False)
    _trouble: dict[str, str] = attrs.field(factory=dict, init=False)
    _nap: Nap = attrs.field(factory=Nap, init=False)

    async def run(self) -> None:
        """Look until cancelled. A reload is heeded at once."""
        self.cell.heed(self._nap.wake)
        async with trio.open_nursery() as nursery:
            while True:
                for credential, check in self._due():
                    nursery.start_soon(self._look, credential, check)
                await self._nap.until(min(self._next.values(), default=inf))

    def _due(self) -> list[tuple[Credential, HealthCheck]]:
        now = trio.current_time()
        wanted = {
            each.id: (each, each.health_check)
            for each in self.cell.current.credentials
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
        try:
            failure = await self._failure(credential, check)
        except Exception:  # a bug of ours, which says nothing of the account: the house stands without this look
            _log.exception("%s could not be looked at", credential.label)
            return
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
                status = (await self.inquiry.ask(credential, most=MOST_BODY, path=check.path)).status
        except UpstreamFault as fault:
            return attrs.evolve(fault.failure, account_wide=True, retry_after=None)
        if status is None:
            return _failure(ErrorKind.TIMEOUT, f"no answer within {check.timeout:g} s")
        if status >= 500 or status == 401:
            return _failure(kind_for_status(status), f"it answered {status}")
        return None

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
