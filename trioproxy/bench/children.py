"""The processes of a benchmark: started, found, measured, ended.

Knows: how to learn a child's port from what it prints, and what the kernel tells of a process (Linux only; elsewhere such figures are left out).
Refuses to know: what the child does.
"""

from __future__ import annotations

import contextlib
import os
import queue
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO

import attrs

__all__ = ["Child", "ChildFailed", "pinned", "run_child"]

_PATIENCE = 60.0
_LISTENING = re.compile(r"listening on http://127\.0\.0\.1:(\d+)")


class ChildFailed(Exception):
    """A process of the benchmark did not do its part. The message holds what it printed."""


@attrs.define(eq=False)
class Child:
    """A running process; a context manager that ends it."""

    process: subprocess.Popen[str]
    _reader: threading.Thread
    port: int = 0

    @classmethod
    def start(
        cls,
        *arguments: str,
        ready: re.Pattern[str] = _LISTENING,
        cpu: int | None = None,
        compiled: Path | None = None,
    ) -> Child:
        """Start ``python ARGUMENTS`` on one processor and wait for a line like ``ready``, whose group, where it has one, is the port.

        ``compiled`` is a folder for compiled modules, so that a second start finds them whatever this installation allows.

        Raises:
            ChildFailed: it ended, or said nothing of the kind for a minute.
        """
        process = subprocess.Popen(
            [sys.executable, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=_environment(compiled),
        )
        pin(process.pid, cpu)
        lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        assert process.stdout is not None
        reader = threading.Thread(target=_drain, args=(process.stdout, lines, ready), daemon=True)
        reader.start()
        said: list[str] = []
        with contextlib.suppress(queue.Empty):
            while (line := lines.get(timeout=_PATIENCE)) is not None:
                said.append(line)
                if found := ready.search(line):
                    port = int(found[1]) if found.groups() else 0
                    return cls(process, reader, port)
        _end(process, reader)
        raise ChildFailed(f"python {' '.join(arguments)} did not start: {''.join(said) or 'it said nothing'}")

    @property
    def cpu_seconds(self) -> float | None:
        """Processor time that it took so far, threads that have ended included; None where the kernel does not tell."""
        if sys.platform != "linux" or self.process.poll() is not None:
            return None
        # Another process's clock has an id made of its own (clock_getcpuclockid(3)); /proc counts in hundredths of a second.
        return time.clock_gettime(~self.process.pid << 3 | 2)

    @property
    def resident_bytes(self) -> int | None:
        """Its resident memory, shared pages of libraries included."""
        try:
            status = Path(f"/proc/{self.process.pid}/status").read_text()
        except OSError:
            return None
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        return int(found[1]) * 1024 if found else None

    def stop(self) -> None:
        """End the process."""
        _end(self.process, self._reader)

    def __enter__(self) -> Child:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def run_child(*arguments: str, cpu: int | None = None) -> str:
    """What ``python ARGUMENTS`` prints.

    Raises:
        ChildFailed: it failed, or took longer than a minute.
    """
    command = [sys.executable, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        pin(process.pid, cpu)
        try:
            out, err = process.communicate(timeout=_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            raise ChildFailed(f"{arguments[1]} did not end within {_PATIENCE:g} s") from None
    if process.returncode:
        raise ChildFailed(
            f"{arguments[1]} failed: {err.strip().splitlines()[-1] if err.strip() else 'it said nothing'}"
        )
    return out


def pin(pid: int, cpu: int | None) -> None:
    """Keep a process on one processor, where the system can."""
    if cpu is not None:
        with contextlib.suppress(OSError, AttributeError):
            os.sched_setaffinity(pid, {cpu})


def pinned() -> tuple[int | None, int | None]:
    """One processor for who is measured, another for the rest; None twice where there are not two."""
    try:
        processors = sorted(os.sched_getaffinity(0))
    except AttributeError:
        return None, None
    return (processors[0], processors[1]) if len(processors) > 1 else (None, None)


def _environment(compiled: Path | None) -> dict[str, str] | None:
    if compiled is None:
        return None
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPYCACHEPREFIX": str(compiled)}


def _drain(source: IO[str], lines: queue.SimpleQueue[str | None], ready: re.Pattern[str]) -> None:
    # To the end, or a child that logs would wait for a reader.
    heard = False
    for line in source:
        if not heard:
            lines.put(line)
        heard = heard or ready.search(line) is not None
    lines.put(None)


def _end(process: subprocess.Popen[str], reader: threading.Thread) -> None:
    process.terminate()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    reader.join(timeout=5)  # it has the pipe in its hands
    for pipe in _pipes(process):
        pipe.close()


def _pipes(process: subprocess.Popen[str]) -> Iterator[IO[str]]:
    found: Sequence[IO[str] | None] = (process.stdin, process.stdout)
    return (pipe for pipe in found if pipe is not None)
