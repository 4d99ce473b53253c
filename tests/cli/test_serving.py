"""The commands that serve, as processes: where they listen, what they answer, how they end."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.answers import ANSWERS
from tests.support.houses import SIMPLE
from tests.support.processes import PATIENCE, failing, running


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text("port: 0\n" + SIMPLE, "utf-8")
    return path


def test_serve_says_where_it_listens_answers_and_ends_well(config: Path) -> None:
    with running("serve", "--config", str(config), "--log-format", "json") as proxy:
        assert proxy.ask("/healthz") == (200, b'{"status":"ok"}')
        status, body = proxy.ask("/v1/models")
        assert status == 200
        assert b"chat-m" in body
        code, said = proxy.end()
    assert code == 0
    [line] = [json.loads(line) for line in said.splitlines() if "/v1/models" in line]
    assert (line["status"], line["outcome"], line["level"]) == (200, "complete", "info")


def test_an_interrupt_ends_it_well(config: Path) -> None:
    with running("serve", "--config", str(config)) as proxy:
        code, said = proxy.end(signal.SIGINT)
    assert code == 0
    assert "Traceback" not in said


def test_a_saved_configuration_is_loaded_and_a_bad_one_is_not(config: Path) -> None:
    with running("serve", "--config", str(config)) as proxy:
        config.write_text(config.read_text("utf-8").replace("alias: chat-m", "alias: other-m"), "utf-8")
        os.kill(proxy.process.pid, signal.SIGHUP)
        deadline = time.monotonic() + PATIENCE
        while b"other-m" not in proxy.ask("/v1/models")[1]:
            assert time.monotonic() < deadline
        config.write_text("nonsense: 1\n", "utf-8")
        os.kill(proxy.process.pid, signal.SIGHUP)
        assert proxy.process.stderr is not None
        while "not reloaded" not in proxy.said[-1]:
            proxy.said.append(proxy.process.stderr.readline())
            assert proxy.said[-1]
        assert b"other-m" in proxy.ask("/v1/models")[1]


def test_a_taken_port_is_said_in_words(config: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        said = failing("serve", "--config", str(config), "--port", port)
    assert f"can't listen on 127.0.0.1:{port}: Address already in use; another process has this port" in said
    assert "Traceback" not in said


def test_replay_serves_a_folder() -> None:
    folder = Path(__file__).parents[2] / "fixtures" / "anthropic"
    recorded = json.loads((folder / "text-stream.json").read_text("utf-8"))["request"]["body"]
    with running("replay", str(folder), "--speed", "0", "--port", "0") as proxy:
        status, body = proxy.ask("/v1/messages", recorded, {"x-api-key": "any"})
        assert status == 200
        assert body.endswith(b'data: {"type":"message_stop"}\n\n')
        status, body = proxy.ask("/v1/messages", recorded | {"model": "never-recorded"})
        assert status == 404
        assert b"nearest" in body
        status, body = proxy.ask("/v1/messages", recorded, {"x-trioproxy-fault": "cut@3"})
        assert status == 200
        assert b"event: error" in body
        assert recorded["model"].encode() in proxy.ask("/v1/models")[1]


def test_replay_can_be_made_to_fail() -> None:
    folder = Path(__file__).parents[2] / "fixtures" / "openai_chat"
    recorded = json.loads((folder / "text-stream.json").read_text("utf-8"))["request"]["body"]
    with running("replay", str(folder), "--speed", "0", "--port", "0", "--fault", "status=503") as proxy:
        assert proxy.ask("/v1/chat/completions", recorded)[0] == 503


@pytest.mark.parametrize(("options", "word"), [(["--fault", "nonsense"], "nonsense"), ([], "no recording")])
def test_a_folder_or_fault_that_is_none_is_said_in_words(tmp_path: Path, options: list[str], word: str) -> None:
    (tmp_path / "x.json").write_text("{}", "utf-8")
    folder = str(tmp_path) if not options else str(Path(__file__).parents[2] / "fixtures" / "gemini")
    done = subprocess.run(
        [sys.executable, "-m", "trioproxy", "replay", folder, "--port", "0", *options],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 1
    assert word in done.stderr
    assert "Traceback" not in done.stderr


def test_what_record_keeps_replay_serves(tmp_path: Path) -> None:
    """One proxy plays the provider, one records what it says, one replays that."""
    answer = ANSWERS
    assert answer
    fixtures = Path(__file__).parents[2] / "fixtures" / "openai_chat"
    asked = json.loads((fixtures / "text-stream.json").read_text("utf-8"))["request"]["body"]
    kept = tmp_path / "kept"
    config = tmp_path / "config.yaml"
    with running("replay", str(fixtures), "--speed", "0", "--port", "0") as provider:
        config.write_text(
            f"""
port: 0
openai-compatibility:
  - {{name: it, base-url: "{provider.url}/v1", api-key-entries: [{{api-key: very-secret-key}}], models: [{{name: {asked["model"]}}}]}}
""",
            "utf-8",
        )
        with running("record", "--into", str(kept), "--config", str(config)) as recorder:
            first = recorder.ask("/v1/chat/completions", asked)
            recorder.end()
    assert first[0] == 200
    files = list(kept.rglob("*.json"))
    assert len(files) == 1
    assert "very-secret-key" not in files[0].read_text("utf-8")
    with running("replay", str(kept), "--speed", "0", "--port", "0") as again:
        assert again.ask("/v1/chat/completions", asked) == first


def test_demo_streams_one_answer_and_ends() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "trioproxy", "demo", "--once", "--speed", "0"],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "nursery" in done.stdout
    assert "tokens in" in done.stdout
    assert done.stderr == ""


def test_demo_serves_any_request_and_says_what_to_paste() -> None:
    with running("demo", "--port", "0", "--speed", "0") as demo:
        question = {"model": "anything", "messages": [{"role": "user", "content": "unheard of"}], "stream": True}
        status, body = demo.ask("/v1/chat/completions", question)
        assert status == 200
        assert body.endswith(b"data: [DONE]\n\n")
        url = demo.url
        demo.process.send_signal(signal.SIGTERM)
        told, _ = demo.process.communicate(timeout=PATIENCE)
    assert f"ANTHROPIC_BASE_URL={url}" in told
    assert f"GOOGLE_GEMINI_BASE_URL={url}" in told
    assert f'base_url = "{url}/v1"' in told
    assert f"curl -N {url}/v1/messages" in told
