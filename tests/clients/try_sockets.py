"""Real clients over WebSocket through a running trioproxy, each a session of several turns with tool calls, with every kind of provider.

    python tests/clients/try_sockets.py --upstream http://127.0.0.1:18080 --npm DIR [--only NAME] [--workers N] [--show]

As ``try_clients.py``, whose upstream this needs: a server that answers a prompt holding ``[[fake:tool NAME {json}]]`` with that tool call and a
tool result with text that quotes it, and that takes Responses over WebSocket too. ``DIR`` holds ``node_modules`` with ``@openai/codex``,
``openai`` and ``ws``.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.clients.try_clients import HERE, KEY, proxy

MARK = "tool-ran-ok"
PROVIDERS = {
    "responses": "openai_responses",
    "sockets": "openai_responses",
    "chat": "openai_chat",
    "messages": "anthropic",
    "gemini": "gemini",
}


def configuration(upstream: str) -> str:
    """One entry a kind of provider, each with the model ``NAME/gpt-5``."""
    lines = [f"host: 127.0.0.1\nport: 0\napi-keys: [{KEY}]\nopenai-compatibility:"]
    lines += [
        f'  - {{name: {name}, prefix: {name}, base-url: "{upstream}/v1", wire: {wire},'
        " api-key-entries: [{api-key: UP}], models: [{name: gpt-5}]}"
        for name, wire in PROVIDERS.items()
        if name in ("chat", "responses")
    ]
    lines += [
        "codex-api-key:",
        f'  - {{api-key: UP, prefix: sockets, base-url: "{upstream}/v1", websockets: true, models: [{{name: gpt-5}}]}}',
        "claude-api-key:",
        f'  - {{api-key: UP, prefix: messages, base-url: "{upstream}", models: [{{name: gpt-5}}]}}',
        "gemini-api-key:",
        f'  - {{api-key: UP, prefix: gemini, base-url: "{upstream}", models: [{{name: gpt-5}}]}}',
    ]
    return "\n".join(lines) + "\n"


def run(command: list[str], home: Path, **environment: str) -> tuple[int, str]:
    """Exit code and everything that was printed."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        stdin=subprocess.DEVNULL,
        cwd=home,
        env={**kept, "HOME": str(home), "CODEX_HOME": str(home / ".codex"), **environment},
    )
    return done.returncode, done.stdout + done.stderr


def codex(base: str, model: str, npm: Path, home: Path, *, builtin: bool) -> tuple[int, str, int]:
    """A session of Codex: a tool loop, gone on with twice."""
    folder = home / ".codex"
    folder.mkdir()
    if builtin:
        (folder / "auth.json").write_text('{"auth_mode": "apikey", "OPENAI_API_KEY": "%s"}' % KEY, "utf-8")
        (folder / "config.toml").write_text(f'model = "{model}"\nopenai_base_url = "{base}/v1"\n', "utf-8")
    else:
        (folder / "config.toml").write_text(
            f'model = "{model}"\nmodel_provider = "trioproxy"\n[model_providers.trioproxy]\nname = "trioproxy"\n'
            f'base_url = "{base}/v1"\nenv_key = "K"\nwire_api = "responses"\nsupports_websockets = true\n',
            "utf-8",
        )
    binary = str(npm / "node_modules" / ".bin" / "codex")
    prompt = 'please [[fake:tool exec_command {"cmd":"echo %s"}]]' % MARK
    options = ["--skip-git-repo-check", "-c", 'sandbox_mode="danger-full-access"']
    printed = ""
    for number in range(3):
        resume = ["resume", "--last"] if number else []
        code, said = run([binary, "exec", *resume, *options, prompt], home, K=KEY)
        printed += said
        if code:
            return code, printed, 3
    return 0, printed, 3


def python_sdk(base: str, model: str, npm: Path, home: Path) -> tuple[int, str, int]:
    """OpenAI's Python SDK."""
    return *run([sys.executable, str(HERE / "socket_session.py"), base, KEY, model], home), 3


def node_sdk(base: str, model: str, npm: Path, home: Path) -> tuple[int, str, int]:
    """OpenAI's Node SDK."""
    done = subprocess.run(
        ["node", str(HERE / "node" / "socket_session.mjs"), base, KEY, model],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=npm,
    )
    return done.returncode, done.stdout + done.stderr, 3


CLIENTS = {
    "codex-builtin": lambda *given: codex(*given, builtin=True),
    "codex-provider": lambda *given: codex(*given, builtin=False),
    "openai-python": python_sdk,
    "openai-node": node_sdk,
}


def told(log: Path, before: int) -> list[str]:
    """The lines behind the first so many. The proxy tells of a socket when that is closed, which may be a moment after its client has ended."""
    until = time.monotonic() + 5
    while True:
        rows = log.read_text("utf-8").splitlines()[before:]
        if any("socket of" in row for row in rows) or time.monotonic() > until:
            return rows
        time.sleep(0.02)


def main() -> int:
    """Try all; 1 where one failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--upstream", required=True)
    parser.add_argument("--npm", type=Path, required=True)
    parser.add_argument("--only", default="")
    parser.add_argument("--workers", type=int, default=1, help="processes of the proxy")
    parser.add_argument("--show", action="store_true")
    given = parser.parse_args()
    failed = 0
    log = Path(tempfile.mkdtemp()) / "proxy.log"
    with proxy(configuration(given.upstream), given.workers, log) as base:
        for name, client in CLIENTS.items():
            for provider in PROVIDERS:
                if given.only and given.only not in f"{name} {provider}":
                    continue
                home = Path(tempfile.mkdtemp())
                before = len(log.read_text("utf-8").splitlines())
                try:
                    code, printed, wanted = client(base, f"{provider}/gpt-5", given.npm.resolve(), home)
                finally:
                    shutil.rmtree(home, ignore_errors=True)
                rows = told(log, before)
                complete = sum("outcome=complete" in row for row in rows)
                sockets = sum("socket of" in row for row in rows)
                good = code == 0 and sockets and len(re.findall(rf"Tool said:.*?{MARK}", printed, re.DOTALL)) >= wanted
                failed += not good
                print(
                    f"{'ok  ' if good else 'FAIL'} {name:15} {provider:10} {complete} turns, {sockets} sockets",
                    flush=True,
                )
                if given.show or not good:
                    print(printed)
    shutil.rmtree(log.parent, ignore_errors=True)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
