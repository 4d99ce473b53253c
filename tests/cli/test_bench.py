"""The whole benchmark in small: what is told is whole and of the right kind; how fast it was is nobody's business here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from trioproxy.bench import cases, replayed
from trioproxy.bench.children import Child, ChildFailed
from trioproxy.cli import cli

_LINUX = Path("/proc/self/schedstat").exists()


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cases, "STREAMS", 2)
    monkeypatch.setattr(cases, "EVENTS", 5)
    monkeypatch.setattr(cases, "PAUSE_US", 1000)
    monkeypatch.setattr(cases, "COMPLETIONS", {1: 5})
    monkeypatch.setattr(cases, "WARM_UP", 4)
    monkeypatch.setattr(replayed, "CLIENTS", 2)
    monkeypatch.setattr(replayed, "EVENTS", 3)


def test_every_case_is_measured() -> None:
    result = CliRunner().invoke(cli, ["bench", "--rounds", "1", "--json"])
    assert result.exit_code == 0, result.output
    told = json.loads(result.output)
    assert told["rounds"] == 1
    assert told["machine"]["trioproxy"]
    rows = {(row["case"], row["metric"]): row for row in told["rows"]}
    wanted = {
        ("start", "ms"),
        ("paced", "event p50 us"),
        ("json, 1 connection", "requests/s"),
        ("json, 1 connection", "p50 us"),
    }
    wanted |= {("replay, 100 at once", f"error {name} ms") for name in ("p50", "p95", "p99", "longest")}
    if _LINUX:
        wanted |= {("start", "CPU ms"), ("start", "resident MiB")}
        wanted |= {("paced", "CPU us/event"), ("json, 1 connection", "CPU us/request")}
    assert set(rows) == wanted
    for (case, _), row in rows.items():
        against = {"start": ["proxy/imports"], "replay, 100 at once": []}
        assert list(row["ratios"]) == against.get(case, ["proxy/floor"])
        assert all(value > 0 for value in (*row["medians"].values(), *row["ratios"].values()))


def test_one_case_may_be_chosen_and_read() -> None:
    result = CliRunner().invoke(cli, ["bench", "--rounds", "1", "--case", "paced"])
    assert result.exit_code == 0, result.output
    assert "event p50 us" in result.output
    assert "json" not in result.output


def test_a_process_that_fails_ends_the_benchmark(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: str, **options: object) -> None:
        raise ChildFailed("it did not start")

    monkeypatch.setattr(Child, "start", broken)
    result = CliRunner().invoke(cli, ["bench"])
    assert result.exit_code == 1
    assert "it did not start" in result.output
