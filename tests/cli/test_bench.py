"""The whole benchmark in small: what is told is whole and of the right kind; how fast it was is nobody's business here."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import attrs
import pytest
from click.testing import CliRunner

from tests.support.gateways import write_gateway
from trioproxy.bench import cases, field, replayed
from trioproxy.bench.cases import CASES, Sizes
from trioproxy.bench.children import Child, ChildFailed
from trioproxy.bench.curves import CURVES
from trioproxy.bench.peers import PEERS
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
    assert told["left_out"] == []
    assert {row["case"] for row in told["rows"]} == told["cases"].keys()
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
        ("departures", "streams left"): {"proxy", "proxy, 20 connections"},
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
    assert rows["departures", "streams left"]["medians"] == {"proxy": 0, "proxy, 20 connections": 0}
    assert {"proxy/floor", "proxy, translating/proxy"} <= rows["paced", "event p50 us"]["ratios"].keys()
    assert ("nginx" in rows["paced", "event p50 us"]["medians"]) is (
        shutil.which("nginx", path="/usr/sbin:/usr/bin") is not None
    )
    assert chart.read_text().startswith("<svg ")


def test_one_case_may_be_chosen_and_read() -> None:
    result = CliRunner().invoke(cli, ["bench", "--rounds", "1", "--case", "first"])
    assert result.exit_code == 0, result.output
    assert "first event: p50 us, 1 round\n" in result.output
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
    assert {name: peer.program for name, peer in PEERS.items()} == bench._PEERS
    assert tuple(CURVES) == bench._CURVES


def test_a_peer_must_be_known_and_installed() -> None:
    for peers, said in (
        (["squid"], "no peer 'squid'"),
        ([f"litellm-={sys.executable}"], "no peer 'litellm-'"),
        (["litellm=/nowhere/litellm"], "not installed here"),
        ([f"litellm={sys.executable}"] * 2, "two peers can't both be called 'litellm': --peer litellm-LABEL=PROGRAM"),
    ):
        result = CliRunner().invoke(cli, ["bench", *(f"--peer={peer}" for peer in peers)])
        assert result.exit_code == 1
        assert said in result.output


@pytest.fixture
def lukewarm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Peers that are warmed hardly more than others."""
    monkeypatch.setattr(field, "PEERS", {name: attrs.evolve(peer, warmth=2) for name, peer in PEERS.items()})


@pytest.mark.usefixtures("lukewarm")
def test_peers_are_asked_in_their_own_words_and_compared_with(tmp_path: Path) -> None:
    program = write_gateway(tmp_path)
    peers = ("--peer", f"portkey={program}", "--peer", f"portkey-second={program}")
    command = ["bench", "--rounds", "1", "--case", "burst", "--json", *peers]
    result = CliRunner().invoke(cli, command)
    assert result.exit_code == 0, result.output
    told = json.loads(result.output)
    assert told["left_out"] == []
    assert (told["machine"]["portkey"], told["machine"]["portkey-second"]) == ("1.2.3", "1.2.3")
    rows = {(row["case"], row["metric"]): row for row in told["rows"]}
    metrics = {("burst", "MB/s")} | ({("burst", "CPU us/event")} if _LINUX else set())
    for key in metrics:
        assert {"portkey", "portkey-second"} <= rows[key]["medians"].keys(), key
        assert {"proxy/portkey", "proxy, translating/portkey-second"} <= rows[key]["ratios"].keys(), key
        assert all(value > 0 for value in rows[key]["least"].values())
    assert told["cases"]["burst"]["of"] == 1


@pytest.mark.usefixtures("lukewarm")
def test_a_peer_that_answers_errors_is_told_of_and_not_measured(tmp_path: Path) -> None:
    program = write_gateway(tmp_path, refuses='"stream":true')
    command = ["bench", "--rounds", "1", "--case", "burst", "--case", "first", "--peer", f"portkey={program}"]
    result = CliRunner().invoke(cli, command)
    assert result.exit_code == 0, result.output
    why = "without portkey, which failed in round 1: portkey: trioproxy.bench.load failed: "
    assert f"{why}an answer that was not expected: b'HTTP/1.1 500 No': b'not here'" in result.stdout.splitlines()[-1]
    assert "x portkey" not in result.stdout
    assert "round 1 of 1: first" in result.stderr


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
