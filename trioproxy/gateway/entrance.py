"""A request let in below the limits of its client and of this process, before anything is asked of a provider."""

from __future__ import annotations

import trio

from trioproxy.credentials.meters import Demand, Holder, Measure
from trioproxy.gateway.limits import refused
from trioproxy.gateway.turnstile import Pass, Turnstile
from trioproxy.ledger.entry import Entry

__all__ = ["let_in", "settle", "tokens_of"]


async def let_in(turnstile: Turnstile, way: tuple[Holder, ...], demand: Demand, seconds: float) -> Pass:
    """The pass below the limits of ``way``. Where too much runs at once it is waited for in line, at most ``seconds``; any other limit refuses
    at once.

    Raises:
        ClientFault: RATE_LIMITED, the client is over its limits; INVALID_REQUEST, it asks for more output than it may.
        ProxyFault: OVERLOADED, this process has too much to do.
    """
    passed = turnstile.take(way, demand)
    if isinstance(passed, Pass):
        return passed
    if passed.measure is Measure.CONCURRENT:
        got = await turnstile.wait([way], demand, seconds, name=passed.holder.key)
        if got is not None:
            return got[1]
        passed = turnstile.over(way, demand) or passed
    else:
        await trio.lowlevel.checkpoint()
    raise refused(passed)


def tokens_of(entry: Entry) -> int | None:
    """What an exchange took, None where nobody counted: of an answer that was at least begun, it is not nothing."""
    if entry.usage is not None:
        return entry.usage.total
    return None if entry.first_byte is not None and entry.credential is not None else 0


def settle(passed: Pass, entry: Entry) -> None:
    """The exchange that was let in is over. One that was refused before anything was asked of a provider does not count."""
    if entry.lane is None:
        passed.undo()
    else:
        passed.end(tokens_of(entry))
