"""How a log line is written: for a person, or as one JSON object a line.

Knows: the two forms, and that a value from outside may hold anything: control characters are escaped in both, so no request can forge a line or
paint a terminal; when a line goes out. Refuses to know: what is worth logging.

A process that serves thousands of requests a second writes a line for each, and wakes whoever reads them as often. Between :func:`gathered`
lines may wait for a moment and go out together, in pieces that no other process's lines can get between (POSIX: a write to a pipe is whole up to
``PIPE_BUF``). A warning or an error waits for nothing and takes all before it along, so the order stays, and so does a terminal's every line.
"""

from __future__ import annotations

import functools
import io
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TextIO

from trioproxy.wire.jsoncodec import dumps

__all__ = ["MOST_GATHERED", "HumanFormatter", "JSONFormatter", "configure", "gathered"]

MOST_GATHERED = 4096
"""Characters of lines that wait: a write of so many bytes is whole, and lines are ASCII but for what people named."""

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
        self._waiting: list[str] = []
        self._length = 0

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
                self._write(line)
                return
            if self._waiting and self._length + len(line) > MOST_GATHERED:
                self._write("")
            self._waiting.append(line)
            self._length += len(line)
            if len(self._waiting) == 1:
                later(self.flush)
        except Exception:
            self.handleError(record)

    def flush(self) -> None:
        """See :meth:`logging.Handler.flush`: what waits goes out. Raises nothing that a log may not."""
        assert self.lock is not None
        with self.lock:
            try:
                if self._waiting:
                    self._write("")
                else:
                    super().flush()
            except (OSError, ValueError):  # nobody reads it any more: what is lost is a log's
                pass

    def _write(self, line: str) -> None:
        if self._waiting:
            line = "".join([*self._waiting, line])
            self._waiting.clear()
            self._length = 0
        self.stream.write(line)
        if not self._is_through:
            super().flush()


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
