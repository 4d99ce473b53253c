"""A configuration that is saved a hundred times, every tenth time with a mistake in it, under a thousand running streams."""

from __future__ import annotations

import logging
from pathlib import Path

import attrs
import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from tests.support.answers import ANSWERS
from tests.support.houses import Bench, ask
from tests.support.upstreams import SSE_HEADERS
from trioproxy.config.load import build, load
from trioproxy.config.reload import Outcome, Reloader
from trioproxy.config.snapshot import SnapshotCell
from trioproxy.providers.catalog import catalogue
from trioproxy.upstream.base import Headers, Progress, UpstreamRequest

CHAT = ANSWERS["openai_chat"]
FRAMES = [frame for frame in CHAT.frames if frame]
STREAMS = 1000
SAVES = 100

GOOD = """
openai-compatibility:
  - name: chat
    base-url: http://chat.test/v{number}
    api-key-entries: [{{api-key: KEY{number}}}]
    models: [{{name: chat-up, alias: chat-m}}]
    limits: {{concurrent: {many}}}
streaming: {{keepalive-seconds: 0}}  # on a busy machine the pauses may be long
"""


@attrs.define(eq=False)
class Metronome:
    """An upstream whose streams all send their next piece at a :meth:`tick`."""

    requests: list[UpstreamRequest] = attrs.field(factory=list)
    beat: trio.Event = attrs.field(factory=trio.Event)

    def tick(self) -> None:
        beat, self.beat = self.beat, trio.Event()
        beat.set()

    async def open(self, request: UpstreamRequest, progress: Progress) -> Ticking:
        progress.request_sent()
        self.requests.append(request)
        return Ticking(self)


@attrs.define(eq=False)
class Ticking:
    """One of its streams."""

    whole = False
    tap = None
    metronome: Metronome
    status: int = 200
    headers: Headers = SSE_HEADERS
    sent: int = 0
    closed: bool = False

    async def receive_some(self) -> bytes:
        if self.sent == len(FRAMES):
            await trio.lowlevel.checkpoint()
            return b""
        await self.metronome.beat.wait()
        self.sent += 1
        return FRAMES[self.sent - 1]

    async def aclose(self) -> None:
        self.closed = True


async def test_no_stream_breaks_and_every_mistake_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(GOOD.format(number=0, many=STREAMS))
    cell = SnapshotCell(build(load(path), catalogue(), {}))
    reloader = Reloader(cell, path, catalogue(), dict)
    reloader.start()
    metronome = Metronome()
    bench = Bench(upstream=metronome)
    bench.gateway.current = lambda: cell.current
    exchanges = [ask("openai_chat") for _ in range(STREAMS)]
    outcomes: list[Outcome] = []
    with caplog.at_level(logging.INFO), trio.fail_after(100):
        async with trio.open_nursery() as nursery:
            for exchange in exchanges:
                nursery.start_soon(bench.gateway.handle, exchange)
            await wait_all_tasks_blocked()
            assert len(metronome.requests) == STREAMS
            for number in range(1, SAVES + 1):
                bad = number % 10 == 0
                text = GOOD.format(number=number, many=STREAMS)
                path.write_text(text + ("prot: 1\n" if bad else ""))
                reloaded = await reloader.reload()
                outcomes.append(reloaded.outcome)
                assert cell.current.credentials[0].wires[0].base_url.endswith(f"/v{number - 1 if bad else number}")
                if bad:
                    assert "prot: unknown key" in str(reloaded.problems[0])
                if number % (SAVES // len(FRAMES)) == 0:
                    metronome.tick()
                    await wait_all_tasks_blocked()
            while not all(exchange.over for exchange in exchanges):
                metronome.tick()
                await wait_all_tasks_blocked()
    assert {(exchange.status, exchange.body) for exchange in exchanges} == {(200, CHAT.stream)}
    assert outcomes.count(Outcome.REFUSED) == SAVES // 10
    assert outcomes.count(Outcome.SWAPPED) == SAVES - SAVES // 10
    told = [record for record in caplog.records if "the old one stays in force" in record.getMessage()]
    assert len(told) == SAVES // 10
    assert all("prot" in record.getMessage() for record in told)
    # Each went where the configuration it began with said, and a new one goes where the latest says.
    assert {request.url for request in metronome.requests} == {"http://chat.test/v0/chat/completions"}
    async with trio.open_nursery() as nursery:
        nursery.start_soon(bench.gateway.handle, ask("openai_chat"))
        await wait_all_tasks_blocked()
        assert metronome.requests[-1].url == f"http://chat.test/v{SAVES - 1}/chat/completions"
        nursery.cancel_scope.cancel()
    running = bench.gateway.failover.turnstile.meters
    assert all(running.reading(key, 0, 0).running == 0 for key in running._meters)
