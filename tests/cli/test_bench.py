"""The whole benchmark in small: what is told is whole and of the right kind; how fast it was is nobody's business here."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import attrs
import pytest
from click.testing import CliRunner

from trioproxy.bench import cases, field, replayed
from trioproxy.bench.cases import CASES, Sizes
from trioproxy.bench.children import Child, ChildFailed
from trioproxy.bench.curves import CURVES
from trioproxy.cli import bench, cli

_LINUX = Path("/proc/self/schedstat").exists()


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = Sizes(
        paced=(2, 5, 1000),
        low=(1, 3, 1000),
        burst=500,
        completions={1: 20, 2: 20},
        firsts=5,
        agents=2,
        idle=3,
        open_streams=(1, 3),
        large=1_000_000,
        departures=20,
        accounts=20,
        settling=0.0,
    )
    monkeypatch.setattr(cases, "SIZES", sizes)
    monkeypatch.setattr(field, "WARM_UP", 4)
    monkeypatch.setattr(replayed, "CLIENTS", 2)
    monkeypatch.setattr(replayed, "EVENTS", 3)


def test_every_case_is_measured(tmp_path: Path) -> None:
    chart = tmp_path / "chart.svg"
    result = CliRunner().invoke(cli, ["bench", "--rounds", "1", "--json", "--chart", str(chart)])
    assert result.exit_code == 0, result.output
    told = json.loads(result.output)
    assert told["rounds"] == 1
    assert told["machine"]["trioproxy"]
    rows = {(row["case"], row["metric"]): row for row in told["rows"]}
    wanted = {
        ("start", "ms"): {"imports", "proxy"},
        ("paced", "event p50 us"): {"origin", "floor", "proxy", "proxy, translating"},
        ("low", "event p50 us"): {"origin", "floor", "proxy", "proxy, translating"},
        ("burst", "MB/s"): {"origin", "floor", "proxy", "proxy, translating"},
        ("json, 1 connection", "requests/s"): {"origin", "floor", "proxy", "proxy, translating"},
        ("json, 2 connections", "p50 us"): {"origin", "floor", "proxy", "proxy, translating"},
        ("first event", "p50 us"): {"origin", "floor", "proxy", "proxy, translating"},
        ("json beside idle connections", "p50 us"): {"1 idle", "3 idle"},
        ("departures", "streams left"): {"proxy"},
        ("workers", "requests/s"): {"proxy, 1 worker"},
        ("replay, 100 at once", "error p50 ms"): {"proxy"},
    }
    if _LINUX:
        wanted |= {
            ("start", "resident MiB"): {"imports", "proxy"},
            ("paced", "CPU us/event"): {"floor", "proxy", "proxy, translating"},
            ("agent's request", "CPU us/request"): {"floor", "proxy", "proxy, translating", "json.loads+dumps"},
            ("open streams", "KiB/stream"): {"floor", "proxy"},
            ("large stream", "MiB more"): {"floor", "proxy"},
            ("ledger", "CPU us/request"): {"proxy, no ledger", "proxy"},
        }
    for key, subjects in wanted.items():
        assert subjects <= rows[key]["medians"].keys(), key
    assert rows["departures", "streams left"]["medians"] == {"proxy": 0}
    assert {"proxy/floor", "proxy, translating/proxy"} <= rows["paced", "event p50 us"]["ratios"].keys()
    assert ("nginx" in rows["paced", "event p50 us"]["medians"]) is (
        shutil.which("nginx", path="/usr/sbin:/usr/bin") is not None
    )
    assert chart.read_text().startswith("<svg ")


def test_one_case_may_be_chosen_and_read() -> None:
    result = CliRunner().invoke(cli, ["bench", "--rounds", "1", "--case", "first"])
    assert result.exit_code == 0, result.output
    assert "first event: p50 us" in result.output
    assert "json" not in result.output


def test_a_process_that_fails_ends_the_benchmark(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: str, **options: object) -> None:
        raise ChildFailed("it did not start")

    monkeypatch.setattr(Child, "start", broken)
    result = CliRunner().invoke(cli, ["bench"])
    assert result.exit_code == 1
    assert "it did not start" in result.output


def test_the_command_knows_the_cases_and_peers_there_are() -> None:
    assert tuple(CASES) == bench._NAMES
    assert tuple(field.PEERS) == bench._PEERS
    assert tuple(CURVES) == bench._CURVES


def test_a_peer_must_be_known_and_installed() -> None:
    for peer, said in (("squid", "no peer 'squid'"), ("litellm=/nowhere/litellm", "not installed here")):
        result = CliRunner().invoke(cli, ["bench", "--peer", peer])
        assert result.exit_code == 1
        assert said in result.output


def test_a_peer_is_started_by_its_program_on_a_port_of_its_own(tmp_path: Path) -> None:
    peer = tmp_path / "litellm"
    peer.write_text(
        '#!/bin/sh\nwhile [ "$1" != --port ]; do shift; done\nexec python3 -m http.server --bind 127.0.0.1 $2\n',
        "utf-8",
    )
    peer.chmod(0o755)
    with field.PEERS["litellm"](tmp_path, 1, None, str(peer)) as child:
        assert child.port
        assert "http://127.0.0.1:1/v1" in (tmp_path / "litellm.yaml").read_text()


@pytest.mark.parametrize("name", CURVES)
def test_every_curve_is_drawn(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    if not _LINUX:
        pytest.skip("costs are told by Linux only")
    step = 200 if name == "rate" else 2  # two events a second take their time
    monkeypatch.setitem(CURVES, name, attrs.evolve(CURVES[name], steps=(step,)))
    chart = tmp_path / "curve.svg"
    result = CliRunner().invoke(cli, ["bench", "--curve", name, "--chart", str(chart), "--json"])
    assert result.exit_code == 0, result.output
    (point,) = json.loads(result.output)["points"]
    assert point.pop("at") == step
    assert point
    assert all(value > 0 for value in point.values())
    assert chart.read_text().startswith("<svg ")
