"""Several processes on one port (SO_REUSEPORT): the kernel shares connections out among them.

The parent serves nothing. It passes signals on, and puts another worker into the place of one that dies by itself: those who were connected to
it lose their streams, nobody else loses anything, and who connects meanwhile waits in the socket's queue, which the parent keeps open. Workers
that die again and again end the whole.

Each worker has its own connections, cooldowns, turns, counters and limits; the configuration and the ledger's file are the same for all.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from types import FrameType

__all__ = ["run_workers"]

_PASSED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
MOST_DEATHS = 5
"""For each worker. A process that serves for months may lose one to the system now and then, and never so many at once."""


def run_workers(count: int, work: Callable[[int], None], ready: Callable[[], None]) -> int:
    """Run ``work(number)`` in ``count`` child processes and call ``ready``; the exit code: 0 where all ended well, else 1."""
    children: dict[int, int] = {}
    stopping = False

    def start(number: int) -> None:
        # A signal between the fork and the note of it would be passed on to everybody but the new one.
        signal.pthread_sigmask(signal.SIG_BLOCK, _PASSED_ON)
        child = os.fork()
        if child == 0:
            # Until it hears signals itself it may be ended, and has nothing to reload.
            for each in _PASSED_ON:
                signal.signal(each, signal.SIG_IGN if each == signal.SIGHUP else signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _PASSED_ON)
            _be_child(work, number)
        children[child] = number
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _PASSED_ON)

    def pass_on(received: int, frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = stopping or received != signal.SIGHUP
        _signal(children, received)

    for each in _PASSED_ON:
        signal.signal(each, pass_on)
    for number in range(count):
        start(number)
    ready()
    code, deaths = 0, 0
    while children:
        child, status = os.wait()
        number = children.pop(child)
        left_with = os.waitstatus_to_exitcode(status)
        if stopping:
            code = code or int(left_with not in (0, -signal.SIGTERM, -signal.SIGINT))
            continue
        deaths += 1
        how = f"by signal {-left_with}" if left_with < 0 else f"with code {left_with}"
        if deaths > MOST_DEATHS * count:
            sys.stderr.write(f"worker {number + 1} ended by itself {how}, one of many: ending the others\n")
            stopping, code = True, 1
            _signal(children, signal.SIGTERM)
        else:
            sys.stderr.write(f"worker {number + 1} ended by itself {how}: starting another in its place\n")
            start(number)
        sys.stderr.flush()
    return code


def _be_child(work: Callable[[int], None], number: int) -> None:
    code = 1
    try:
        work(number)
        code = 0
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else 1
    finally:
        sys.stderr.flush()
        os._exit(code)


def _signal(children: dict[int, int], number: int) -> None:
    for child in list(children):
        try:
            os.kill(child, number)
        except ProcessLookupError:
            continue
