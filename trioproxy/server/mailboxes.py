"""How the processes of one house talk to each other: a box a process, into which all others may put questions and news.

Knows: sockets that were made before the processes parted (``socketpair(2)``), so that they have no name, no place on the disk and no
permissions: nobody else can reach them, and nothing is left of them however the processes end. A question carries its own line for the answer
(``SCM_RIGHTS``, unix(7)). A box outlives its reader: what lies in it is read by whoever takes that one's place.

Refuses to know: what is asked (``gateway/household.py``). Whoever does not answer within :data:`PATIENCE` has not answered: one that hangs, or
died a moment ago, holds nobody up for longer.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Iterable
from contextlib import suppress

import attrs
import trio

from trioproxy.wire.jsoncodec import JSONError, Object, dumps, loads_object

__all__ = ["PATIENCE", "Mailbox", "Mailboxes"]

_log = logging.getLogger("trioproxy.server")

PATIENCE = 1.0
"""Seconds that all siblings together have for their answers."""
MOST_BYTES = 128 * 1024
_READ = 64 * 1024
_CLOEXEC = getattr(socket, "MSG_CMSG_CLOEXEC", 0)


@attrs.define(eq=False)
class Mailboxes:
    """The boxes of all, as the process that starts them keeps them. It also holds the lifeline's end: when it dies, all others see that."""

    _slots: list[socket.socket]
    _boxes: list[socket.socket]
    _lifeline: int
    _held: int

    @classmethod
    def of(cls, count: int) -> Mailboxes:
        """Boxes for ``count`` processes that are yet to be started."""
        pairs = [socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(count)]
        for each in (end for pair in pairs for end in pair):
            each.setblocking(False)
        lifeline, held = os.pipe()
        return cls([slot for slot, _ in pairs], [box for _, box in pairs], lifeline, held)

    def settle(self, number: int) -> Mailbox:
        """The box of process ``number``, in that process: the ends that are others' are closed there."""
        os.close(self._held)
        for other, box in enumerate(self._boxes):
            if other != number:
                box.close()
        self._slots[number].close()
        others = [slot for other, slot in enumerate(self._slots) if other != number]
        return Mailbox(others, self._boxes[number], self._lifeline)

    def close(self) -> None:
        """Close every end, in the process that made them."""
        for each in (*self._slots, *self._boxes):
            each.close()
        os.close(self._lifeline)
        os.close(self._held)


@attrs.define(eq=False)
class Mailbox:
    """One process's own box, and the slots of its siblings'."""

    _others: list[socket.socket]
    _box: socket.socket
    _lifeline: int

    @property
    def siblings(self) -> int:
        """How many others there are."""
        return len(self._others)

    async def ask(self, question: Object) -> list[Object | None]:
        """What each sibling answers; None for one that did not."""
        answers: list[Object | None] = [None] * len(self._others)

        async def ask(place: int) -> None:
            answers[place] = await _answer(self._others[place], question)

        with trio.move_on_after(PATIENCE):
            async with trio.open_nursery() as nursery:
                for place in range(len(self._others)):
                    nursery.start_soon(ask, place)
        return answers

    def tell(self, news: Object) -> bool:
        """Tell every sibling something that needs no answer; whether all have room for it in their boxes."""
        return all([_put(slot, news) for slot in self._others])

    async def serve(self, answer: Callable[[Object], Object]) -> None:
        """Answer siblings. Never returns."""
        while True:
            await trio.lowlevel.wait_readable(self._box)
            with suppress(BlockingIOError):
                self._open(answer)

    async def wait_orphaned(self) -> None:
        """Wait until the process that started this one is gone."""
        await trio.lowlevel.wait_readable(self._lifeline)

    def close(self) -> None:
        """Close every end."""
        for each in (*self._others, self._box):
            each.close()
        os.close(self._lifeline)

    def _open(self, answer: Callable[[Object], Object]) -> None:
        data, lines, _, _ = socket.recv_fds(self._box, MOST_BYTES, 1, _CLOEXEC)
        try:
            told = dumps(answer(loads_object(data)))
        except Exception:  # a bug of ours, which must not make this process deaf
            _log.exception("what another worker asked could not be answered")
            told = b""
        for number in lines:
            with socket.socket(fileno=number) as line:
                line.setblocking(False)
                with suppress(OSError):  # whoever asked has left
                    line.send(told)


def _put(slot: socket.socket, message: Object, lines: Iterable[int] = ()) -> bool:
    """Whether there was room for ``message``."""
    try:
        socket.send_fds(slot, [dumps(message)], list(lines))
    except OSError:
        return False
    return True


async def _answer(slot: socket.socket, question: Object) -> Object | None:
    mine, theirs = socket.socketpair()
    with mine:
        mine.setblocking(False)
        with theirs:
            if not _put(slot, question, [theirs.fileno()]):
                return None
        return await _read(mine)


async def _read(line: socket.socket) -> Object | None:
    data = bytearray()
    while True:
        await trio.lowlevel.wait_readable(line)
        try:
            more = line.recv(_READ)
        except OSError:
            return None
        if not more:
            break
        data += more
    try:
        return loads_object(bytes(data))
    except JSONError:
        return None
