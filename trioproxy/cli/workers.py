"""Several processes on one port (SO_REUSEPORT): the kernel shares connections out among them.

The parent serves nothing. It passes signals on, and puts another worker into the place of one that dies by itself: those who were connected to
it lose their streams, nobody else loses anything, and who connects meanwhile waits in the socket's queue, which the parent keeps open, until
all are to end: the kernel would put clients there as long as anybody holds it, and nobody would come for them. One that
dies again and again is started ever later, and soon ends the whole (:class:`Patience`). Whoever has not ended :data:`FAREWELL` after a second
signal to stop is killed.

What the workers share, and what each has for itself, is in ``docs/workers.md``.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

import attrs

__all__ = ["FAREWELL", "Patience", "run_workers"]

_PASSED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_HEARD = (*_PASSED_ON, signal.SIGCHLD)
FAREWELL = 5.0
"""Seconds between a second signal to stop and the end of whoever has not heeded it."""
WITHIN = 60.0
MOST_DEATHS = 5
"""So many deaths of one worker within so many seconds are borne. A process that serves for months may lose one now and then."""
FIRST_PAUSE = 0.25


@attrs.define(eq=False)
class Patience:
    """When a worker that died is replaced. Pure; ``now`` is in seconds."""

    _deaths: dict[int, deque[float]] = attrs.field(factory=dict, init=False)

    def died(self, number: int, now: float) -> float | None:
        """Worker ``number`` died: after how many seconds to start another, None where it has died too often."""
        deaths = self._deaths.setdefault(number, deque(maxlen=MOST_DEATHS + 1))
        deaths.append(now)
        while deaths[0] < now - WITHIN:
            deaths.popleft()
        count = len(deaths)
        if count > MOST_DEATHS:
            return None
        return FIRST_PAUSE * 2 ** (count - 2) if count > 1 else 0.0


def run_workers(
    count: int, work: Callable[[int, bool], None], ready: Callable[[], None], stopping: Callable[[], None]
) -> int:
    """Run ``work(number, again)`` in ``count`` child processes and call ``ready``; the exit code: 0 where all ended well, else 1. ``again`` says
    that the child takes the place of one that died. ``stopping`` is called before the children are told to end."""
    heard, told = os.pipe()
    for end in (heard, told):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(told, warn_on_full_buffer=False)
    for each in _HEARD:
        signal.signal(each, _heard)
    supervisor = _Supervisor(work, stopping, heard)
    for number in range(count):
        supervisor.start(number)
    ready()
    try:
        return supervisor.run()
    finally:
        signal.set_wakeup_fd(-1)
        os.close(heard)
        os.close(told)


@attrs.define(eq=False)
class _Supervisor:
    _work: Callable[[int, bool], None]
    _when_stopping: Callable[[], None]
    _heard: int
    _children: dict[int, int] = attrs.field(factory=dict, init=False)
    _due: dict[int, float] = attrs.field(factory=dict, init=False)
    _patience: Patience = attrs.field(factory=Patience, init=False)
    _stopping: bool = attrs.field(default=False, init=False)
    _kill_at: float | None = attrs.field(default=None, init=False)
    _code: int = attrs.field(default=0, init=False)

    def start(self, number: int, *, again: bool = False) -> None:
        # A signal between the fork and the note of it would be passed on to everybody but the new one.
        signal.pthread_sigmask(signal.SIG_BLOCK, _HEARD)
        child = os.fork()
        if child == 0:
            signal.set_wakeup_fd(-1)
            # Until it hears signals itself it may be ended, and has nothing to reload.
            for each in _HEARD:
                signal.signal(each, signal.SIG_IGN if each == signal.SIGHUP else signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _HEARD)
            _be_child(self._work, number, again)
        self._children[child] = number
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _HEARD)

    def run(self) -> int:
        while self._children or self._due:
            select.select([self._heard], [], [], self._patient_for(time.monotonic()))
            with suppress(BlockingIOError):
                for number in os.read(self._heard, 4096):
                    self._hear(number)
            self._bury()
            now = time.monotonic()
            for number in [number for number, at in self._due.items() if at <= now]:
                del self._due[number]
                self.start(number, again=True)
            if self._kill_at is not None and self._kill_at <= now:
                self._kill_at = None
                _say(f"{len(self._children)} workers have not heeded the second signal: killing them")
                self._signal(signal.SIGKILL)
        return self._code

    def _patient_for(self, now: float) -> float | None:
        moments = [*self._due.values(), *((self._kill_at,) if self._kill_at is not None else ())]
        return max(min(moments) - now, 0.0) if moments else None

    def _hear(self, number: int) -> None:
        if number not in _PASSED_ON:
            return
        if number != signal.SIGHUP:
            if self._stopping and self._kill_at is None:
                self._kill_at = time.monotonic() + FAREWELL
            self._stop()
        self._signal(number)

    def _stop(self) -> None:
        self._stopping = True
        self._due.clear()
        self._when_stopping()

    def _bury(self) -> None:
        while self._children:
            child, status = os.waitpid(-1, os.WNOHANG)
            if not child:
                return
            number = self._children.pop(child, None)
            if number is not None:  # the first process of a container is given the orphans of others
                self._died(number, os.waitstatus_to_exitcode(status))

    def _died(self, number: int, left_with: int) -> None:
        if self._stopping:
            self._code = self._code or int(left_with not in (0, -signal.SIGTERM, -signal.SIGINT))
            return
        how = f"worker {number + 1} ended by itself {f'by signal {-left_with}' if left_with < 0 else f'with code {left_with}'}"
        now = time.monotonic()
        pause = self._patience.died(number, now)
        if pause is None:
            _say(f"{how}, for the {MOST_DEATHS + 1}th time within {WITHIN:g} s: ending the others")
            self._code = 1
            self._stop()
            self._signal(signal.SIGTERM)
            return
        _say(f"{how}: starting another in its place{f' in {pause:g} s' if pause else ''}")
        self._due[number] = now + pause

    def _signal(self, number: int) -> None:
        for child in self._children:
            with suppress(ProcessLookupError):
                os.kill(child, number)


def _be_child(work: Callable[[int, bool], None], number: int, again: bool) -> None:
    code = 1
    try:
        work(number, again)
        code = 0
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else 1
    finally:
        sys.stderr.flush()
        os._exit(code)


def _heard(number: int, frame: FrameType | None) -> None:
    """What was heard lies in the pipe."""


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
