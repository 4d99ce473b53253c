"""Real clients through a running trioproxy, each a whole tool loop, against an upstream that plays the provider: a thought and two parallel
calls, a third call once their results are there, and an answer that quotes all three.

    python tests/clients/try_clients.py --npm DIR [--wire WIRE] [--only NAME] [--workers N] [--show] [--upstream URL]

The upstream is the one of ``play.py``, unless another is given. ``DIR`` holds ``node_modules`` with the npm clients; a client that is not
installed is reported as missing.
Without ``--wire`` every client reaches a provider of its own protocol; with it, all reach one provider that speaks ``WIRE``.

Not collected by pytest: the clients are hundreds of megabytes. What each printed is kept in ``docs/clients.md``.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

import attrs

HERE = Path(__file__).parent
KEY = "sk-client-key"
MARKS = ("one-ran-ok", "two-ran-ok", "three-ran-ok")
# In any order: clients run parallel calls at once and tell of them as they end.
QUOTED = r"Tool said:" + "".join(rf"(?=[\s\S]*{mark})" for mark in MARKS)
WIRES = ("openai_chat", "openai_responses", "anthropic", "gemini")
_GROUPS = {"openai_chat": "chat", "openai_responses": "responses", "anthropic": "messages", "gemini": "gemini"}


@attrs.frozen(kw_only=True)
class Place:
    """Where a client runs: the proxy's base URL, an empty home, the npm folder."""

    base: str
    home: Path
    npm: Path

    def binary(self, name: str) -> str:
        """The path of an npm client's command."""
        return str(self.npm / "node_modules" / ".bin" / name)

    def write(self, path: str, text: str) -> None:
        """A file in the home."""
        target = self.home / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, "utf-8")


@attrs.frozen(kw_only=True)
class Client:
    """One client: how it is set up, called, and what its output must hold."""

    name: str
    protocol: str
    command: Callable[[Place], list[str]]
    environment: Callable[[Place], Mapping[str, str]] = lambda place: {}
    prepare: Callable[[Place], None] = lambda place: None
    expect: str = QUOTED
    needs: str = ""


def _prompt(tool: str, arguments: str) -> str:
    """A prompt for two parallel calls of a tool that runs a command, and one more behind them. ``arguments`` is JSON with a place for it."""
    return "please " + " ".join(
        f"[[fake:{kind} {tool} {arguments.replace('COMMAND', f'echo {mark}')}]]"
        for kind, mark in zip(("tool", "tool", "then"), MARKS, strict=True)
    )


def _claude(place: Place) -> list[str]:
    prompt = _prompt("Bash", '{"command":"COMMAND","description":"x"}')
    options = [
        "-p",
        "--dangerously-skip-permissions",
        "--output-format",
        "stream-json",
        "--verbose",
        "--model",
        "my-model",
    ]
    return [place.binary("claude"), *options, prompt]


def _codex_prepare(place: Place) -> None:
    place.write(
        ".codex/config.toml",
        'model = "gpt-5"\nmodel_provider = "trioproxy"\n[model_providers.trioproxy]\nname = "trioproxy"\n'
        f'base_url = "{place.base}/v1"\nenv_key = "TRIOPROXY_KEY"\nwire_api = "responses"\n',
    )


def _codex(place: Place) -> list[str]:
    prompt = _prompt("exec_command", '{"cmd":"COMMAND"}')
    return [place.binary("codex"), "exec", "--skip-git-repo-check", "--sandbox", "danger-full-access", prompt]


def _codex_builtin(place: Place) -> list[str]:
    # The built-in provider keeps one WebSocket for the session.
    return [
        place.binary("codex"), "exec", "--skip-git-repo-check", "-c", f'openai_base_url="{place.base}/v1"', "say hi",
    ]  # fmt: skip


