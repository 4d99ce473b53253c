"""Many sockets on one proxy, each a session of many turns: how much memory the process takes, turn by turn, and what is left afterwards.

    python tests/websocket/many_sockets.py [--sockets 500] [--turns 20]

The provider and the clients are this process, the proxy is another one. What it printed is kept in ``docs/websocket.md``.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import trio

from tests.support.links import StreamBytes
from trioproxy.websocket.handshake import connect
from trioproxy.websocket.link import Link

ITEM = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "x" * 500}]}


def answer(number: int) -> bytes:
    """One streamed response."""
    body = {"id": f"resp_{number}", "object": "response", "model": "m"}
    events = [
        {"type": "response.created", "response": {**body, "status": "in_progress", "output": []}},
        *({"type": "response.output_text.delta", "delta": "x" * 20} for _ in range(25)),
        {"type": "response.output_item.done", "output_index": 0, "item": ITEM},
        {"type": "response.completed", "response": {**body, "status": "completed", "output": [ITEM]}},
    ]
    stream = b"".join(b"data: %b\n\n" % json.dumps(event).encode() for event in events)
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: %d\r\n\r\n" % len(stream)
    return head + stream


class Provider:
    """Answers every POST."""

    def __init__(self) -> None:
        self.answered = 0

    async def serve(self, stream: trio.abc.Stream) -> None:
        """One connection."""
        raw = b""
        while True:
            while b"\r\n\r\n" not in raw:
                data = await stream.receive_some()
                if not data:
                    return
                raw += data
            head, _, body = raw.partition(b"\r\n\r\n")
            length = int(re.search(rb"content-length: (\d+)", head.lower())[1])  # type: ignore[index]
            while len(body) < length:
                body += await stream.receive_some()
            raw = body[length:]
            self.answered += 1
            await stream.send_all(answer(self.answered))


def status(pid: int) -> tuple[int, int]:
    """Resident KiB and open descriptors of a process."""
    text = Path(f"/proc/{pid}/status").read_text("ascii")
    found = re.search(r"VmRSS:\s+(\d+)", text)
    assert found is not None
    return int(found[1]), len(list(Path(f"/proc/{pid}/fd").iterdir()))


async def turn(link: Link, previous: list[str], number: int) -> None:
    """One turn on one socket."""
    async with LIMIT:
        ask = {"type": "response.create", "model": "m", "store": False, "input": f"question {number} " + "y" * 200}
        if previous[0]:
            ask["previous_response_id"] = previous[0]
        await link.send(json.dumps(ask))
        while True:
            message = await link.receive()
            assert isinstance(message, str)
            if message.startswith('{"type": "response.completed"'):
                previous[0] = json.loads(message)["response"]["id"]
                return
            assert '"error"' not in message[:40], message


LIMIT = trio.CapacityLimiter(50)


async def main() -> None:
    """Run, and print a line a turn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sockets", type=int, default=500)
    parser.add_argument("--turns", type=int, default=20)
    parser.add_argument("--waves", type=int, default=2)
    given = parser.parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    del soft
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, Provider().serve, 0, host="127.0.0.1", backlog=1024))
        port = listeners[0].socket.getsockname()[1]
        with tempfile.TemporaryDirectory() as folder:
            config, log = Path(folder) / "c.yaml", Path(folder) / "log"
            config.write_text(
                "host: 127.0.0.1\nport: 0\ncodex-api-key:\n"
                f'  - {{api-key: K, base-url: "http://127.0.0.1:{port}/v1", models: [{{name: m}}]}}\n',
                "utf-8",
            )
            with log.open("w") as out:
                process = subprocess.Popen(  # noqa: ASYNC220
                    [sys.executable, "-m", "trioproxy", "serve", "--config", str(config)], stderr=out
                )
            while (found := re.search(r"listening on http://127.0.0.1:(\d+)", log.read_text("utf-8"))) is None:  # noqa: ASYNC110
                await trio.sleep(0.05)
            for _ in range(given.waves):
                await measure(process.pid, int(found[1]), given.sockets, given.turns)
            process.terminate()
            await trio.to_thread.run_sync(process.wait)
            rows = log.read_text("utf-8").splitlines()
            print(
                f"{sum('outcome=complete' in row for row in rows)} turns complete, {sum('ERROR' in row for row in rows)} errors"
            )
        nursery.cancel_scope.cancel()


async def measure(pid: int, port: int, sockets: int, turns: int) -> None:
    """The session itself."""
    memory, files = status(pid)
    print(f"before: {memory / 1024:.1f} MiB, {files} descriptors")
    links: list[tuple[Link, list[str]]] = []
    for _ in range(sockets):
        stream = StreamBytes(await trio.open_tcp_stream("127.0.0.1", port))
        link = await connect(stream, host=f"127.0.0.1:{port}", target="/v1/responses", limit=1 << 24)
        links.append((link, [""]))
    memory, files = status(pid)
    print(f"{sockets} sockets open: {memory / 1024:.1f} MiB, {files} descriptors")
    for number in range(turns):
        began = trio.current_time()
        async with trio.open_nursery() as nursery:
            for link, previous in links:
                nursery.start_soon(turn, link, previous, number)
        memory, files = status(pid)
        seconds = trio.current_time() - began
        print(f"turn {number + 1:2}: {memory / 1024:.1f} MiB, {sockets / seconds:.0f} turns/s")
    async with trio.open_nursery() as nursery:
        for link, _ in links:
            nursery.start_soon(partial(link.close, 1000))
    with trio.move_on_after(5):
        while status(pid)[1] > 60:  # noqa: ASYNC110
            await trio.sleep(0.1)
    memory, files = status(pid)
    print(f"after: {memory / 1024:.1f} MiB, {files} descriptors")


if __name__ == "__main__":
    trio.run(main)
