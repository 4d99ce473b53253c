"""kill -9 under load, again and again, on one ledger: at most the last second is lost, the file is whole, the counts are what clients were told.

Runs a few rounds; ``TRIOPROXY_KILLS=100`` runs more, and then the second is held to the letter (elsewhere a busy machine may stretch it).
"""

from __future__ import annotations

import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import attrs
import pytest
import trio

from tests.support.clients import connect, post
from tests.support.raw_server import RawConnection, chunked, raw_server

CONFIG = """
port: 0
state-dir: state
openai-compatibility:
  - {{name: up, base-url: "{url}/v1", api-key-entries: [{{api-key: K}}], models: [{{name: m}}]}}
prices: {{m: {{input: 1, output: 1}}}}
"""
KILLS = os.environ.get("TRIOPROXY_KILLS")
ROUNDS = int(KILLS or 4)
MOST_LOST_SECONDS = 1.0 if KILLS else 5.0
CLIENTS = 8


@attrs.define(eq=False)
class Told:
    """What a client was told of one exchange that it saw to its end."""

    id: str
    tokens: int
    at: float


async def provide(connection: RawConnection) -> None:
    """Streams whose usage is the number in the question, in two pieces."""
    while (request := await connection.read_request()) is not None:
        found = re.search(rb"ask (\d+)", request.body)
        assert found is not None
        usage = {"prompt_tokens": int(found[1]), "completion_tokens": 1, "total_tokens": int(found[1]) + 1}
        last = [{"index": 0, "delta": {"content": "hel"}, "finish_reason": "stop"}]
        events = ({"id": "c", "choices": last}, {"id": "c", "choices": [], "usage": usage})
        text = b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events) + b"data: [DONE]\n\n"
        await connection.send(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        await connection.send(chunked(text[:40], last=False))
        await connection.send(chunked(text[40:]))


async def use(port: int, dice: random.Random, told: list[Told], answered: trio.Event) -> None:
    """Ask on one connection until it breaks; say so when there was an answer."""
    client = await connect(port)
    try:
        while True:
            tokens = dice.randrange(1, 10**6)
            said = [{"role": "user", "content": f"ask {tokens}"}]
            options = {"stream": True, "stream_options": {"include_usage": True}}
            body = json.dumps({"model": "m", "messages": said, **options}).encode()
            answer = await client.ask(post(body, target="/v1/chat/completions"), "POST")
            if not answer.whole:
                return
            assert f'"prompt_tokens": {tokens}'.encode() in answer.body
            request_id = answer.header("x-request-id")
            assert request_id is not None
            told.append(Told(request_id, tokens, trio.current_time()))
            answered.set()
    except (EOFError, OSError):
        return
    finally:
        await client.leave()


async def one_life(config: Path, dice: random.Random) -> tuple[list[Told], float]:
    """Serve, load, kill; what clients were told, and when the kill came."""
    command = [sys.executable, "-m", "trioproxy", "serve", "--config", str(config), "--log-level", "error"]
    process = await trio.lowlevel.open_process(command, stderr=subprocess.PIPE)
    assert process.stderr is not None
    async with process.stderr as stderr:
        try:
            said = b""
            while (found := re.search(rb"listening on http://127.0.0.1:(\d+)\n", said)) is None:
                more = await stderr.receive_some()
                assert more, said
                said += more
            told: list[Told] = []
            answered = trio.Event()
            async with trio.open_nursery() as nursery:
                for _ in range(CLIENTS):
                    nursery.start_soon(use, int(found[1]), dice, told, answered)
                with trio.fail_after(120):
                    await answered.wait()
                await trio.sleep(dice.uniform(0.3, 2.5))
                process.send_signal(signal.SIGKILL)
                killed = trio.current_time()
            return told, killed
        finally:
            process.kill()
            await process.wait()


@pytest.mark.soak
@pytest.mark.timeout(3600)
async def test_a_kill_takes_the_last_second_and_nothing_else(tmp_path: Path) -> None:
    dice = random.Random(20261127)
    config = tmp_path / "config.yaml"
    asked = lost_rows = 0
    longest = 0.0
    everything: dict[str, int] = {}
    async with raw_server(provide) as upstream:
        config.write_text(CONFIG.format(url=upstream.url))
        for number in range(ROUNDS):
            told, killed = await one_life(config, dice)
            db = sqlite3.connect(tmp_path / "state" / "ledger.db")
            assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)], number
            # A kill may come before the first life has made the table.
            made = db.execute("SELECT name FROM sqlite_master WHERE name = 'exchanges'").fetchall()
            found = db.execute("SELECT id, input_tokens, outcome, cost_usd FROM exchanges").fetchall() if made else []
            rows = {row[0]: row[1:] for row in found}
            db.close()
            kept = [each for each in told if each.id in rows]
            lost = [each for each in told if each.id not in rows]
            for each in kept:
                tokens, outcome, cost = rows[each.id]
                assert (tokens, outcome) == (each.tokens, "complete")
                assert cost == pytest.approx((each.tokens + 1) / 1e6)
            ages = [killed - each.at for each in lost]
            assert max(ages, default=0.0) <= MOST_LOST_SECONDS, (number, sorted(ages)[-3:])
            assert everything.items() <= {id_: row[0] for id_, row in rows.items()}.items(), "a kill took older rows"
            everything |= {each.id: each.tokens for each in kept}
            asked += len(told)
            lost_rows += len(lost)
            longest = max(longest, *ages, 0.0)
    assert everything, "no exchange was ever kept: nothing was tried"
    print(f"{ROUNDS} kills, {asked} exchanges seen whole, {lost_rows} of them lost, the oldest {longest:.2f} s old")
