"""The processes of a benchmark: started, found, measured, ended.

Knows: how to learn a child's port from what it prints, and what the kernel tells of a process (Linux only; elsewhere such figures are left out).
Refuses to know: what the child does.
"""

from __future__ import annotations

import contextlib
import os
import queue
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import IO

import attrs

__all__ = ["Child", "ChildFailed", "free_port", "pinned", "printed", "run_child"]

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
        program: str = sys.executable,
        ready: re.Pattern[str] = _LISTENING,
        port: int = 0,
        cpu: int | None = None,
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> Child:
        """Start ``PROGRAM ARGUMENTS`` on one processor. It is ready when it accepts connections on ``port``; without one, when it says a line
        like ``ready``, whose group, where it has one, is the port.

        ``environment`` is put over this process's own.

        Raises:
            ChildFailed: it ended, or was not ready within a minute.
        """
        process = subprocess.Popen(
            [program, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, **environment},
        )
        pin(process.pid, cpu)
        lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        assert process.stdout is not None
        reader = threading.Thread(target=_drain, args=(process.stdout, lines, ready), daemon=True)
        reader.start()
        said: list[str] = []
        if port and _accepts(process, port):
            return cls(process, reader, port)
        with contextlib.suppress(queue.Empty):
            while (line := lines.get(timeout=0.1 if port else _PATIENCE)) is not None:
                said.append(line)
                if not port and (found := ready.search(line)):
                    return cls(process, reader, int(found[1]) if found.groups() else 0)
        _end(process, reader)
        command = " ".join((Path(program).name, *arguments))
        raise ChildFailed(f"{command} did not start: {''.join(said) or 'it said nothing'}")

    @property
    def _pids(self) -> list[int]:
        """The process and those that it has started, where the kernel tells."""
        if sys.platform != "linux" or self.process.poll() is not None:
            return []
        found = [self.process.pid]
        for pid in found:
            with contextlib.suppress(OSError):
                for task in Path(f"/proc/{pid}/task").iterdir():
                    found += map(int, (task / "children").read_text().split())
        return found

    @property
    def cpu_seconds(self) -> float | None:
        """Processor time that it and its children took so far, threads that have ended included; None where the kernel does not tell."""
        # Another process's clock has an id made of its own (clock_getcpuclockid(3)); /proc counts in hundredths of a second.
        clocks = [~pid << 3 | 2 for pid in self._pids]
        return sum(map(time.clock_gettime, clocks)) if clocks else None

    def wait_at_rest(self) -> None:
        """Wait until its start is over, two seconds at most: a proxy reads its ledger's prices in a thread when clients are served already."""
        spent = self.cpu_seconds
        for _ in range(20):
            time.sleep(0.1)
            before, spent = spent, self.cpu_seconds
            if before is None or spent is None or spent - before < 0.002:
                return

    @property
    def resident_bytes(self) -> int | None:
        """Its resident memory, shared pages of libraries included."""
        return self._memory("status", "VmRSS")

    def peak_bytes(self, work: Callable[[], object]) -> int | None:
        """How much more resident memory than before it has at its height while ``work`` runs; None where the kernel does not tell."""
        before = self.resident_bytes
        try:
            for pid in self._pids:
                Path(f"/proc/{pid}/clear_refs").write_text("5")  # proc_pid_clear_refs(5): the height is counted anew
        except OSError:
            return None
        work()
        height = self._memory("status", "VmHWM")
        return None if before is None or height is None else max(height - before, 0)

    @property
    def anonymous_bytes(self) -> int | None:
        """The memory that is its own and no file's."""
        return self._memory("smaps_rollup", "Pss_Anon")

    @property
    def open_files(self) -> int | None:
        """How many descriptors it holds."""
        try:
            return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in self._pids) or None
        except OSError:
            return None

    def _memory(self, file: str, name: str) -> int | None:
        total = 0
        for pid in self._pids:
            try:
                text = Path(f"/proc/{pid}/{file}").read_text()
            except OSError:
                return None
            found = re.search(rf"{name}:\s+(\d+) kB", text)
            total += int(found[1]) * 1024 if found else 0
        return total or None

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
        ChildFailed: it failed, or took longer than three minutes.
    """
    command = [sys.executable, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        pin(process.pid, cpu)
        try:
            out, err = process.communicate(timeout=3 * _PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            raise ChildFailed(f"{arguments[1]} did not end within {3 * _PATIENCE:g} s") from None
    if process.returncode:
        raise ChildFailed(
            f"{arguments[1]} failed: {err.strip().splitlines()[-1] if err.strip() else 'it said nothing'}"
        )
    return out


def printed(program: str, *arguments: str) -> str:
    """What a program says of itself, in one line; empty where it can't be asked."""
    try:
        ended = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=_PATIENCE, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return (ended.stdout or ended.stderr).strip()


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


def free_port() -> int:
    """A port that nobody listens on, for a program that can't choose one by itself."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


def _accepts(process: subprocess.Popen[str], port: int) -> bool:
    """Whether somebody listens on ``port`` before the process ends and patience does."""
    until = time.monotonic() + _PATIENCE
    while process.poll() is None and time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return True
    return False


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
