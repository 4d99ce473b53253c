"""``trioproxy usage``: the ledger as a table, as JSON, as CSV."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.ledger.accounts import REFUSED, settled
from trioproxy.cli import cli
from trioproxy.ledger.store import Store, row_of
from trioproxy.neutral.usage import Usage


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text("state-dir: state\n")
    return path


@pytest.fixture
def kept(config: Path) -> Path:
    store = Store.open(config.parent / "state")
    now = time.time()
    store.add(
        [
            row_of(settled(began=now - 10, usage=Usage(input=1234, output=20, cache_read=10)), 0.5),
            row_of(settled(began=now - 2 * 86400, provider="=cmd()", upstream_model="b\n\x1b[31m"), None),
            row_of(settled(began=now, client=None), None),
        ]
    )
    store.close()
    return config


def usage(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(cli, ["usage", "--config", str(config), *arguments])


def test_a_table_for_people(kept: Path) -> None:
    result = usage(kept)
    assert result.exit_code == 0
    assert result.output.splitlines() == [
        "model              requests  failures  input  output  cached  cost $",
        "b??[31m                   1         0     30      20      10       -",
        "claude-sonnet-4-5         2         0  1,264      40      20  0.5000",
        "total                     3         0  1,294      60      30  0.5000",
    ]


def test_an_object_for_programs(kept: Path) -> None:
    result = usage(kept, "--by", "key", "--since", "1h", "--json")
    assert json.loads(result.output) == {
        "rows": [
            {
                "key": None,
                "requests": 1,
                "failures": 0,
                "input_tokens": 30,
                "output_tokens": 20,
                "cached_tokens": 10,
                "cost_usd": None,
            },
            {
                "key": "laptop",
                "requests": 1,
                "failures": 0,
                "input_tokens": 1234,
                "output_tokens": 20,
                "cached_tokens": 10,
                "cost_usd": 0.5,
            },
        ],
        "total": {
            "requests": 2,
            "failures": 0,
            "input_tokens": 1264,
            "output_tokens": 40,
            "cached_tokens": 20,
            "cost_usd": 0.5,
        },
    }


def test_csv_that_no_spreadsheet_executes(kept: Path) -> None:
    assert usage(kept, "--by", "provider", "--csv").output.splitlines() == [
        "provider,requests,failures,input_tokens,output_tokens,cached_tokens,cost_usd",
        "'=cmd(),1,0,30,20,10,",
        "mine,2,0,1264,40,20,0.5",
    ]


def test_filters_reach_the_ledger(kept: Path) -> None:
    for arguments in (["--until", "1d"], ["--provider", "=CMD()"], ["--model", "b\n\x1b[31m"]):
        assert json.loads(usage(kept, *arguments, "--json").output)["total"]["requests"] == 1
    assert json.loads(usage(kept, "--key", "laptop", "--json").output)["total"]["requests"] == 2
    assert "has no such row" in usage(kept, "--key", "nobody").output


def test_nothing_is_nothing(config: Path) -> None:
    result = usage(config)
    assert (result.exit_code, "nothing to tell: there is no ledger at" in result.output) == (0, True)
    assert json.loads(usage(config, "--json").output)["rows"] == []


def test_without_a_configuration_it_is_the_users_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("TRIOPROXY_CONFIG", raising=False)
    store = Store.open(tmp_path / "trioproxy")
    store.add([row_of(REFUSED, None)])
    store.close()
    result = CliRunner().invoke(cli, ["usage", "--json"])
    assert json.loads(result.output)["total"]["failures"] == 1


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--since", "yesterday"], 2, "neither a date"),
        (["--json", "--csv"], 2, "exclude each other"),
        (["--by", "colour"], 2, "'colour'"),
    ],
)
def test_what_is_asked_wrongly(kept: Path, arguments: list[str], code: int, said: str) -> None:
    result = usage(kept, *arguments)
    assert (result.exit_code, said in result.output) == (code, True)


def test_a_ledger_that_is_off_or_broken_is_said(config: Path) -> None:
    (config.parent / "state").mkdir()
    (config.parent / "state" / "ledger.db").write_bytes(b"my thesis " * 500)
    assert "can't be read (file is not a database); move it away" in usage(config).output
    config.write_text("state-dir: off\n")
    result = usage(config)
    assert (result.exit_code, "state-dir is off" in result.output) == (1, True)
