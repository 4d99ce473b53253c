"""Real clients recorded once and replayed without any provider: each runs a tool loop twice, and must print the same both times.

    python tests/clients/replay_clients.py --upstream http://127.0.0.1:18080 --npm DIR [--wire WIRE] [--only NAME] [--keep DIR] [--show]

The first run goes through ``trioproxy record`` to an upstream that plays tool loops (``play.py``), the second, in another home and another
working directory, to ``trioproxy replay`` on what the first one left. With ``--wire`` the provider speaks another protocol than the client,
so that a translation is recorded. Not collected by pytest, for the size of the clients; what came of it stands in ``docs/clients.md``.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import attrs

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.clients.try_clients import CLIENTS, MARKS, WIRES, Client, Place, configuration, run, serving

NAMES = (
    "claude-code",
    "codex",
    "opencode-openai_chat",
    "opencode-openai_responses",
    "opencode-anthropic",
    "opencode-gemini",
)


ANY_PORT = ("--port", "0")


def _claude(place: Place) -> list[str]:
    # As text: the stream of events holds ids and durations.
    prompt = 'please [[fake:tool Bash {"command":"echo %s","description":"x"}]]' % MARKS[0]
    return [place.binary("claude"), "-p", "--dangerously-skip-permissions", "--model", "my-model", prompt]


def try_one(client: Client, upstream: str, wire: str | None, npm: Path, folder: Path, timeout: float) -> Sequence[str]:
    """What went wrong, in a line each; the rest is for people."""
    config, recordings = folder / "config.yaml", folder / "recordings"
    config.write_text(configuration(upstream, wire), "utf-8")
    with serving(
        folder / "record.log", "record", "--into", str(recordings), "--config", str(config), *ANY_PORT
    ) as base:
        first = run(client, base, npm, timeout)
    with serving(folder / "replay.log", "replay", str(recordings), "--speed", "0", *ANY_PORT) as base:
        second = run(client, base, npm, timeout)
    wrong: list[str] = []
    if first.code != 0 or not re.search(client.expect, first.out + first.err):
        wrong.append(f"the recorded run failed (exit code {first.code}): {(first.out + first.err)[-600:]}")
    log = (folder / "replay.log").read_text("utf-8", "replace")
    wrong += (f"asked in vain: {line[-400:]}" for line in log.splitlines() if "no_recording" in line)
    if (second.code, second.out) != (first.code, first.out):
        wrong.append(
            f"printed otherwise (exit code {second.code}):\n--- recorded\n{first.out}\n--- replayed\n{second.out}\n{second.err[-600:]}"
        )
    print(f"    {sum(1 for _ in recordings.rglob('*.json'))} recordings, printed {first.out.strip()[-80:]!r}")
    return wrong


def main() -> int:
    """Try the clients; exit code 1 where one failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--upstream", required=True)
    parser.add_argument("--npm", type=Path, required=True)
    parser.add_argument("--wire", choices=WIRES)
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--timeout", type=float, default=120)
    parser.add_argument("--keep", type=Path, help="leave the recordings and the logs in this folder")
    options = parser.parse_args()
    failed = 0
    for client in CLIENTS:
        if client.name not in NAMES or (options.only and client.name not in options.only):
            continue
        # An upstream may play the first call of a prompt only.
        client = attrs.evolve(client, expect=rf"Tool said:[\s\S]*{MARKS[0]}")
        if client.name == "claude-code":
            client = attrs.evolve(client, command=_claude)
        with tempfile.TemporaryDirectory() as folder:
            print(f"{client.name} -> {options.wire or client.protocol}", flush=True)
            wrong = try_one(client, options.upstream, options.wire, options.npm, Path(folder), options.timeout)
            if options.keep is not None:
                shutil.copytree(folder, options.keep / client.name, dirs_exist_ok=True)
        print("".join(f"    {line}\n" for line in wrong) or "    the same\n", end="", flush=True)
        failed += bool(wrong)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