def _codex_signed_in(place: Place) -> list[str]:
    # Signed in with ChatGPT it compresses its requests (zstd), asks for a catalogue of models and knows one more base path.
    bases = ("-c", f'chatgpt_base_url="{place.base}/backend-api"', "-c", f'openai_base_url="{place.base}/v1"')
    return [place.binary("codex"), "exec", "--skip-git-repo-check", *bases, "say hi"]


def _codex_signed_in_prepare(place: Place) -> None:
    def part(document: dict[str, object]) -> str:
        return base64.urlsafe_b64encode(json.dumps(document).encode()).decode().rstrip("=")

    account = {"chatgpt_plan_type": "pro", "chatgpt_user_id": "u", "chatgpt_account_id": "a"}
    claims: dict[str, object] = {"email": "a@b.c", "exp": 4_000_000_000, "https://api.openai.com/auth": account}
    token = f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(claims)}.{part({})}"
    tokens = {"id_token": token, "access_token": KEY, "refresh_token": "none", "account_id": "a"}
    made_up = {"auth_mode": "chatgpt", "OPENAI_API_KEY": None, "tokens": tokens, "last_refresh": "2099-01-01T00:00:00Z"}
    place.write(".codex/auth.json", json.dumps(made_up))


def _codex_builtin_prepare(place: Place) -> None:
    place.write(".codex/auth.json", '{"auth_mode": "apikey", "OPENAI_API_KEY": "%s"}' % KEY)


def _gemini_prepare(place: Place) -> None:
    place.write(
        ".gemini/settings.json",
        '{"security": {"auth": {"selectedType": "gemini-api-key"}}, "privacy": {"usageStatisticsEnabled": false},'
        ' "general": {"enableAutoUpdate": false}}',
    )


def _gemini(place: Place) -> list[str]:
    prompt = _prompt("run_shell_command", '{"command":"COMMAND"}')
    return [place.binary("gemini"), "--yolo", "-p", prompt]


def _opencode_prepare(place: Place) -> None:
    v1, v1beta = f"{place.base}/v1", f"{place.base}/v1beta"
    place.write(
        ".config/opencode/opencode.json",
        '{"$schema": "https://opencode.ai/config.json", "autoupdate": false, "share": "disabled", "provider": {'
        '"ourchat": {"npm": "@ai-sdk/openai-compatible", "name": "chat", "options": {"baseURL": "%(v1)s", "apiKey": "%(key)s"},'
        ' "models": {"m1": {"name": "m1"}}},'
        '"anthropic": {"options": {"baseURL": "%(v1)s", "apiKey": "%(key)s"}, "models": {"claude-fake": {"name": "c"}}},'
        '"openai": {"options": {"baseURL": "%(v1)s", "apiKey": "%(key)s"}, "models": {"gpt-fake": {"name": "g"}}},'
        '"google": {"options": {"baseURL": "%(v1beta)s", "apiKey": "%(key)s"}, "models": {"gemini-fake": {"name": "g"}}}}}'
        % {"v1": v1, "v1beta": v1beta, "key": KEY},
    )


def _opencode(model: str) -> Callable[[Place], list[str]]:
    prompt = _prompt("bash", '{"command":"COMMAND","description":"x"}')
    return lambda place: [place.binary("opencode"), "run", "-m", model, prompt]


_OPENCODE_ENVIRONMENT = {
    "OPENCODE_DISABLE_AUTOUPDATE": "1",
    "OPENCODE_DISABLE_MODELS_FETCH": "1",
    "OPENCODE_PERMISSION": '{"bash":"allow"}',
}


def _python(case: str) -> Callable[[Place], list[str]]:
    return lambda place: [sys.executable, str(HERE / "python_sdks.py"), case, place.base, KEY]


def _node(case: str) -> Callable[[Place], list[str]]:
    def command(place: Place) -> list[str]:
        # Node resolves packages from the script's own folder.
        script = place.npm / "trioproxy_node_sdks.mjs"
        shutil.copyfile(HERE / "node" / "node_sdks.mjs", script)
        return ["node", str(script), case, place.base, KEY]

    return command


