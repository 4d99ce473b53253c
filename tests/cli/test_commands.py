"""The commands that print: what they say, how they end, and that each has help with an example."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from tests.support.houses import SIMPLE
from tests.support.raw_server import refusing_port
from trioproxy import __version__
from trioproxy.cli import COMMANDS, cli
from trioproxy.protocols.table import SPELLINGS

BROKEN = "claude-api-kei:\n  - api-key: k\nport: high\n"


def run(*arguments: str, env: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(cli, list(arguments), prog_name="trioproxy", env=env)


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "config.yaml"
    path.write_text("api-keys: [secret-client-key]\n" + SIMPLE.replace("UPKEY", "secret-up-key"), "utf-8")
    return str(path)


@pytest.fixture
def broken(tmp_path: Path) -> str:
    path = tmp_path / "broken.yaml"
    path.write_text(BROKEN, "utf-8")
    return str(path)


def test_help_lists_every_command_and_imports_none() -> None:
    told = run("--help")
    assert told.exit_code == 0
    for name, line in COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(line)}$", told.output, re.MULTILINE)
    code = (
        "import sys, trioproxy.cli as c; c.cli(['--help'], standalone_mode=False); "
        "print([m for m in sys.modules if m in ('trio', 'yaml', 'attrs', 'msgspec')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("[]\n")


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_has_help_with_an_example(name: str) -> None:
    told = run(name, "--help")
    assert told.exit_code == 0
    assert f"Example:  trioproxy {name}" in told.output
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert command.short_help == COMMANDS[name]


@pytest.mark.parametrize("name", ["check", "explain", "models", "version"])
def test_every_command_that_prints_data_can_print_json(name: str) -> None:
    assert "--json" in run(name, "--help").output


@pytest.mark.parametrize("name", ["serve", "check", "explain", "models", "record"])
def test_every_command_that_needs_a_configuration_takes_one(name: str) -> None:
    assert "--config" in run(name, "--help").output


def test_an_unknown_command_or_option_is_a_fault_of_usage() -> None:
    assert run("sreve").exit_code == 2
    assert run("version", "--nothing").exit_code == 2
    assert run("explain").exit_code == 2


def test_a_word_that_is_nearly_a_command_is_told_which() -> None:
    assert "No such command 'serv'. Did you mean 'serve'?" in run("serv").output
    assert "No such command 'xyzzy'.\n" in run("xyzzy").output


def test_version() -> None:
    assert run("version").output == f"trioproxy {__version__}\n"
    assert run("--version").output.startswith("trioproxy")
    told = json.loads(run("version", "--json").output)
    assert told["trioproxy"] == __version__
    assert told["trio"]


def test_check_prints_the_plan_and_no_key(config: str) -> None:
    told = run("check", config)
    assert told.exit_code == 0
    assert "listens on 127.0.0.1:8317, 1 client key" in told.output
    assert "anthropic at http://anthropic.test" in told.output
    assert "anthropic-m = anthropic-up" in told.output
    assert "secret" not in told.output


def test_check_prints_all_of_a_plan(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(
        """
fallbacks: {a: [b, c]}
state-dir: state
ledger: {max-age-days: 7}
prices: {x: {input: 1}}
providers:
  one: {type: openai, endpoint: "http://one.test/v1", api-key: k, priority: 3, enabled: false}
  two: {type: openai, endpoint: "http://two.test/v1", api-key: k, prefix: p}
routing:
  routes:
    - {model_pattern: "x-*", provider: two, request_protocol: openai_chat, upstream_model: y}
