"""An answer carried to the client, and its honest end.

One task reads the provider and writes to the client, with nothing between: no chunk pays for a task switch, and a slow client slows the provider
down instead of filling a queue. The read is never cancelled to be tried again; whatever cancels it ends the answer.

How an answer ends:

===============================================  ==========================================================================================
what happened                                    what the client gets
===============================================  ==========================================================================================
its own end went by                              nothing more: the transfer ends well
it was called whole, and the transfer hangs      its end, as if the transfer had ended (translated only: a chat stream without ``[DONE]``)
its own error went by                            nothing more: it was said already
EOF, a reset, a deadline, broken data            the protocol's error, or a broken transfer where none can stand
our own shutdown                                 the same, within a few shielded seconds
the client stopped reading, or left              a broken transfer, if anyone is there
===============================================  ==========================================================================================
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import trio

from trioproxy.errors import ClientFault, ErrorKind, Failure, Fault, ProxyError, UpstreamFault
from trioproxy.gateway.attempt import Opened
from trioproxy.gateway.deadlines import Phase
from trioproxy.gateway.outlet import Outlet
from trioproxy.gateway.pulse import Pulse
from trioproxy.gateway.sentry import Sentry
from trioproxy.gateway.stages import Ended
from trioproxy.upstream.base import Headers

__all__ = ["LAST_WORDS_TIME", "SHUTTING_DOWN", "relay"]

Watch: TypeAlias = Callable[[], Pulse]
"""Makes a pulse that keeps an answer's deadlines."""

LAST_WORDS_TIME = 3.0
LETTING_GO_TIME = 0.2

SHUTTING_DOWN = Failure(
    kind=ErrorKind.SHUTTING_DOWN,
    message="the proxy is shutting down and could not wait for the rest of this answer; ask again",
    fault=Fault.PROXY,
)

NOT_A_STREAM = Failure(
    kind=ErrorKind.MALFORMED,
    message="the provider was asked for a stream and answered with a whole body, after a stream had been begun (streaming.early-head)",
    fault=Fault.UPSTREAM,
)


async def relay(opened: Opened, outlet: Outlet, sentry: Sentry, status: int, headers: Headers) -> Ended:
    """Carry the answer to its end. The provider's side is closed afterwards, come what may.

    ``sentry`` keeps the deadlines. A failure that comes before anything of this answer was sent is left to the caller to tell.
    """
    watch = partial(sentry.watch, opened.tracker, opened.prepared.provider)
    try:
        if outlet.started and not opened.carrier.streams:
            return Ended(failure=NOT_A_STREAM, told=False)
        failure = await _begin(opened, outlet, status, headers)
        if failure is None and not opened.whole:
            with (pulse := watch(cuttable=True)):
                failure = await _pump(opened, outlet, pulse)
            if pulse.expired is Phase.CLIENT_SEND:
                await outlet.leave()
                return Ended(failure=pulse.failure())
            failure = failure if pulse.expired is None else pulse.failure()
        if failure is None:
            late = await _see_out(opened, outlet, watch)
            if late is not None:
                return Ended(failure=late)
        else:
            tail = b""
            if opened.carrier.complete and not outlet.in_midst:
                # The provider called its answer whole and kept the line open.
                tail, failure = opened.conclude(), opened.carrier.failure
            if failure is not None and not outlet.started:
                return Ended(failure=failure, told=False)
            if opened.carrier.over and opened.carrier.failure is None and not outlet.in_midst:
                failure = None  # all was said: what happened to the transfer afterwards is nobody's loss
            await _end(opened, outlet, failure, tail)
        if failure is None and not opened.ended:
            await _let_go(opened)
        return Ended(failure=failure)
    except (trio.Cancelled, BaseExceptionGroup):  # the task of a stream's own is cancelled with its parent: both say so
        if outlet.entry.outcome is None:
            with trio.CancelScope(shield=True, deadline=trio.current_time() + LAST_WORDS_TIME):
                await _end(opened, outlet, SHUTTING_DOWN)
        raise
    finally:
        await opened.aclose()


async def _begin(opened: Opened, outlet: Outlet, status: int, headers: Headers) -> Failure | None:
    """Write the head, which goes out with the first bytes; the failure it came to. An answer that is here whole is closed, as most whole bodies
    are: nothing is left then that a deadline would have to be kept for."""
    try:
        if not outlet.started:
            await outlet.start(status, headers)
    except ProxyError as error:
        return error.failure
    if not opened.carrier.behind:
        opened.held += opened.close_early()
    if opened.whole:
        opened.last = opened.held
    return None


