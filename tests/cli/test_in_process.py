"""The commands that serve, run in this process: the same code as in ``test_serving``, with nothing between a test and what it does.

A thread plays the client. When it is done, a signal ends the server, as it would from outside.
"""

from __future__ import annotations

import json
import os
import signal
import threading
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.support.houses import SIMPLE
from trioproxy import app
from trioproxy.cli import cli, demo
from trioproxy.upstream import bundled

FIXTURES = Path(__file__).parents[2] / "fixtures"

Client = Callable[[str], None]


def ask(url: str, path: str, document: Any = None) -> bytes:
    data = json.dumps(document).encode() if document is not None else None
    request = urllib.request.Request(url + path, data, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        body: bytes = answer.read()
    return body


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run a command, let a client ask, end the server; what the client raised is raised here."""

    def run(client: Client, *arguments: str) -> Result:
        raised: list[BaseException] = []
        threads: list[threading.Thread] = []

        def play(url: str) -> None:
            try:
                client(url)
            except BaseException as error:
                raised.append(error)
            finally:
                os.kill(os.getpid(), signal.SIGTERM)

        def announced(addresses: Sequence[tuple[str, int]]) -> None:
            thread = threading.Thread(target=play, args=(app.base_urls(addresses)[0],))
            threads.append(thread)
            thread.start()

        monkeypatch.setattr(app, "announce", announced)
        result = CliRunner().invoke(cli, list(arguments))
        for thread in threads:
            thread.join()
        if raised:
            raise raised[0]
        return result

    return run


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "config.yaml"
    path.write_text("port: 0\n" + SIMPLE, "utf-8")
    return str(path)


def test_serve(served: Callable[..., Result], config: str) -> None:
    said: list[bytes] = []
    result = served(lambda url: said.append(ask(url, "/healthz")), "serve", "--config", config)
    assert result.exit_code == 0, result.output
    assert said == [b'{"status":"ok"}']


def test_serve_finds_a_bad_folder_before_it_listens(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("port: 0\nproviders: {r: {type: replay, folder: nowhere}}\n", "utf-8")
    result = CliRunner().invoke(cli, ["serve", "--config", str(path)])
    assert result.exit_code == 1
    assert "nowhere" in result.output


def test_warnings_are_told(served: Callable[..., Result], tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("port: 0\n", "utf-8")
    result = served(lambda url: None, "serve", "--config", str(path))
    assert "warning: " in result.output


def test_replay(served: Callable[..., Result]) -> None:
    folder = FIXTURES / "openai_chat"
    asked = json.loads((folder / "text-stream.json").read_text("utf-8"))["request"]["body"]
    said: list[bytes] = []

    def client(url: str) -> None:
        said.append(ask(url, "/v1/chat/completions", asked))
        said.append(ask(url, "/v1/models"))

    result = served(client, "replay", str(folder), "--speed", "0", "--port", "0")
    assert result.exit_code == 0, result.output
    assert said[0].endswith(b"data: [DONE]\n\n")
    assert asked["model"] in [card["id"] for card in json.loads(said[1])["data"]]


@pytest.mark.parametrize(
    ("folder", "options", "told"),
    [
        ("openai_chat", ["--speed", "0"], "at once, matched by shape, any key"),
        ("openai_chat", ["--match", "strict"], "at the recorded pace, matched by strict"),
        ("anthropic", ["--speed", "2.5"], " of claude-sonnet-4-5; 2.5 times as fast as recorded"),
        (".", [], " more; "),
        ("..", [], ""),
    ],
)
def test_replay_says_what_it_serves(
    served: Callable[..., Result], folder: str, options: list[str], told: str, tmp_path: Path
) -> None:
    place = FIXTURES / folder if told else tmp_path
    result = served(lambda url: None, "replay", str(place), "--port", "0", *options)
    assert result.exit_code == 0, result.output
    assert (told or "there are no recordings in") in result.output


def test_replay_keeps_to_the_loopback_unless_told_otherwise(served: Callable[..., Result]) -> None:
    everywhere = ["replay", str(FIXTURES), "--host", "0.0.0.0", "--port", "0"]
    assert CliRunner().invoke(cli, everywhere).exit_code == 1
    assert served(lambda url: None, *everywhere, "--allow-anonymous").exit_code == 0


def test_record(served: Callable[..., Result], config: str, tmp_path: Path) -> None:
    into = tmp_path / "kept"

    def client(url: str) -> None:
        with pytest.raises(urllib.error.HTTPError) as refused:
            ask(url, "/v1/chat/completions", {"model": "chat-m", "messages": []})
        refused.value.close()

    # Nobody is at the provider's address: nothing is recorded, and the client is told.
    text = Path(config).read_text("utf-8").replace("http://chat.test/v1", "http://127.0.0.1:9/v1")
    Path(config).write_text("api-keys: []\n" + text, "utf-8")
    result = served(client, "record", "--into", str(into), "--config", config)
    assert result.exit_code == 0, result.output
    assert not into.exists()


TAPED = "port: 0\nproviders: {{tape: {{type: replay, folder: '{}', speed: 0}}}}\n"


def recorded(served: Callable[..., Result], config: Path, *options: str) -> Result:
    """Ask one question of a recorded provider and record the answer."""
    body = json.loads((FIXTURES / "openai_chat" / "text-stream.json").read_text("utf-8"))["request"]["body"]
    result = served(
        lambda url: ask(url, "/v1/chat/completions", body), "record", "--config", str(config), "--port", "0", *options
    )
    assert result.exit_code == 0, result.output
    return result


def test_record_writes_what_replay_serves(served: Callable[..., Result], tmp_path: Path) -> None:
    config, into = tmp_path / "c.yaml", tmp_path / "kept"
    config.write_text(TAPED.format(FIXTURES), "utf-8")
    said = recorded(served, config, "--into", str(into), "--redact", "nursery[a-z]*").output
    assert f"recording into {into}" in said
    [file] = into.rglob("*.json")
    text = file.read_text("utf-8")
    assert "REDACTED" in text
    assert "nursery" not in text
    recorded(served, config, "--into", str(tmp_path / "none"), "--provider", "tape")
    assert len(list((tmp_path / "none").rglob("*.json"))) == 1


def test_record_goes_where_the_configuration_says(served: Callable[..., Result], tmp_path: Path) -> None:
    config = tmp_path / "c.yaml"
    config.write_text(TAPED.format(FIXTURES) + "record: kept\n", "utf-8")
    recorded(served, config)
    assert len(list((tmp_path / "kept").rglob("*.json"))) == 1


def test_serve_records_where_the_configuration_says_so(served: Callable[..., Result], tmp_path: Path) -> None:
    config = tmp_path / "c.yaml"
    config.write_text(TAPED.format(FIXTURES) + "record: kept\n", "utf-8")
    body = json.loads((FIXTURES / "openai_chat" / "text-stream.json").read_text("utf-8"))["request"]["body"]
    result = served(lambda url: ask(url, "/v1/chat/completions", body), "serve", "--config", str(config))
    assert result.exit_code == 0, result.output
    assert len(list((tmp_path / "kept").rglob("*.json"))) == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "give --into FOLDER, or record: FOLDER in the configuration"),
        (("--into", "x", "--provider", "nobody"), "no provider goes by the name 'nobody' (there are tape)"),
        (("--into", "x", "--redact", "("), "--redact '(' is no regular expression"),
    ],
)
def test_record_says_what_it_can_not_do(options: tuple[str, ...], said: str, tmp_path: Path) -> None:
    config = tmp_path / "c.yaml"
    config.write_text(TAPED.format(FIXTURES), "utf-8")
    result = CliRunner().invoke(cli, ["record", "--config", str(config), *options])
    assert result.exit_code == 1
    assert said in result.output


def test_demo(served: Callable[..., Result]) -> None:
    seen: list[str] = []

    def client(url: str) -> None:
        seen.append(url)
        assert ask(url, "/v1/messages", demo.QUESTION | {"stream": False})

    result = served(client, "demo", "--port", "0", "--speed", "0")
    assert result.exit_code == 0, result.output
    assert f"ANTHROPIC_BASE_URL={seen[0]}" in result.output


def test_demo_once() -> None:
    result = CliRunner().invoke(cli, ["demo", "--once", "--speed", "0"])
    assert result.exit_code == 0, result.output
    assert "nursery" in result.output
    assert "tokens in" in result.output


def test_demo_once_says_when_the_answer_did_not_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(demo.QUESTION, "messages", "no messages")
    monkeypatch.setitem(demo.QUESTION, "stream", False)
    result = CliRunner().invoke(cli, ["demo", "--once", "--speed", "0"])
    assert result.exit_code == 1
    assert "did not reach its end" in result.output


def test_demo_says_when_the_installation_is_not_whole(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def missing() -> Path:
        raise FileNotFoundError(f"no fixtures beside {tmp_path}")

    monkeypatch.setattr(bundled, "bundled_fixtures", missing)
    result = CliRunner().invoke(cli, ["demo"])
    assert result.exit_code == 1
    assert "no fixtures" in result.output