""",
        "utf-8",
    )
    told = run("check", str(path))
    assert told.exit_code == 0, told.output
    assert "no client keys" in told.output
    assert "off" in told.output
    assert "x-* (" in told.output
    assert "as y" in told.output
    assert "falls back: a -> b, c" in told.output
    plan = json.loads(run("check", str(path), "--json").output)["plan"]
    assert plan["routes"][0]["upstream_model"] == "y"
    assert plan["fallbacks"] == {"a": ["b", "c"]}
    assert f"keeps a ledger in {tmp_path / 'state'}: 7 days, up to 256 MB" in told.output
    assert "has prices of its own: x" in told.output
    assert (plan["ledger"], plan["prices"]) == (str(tmp_path / "state"), ["x"])
    for off in ("state-dir: off", "ledger: {enabled: false}"):
        path.write_text(off, "utf-8")
        assert "keeps no ledger" in run("check", str(path)).output
        assert json.loads(run("check", str(path), "--json").output)["plan"]["ledger"] is None


def test_check_reports_every_problem_with_its_line(broken: str) -> None:
    told = run("check", broken)
    assert told.exit_code == 1
    assert "broken.yaml:1" in told.output
    assert "broken.yaml:3" in told.output
    assert "did you mean 'claude-api-key'?" in told.output
    assert "2 problems" in told.output


def test_check_as_json(config: str, broken: str) -> None:
    good = run("check", config, "--json")
    assert good.exit_code == 0
    document = json.loads(good.output)
    assert document["ok"] is True
    assert len(document["plan"]["credentials"]) == 4
    assert "secret" not in good.output
    bad = run("check", broken, "--json")
    assert bad.exit_code == 1
    document = json.loads(bad.stdout)
    assert document["ok"] is False
    assert [problem["line"] for problem in document["problems"]] == [1, 3]


def test_explain_says_where_a_model_goes(config: str) -> None:
    told = run("explain", "anthropic-m", "--config", config)
    assert told.exit_code == 0
    assert "asked in anthropic:" in told.output
    assert "passed through" in told.output
    [entry] = json.loads(run("explain", "anthropic-m", "-p", "messages", "--config", config, "--json").output)
    assert entry["protocol"] == "anthropic"
    assert entry["candidates"][0]["model"] == "anthropic-up"


def test_explain_takes_every_word_that_a_route_takes_for_a_protocol(config: str) -> None:
    for word, protocol in SPELLINGS.items():
        [entry] = json.loads(run("explain", "anthropic-m", "-p", word, "--config", config, "--json").output)
        assert entry["protocol"] == protocol


def test_explain_says_why_nothing_serves(config: str) -> None:
    told = run("explain", "anthropic-n", "--config", config)
    assert told.exit_code == 1
    assert "anthropic-m" in told.output
    entries = json.loads(run("explain", "anthropic-n", "--config", config, "--json").output)
    assert [entry["served"] for entry in entries] == [False] * 4


def test_models_lists_what_may_be_asked_for(config: str) -> None:
    told = run("models", "--config", config)
    assert told.exit_code == 0
    assert {line.split()[0] for line in told.output.splitlines()} == {
        "chat-m",
        "responses-m",
        "anthropic-m",
        "gemini-m",
    }
    of_one = json.loads(run("models", "--provider", "chat", "--config", config, "--json").output)
    assert [card["id"] for card in of_one] == ["chat-m"]


@pytest.fixture
def local(tmp_path: Path) -> Iterator[str]:
    """A configuration of two servers that know their models themselves; one of them runs."""

    class Provider(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = b'{"data": [{"id": "qwen3:8b"}]}' if self.path == "/v1/models" else b"{}"
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing."""

    path = tmp_path / "local.yaml"
    with ThreadingHTTPServer(("127.0.0.1", 0), Provider) as server:
        path.write_text(
            "discover: true\nopenai-compatibility:\n"
            f'- {{name: up, base-url: "http://127.0.0.1:{server.server_port}/v1"}}\n'
            f'- {{name: down, prefix: d, base-url: "http://127.0.0.1:{refusing_port()}/v1"}}\n',
            "utf-8",
        )
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield str(path)
        server.shutdown()
        thread.join()


def test_models_of_a_provider_that_is_not_there(config: str) -> None:
    told = run("models", "--config", config, "--provider", "cluade")
    assert (told.exit_code, told.output) == (
        1,
        "Error: no provider goes by the name 'cluade' (there are chat, claude, codex, gemini)\n",
    )


def test_models_says_who_was_not_asked_and_asks_them(local: str) -> None:
    told = run("models", "--config", local)
    assert (told.exit_code, told.stdout) == (0, "")
    assert told.stderr == "not asked for their own lists: up#1, down#1 (--discover asks them)\n"
    told = run("models", "--discover", "--config", local)
    assert (told.exit_code, told.stdout) == (0, "qwen3:8b  up\n")
    assert re.fullmatch(r"down#1 does not tell its models: can't connect to 127.0.0.1:\d+: .*\n", told.stderr)


def test_check_says_whose_models_are_asked_for(local: str) -> None:
    assert run("check", local).stdout.count("    models: what the provider lists itself (discover)\n") == 2
    plan = json.loads(run("check", local, "--json").stdout)["plan"]
    assert [each["discovers"] for each in plan["credentials"]] == [True, True]


def test_explain_says_whose_models_it_can_not_know(local: str) -> None:
    told = run("explain", "qwen3:8b", "--config", local)
    assert told.stderr.startswith("not known here: which models up#1, down#1 list (discover: true); --live asks")
    assert json.loads(run("explain", "qwen3:8b", "--config", local, "--json").stdout)[0]["served"]


@pytest.mark.parametrize("command", [["models"], ["explain", "m"], ["serve"], ["record", "--into", "x"]])
def test_a_bad_configuration_ends_the_command(command: list[str], broken: str) -> None:
    told = run(*command, "--config", broken)
    assert told.exit_code == 1
    assert "broken.yaml:3" in told.output


