"""Several processes behind one port: what they share, and what becomes of them, with real processes."""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from prometheus_client.parser import text_string_to_metric_families

from tests.support.processes import PATIENCE, Process, failing, running
from trioproxy.cli import cli
from trioproxy.cli.workers import FIRST_PAUSE, MOST_DEATHS, WITHIN, Patience
from trioproxy.contact import contacts

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/task").exists(), reason="processes are looked up as Linux shows them"
)

CONFIG = """
port: 0
state-dir: "{state}"
openai-compatibility:
  - name: chat
    base-url: "{base}/v1"
    api-key-entries: [{{api-key: UPKEY}}]
    models: [{{name: fine, alias: chat-m}}, {{name: refused}}, {{name: held}}]
"""
ANSWER = json.dumps(
    {
        "id": "1",
        "object": "chat.completion",
        "model": "fine",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
    }
).encode()


class Upstream:
    """A provider in a process of its own, as small as can be: it answers, with a 429 for the model ``refused``; for ``held`` it streams,
    and goes on after the first event once somebody has asked for ``/release``."""

    CODE = """
import http.server, json, sys, threading
released = threading.Event()
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if asked["model"] == "held":
            return self.stream()
        refused = asked["model"] == "refused"
        body = b'{"error":{"message":"slow down","type":"rate_limit"}}' if refused else ANSWER
        self.send_response(429 if refused else 200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        if refused:
            self.send_header("retry-after", "600")
        self.end_headers()
        self.wfile.write(body)
    def stream(self):
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        self.wfile.write(b'data: {"choices":[{"index":0,"delta":{"content":"a"}}]}\\n\\n')
        self.wfile.flush()
        released.wait(30)
        self.wfile.write(b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\\n\\ndata: [DONE]\\n\\n')
        self.close_connection = True
    def do_GET(self):
        released.set()
        self.send_response(204)
        self.end_headers()
    def log_message(self, *arguments):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"""

    def __enter__(self) -> str:
        code = f"ANSWER = {ANSWER!r}\n{self.CODE}"
        self.process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        return f"http://127.0.0.1:{int(self.process.stdout.readline())}"

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def config(tmp_path: Path) -> Any:
    path = tmp_path / "config.yaml"
    with Upstream() as base:
        path.write_text(CONFIG.format(state=tmp_path / "state", base=base), "utf-8")
        yield path


def serving(config: Path, workers: int = 2, *more: str) -> Any:
    return running("serve", "--config", str(config), "--workers", str(workers), *more)


def ask(proxy: Process, model: str = "chat-m") -> int:
    """A request on a connection of its own, which the kernel gives to any of the workers."""
    return proxy.ask("/v1/chat/completions", {"model": model, "messages": [{"role": "user", "content": "x"}]})[0]


def scraped(proxy: Process) -> Counter[str]:
    """What Prometheus would read, asked of any of the workers."""
    return _figures(proxy.ask("/metrics")[1])


def _figures(text: bytes) -> Counter[str]:
    found: Counter[str] = Counter()
    for family in text_string_to_metric_families(text.decode()):
        for sample in family.samples:
            found[" ".join((sample.name, *sorted(sample.labels.values())))] = int(sample.value)
    return found


def test_workers_share_one_port_and_one_account_of_what_they_did(config: Path) -> None:
    with serving(config) as proxy:
        assert len(proxy.workers) == 2
        for count in range(1, 13):
            assert ask(proxy) == 200
            # The client has its answer a moment before the account of it is settled.
            while (told := scraped(proxy))["trioproxy_requests_total chat successes"] < count:
                pass
            assert told["trioproxy_requests_total chat successes"] == count
            assert told["trioproxy_exchange_seconds_bucket +Inf chat"] == count
            assert told["trioproxy_exchange_seconds_count chat"] == count
            assert told["trioproxy_tokens_total chat input"] == 3 * count
            assert (told["trioproxy_workers"], told["trioproxy_workers_answered"]) == (2, 2)
            counted = json.loads(proxy.ask("/v1/metrics/providers")[1])
            assert counted["providers"]["chat"]["requests"] == count
            assert json.loads(proxy.ask("/v1/providers/chat/status")[1])["successes"] == count
        code, said = proxy.end()
    assert code == 0
    assert said.count("listening on") == 1
    used = CliRunner().invoke(cli, ["usage", "--config", str(config), "--json"])
    assert json.loads(used.stdout)["total"]["requests"] == 12


