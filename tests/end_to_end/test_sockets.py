"""Responses over WebSocket through the whole house over real sockets: who is killed in mid-turn, and what the others hear."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from tests.support.answers import ANSWERS
from tests.support.clients import get
from tests.support.links import Frames, StreamBytes, frame, upgrade_lines
from tests.support.live import Answering, Live, live
from tests.support.socket_provider import events_of, provider
from trioproxy.ledger.entry import Outcome
from trioproxy.websocket.handshake import connect
from trioproxy.websocket.link import Link, LinkClosed

pytestmark = pytest.mark.timeout(60)

CONFIG = """
codex-api-key: [{api-key: K, base-url: "{url}/v1", models: [{name: m}]}]
claude-api-key: [{api-key: K, base-url: "{url}", models: [{name: c}]}]
"""
ANSWER = ANSWERS["openai_responses"]


async def opened(port: int) -> Link:
    stream = await trio.open_tcp_stream("127.0.0.1", port)
    return await connect(StreamBytes(stream), host=f"127.0.0.1:{port}", target="/v1/responses", limit=1 << 26)


async def ask(link: Link, model: str = "m") -> None:
    await link.send(json.dumps({"type": "response.create", "model": model, "input": "hi"}))


async def hear(link: Link) -> Any:
    message = await link.receive()
    assert isinstance(message, str)
    return json.loads(message)


async def last_words(link: Link) -> tuple[list[str], LinkClosed]:
    """The types of the events that still come, and how the socket ends."""
    kinds: list[str] = []
    try:
        while True:
            kinds.append((await hear(link))["type"])
    except LinkClosed as closed:
        return kinds, closed


async def freed(house: Live) -> None:
    """Return when no connection of a client is left."""
    while house.serving.connections.statistics().open:
        await wait_all_tasks_blocked(0.01)


@pytest.mark.parametrize("model", ["m", "c"], ids=["passed", "translated"])
@pytest.mark.parametrize("end", ["cut", "reset"])
async def test_the_provider_dies_in_mid_turn(model: str, end: str) -> None:
    answer = ANSWERS["openai_responses" if model == "m" else "anthropic"]
    async with live(Answering(pieces=[answer.start, answer.text], end=end), CONFIG) as house:
        link = await opened(house.serving.port)
        for _ in range(2):  # the socket lives on
            await ask(link, model)
            while (event := await hear(link))["type"] not in ("response.failed", "error"):
                pass
            assert event["type"] == "response.failed"
        await link.close()
        assert (await house.wait_settled(2)).outcome is Outcome.FAILED
        await freed(house)


@pytest.mark.parametrize("way", ["close", "vanish", "reset"])
async def test_the_client_dies_in_mid_turn(way: str) -> None:
    async with live(Answering(pieces=[ANSWER.start], end="silent"), CONFIG) as house:
        link = await opened(house.serving.port)
        await ask(link)
        await hear(link)
        assert isinstance(link.stream, StreamBytes)
        stream = link.stream.stream
        assert isinstance(stream, trio.SocketStream)
        left_at = trio.current_time()
        if way == "close":
            await link.close()
        else:
            if way == "reset":
                stream.setsockopt(1, 13, b"\1\0\0\0\0\0\0\0")  # SOL_SOCKET, SO_LINGER: on, no time
            stream.socket.close()
        with trio.fail_after(10):
            await house.provider.left.wait()
        assert trio.current_time() - left_at < 5
        account = await house.wait_settled()
        assert (account.outcome, account.status) == (Outcome.CLIENT_GONE, 499)
        await freed(house)


@pytest.mark.parametrize("begun", [True, False], ids=["begun", "not begun"])
async def test_the_proxy_is_told_to_end_in_mid_turn(begun: bool) -> None:
    async with live(Answering(pieces=[ANSWER.start] if begun else [], end="silent"), CONFIG, drain=0.2) as house:
        link, idle = await opened(house.serving.port), await opened(house.serving.port)
        await ask(link)
        if begun:
            await hear(link)
        else:
            while not house.provider.requests:
                await wait_all_tasks_blocked(0.01)
        os.kill(os.getpid(), signal.SIGTERM)
        assert (await last_words(idle))[1].code == 1012
        kinds, closed = await last_words(link)
        assert kinds[-1:] == (["response.failed"] if begun else ["error"])
        assert (closed.code, closed.reason) == (1012, "the server is shutting down")
        assert (await house.wait_settled()).outcome is Outcome.SHUT_DOWN
        await idle.close()
        await link.close()


@pytest.mark.parametrize("compressed", [False, True], ids=["plain", "compressed"])
async def test_a_client_hears_why_its_message_was_too_large(compressed: bool) -> None:
    async with live(Answering(), CONFIG, max_body=100_000) as house:
        stream = await trio.open_tcp_stream("127.0.0.1", house.serving.port)
        client = Frames(stream)
        lines = upgrade_lines("Sec-WebSocket-Extensions: permessage-deflate")
        await stream.send_all(get("/v1/responses", *lines).replace(b"Host: test", b"Host: localhost"))
        assert (await client.head())[0] == 101
        payload = b" " * 8_000_000
        if compressed:
            packer = zlib.compressobj(9, zlib.DEFLATED, -15)
            payload = packer.compress(payload) + packer.flush(zlib.Z_SYNC_FLUSH)[:-4]

        async def pour() -> None:
            with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
                await stream.send_all(frame(1, payload, rsv=4 if compressed else 0))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(pour)
            told = await client.close_code()
            assert told is not None
            assert told[0] == 1009
            await trio.aclose_forcefully(stream)
        await freed(house)


async def test_the_proxy_is_killed(tmp_path: Path) -> None:
    """With no time for a word: both sides see a broken connection, and neither takes the answer for whole."""

    async def answer(link: Link, message: dict[str, Any], number: int) -> None:
        await link.send(json.dumps(events_of("r")[0]))

    async with provider(answer=answer) as made:
        config, log = tmp_path / "c.yaml", tmp_path / "log"
        config.write_text(
            "host: 127.0.0.1\nport: 0\ncodex-api-key:\n"
            f'  - {{api-key: K, base-url: "http://127.0.0.1:{made.port}/v1", websockets: true, models: [{{name: m}}]}}\n',
            "utf-8",
        )
        with log.open("w") as out:
            process = subprocess.Popen(  # noqa: ASYNC220
                [sys.executable, "-m", "trioproxy", "serve", "--config", str(config)], stderr=out
            )
        try:
            while (found := re.search(r"listening on http://127.0.0.1:(\d+)", log.read_text("utf-8"))) is None:
                await wait_all_tasks_blocked(0.02)
            link = await opened(int(found[1]))
            await ask(link)
            assert (await hear(link))["type"] == "response.created"
        finally:
            process.kill()
            await trio.to_thread.run_sync(process.wait)
        kinds, closed = await last_words(link)
        assert (kinds, closed.code) == ([], 1006)
        while not made.closes:
            await wait_all_tasks_blocked(0.01)
        assert made.closes[0].code == 1006
        await link.close()
