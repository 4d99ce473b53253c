"""Figures of the process, as JSON and for Prometheus."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.gateway.controls import FAR, KEY, Desk
from tests.ledger.accounts import settled

COUNTED = {
    "requests": 1,
    "successes": 1,
    "failures": 0,
    "cancelled": 0,
    "input_tokens": 30,
    "output_tokens": 20,
    "cached_tokens": 10,
    "first_byte_ms": {"p50": 250.0, "p95": 250.0},
    "total_ms": {"p50": 2500.0, "p95": 2500.0},
    "active": 0,
    "cooling": [],
}
NOTHING = {name: 0 for name in COUNTED} | {
    "first_byte_ms": {"p50": None, "p95": None},
    "total_ms": {"p50": None, "p95": None},
    "cooling": [],
}


@pytest.mark.parametrize("path", ["/v1/metrics/providers", "/metrics/providers"])
async def test_the_counters_of_every_provider(path: str) -> None:
    desk = Desk.of()
    desk.app.metrics.note(settled())
    told = await desk.got(path)
    assert told == {
        "providers": {name: NOTHING for name in ("claude", "groq", "Chat", "drawn")} | {"mine": COUNTED},
        "workers": {"all": 1, "answered": 1},
    }


@pytest.mark.parametrize("path", ["/metrics", "/v1/metrics"])
async def test_what_prometheus_scrapes(path: str, tmp_path: Path) -> None:
    desk = Desk.of(folder=tmp_path)
    desk.app.metrics.note(settled())
    exchange = await desk.ask("GET", path)
    assert exchange.header(b"content-type") == b"text/plain; version=0.0.4; charset=utf-8"
    assert b'trioproxy_requests_total{outcome="successes",provider="mine"} 1.0' in exchange.body
    assert b"trioproxy_ledger_waiting_rows 0.0" in exchange.body
    asked = ((b"accept", b"application/openmetrics-text;version=1.0.0"),)
    assert (await desk.ask("GET", path, asked)).body.endswith(b"# EOF\n")


@pytest.mark.parametrize("path", ["/metrics", "/v1/metrics/providers"])
async def test_a_collector_on_this_machine_needs_no_key(path: str) -> None:
    desk = Desk.of()
    assert (await desk.ask("GET", path, ())).status == 200
    assert (await desk.ask("GET", path, (), peer="[::1]:9")).status == 200
    assert (await desk.ask("GET", path, (), peer=FAR)).status == 401
    assert (await desk.ask("GET", path, KEY, peer=FAR)).status == 200
    assert (await desk.ask("GET", path, ((b"x-forwarded-for", b"192.0.2.7"),))).status == 401
    for host in (b"localhost:8317", b"127.0.0.1", b"[::1]:8317", b"[::1]", b"LOCALHOST"):
        assert (await desk.ask("GET", path, ((b"host", host),))).status == 200
    for host in (b"evil.example:8317", b"evil.example", b"192.0.2.7:80", b"localhost.evil.example"):
        assert (await desk.ask("GET", path, ((b"host", host),))).status == 401
