"""A server on the loopback in a thread of its own, for tests that run in any event loop, or in none.

Knows: one thread, one trio run in it, and how both end. Refuses to know: what is served.

The thread's run has nothing in common with a run of the test's own: neither its clock nor its cancellation.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import attrs
import trio

from trioproxy.gateway.exchange import Handler
from trioproxy.server.limits import ServerLimits
from trioproxy.server.listen import Serving, serve

__all__ = ["Loopback"]

START_SECONDS = 30.0
STOP_SECONDS = 15.0
_LIMITS = ServerLimits(farewell_seconds=1.0)


@attrs.define(eq=False)
class Loopback:
    """Serves ``handler`` between :meth:`start` and :meth:`stop`. ``closing`` is called in the server's thread when nothing is served any
    more."""

    handler: Handler
    closing: Callable[[], None] = lambda: None
    port: int = attrs.field(default=0, init=False)
    _thread: threading.Thread | None = attrs.field(default=None, init=False)
    _ready: threading.Event = attrs.field(factory=threading.Event, init=False)
    _ended: Callable[[], None] = attrs.field(default=lambda: None, init=False)
    _error: BaseException | None = attrs.field(default=None, init=False)

    def start(self) -> None:
        """Begin to serve on a free port; returns when clients can connect.

        Raises:
            RuntimeError: the server did not come up; its own error is the cause.
        """
        # A daemon, so that a test run that dies is not held up by it.
        self._thread = threading.Thread(target=self._run, name="trioproxy-testing", daemon=True)
        self._thread.start()
        if not self._ready.wait(START_SECONDS) or self._error is not None:
            raise RuntimeError("the server of recorded traffic did not start") from self._error

    def stop(self) -> None:
        """End everything and wait until the thread is gone. Safe to call twice.

        Raises:
            RuntimeError: it does not end, or it ended by an error, which is the cause.
        """
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self._ended()
        thread.join(STOP_SECONDS)
        if thread.is_alive():
            raise RuntimeError(f"the server of recorded traffic did not end within {STOP_SECONDS:.0f} s")
        if self._error is not None:
            raise RuntimeError("the server of recorded traffic failed") from self._error

    def _run(self) -> None:
        try:
            trio.run(self._serve)
        except BaseException as error:  # of another thread: handed to the one that waits
            self._error = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        try:
            async with trio.open_nursery() as nursery:
                token, scope = trio.lowlevel.current_trio_token(), nursery.cancel_scope

                def end() -> None:
                    with suppress(trio.RunFinishedError):
                        token.run_sync_soon(partial(scope.cancel, reason="the test is over"))

                self._ended = end
                serving: Serving = await nursery.start(partial(serve, self.handler, limits=_LIMITS))
                self.port = serving.port
                self._ready.set()
        finally:
            self.closing()
