"""How a log line is written: for a person, or as one JSON object a line.

Knows: the two forms, and that a value from outside may hold anything: control characters are escaped in both, so no request can forge a line or
paint a terminal; when a line goes out. Refuses to know: what is worth logging.

A process that serves thousands of requests a second writes a line for each, and wakes whoever reads them as often. Between :func:`gathered`
lines may wait for a moment and go out together, in pieces that no other process's lines can get between (POSIX: a write to a pipe is whole up to
``PIPE_BUF``). A warning or an error waits for nothing and takes all before it along, so the order stays, and so does a terminal's every line.

Whoever starts a program with a pipe for its standard error and never reads it would have it stand still after 64 KiB of log. A pipe that takes
nothing is waited for by the lines and by nobody else: :data:`MOST_HELD` of them are kept, later ones are lost, and how many is said.
"""

from __future__ import annotations

import functools
import io
import logging
import os
import select
import stat
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TextIO

from trioproxy.wire.jsoncodec import dumps

__all__ = ["MOST_GATHERED", "MOST_HELD", "HumanFormatter", "JSONFormatter", "configure", "gathered"]

MOST_GATHERED: int = getattr(select, "PIPE_BUF", 4096)
"""Bytes that go out in one write, which is whole, and waits for nothing where a pipe was said to take some."""
MOST_HELD = 1024 * 1024
"""Bytes of lines that are kept while nobody reads them."""

_BARE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._:/,@+*()[]{}~%#")

_NUMBERS = frozenset({int, float})


def configure(*, level: str, as_json: bool, stream: TextIO | None = None) -> None:
    """Send the log of this program to ``stream`` (standard error by default), replacing what was configured before."""
    handler = _Lines(stream if stream is not None else sys.stderr)
    handler.setFormatter(JSONFormatter() if as_json else HumanFormatter())
    logger = logging.getLogger("trioproxy")
    for old in list(logger.handlers):
        logger.removeHandler(old)
    logger.addHandler(handler)
    logger.setLevel(level.upper())
    logger.propagate = False
    # No line names a thread, a process or a task: a record need not ask for them.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False


@contextmanager
def gathered(later: Callable[[Callable[[], None]], None]) -> Iterator[None]:
    """Inside, lines of this thread may wait. ``later`` is called in it with what is to be called there, soon, to let them out."""
    handlers = [each for each in logging.getLogger("trioproxy").handlers if isinstance(each, _Lines)]
    for handler in handlers:
        handler.gather(later)
    try:
        yield
    finally:
        for handler in handlers:
            handler.gather(None)


