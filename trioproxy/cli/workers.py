"""Several processes on one port (SO_REUSEPORT): the kernel shares connections out among them.

The parent serves nothing. It passes signals on, and ends the others when one of them dies by itself. Each worker has its own connections,
cooldowns and turns.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from types import FrameType

__all__ = ["run_workers"]

_PASSED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def run_workers(count: int, work: Callable[[int], None], ready: Callable[[], None]) -> int:
    """Run ``work(number)`` in ``count`` child processes and call ``ready``; the exit code: 0 where all ended well, else 1."""
    children: set[int] = set()
    for number in range(count):
        child = os.fork()
        if child == 0:
            _be_child(work, number)
        children.add(child)
    stopping = False

    def pass_on(received: int, frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = stopping or received != signal.SIGHUP
        _signal(children, received)

    for each in _PASSED_ON:
        signal.signal(each, pass_on)
    ready()
    code = 0
    while children:
        child, status = os.wait()
        children.discard(child)
        if os.waitstatus_to_exitcode(status) != 0:
            code = 1
        if not stopping:
            stopping = True
            sys.stderr.write(f"worker {child} ended by itself; ending the others\n")
            _signal(children, signal.SIGTERM)
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


def _signal(children: set[int], number: int) -> None:
    for child in list(children):
        try:
            os.kill(child, number)
        except ProcessLookupError:
            continue