@pytest.mark.parametrize("command", [["models"], ["check"], ["serve"]])
def test_without_a_configuration_the_command_says_where_it_looked(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    told = run(*command, env={"HOME": str(tmp_path), "TRIOPROXY_CONFIG": ""})
    assert told.exit_code == 1
    assert "config.yaml" in told.output


KEY_ELSEWHERE = """
state-dir: "%s"
api-keys: ["${ITS_OWN_KEY}"]
claude-api-key: [{api-key: "${NOWHERE}"}]
"""


@pytest.fixture
def keyless(tmp_path: Path) -> str:
    path = tmp_path / "config.yaml"
    path.write_text(KEY_ELSEWHERE % (tmp_path / "state"), "utf-8")
    return str(path)


@pytest.mark.parametrize("command", [["models"], ["explain", "claude-sonnet-4-6"]])
def test_who_only_looks_needs_no_key_of_the_one_who_serves(command: list[str], keyless: str) -> None:
    told = run(*command, "--config", keyless)
    assert told.exit_code == 0
    assert "claude" in told.stdout
    assert f"warning: {keyless}:4: claude-api-key[0].api-key: the environment has no variable NOWHERE" in told.stderr


def test_who_asks_for_what_was_kept_is_not_told_of_keys(keyless: str) -> None:
    told = run("usage", "--config", keyless)
    assert (told.exit_code, told.stderr) == (0, "")
    told = run("accounts", "--config", keyless)
    assert (told.exit_code, told.stderr.count("NOWHERE")) == (0, 0)
    assert "claude#1" in told.stdout
    told = run("accounts", "--config", keyless, "clear")
    assert told.stderr.startswith("Error: no running process was found")


@pytest.mark.parametrize("command", [["check"], ["serve"], ["record", "--into", "x"], ["models", "--discover"]])
def test_who_needs_a_key_says_which_variable_holds_none(command: list[str], keyless: str) -> None:
    told = run(*command, *(["--config"] if command[0] != "check" else []), keyless)
    assert told.exit_code == 1
    assert "the environment has no variable NOWHERE" in told.stderr
    assert "the environment has no variable ITS_OWN_KEY" in told.stderr


def test_what_is_wrong_otherwise_is_wrong_for_who_only_looks_too(keyless: str) -> None:
    Path(keyless).write_text('port: "${NOWHERE}"\nnonsense: 1\n', "utf-8")
    told = run("models", "--config", keyless)
    assert told.exit_code == 1
    assert "the environment has no variable NOWHERE" in told.stderr
    assert "nonsense" in told.stderr


def test_the_configuration_is_found_by_itself(config: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(config).parent)
    assert run("models").exit_code == 0
    monkeypatch.chdir("/")
    assert run("models", env={"TRIOPROXY_CONFIG": config}).exit_code == 0


def test_who_could_use_an_address_is_said_of_the_option_that_names_it(config: str, tmp_path: Path) -> None:
    open_house = tmp_path / "open.yaml"
    open_house.write_text("claude-api-key: [{api-key: k}]\n", "utf-8")
    told = run("serve", "--config", str(open_house), "--host", "0.0.0.0")
    assert told.exit_code == 1
    assert told.output.startswith("--host: refuses to start: anyone who can reach 0.0.0.0")


def test_without_a_provider_check_says_how_to_get_one(tmp_path: Path) -> None:
    empty = tmp_path / "empty.yaml"
    empty.write_text("", "utf-8")
    told = run("check", str(empty))
    assert told.exit_code == 0
    assert "no credentials\n" in told.output
    assert "add a block of one (claude-api-key" in told.output


def test_a_missing_file_is_said_in_words(tmp_path: Path) -> None:
    told = run("check", str(tmp_path / "none.yaml"))
    assert told.exit_code == 1
    assert "none.yaml" in told.output
    assert "Traceback" not in told.output


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_can_complete(shell: str) -> None:
    environment: dict[str, Any] = {**os.environ, "_TRIOPROXY_COMPLETE": f"{shell}_source"}
    done = subprocess.run(
        [sys.executable, "-m", "trioproxy"], env=environment, capture_output=True, text=True, check=False
    )
    assert "trioproxy" in done.stdout
    assert done.returncode == 0


def test_completion_offers_the_commands() -> None:
    environment = {
        **os.environ,
        "_TRIOPROXY_COMPLETE": "bash_complete",
        "COMP_WORDS": "trioproxy re",
        "COMP_CWORD": "1",
    }
    done = subprocess.run(
        [sys.executable, "-m", "trioproxy"], env=environment, capture_output=True, text=True, check=False
    )
    assert sorted(done.stdout.split()) == ["plain,record", "plain,replay"]