CLIENTS = (
    Client(
        name="claude-code",
        protocol="anthropic",
        command=_claude,
        environment=lambda place: {
            "ANTHROPIC_BASE_URL": place.base,
            "ANTHROPIC_AUTH_TOKEN": KEY,
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "IS_SANDBOX": "1",
        },
        needs="claude",
    ),
    Client(
        name="codex",
        protocol="openai_responses",
        command=_codex,
        environment=lambda place: {"TRIOPROXY_KEY": KEY},
        prepare=_codex_prepare,
        needs="codex",
    ),
    Client(
        name="codex-builtin",
        protocol="openai_responses",
        command=_codex_builtin,
        prepare=_codex_builtin_prepare,
        expect="",
        needs="codex",
    ),
    Client(
        name="codex-signed-in",
        protocol="openai_responses",
        command=_codex_signed_in,
        prepare=_codex_signed_in_prepare,
        expect="",
        needs="codex",
    ),
    Client(
        name="gemini-cli",
        protocol="gemini",
        command=_gemini,
        environment=lambda place: {
            "GOOGLE_GEMINI_BASE_URL": place.base,
            "GEMINI_API_KEY": KEY,
            "GEMINI_CLI_TRUST_WORKSPACE": "true",
        },
        prepare=_gemini_prepare,
        needs="gemini",
    ),
    *(
        Client(
            name=f"opencode-{wire}",
            protocol=wire,
            command=_opencode(model),
            environment=lambda place: _OPENCODE_ENVIRONMENT,
            prepare=_opencode_prepare,
            needs="opencode",
        )
        for wire, model in (
            ("openai_chat", "ourchat/m1"),
            ("openai_responses", "openai/gpt-fake"),
            ("anthropic", "anthropic/claude-fake"),
            ("gemini", "google/gemini-fake"),
        )
    ),
    *(
        Client(name=f"python-{case}", protocol=wire, command=_python(case))
        for case, wire in (
            ("openai-chat", "openai_chat"),
            ("openai-responses", "openai_responses"),
            ("anthropic", "anthropic"),
            ("google-genai", "gemini"),
        )
    ),
    *(
        Client(name=f"node-{case}", protocol=wire, command=_node(case), needs=package)
        for case, wire, package in (
            ("openai-chat", "openai_chat", "openai"),
            ("openai-responses", "openai_responses", "openai"),
            ("anthropic", "anthropic", "@anthropic-ai/sdk"),
            ("google-genai", "gemini", "@google/genai"),
        )
    ),
)


def configuration(upstream: str, wire: str | None) -> str:
    """A configuration whose providers are the upstream, one for each wire, reached by protocol or all by one."""
    entry = "  - name: {name}\n    wire: {wire}\n    base-url: {base}\n    api-key-entries:\n      - api-key: upstream-key\n"
    bases = {
        "openai_chat": f"{upstream}/v1",
        "openai_responses": f"{upstream}/v1",
        "anthropic": upstream,
        "gemini": upstream,
    }
    entries = "".join(entry.format(name=_GROUPS[each], wire=each, base=bases[each]) for each in WIRES)
    if wire is not None:
        routes = f'    - {{model_pattern: "*", provider: {_GROUPS[wire]}}}\n'
    else:
        routes = "".join(
            f'    - {{model_pattern: "*", request_protocol: {each}, provider: {_GROUPS[each]}}}\n' for each in WIRES
        )
    return f"api-keys: [{KEY}]\nport: 0\nopenai-compatibility:\n{entries}routing:\n  routes:\n{routes}"


