"""The provider of a benchmark, as a process: ``python -m trioproxy.bench.origin``.

Knows: just enough HTTP to answer a proxy, and what a model's name asks for: ``bench-json`` a completion, ``bench-paced-COUNT-PAUSE`` a stream of
COUNT events, PAUSE microseconds apart, each with the time at which it was sent inside. Refuses to know: what the rest of a request says.
"""

from __future__ import annotations

import re
import time

import trio

from trioproxy.bench.listening import serve_until_terminated
from trioproxy.wire.jsoncodec import dumps

__all__ = ["MARK", "answer"]

MARK = b"T="
"""Before a timestamp: 19 digits, nanoseconds of the machine's monotonic clock."""

_ASKED = re.compile(rb'"bench-(json|paced)(?:-(\d+)-(\d+))?"')
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
_PAD = "x" * 120


def _completion() -> bytes:
    message = {"role": "assistant", "content": "The quick brown fox jumps over the lazy dog. " * 8}
    usage = {"prompt_tokens": 12, "completion_tokens": 80, "total_tokens": 92}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    body = dumps(
        {"id": "c", "object": "chat.completion", "created": 1, "model": "bench", "choices": [choice], "usage": usage}
    )
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)


def _event(content: str, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"content": content}, "finish_reason": finish}
    return b"data: " + dumps(
        {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "bench", "choices": [choice]}
    )


_COMPLETION = _completion()
_BEFORE, _, _AFTER = _event(f"T=@{_PAD}").partition(b"@")
_END = _event("", "stop") + b"\n\ndata: [DONE]\n\n"


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


async def answer(stream: trio.SocketStream) -> None:
    """Answer the requests of one connection."""
    buffer = b""
    while True:
        while b"\r\n\r\n" not in buffer:
            received = await stream.receive_some(65536)
            if not received:
                return
            buffer += received
        head, _, buffer = buffer.partition(b"\r\n\r\n")
        declared = _LENGTH.search(head)
        length = int(declared[1]) if declared else 0
        while len(buffer) < length:
            buffer += await stream.receive_some(65536)
        body, buffer = buffer[:length], buffer[length:]
        asked = _ASKED.search(body)
        if asked is None or asked[1] == b"json":
            await stream.send_all(_COMPLETION)
        else:
            await _pace(stream, int(asked[2]), int(asked[3]) / 1e6)


async def _pace(stream: trio.SocketStream, count: int, pause: float) -> None:
    await stream.send_all(_STREAM_HEAD)
    begun = trio.current_time()
    for number in range(count):
        await trio.sleep_until(begun + number * pause)
        await stream.send_all(_chunk(b"%b%019d%b\n\n" % (_BEFORE, time.monotonic_ns(), _AFTER)))
    await stream.send_all(_chunk(_END) + b"0\r\n\r\n")


if __name__ == "__main__":
    serve_until_terminated(answer)