class _Lines(logging.StreamHandler[TextIO]):
    """A handler that does not flush what flushes itself with each line, as standard error does, buffered (Python 3.9 and later) or not
    (``PYTHONUNBUFFERED``). A line takes the steps of the class above it, and less on the way."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        through = getattr(stream, "write_through", False) and isinstance(getattr(stream, "buffer", None), io.RawIOBase)
        self._is_through = through or getattr(stream, "line_buffering", False)
        self._later: Callable[[Callable[[], None]], None] | None = None
        self._thread = 0
        self._waiting: deque[str] = deque()
        self._length = 0
        self._lost = 0
        self._asking = False
        self._pipe = _asked(stream)

    def gather(self, later: Callable[[Callable[[], None]], None] | None) -> None:
        """Have lines wait until ``later`` lets them out; with None, or where a person looks on, none waits."""
        self._later = None if self.stream.isatty() else later
        self._thread = threading.get_ident()
        self.flush()

    def handle(self, record: logging.LogRecord) -> bool:
        """See :meth:`logging.Handler.handle`."""
        if self.filters and not self.filter(record):
            return False
        assert self.lock is not None
        with self.lock:
            self.emit(record)
        return True

    def emit(self, record: logging.LogRecord) -> None:
        """See :meth:`logging.Handler.emit`."""
        try:
            line = self.format(record) + self.terminator
            later = self._later
            if later is None or record.levelno >= logging.WARNING or threading.get_ident() != self._thread:
                self._keep(line)
                self._let_out()
                return
            if self._length + len(line) > MOST_GATHERED:
                self._let_out()
            self._keep(line)
            if len(self._waiting) == 1:
                later(self.flush)
        except Exception:
            self.handleError(record)

    def flush(self) -> None:
        """See :meth:`logging.Handler.flush`: what waits goes out, as far as somebody takes it. Raises nothing that a log may not."""
        assert self.lock is not None
        with self.lock:
            try:
                self._let_out()
                super().flush()
            except (OSError, ValueError):  # nobody reads it any more: what is lost is a log's
                self._waiting.clear()
                self._length = 0
            if self._waiting and self._later is not None and not self._asking:
                self._asking = True  # who lets nothing wait calls at once
                try:
                    self._later(self.flush)
                finally:
                    self._asking = False

    def _keep(self, line: str) -> None:
        if self._length > MOST_HELD:
            self._lost += 1
            return
        # A line that is longer than one write is written in pieces: each may have to wait.
        pieces = [line] if len(line) <= MOST_GATHERED else _in_pieces(line)
        self._waiting.extend(pieces)
        self._length += len(line)

    def _let_out(self) -> None:
        """Write what waits, as long as that needs no waiting."""
        while self._waiting and (self._pipe is None or self._pipe.poll(0)):
            piece = self._waiting.popleft()
            if self._waiting:
                piece = self._piece(piece)
            self._length -= len(piece)
            self.stream.write(piece)
            if not self._is_through:
                super().flush()
        if self._lost and not self._waiting:
            lost, self._lost = self._lost, 0
            record = logging.LogRecord("trioproxy", logging.WARNING, "", 0, _LOST, (lost,), None)
            self._keep(self.format(record) + self.terminator)
            self._let_out()

    def _piece(self, first: str) -> str:
        """As many of those that wait as go out in one write, behind ``first``."""
        taken, size = [first], _size(first)
        while self._waiting and (size := size + _size(self._waiting[0])) <= MOST_GATHERED:
            taken.append(self._waiting.popleft())
        return "".join(taken)


_LOST = "%d lines of this log are lost here: whoever was to read them did not"


def _asked(stream: TextIO) -> select.poll | None:
    """What says whether a pipe takes a write without waiting; None for what is no pipe, or where nobody can say it."""
    try:
        number = stream.fileno()
        mode = os.fstat(number).st_mode
    except (OSError, ValueError):
        return None
    if not hasattr(select, "poll") or not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)):
        return None
    asked = select.poll()
    asked.register(number, select.POLLOUT)
    return asked


def _size(line: str) -> int:
    """Bytes of a line."""
    return len(line) if line.isascii() else len(line.encode("utf-8", "replace"))


def _in_pieces(line: str) -> list[str]:
    """A long line cut so that each piece goes out in one write, whatever its letters."""
    most = MOST_GATHERED if line.isascii() else MOST_GATHERED // 4
    return [line[at : at + most] for at in range(0, len(line), most)]


class HumanFormatter(logging.Formatter):
    """``12:30:05.123 INFO  POST /v1/messages status=200 outcome=complete ...``"""

    def format(self, record: logging.LogRecord) -> str:
        """See :meth:`logging.Formatter.format`."""
        at = f"{_clock_time(int(record.created))}.{int(record.msecs):03d}"
        words = [f"{at} {record.levelname:<7}", _printable(record.getMessage())]
        words += [
            f"{name}={value if type(value) in _NUMBERS else _word(value)}"
            for name, value in _facts(record).items()
            if value is not None
        ]
        line = " ".join(words)
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class JSONFormatter(logging.Formatter):
    """One object a line: ``time`` (RFC 3339, UTC), ``level``, ``logger``, ``message``, then the facts."""

    def format(self, record: logging.LogRecord) -> str:
        """See :meth:`logging.Formatter.format`."""
        document: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **{name: value for name, value in _facts(record).items() if value is not None},
        }
        if record.exc_info:
            document["exception"] = self.formatException(record.exc_info)
        return dumps(document).decode()


@functools.lru_cache(maxsize=2)
def _clock_time(second: int) -> str:
    """A second of Unix time as this place's clocks show it."""
    return time.strftime("%H:%M:%S", time.localtime(second))


def _facts(record: logging.LogRecord) -> dict[str, Any]:
    """What a line tells; None is what nobody knows."""
    facts: dict[str, Any] = getattr(record, "facts", {})
    return facts


@functools.lru_cache(maxsize=1024)
def _word(value: object) -> str:
    text = str(value)
    return text if text and _BARE.issuperset(text) else '"' + _printable(text).replace('"', '\\"') + '"'


def _printable(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