def test_a_cooldown_that_one_worker_learns_of_and_a_switch_that_one_is_told_hold_in_all(config: Path) -> None:
    with serving(config) as proxy:
        accounts = [sys.executable, "-m", "trioproxy", "accounts", "--config", str(config)]

        def commanded(*arguments: str) -> str:
            done = subprocess.run([*accounts, *arguments], capture_output=True, text=True, timeout=PATIENCE, check=True)
            return done.stdout

        assert ask(proxy, "refused") == 429
        # The news is gathered for a moment, then every worker knows it; each answer comes from any of them.
        while True:
            said = [json.loads(proxy.ask("/v1/providers/chat/status")[1])["status"] for _ in range(8)]
            if said == ["cooling"] * 8:
                break
        assert {ask(proxy, "refused") for _ in range(6)} == {429}
        assert scraped(proxy)["trioproxy_requests_total chat failures"] == 1, "the others were spared the same refusal"
        assert commanded("clear") == "1 cooldown cleared\n"
        assert [json.loads(proxy.ask("/v1/providers/chat/status")[1])["status"] for _ in range(8)] == ["ok"] * 8

        commanded("disable", "chat")
        assert {ask(proxy) for _ in range(8)} == {404}
        victim = proxy.workers[0]
        os.kill(victim, signal.SIGKILL)
        proxy.hear("starting another")
        assert {ask(proxy) for _ in range(12)} == {404}, "the one in its place knows of it"
        commanded("enable", "chat")
        assert {ask(proxy) for _ in range(8)} == {200}


def test_a_limit_is_one_for_all_workers(config: Path) -> None:
    config.write_text(config.read_text("utf-8") + "    limits: {requests-per-minute: 3}\n", "utf-8")
    with serving(config) as proxy:
        one, other = (_connected_to(proxy, worker) for worker in proxy.workers)
        with one, other:
            body = json.dumps({"model": "chat-m", "messages": [{"role": "user", "content": "x"}]})
            asked = (
                f"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(body)}\r\n\r\n{body}"
            )
            for _ in range(3):
                one.sendall(asked.encode())
                assert _answer(one).startswith(b"HTTP/1.1 200")
            while True:
                other.sendall(b"GET /v1/routing/explain?model=chat-m HTTP/1.1\r\nhost: localhost\r\n\r\n")
                if b"limits.requests-per-minute of 3" in _answer(other):
                    break
            other.sendall(asked.encode())
            assert _answer(other).startswith(b"HTTP/1.1 429")


def test_a_worker_that_hangs_or_dies_breaks_no_answer_and_takes_no_count_along(config: Path) -> None:
    with serving(config) as proxy:
        for _ in range(12):
            assert ask(proxy) == 200
        while scraped(proxy)["trioproxy_requests_total chat successes"] < 12:
            pass
        victim, other = proxy.workers
        # A connection that the other one holds, so that it is asked, and not the one that hangs.
        with _connected_to(proxy, other) as line:
            os.kill(victim, signal.SIGSTOP)
            try:
                told = _scraped_over(line)
            finally:
                os.kill(victim, signal.SIGCONT)
            assert told["trioproxy_requests_total chat successes"] == 12
            assert (told["trioproxy_workers"], told["trioproxy_workers_answered"]) == (2, 1)
            os.kill(victim, signal.SIGKILL)
            assert _scraped_over(line)["trioproxy_requests_total chat successes"] == 12
            proxy.hear("starting another")
            while (told := _scraped_over(line))["trioproxy_workers_answered"] < 2:
                assert told["trioproxy_requests_total chat successes"] == 12
            assert told["trioproxy_requests_total chat successes"] == 12
        assert ask(proxy) == 200
        while (told := scraped(proxy))["trioproxy_requests_total chat successes"] < 13:
            pass
        assert told["trioproxy_requests_total chat successes"] == 13
        assert proxy.end()[0] == 0


