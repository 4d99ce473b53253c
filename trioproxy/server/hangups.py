"""Clients that hang up while somebody works for them: one task looks out for all connections of a server.

Knows: how the kernel tells of a hang-up behind whatever bytes a client sent ahead. Refuses to know: HTTP, and what is done about it.

A task beside every request would cost it a quarter of a small answer's processor time and four KiB of an open stream's memory. A second epoll
set that wakes for hang-ups alone holds every connection from its first byte to its last, so a request that is served costs it nothing. Where
there is no epoll, and for streams that are no plain sockets, each exchange looks out for itself (``H11Exchange.wait_disconnected``).
"""

from __future__ import annotations

import select
from collections.abc import Callable

import attrs
import trio

from trioproxy.server.streams import ClientStream, LeanStream

__all__ = ["Hangups", "Line"]


@attrs.define(eq=False)
class Line:
    """One connection. ``dead`` once its client has hung up; ``told`` is called then, at once where it is dead already."""

    number: int = -1
    """Its descriptor, where somebody looks out for it; -1 where nobody can."""
    scope: trio.CancelScope = attrs.field(factory=trio.CancelScope, init=False)
    """What runs on it."""
    dead: bool = attrs.field(default=False, init=False)
    _told: Callable[[], None] | None = attrs.field(default=None, init=False)

    @property
    def watched(self) -> bool:
        """Whether somebody looks out for it."""
        return self.number >= 0

    def tell(self, told: Callable[[], None] | None) -> None:
        """Have ``told`` called, once, when the client hangs up; None: nobody wants to know any more."""
        if told is not None and self.dead:
            told()
        else:
            self._told = told

    def cut(self) -> None:
        """Cancel what runs on it: nobody wants that any more."""
        self.dead = True
        self.scope.cancel(reason="the client can't be reached")

    def hung_up(self) -> None:
        """The client is gone."""
        self.dead = True
        told, self._told = self._told, None
        if told is not None:
            told()


@attrs.define(eq=False)
class Hangups:
    """The connections of a server whose hang-ups are seen. Of use while :meth:`run` runs."""

    _set: select.epoll | None = attrs.field(default=None, init=False)
    _lines: dict[int, Line] = attrs.field(factory=dict, init=False)

    def watch(self, stream: ClientStream) -> Line:
        """Look out for ``stream`` from now on, where that can be done."""
        if self._set is None or not isinstance(stream, LeanStream):
            return Line()
        line = Line(stream.socket.fileno())
        # Edge-triggered: a hang-up is told once, and the set is never told that it was heard.
        self._set.register(line.number, select.EPOLLRDHUP | select.EPOLLET)
        self._lines[line.number] = line
        return line

    def forget(self, line: Line) -> None:
        """Nobody looks out for it any more. The kernel forgets a socket with its close; whoever has its number by then is not meant."""
        line.tell(None)
        if self._lines.get(line.number) is line:
            del self._lines[line.number]

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Look out until cancelled; where the platform can't tell, do nothing."""
        if not hasattr(select, "epoll"):
            return task_status.started()
        with select.epoll() as found:
            self._set = found
            task_status.started()
            try:
                while True:
                    await trio.lowlevel.wait_readable(found.fileno())
                    for number, _ in found.poll(0):
                        line = self._lines.get(number)
                        if line is not None:
                            line.hung_up()
            finally:
                self._set = None