@contextmanager
def proxy(configured: str, workers: int, log: Path) -> Iterator[str]:
    """A running trioproxy with this configuration; its base URL."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.yaml"
        config.write_text(configured, "utf-8")
        with serving(log, "serve", "--config", str(config), "--workers", str(workers)) as base:
            yield base


@contextmanager
def serving(log: Path, *arguments: str) -> Iterator[str]:
    """``trioproxy ARGUMENTS``, which serves and writes to ``log``; its base URL."""
    with log.open("wb") as errors:
        process = subprocess.Popen([sys.executable, "-m", "trioproxy", *arguments], stderr=errors, stdout=errors)
    try:
        yield _listening(process, log)
    finally:
        process.terminate()
        process.wait(60)


def _listening(process: subprocess.Popen[bytes], log: Path) -> str:
    while process.poll() is None:
        found = re.search(r"listening on (http://\S+)", log.read_text("utf-8", "replace"))
        if found:
            return found.group(1)
        time.sleep(0.02)
    raise SystemExit(f"the proxy did not start:\n{log.read_text()}")


@attrs.frozen
class Run:
    """What became of one run of a client; the exit code is -1 where it did not end in time."""

    code: int
    out: str
    err: str


def run(client: Client, base: str, npm: Path, timeout: float) -> Run:
    """Run one client in a home of its own."""
    with tempfile.TemporaryDirectory() as home:
        place = Place(base=base, home=Path(home), npm=npm)
        client.prepare(place)
        environment = {"HOME": home, "PATH": os.environ["PATH"], **client.environment(place)}
        try:
            done = subprocess.run(
                client.command(place),
                env=environment,
                cwd=home,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Run(-1, "", f"no end within {timeout:g} s")
    return Run(done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace"))


def attempt(client: Client, base: str, npm: Path, timeout: float) -> tuple[str, str]:
    """Run one client; a verdict (``ok``, ``missing``, or what went wrong) and the end of what it printed."""
    if client.needs and not any(
        (npm / "node_modules" / path).exists() for path in (client.needs, f".bin/{client.needs}")
    ):
        return "missing", ""
    done = run(client, base, npm, timeout)
    printed = done.out + done.err
    if done.code != 0:
        return f"exit code {done.code}" if done.code >= 0 else done.err, printed[-1500:]
    return ("ok" if re.search(client.expect, printed) else "tool result not quoted"), printed[-1500:]


@contextmanager
def played(upstream: str | None) -> Iterator[str]:
    """The base URL of the provider: the given one, else that of ``play.py``."""
    if upstream is not None:
        yield upstream
        return
    with subprocess.Popen([sys.executable, str(HERE / "play.py")], stdout=subprocess.PIPE, text=True) as playing:
        assert playing.stdout is not None
        try:
            yield playing.stdout.readline().split()[-1]
        finally:
            playing.terminate()


def _base(upstream: str, options: argparse.Namespace, log: Path) -> AbstractContextManager[str]:
    return (
        nullcontext(upstream) if options.direct else proxy(configuration(upstream, options.wire), options.workers, log)
    )


def main() -> int:
    """Try the clients; exit code 1 where one failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--upstream", help="the base URL of another provider than the one of play.py")
    parser.add_argument("--npm", type=Path, default=Path())
    parser.add_argument("--wire", choices=WIRES)
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--workers", type=int, default=1, help="processes of the proxy")
    parser.add_argument("--timeout", type=float, default=90)
    parser.add_argument("--direct", action="store_true", help="without the proxy: what the client does by itself")
    parser.add_argument("--show", action="store_true", help="print what each client printed")
    options = parser.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "proxy.log"
        with played(options.upstream) as upstream, _base(upstream, options, log) as base:
            for client in CLIENTS:
                if options.only and not any(client.name.startswith(only) for only in options.only):
                    continue
                verdict, printed = attempt(client, base, options.npm, options.timeout)
                failed += verdict not in ("ok", "missing")
                print(
                    f"{client.name:24} {client.protocol:18} -> {options.wire or client.protocol:18} {verdict}",
                    flush=True,
                )
                if options.show or verdict not in ("ok", "missing"):
                    print(printed)
        if failed and not options.direct:
            print(log.read_text("utf-8", "replace")[-4000:])
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