def _connected_to(proxy: Process, worker: int) -> socket.socket:
    """A connection that this worker has accepted: the kernel says whose the other end is."""
    host, port = proxy.url.removeprefix("http://").split(":")
    while True:
        line = socket.create_connection((host, int(port)), PATIENCE)
        mine = line.getsockname()[1]
        line.sendall(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n")
        assert line.recv(4096).startswith(b"HTTP/1.1 200")
        if _holds(worker, int(port), mine):
            return line
        line.close()


def _holds(worker: int, local: int, remote: int) -> bool:
    """Whether a process has the server's end of a connection between two ports of the loopback."""
    sockets = {os.readlink(each) for each in Path(f"/proc/{worker}/fd").iterdir() if each.is_symlink()}
    for line in Path(f"/proc/{worker}/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if (int(fields[1][-4:], 16), int(fields[2][-4:], 16)) == (local, remote):
            return f"socket:[{fields[9]}]" in sockets
    return False


def _scraped_over(line: socket.socket) -> Counter[str]:
    line.sendall(b"GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n")
    return _figures(_answer(line).partition(b"\r\n\r\n")[2])


def _answer(line: socket.socket) -> bytes:
    """One whole answer whose length is told."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += line.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        int(each.split(b":")[1]) for each in head.split(b"\r\n") if each.lower().startswith(b"content-length")
    )
    while len(body) < length:
        body += line.recv(65536)
    return head + b"\r\n\r\n" + body


def test_a_worker_that_dies_is_replaced_by_one_with_the_configuration_of_the_others(config: Path) -> None:
    with serving(config) as proxy:
        config.write_text(config.read_text("utf-8").replace("alias: chat-m", "alias: other-m"), "utf-8")
        proxy.process.send_signal(signal.SIGHUP)
        for _ in range(2):
            proxy.hear("configuration reloaded")
        before = proxy.workers
        os.kill(before[0], signal.SIGKILL)
        proxy.hear("ended by itself by signal 9: starting another in its place")
        for _ in range(12):
            assert b"other-m" in proxy.ask("/v1/models")[1]
        assert len(set(proxy.workers) & set(before)) == 1
        config.write_text("nonsense: 1\n", "utf-8")
        proxy.process.send_signal(signal.SIGHUP)
        for _ in range(2):
            proxy.hear("not reloaded")
        assert {b"other-m" in proxy.ask("/v1/models")[1] for _ in range(8)} == {True}
        code, said = proxy.end(signal.SIGINT)
    assert code == 0
    assert "Traceback" not in said
    assert contacts(config.parent / "state") == []


def test_workers_that_always_die_end_the_whole(config: Path) -> None:
    with serving(config) as proxy:
        while proxy.process.poll() is None:
            for worker in proxy.workers:
                with suppress(ProcessLookupError):
                    os.kill(worker, signal.SIGKILL)
        assert proxy.process.returncode == 1
        assert proxy.process.stderr is not None
        assert "ending the others" in proxy.process.stderr.read()


def test_somebody_elses_orphan_is_buried_without_a_word(config: Path) -> None:
    # As the first process of a container, which every orphan in it is given: here one that a worker's parent had before it became that.
    code = (
        "import os, sys, time\n"
        "if os.fork() == 0:\n    os._exit(3)\n"
        "sys.argv = ['trioproxy', 'serve', '--workers', '2', '--config', sys.argv[1]]\n"
        "from trioproxy.cli import main\nmain()"
    )
    command = [sys.executable, "-c", code, str(config)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("listening on")
        first, _ = _workers_of(process.pid)
        os.kill(first, signal.SIGKILL)
        assert "ended by itself by signal 9" in process.stderr.readline()
        process.send_signal(signal.SIGTERM)
        said = process.stderr.read()
        assert process.wait(PATIENCE) == 0
    assert "Traceback" not in said


def _workers_of(pid: int) -> list[int]:
    found = map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
    return [
        each
        for each in sorted(found)
        if "Z" not in Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()[0]
    ]


def test_patience_grows_short_and_comes_back() -> None:
    patience = Patience()
    pauses = [patience.died(0, float(number)) for number in range(MOST_DEATHS + 1)]
    assert pauses == [0.0, *(FIRST_PAUSE * 2**number for number in range(MOST_DEATHS - 1)), None]
    assert patience.died(1, 0.0) == 0.0
    assert patience.died(0, 10 + WITHIN) == 0.0


def test_what_runs_in_every_worker_may_end_when_all_are_told_to_stop_and_nobody_else_comes_in(config: Path) -> None:
    with serving(config) as proxy:
        lines = [_connected_to(proxy, worker) for worker in proxy.workers]
        body = json.dumps({"model": "held", "stream": True, "messages": [{"role": "user", "content": "x"}]})
        for line in lines:
            head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(body)}\r\n\r\n"
            line.sendall((head + body).encode())
        begun = [_until(line, b'"content":"a"') for line in lines]
        proxy.process.send_signal(signal.SIGTERM)
        for _ in lines:
            proxy.hear("SIGTERM: ending")
        # Refused, and not put into a queue that no one will look at.
        while not _refused(proxy):
            pass
        found = re.search(r"base-url: \"(\S+)/v1", config.read_text("utf-8"))
        assert found is not None
        urllib.request.urlopen(found[1] + "/release", timeout=PATIENCE).close()
        for line, data in zip(lines, begun, strict=True):
            assert b"[DONE]" in data + _until(line, b"[DONE]")
            line.close()
        proxy.process.wait(PATIENCE)
        assert proxy.process.returncode == 0


def _refused(proxy: Process) -> bool:
    with socket.socket() as late:
        late.settimeout(PATIENCE)
        return late.connect_ex(("127.0.0.1", int(proxy.url.rpartition(":")[2]))) == errno.ECONNREFUSED


def _until(line: socket.socket, words: bytes) -> bytes:
    data = b""
    while words not in data:
        more = line.recv(65536)
        assert more, data
        data += more
    return data


def test_a_second_signal_ends_all_at_once_and_one_that_hangs_is_killed(config: Path) -> None:
    with serving(config) as proxy:
        well, stuck = proxy.workers
        _connected_to(proxy, well).close()  # it serves, so it hears signals
        os.kill(stuck, signal.SIGSTOP)
        proxy.process.send_signal(signal.SIGTERM)
        proxy.hear("SIGTERM: ending")
        code, said = proxy.end()
    assert code == 1
    assert "1 workers have not heeded the second signal: killing them" in said


def test_workers_end_when_nobody_watches_over_them_any_more(config: Path) -> None:
    with serving(config) as proxy:
        proxy.process.kill()
        said = proxy.process.communicate(timeout=PATIENCE)[1]  # until the last of them has closed the pipe
        assert said.count("the process that started this one is gone: ending") == 2
        socket.create_server(("127.0.0.1", int(proxy.url.rpartition(":")[2]))).close()
    assert contacts(config.parent / "state") == []
    assert [each.name for each in (config.parent / "state").iterdir() if each.suffix == ".tmp"] == []


def test_a_port_that_other_workers_share_is_taken(config: Path) -> None:
    with serving(config) as proxy:
        port = proxy.url.rpartition(":")[2]
        said = failing("serve", "--config", str(config), "--workers", "2", "--port", port)
        assert f"can't listen on 127.0.0.1:{port}" in said
        with urllib.request.urlopen(proxy.url + "/healthz", timeout=PATIENCE) as answer:
            assert answer.status == 200
    config.write_text("nonsense: 1\n", "utf-8")
    bad = CliRunner().invoke(cli, ["serve", "--config", str(config), "--workers", "2"])
    assert bad.exit_code == 1


def test_one_worker_is_no_family(config: Path) -> None:
    with serving(config, 1) as proxy:
        assert proxy.workers == []
        assert scraped(proxy)["trioproxy_workers"] == 1