async def _pump(opened: Opened, outlet: Outlet, pulse: Pulse) -> Failure | None:
    """Read and write until the end; the failure it came to, None where the answer is whole."""
    carrier = opened.carrier
    try:
        if opened.held:
            try:
                rest = outlet.give(opened.held, pulse, carrier)
                if rest is not None:
                    with pulse.waiting():
                        await rest
            finally:
                opened.hear(carrier.catch_up(), pulse)
    except ProxyError as error:
        return error.failure
    found: list[Failure | Exception | None] = []
    if opened.ended or carrier.done:
        await _carry(opened, outlet, pulse, found)  # which waits for nothing then
    elif carrier.streams and not carrier.over:
        # Whoever waits is woken through every function that waits for it: from the accepted connection down these are twenty, and each costs
        # every chunk a little. A task that begins here has half of them: it saves a tenth of what a chunk costs, and costs as much as six.
        async with trio.open_nursery() as nursery:
            pulse.bound_by(nursery.cancel_scope)
            nursery.start_soon(_carry, opened, outlet, pulse, found)
    else:
        with pulse.waiting():
            await _carry(opened, outlet, pulse, found)
    failure = found[0] if found else None  # a deadline has found nothing
    if isinstance(failure, Exception):
        raise failure
    return failure


async def _carry(opened: Opened, outlet: Outlet, pulse: Pulse, found: list[Failure | Exception | None]) -> None:
    """Carry what is still to come. What it came to is ``found``: an exception too, so that no task puts a group around it."""
    response, carrier = opened.response, opened.carrier
    tap = response.tap
    ready = tap.ready if tap is not None else None
    feed, tracker, now = carrier.feed, pulse.tracker, pulse.now
    try:
        ended = opened.ended
        while not ended and not carrier.done:
            if tap is None or ready is None:
                out = await opened.receive(pulse)
            else:
                await ready()
                data = tap.take()
                if data:  # as Opened.take and Pulse.received have it, with two functions less to wake up to
                    out, heard = feed(data)
                    if heard:
                        pulse.received(heard)
                        opened.note(heard)
                    else:
                        pulse.at = tracker.heard_at = now()
                elif data is None:
                    continue
                else:
                    out = opened.take(data, pulse)
            if response.whole:
                out += opened.close_early()
            ended = opened.ended
            if ended and carrier.failure is None:
                opened.last = out
            elif out:
                try:
                    rest = outlet.give(out, pulse, carrier)
                    if rest is not None:
                        await rest
                finally:
                    if carrier.behind:
                        heard = carrier.catch_up()
                        if heard:
                            opened.hear(heard, pulse)
        found.append(carrier.failure)
    except ProxyError as error:
        found.append(error.failure)
    except Exception as error:
        found.append(error)


async def _see_out(opened: Opened, outlet: Outlet, watch: Watch) -> Failure | None:
    """Hand on the last bytes of an answer that is whole, and its end; the failure, where the client did not take them in time."""
    pulse = await _end(opened, outlet, None, opened.last, watch)
    if pulse is None:
        return None
    if pulse.expired is Phase.CLIENT_SEND:
        await outlet.leave()
    else:
        outlet.entry.failed(pulse.failure())
        await outlet.abort()  # how much of the last bytes went is not known
    return pulse.failure()


async def _end(
    opened: Opened, outlet: Outlet, failure: Failure | None, tail: bytes = b"", watch: Watch | None = None
) -> Pulse | None:
    """Tell the client how it ended, once, and settle the account. ``tail`` is what is still owed of an answer that has its end: before the
    client has that, it is not complete. ``watch`` makes the pulse that keeps the client's deadline, which is given back where that passed."""
    carrier = opened.carrier
    opened.entry.observed = not carrier.lost
    if carrier.losses:
        opened.entry.losses += len(carrier.losses)
        opened.entry.lost += tuple(loss.path for loss in carrier.losses)
    if failure is not None:
        opened.entry.failed(failure)
    elif not tail:
        opened.entry.complete()
    try:
        if outlet.in_midst:
            await outlet.abort()  # whatever it is that came last, the client may have none or half of it
        elif failure is None or carrier.over:
            pulse = await outlet.finish(tail, watch)
            if pulse is not None:
                return pulse
            opened.entry.complete()
        elif (error := carrier.failing(failure)) is None:
            await outlet.abort()
        else:
            await outlet.finish(error)
    except ClientFault as gone:
        opened.entry.failed(gone.failure)
        await outlet.abort()
    return None


async def _let_go(opened: Opened) -> None:
    """Read what little a provider sends behind its own terminal, so that the connection can serve again."""
    with trio.move_on_after(LETTING_GO_TIME):
        try:
            while await opened.response.receive_some():
                pass
        except UpstreamFault:
            pass
