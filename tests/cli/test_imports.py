"""What a process that serves has imported by the time it listens, by name; no clock is asked."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

from tests.support.houses import SIMPLE
from tests.support.processes import PATIENCE

HEAVY = {
    "asyncio",
    "backports.zstd",
    "bpe_openai",
    "brotli",
    "email.message",
    "genai_prices",
    "httpcore2",
    "httpx2",
    "importlib.resources",
    "prometheus_client",
    "pydantic",
    "sqlite3",
    "tomllib",
    "urllib.request",
    "wsproto",
}
"""Libraries that a process needs when it is asked for something, or keeps a ledger, and not before."""

SELDOM = {
    "trioproxy.bench",
    "trioproxy.testing",
    "trioproxy.cli.workers",
    "trioproxy.gateway.realtime",
    "trioproxy.gateway.recording",
    "trioproxy.gateway.second_asking",
    "trioproxy.ledger.report",
    "trioproxy.ledger.store",
    "trioproxy.server.mailboxes",
    "trioproxy.server.session",
    "trioproxy.upstream.archive",
    "trioproxy.upstream.faults",
    "trioproxy.upstream.imports",
    "trioproxy.upstream.record",
    "trioproxy.upstream.redact",
    "trioproxy.upstream.replay",
    "trioproxy.upstream.sockets",
    "trioproxy.upstream.tunnel",
    "trioproxy.websocket",
}
"""Rooms of our own that most processes never enter."""

MOST = 700
"""Modules in all, those of Python's own library included: 680 were counted on CPython 3.11."""


def imported(config: Path, *options: str) -> list[str]:
    """The modules that ``serve`` imports until it has ended, as the interpreter itself tells."""
    process = subprocess.Popen(
        [sys.executable, "-X", "importtime", "-m", "trioproxy", "serve", "--config", str(config), *options],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    told: list[str] = []
    for line in process.stderr:
        if line.startswith("listening on"):
            process.send_signal(signal.SIGTERM)
        elif (found := re.match(r"import time:.*\| +(\S+)$", line)) is not None:
            told.append(found[1])
    process.stderr.close()
    assert process.wait(PATIENCE) == 0
    return told


def test_what_is_seldom_used_is_not_imported_before_it_is_needed(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("port: 0\nstate-dir: off\n" + SIMPLE, "utf-8")
    found = imported(config)
    assert "trioproxy.gateway.handler" in found
    assert (HEAVY | SELDOM) & set(found) == set()
    # The command itself is imported by name, which is not told.
    shared = {f"trioproxy.cli.{name}" for name in ("configuration", "descriptors", "printing", "serving")}
    assert {name for name in found if name.startswith("trioproxy.cli.")} == shared
    assert len(found) < MOST


def test_several_workers_read_the_list_of_prices_once(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(f"port: 0\nstate-dir: {tmp_path / 'state'}\n" + SIMPLE, "utf-8")
    assert imported(config, "--workers", "2").count("genai_prices") == 1
