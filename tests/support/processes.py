"""``trioproxy`` as a process of its own, and its workers."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs

__all__ = ["PATIENCE", "Process", "failing", "running"]

PATIENCE = 30.0


@attrs.define(eq=False)
class Process:
    """A running ``trioproxy``."""

    process: subprocess.Popen[str]
    url: str
    said: list[str]

    def ask(self, path: str, document: Any = None, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
        """Status and body of one request."""
        data = json.dumps(document).encode() if document is not None else None
        lines = {"content-type": "application/json", **(headers or {})}
        request = urllib.request.Request(self.url + path, data, lines)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    @property
    def workers(self) -> list[int]:
        """Its children, as Linux shows them."""
        pid = self.process.pid
        return sorted(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))

    def hear(self, words: str) -> str:
        """The next line on standard error that has these words; all lines are kept."""
        assert self.process.stderr is not None
        while True:
            line = self.process.stderr.readline()
            assert line, "".join(self.said)
            self.said.append(line)
            if words in line:
                return line

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Exit code and what was said on standard error."""
        self.process.send_signal(number)
        _, rest = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, "".join(self.said) + (rest or "")


def failing(*arguments: str) -> str:
    """What a ``trioproxy`` says on standard error that gives up at once, with exit code 1."""
    done = subprocess.run(
        [sys.executable, "-m", "trioproxy", *arguments], capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 1, done.stderr
    return done.stderr


@contextmanager
def running(*arguments: str) -> Iterator[Process]:
    process = subprocess.Popen(
        [sys.executable, "-m", "trioproxy", *arguments],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        assert process.stderr is not None
        said: list[str] = []
        found: re.Match[str] | None = None
        while found is None:
            line = process.stderr.readline()
            assert line, "".join(said)
            said.append(line)
            found = re.search(r"^listening on (http://\S+)$", line)
        yield Process(process, found.group(1), said)
    finally:
        process.kill()
        process.communicate()
